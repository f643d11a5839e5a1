//! One worker's mind: a request to its reply, or to the reason why there is none, with all that is remembered of clients.
//!
//! Nothing in it is shared with other workers, and it reads no clock: a client always meets the same worker.

use super::SystemVariables;
use super::client::Client;
use super::client_table::ClientTable;
use super::guard::{Guard, Kiss};
use super::interleave::{self, Interleave, Place};
use super::reply::{self, ReplyBuffer, Template};
use super::smear::{self, Served, Smear};
use crate::config::{LeapSmear, ServerConfig};
use crate::packet::{Mode, Packet, ParseError};
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
    /// It tells when the reply before it left (RFC 9769).
    pub interleaved: bool,
    /// When it leaves is of interest: [`Responder::on_transmitted`].
    pub stamp: Option<StampToken>,
    /// Whose it is, for the estimate of recent clients: a keyed hash.
    pub client: u64,
}

/// One reply whose moment of leaving will be asked for by the client's next request. Neither copied nor cloned, so that a stamp is told once.
#[derive(Debug, PartialEq, Eq)]
pub struct StampToken(Place);

/// Answers the clients of one worker.
#[derive(Debug)]
pub struct Responder {
    key: [u8; 16],
    clients: Option<ClientTable>,
    versions: [bool; 8],
    guard: Guard,
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
            interleave: Interleave::new(key),
            leap_smear: config.leap_smear,
            smear,
            template: Template::new(variables),
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
    /// [`Refusal`] by name, for the counters; nothing is to be sent.
    pub fn answer(&mut self, request: &Request<'_>, to: &mut ReplyBuffer) -> Result<Answer, Refusal> {
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
    ) -> Result<Answer, Refusal> {
        // Before anything else, and of any length: management packets (modes 6 and 7) are shorter than a header.
        let first = request.bytes.first().ok_or(Refusal::Malformed)?;
        if Mode::from_bits(*first) != Mode::Client {
            return Err(Refusal::WrongMode);
        }
        let is_denied = self.guard.is_denied(client)?;
        let packet = Packet::parse(request.bytes).map_err(|error| match error {
            ParseError::Version(_) => Refusal::WrongVersion,
            ParseError::TooShort | ParseError::ExtensionLength | ParseError::MacLength => Refusal::Malformed,
        })?;
        let version = packet.header.version;
        if self.versions.get(usize::from(version)) != Some(&true) {
            return Err(Refusal::WrongVersion);
        }
        if let Some(Kiss { header, reason }) =
            self.guard.check(is_denied, client, &packet.header, request.mono)?
        {
            let (length, kiss) = (reply::write(&header, &packet, to), Some(reason));
            return Ok(Answer {
                length,
                version,
                kiss,
                interleaved: false,
                stamp: None,
                client: client.hash,
            });
        }
        // From here on every instant is as served, also what is remembered of this reply.
        let served = match &mut self.smear {
            None => Served::plain(request),
            Some(smear) => smear.times(request),
        };
        let basic = self.template.time(&packet.header, &served);
        let interleave::Reply { header, interleaved, place } = self.interleave.reply(client, &packet, basic);
        let length = reply::write(&header, &packet, to);
        let stamp = place.map(StampToken);
        Ok(Answer { length, version, kiss: None, interleaved, stamp, client: client.hash })
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
