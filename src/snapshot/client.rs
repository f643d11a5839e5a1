//! What is remembered of one client of a server that lists its clients by name. Counts nothing itself.

use crate::time::{Mono, Span};
use crate::verdict::Refusal;
use std::net::IpAddr;

/// A client since it came into the list; what it asked before is not in the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientActivity {
    /// Without the port: many ask from a new one each time.
    pub address: IpAddr,
    /// The first request that is counted.
    pub since: Mono,
    /// The last one.
    pub last: Mono,
    /// All of them.
    pub requests: u64,
    /// Those that were answered with time.
    pub answered: u64,
    /// The others, in the order of [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// The mean time between requests, the later ones counting more; none after a single one.
    pub interval: Option<Span>,
    /// Of the last request that got a reply.
    pub version: Option<u8>,
    /// Whether the last reply with time was of the interleaved mode (RFC 9769).
    pub interleaved: bool,
    /// Requests of the running hour, half of those of the hour before, a quarter of those before that, and so on.
    pub recent: f64,
    /// The most that `recent` can be if the client was in the list before, and had to make room.
    pub recent_at_most: f64,
}

impl ClientActivity {
    /// Of a client that asks for the first time.
    pub const fn new(address: IpAddr, now: Mono) -> Self {
        Self {
            address,
            since: now,
            last: now,
            requests: 0,
            answered: 0,
            refused: [0; Refusal::ALL.len()],
            interval: None,
            version: None,
            interleaved: false,
            recent: 0.0,
            recent_at_most: 0.0,
        }
    }

    /// Refusals with their reasons.
    pub fn refused(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.into_iter().zip(self.refused)
    }

    /// Adds what another worker knows of the same client.
    pub fn merge(&mut self, other: &Self) {
        let newer = other.last > self.last;
        self.since = self.since.min(other.since);
        self.last = self.last.max(other.last);
        self.interval = match (self.interval, other.interval) {
            // Each worker sees a part of the requests: rates add up.
            (Some(one), Some(two)) => Some(together(one, two)),
            (one, two) => one.or(two),
        };
        self.requests += other.requests;
        self.answered += other.answered;
        for (sum, more) in self.refused.iter_mut().zip(other.refused) {
            *sum += more;
        }
        if newer {
            self.version = other.version.or(self.version);
            self.interleaved = other.interleaved;
        }
        self.recent += other.recent;
        self.recent_at_most += other.recent_at_most;
    }
}

/// 1 / (1/a + 1/b).
fn together(one: Span, two: Span) -> Span {
    let (one, two) = (one.seconds(), two.seconds());
    if one + two > 0.0 { Span::from_seconds(one * two / (one + two)) } else { Span::ZERO }
}
