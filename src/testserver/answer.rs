//! One request to the datagrams that a test server answers with, told the time. Not its socket.

use super::{Behaviour, Options};
use crate::packet::{Header, KissCode, Mode, Packet, ReferenceId};
use crate::time::{ClockTime, Leap, Mono, NtpShort, NtpTimestamp, Span};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The shortest time between two requests that `Behaviour::RateLimit` accepts.
const RATE_LIMIT: Span = Span::from_secs(32);
/// Clients that are remembered for rate limiting; the longest silent one is forgotten for a new one.
const MAXIMUM_CLIENTS: usize = 1024;

/// What a server remembers from one request to the next.
#[derive(Debug)]
pub(super) struct Answerer {
    options: Options,
    last_requests: BTreeMap<IpAddr, Mono>,
}

/// A reply that waits for its transmit timestamp.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    header: Header,
    behaviour: Behaviour,
}

impl Answerer {
    pub(super) const fn new(options: Options) -> Self {
        Self { options, last_requests: BTreeMap::new() }
    }

    /// Nothing for whatever is no request. `received` is T2 as it will be served.
    pub(super) fn answer(
        &mut self,
        bytes: &[u8],
        from: IpAddr,
        received: ClockTime,
        mono: Mono,
    ) -> Option<Draft> {
        let request = Packet::parse(bytes).ok()?.header;
        if request.mode != Mode::Client || self.options.behaviour == Behaviour::Silent {
            return None;
        }
        let too_soon = self.comes_too_soon(from, mono);
        let header = self.honest_reply(&request, received);
        let header = match self.options.behaviour {
            Behaviour::Deny => kiss(header, KissCode::Deny),
            Behaviour::Restrict => kiss(header, KissCode::Restrict),
            Behaviour::RateLimit if too_soon => kiss(header, KissCode::Rate),
            Behaviour::UnknownKiss => kiss(header, KissCode::Other(ReferenceId::from_bytes(*b"XYZZ"))),
            Behaviour::WrongOrigin => {
                let origin_timestamp = NtpTimestamp::from_bits(!request.transmit_timestamp.bits());
                Header { origin_timestamp, ..header }
            }
            Behaviour::Unsynchronized => {
                Header { leap: Leap::Unsynchronized, stratum: 0, reference_id: ReferenceId::NONE, ..header }
            }
            Behaviour::StratumSixteen => Header { stratum: 16, ..header },
            Behaviour::Broadcast => Header { mode: Mode::Broadcast, ..header },
            Behaviour::WrongVersion => Header { version: if request.version == 3 { 4 } else { 3 }, ..header },
            Behaviour::ZeroTimestamps => Header { receive_timestamp: NtpTimestamp::ZERO, ..header },
            Behaviour::Distant => {
                Header { root_dispersion: NtpShort::from_span(Span::from_secs(10)), ..header }
            }
            _ => header,
        };
        Some(Draft { header, behaviour: self.options.behaviour })
    }

    fn honest_reply(&self, request: &Header, received: ClockTime) -> Header {
        Header {
            leap: self.options.leap,
            version: request.version,
            mode: Mode::Server,
            stratum: self.options.stratum,
            poll: request.poll,
            precision: -20,
            root_delay: NtpShort::from_span(self.options.root_delay),
            root_dispersion: NtpShort::from_span(self.options.root_dispersion),
            reference_id: self.options.reference_id,
            reference_timestamp: NtpTimestamp::from_clock(received - Span::from_secs(1)),
            origin_timestamp: request.transmit_timestamp,
            receive_timestamp: NtpTimestamp::from_clock(received),
            transmit_timestamp: NtpTimestamp::ZERO,
        }
    }

    /// Every request counts as the last one, refused or not: a client that does not slow down never gets time.
    fn comes_too_soon(&mut self, from: IpAddr, now: Mono) -> bool {
        let last = self.last_requests.insert(from, now);
        if self.last_requests.len() > MAXIMUM_CLIENTS {
            let oldest = self.last_requests.iter().min_by_key(|(_, last)| **last).map(|(client, _)| *client);
            oldest.and_then(|client| self.last_requests.remove(&client));
        }
        last.is_some_and(|last| now - last < RATE_LIMIT)
    }
}

impl Draft {
    /// The datagrams to send at `transmit` (T3 as it is served), all with the same bytes.
    pub(super) fn emit(&self, transmit: ClockTime) -> Vec<u8> {
        let transmit = match self.behaviour {
            Behaviour::InvalidTimestamps => transmit - Span::from_secs(5),
            _ => transmit,
        };
        let transmit_timestamp = match self.behaviour {
            Behaviour::ZeroTimestamps => NtpTimestamp::ZERO,
            _ => NtpTimestamp::from_clock(transmit),
        };
        let mut bytes = Header { transmit_timestamp, ..self.header }.emit().to_vec();
        match self.behaviour {
            Behaviour::Short => bytes.truncate(20),
            Behaviour::TrailingGarbage => bytes.extend([0x5A; 7]),
            _ => {}
        }
        bytes
    }

    /// How many times it is sent.
    pub(super) const fn copies(&self) -> usize {
        if matches!(self.behaviour, Behaviour::Duplicate) { 2 } else { 1 }
    }

    /// Whether it comes from a port that was not asked.
    pub(super) const fn uses_other_port(&self) -> bool {
        matches!(self.behaviour, Behaviour::OtherPort)
    }
}

/// RFC 5905 §7.4.
fn kiss(header: Header, code: KissCode) -> Header {
    Header { leap: Leap::Unsynchronized, stratum: 0, reference_id: code.reference_id(), ..header }
}

#[cfg(test)]
mod tests;
