//! One worker's mind: a request to its reply, or to the reason why there is none, with all that is remembered of clients.
//!
//! Nothing in it is shared with other workers, and it reads no clock: a client always meets the same worker.

use super::SystemVariables;
use super::client::Client;
use super::client_table::ClientTable;
use super::guard::{Guard, Kiss};
use super::interleave::{self, Interleave, Place};
use super::nts::{self, Asked, Nts, Protection};
use super::reply::{self, ReplyBuffer, Template};
use super::smear::{self, Served, Smear};
use crate::config::{LeapSmear, ServerConfig};
use crate::nts::KeySet;
use crate::packet::{Header, Mode, Packet, ParseError};
use crate::snapshot::ClientActivity;
use crate::time::{ClockTime, Mono};
use crate::verdict::Refusal;
use std::net::SocketAddr;

/// A datagram that arrived, and when.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The whole datagram; empty if it was longer than any request.
    pub bytes: &'a [u8],
    /// The sender.
    pub from: SocketAddr,
    /// T2: when it arrived, by the clock that is served.
    pub received: ClockTime,
    /// T3: when the reply will leave, by the same clock as it is.
    pub transmit: ClockTime,
    /// Now, for what must not depend on a clock that is being set.
    pub mono: Mono,
}

/// A reply was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its bytes in the buffer; never more than the request has.
    pub length: usize,
    /// The request's protocol version.
    pub version: u8,
    /// It gives no time but the order to ask less, for this reason.
    pub kiss: Option<Refusal>,
    /// The request came with NTS; then the reply is authenticated, unless it says that the request is not authentic.
    pub nts: bool,
    /// It tells when the reply before it left (RFC 9769).
    pub interleaved: bool,
    /// When it leaves is of interest: [`Responder::on_transmitted`].
    pub stamp: Option<StampToken>,
    /// Whose it is, for the estimate of recent clients: a keyed hash.
    pub client: u64,
}

/// Nothing is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// By name, for the counters.
    pub reason: Refusal,
    /// The request came with NTS, as far as it was looked at.
    pub nts: bool,
}

impl From<Refusal> for Refused {
    fn from(reason: Refusal) -> Self {
        Self { reason, nts: false }
    }
}

/// One reply whose moment of leaving will be asked for by the client's next request. Neither copied nor cloned, so that a stamp is told once.
#[derive(Debug, PartialEq, Eq)]
pub struct StampToken(Place);

/// A request that is understood.
struct Asks<'a> {
    request: &'a Request<'a>,
    client: &'a Client,
    packet: Packet<'a>,
    asked: Asked<'a>,
}

/// Answers the clients of one worker.
#[derive(Debug)]
pub struct Responder {
    key: [u8; 16],
    clients: Option<ClientTable>,
    versions: [bool; 8],
    guard: Guard,
    nts: Option<Nts>,
    interleave: Interleave,
    leap_smear: Option<LeapSmear>,
    /// While there is a leap second to smear.
    smear: Option<Smear>,
    template: Template,
}

impl Responder {
    /// One of `workers` that serve the same listener. `key` is secret, random and the same for all of them.
    pub fn new(config: &ServerConfig, workers: usize, variables: SystemVariables, key: [u8; 16]) -> Self {
        let mut versions = [false; 8];
        for (version, served) in (0..).zip(&mut versions) {
            *served = config.versions.contains(&version);
        }
        let (variables, smear) = smear::prepare(config.leap_smear, variables);
        let listed = Some(config.client_statistics).filter(|listed| *listed > 0);
        Self {
            key,
            clients: listed.map(|clients| ClientTable::new(clients, workers)),
            versions,
            guard: Guard::new(config, workers, key),
            nts: None,
            interleave: Interleave::new(key),
            leap_smear: config.leap_smear,
            smear,
            template: Template::new(variables),
        }
    }

    /// With NTS, which without these keys is not known: its fields mean nothing then. `seed` is secret, random and no other worker's.
    #[must_use]
    pub fn with_keys(self, keys: KeySet, seed: [u8; 32]) -> Self {
        Self { nts: Some(Nts::new(keys, seed)), ..self }
    }

    /// The keys from now on, of a responder that has some.
    pub fn set_keys(&mut self, keys: KeySet) {
        if let Some(nts) = &mut self.nts {
            nts.set_keys(keys);
        }
    }

    /// What is served from now on.
    pub fn set_variables(&mut self, variables: SystemVariables) {
        let (variables, smear) = smear::prepare(self.leap_smear, variables);
        self.smear = smear;
        self.template = Template::new(variables);
    }

    /// The clients that asked most lately, the first most, at most `limit`; none without `client-statistics`.
    pub fn clients(&self, limit: usize, now: Mono) -> Vec<ClientActivity> {
        self.clients.as_ref().map_or_else(Vec::new, |clients| clients.top(limit, now))
    }

    /// Answers a client, or says why it gets no answer; allocates nothing.
    ///
    /// Only mode 3 is answered: a reply to a reply would set two servers at each other.
    ///
    /// # Errors
    /// [`Refused`] with its reason; nothing is to be sent.
    pub fn answer(&mut self, request: &Request<'_>, to: &mut ReplyBuffer) -> Result<Answer, Refused> {
        let client = Client::new(request.from, &self.key);
        let outcome = self.decide(request, &client, to);
        if let Some(clients) = &mut self.clients {
            clients.note(&client, &outcome, request.mono);
        }
        outcome
    }

    fn decide(
        &mut self,
        request: &Request<'_>,
        client: &Client,
        to: &mut ReplyBuffer,
    ) -> Result<Answer, Refused> {
        // Before anything else, and of any length: management packets (modes 6 and 7) are shorter than a header.
        let first = request.bytes.first().ok_or(Refusal::Malformed)?;
        if Mode::from_bits(*first) != Mode::Client {
            return Err(Refusal::WrongMode.into());
        }
        let is_denied = self.guard.is_denied(client)?;
        let packet = Packet::parse(request.bytes).map_err(|error| match error {
            ParseError::Version(_) => Refusal::WrongVersion,
            ParseError::TooShort | ParseError::ExtensionLength | ParseError::MacLength => Refusal::Malformed,
        })?;
        let version = packet.header.version;
        if self.versions.get(usize::from(version)) != Some(&true) {
            return Err(Refusal::WrongVersion.into());
        }
        // Once there is no kiss left for the client, it need not be known whether one could be protected.
        if is_denied && !self.guard.may_deny(request.mono) {
            return Err(Refusal::Denied.into());
        }
        let asked = match &mut self.nts {
            // A field of version 4 (RFC 8915 §5.2, RFC 7822).
            Some(nts) if version == 4 => nts.check(request.bytes, &packet),
            _ => Ok(Asked::NOTHING),
        };
        let asked = asked.map_err(|reason| Refused { reason, nts: true })?;
        // What follows an authenticator means nothing.
        let mac = packet.mac.filter(|_| !asked.is_nts());
        let asks = Asks { request, client, packet: Packet { mac, ..packet }, asked };
        self.respond(is_denied, &asks, to).map_err(|reason| Refused { reason, nts: asks.asked.is_nts() })
    }

    /// To a request that is understood.
    fn respond(&mut self, is_denied: bool, asks: &Asks<'_>, to: &mut ReplyBuffer) -> Result<Answer, Refusal> {
        let Asks { request, client, packet, asked } = asks;
        let is_authentic = asked.is_authentic();
        let kiss = match asked.protection {
            Protection::Broken => Some(self.guard.nak(&packet.header, request.mono)?),
            _ => self.guard.check(is_denied, is_authentic, client, &packet.header, request.mono)?,
        };
        let (reply, kiss) = match kiss {
            Some(Kiss { header, reason }) => {
                (interleave::Reply { header, interleaved: false, place: None }, Some(reason))
            }
            None => (self.time(asks), None),
        };
        let length = self.write(&reply.header, asks, to).ok_or(Refusal::Malformed)?;
        Ok(Answer {
            length,
            version: packet.header.version,
            kiss,
            nts: asked.is_nts(),
            interleaved: reply.interleaved,
            stamp: reply.place.map(StampToken),
            client: client.hash,
        })
    }

    fn time(&mut self, asks: &Asks<'_>) -> interleave::Reply {
        // Every instant is as served, also what is remembered of this reply.
        let served = match &mut self.smear {
            None => Served::plain(asks.request),
            Some(smear) => smear.times(asks.request),
        };
        let basic = self.template.time(&asks.packet.header, &served);
        self.interleave.reply(asks.client, &asks.packet, basic)
    }

    /// The bytes of a reply; how many: never more than the request has. Fields that are not understood are left unanswered (RFC 7822 §3).
    fn write(&mut self, header: &Header, asks: &Asks<'_>, to: &mut ReplyBuffer) -> Option<usize> {
        let mut length = reply::write(header, to);
        if let Some(identifier) = asks.asked.unique_identifier {
            length = nts::write_identifier(identifier, to)?;
        }
        match (&asks.asked.protection, &mut self.nts) {
            (Protection::Authentic(grant), Some(nts)) => {
                nts.seal(grant, length, asks.request.bytes.len(), to)
            }
            (Protection::Authentic(_), None) => None,
            _ if asks.packet.mac.is_some() => Some(reply::write_crypto_nak(length, to)),
            _ => Some(length),
        }
    }

    /// A reply left at `left`, by the kernel's stamp.
    pub fn on_transmitted(&mut self, token: StampToken, left: ClockTime) {
        let left = self.smear.as_ref().map_or(left, |smear| smear.recent(left));
        let StampToken(place) = token;
        self.interleave.on_left(&place, left);
    }
}

#[cfg(test)]
mod tests;
