//! The clients of the listeners as they are told on the control socket, and there alone: addresses are nobody else's business.

use crate::snapshot::ClientActivity;
use crate::time::{Mono, Span};
use crate::verdict::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// As many of one listener are told at most, so that a reply has a bound.
pub const MOST_CLIENTS: usize = 1000;

/// Who asks one listener most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListenerClients {
    /// Where it listens.
    pub address: SocketAddr,
    /// How many clients it remembers: `client-statistics`; with 0, none.
    pub remembered: usize,
    /// Workers that did not say in time whom they remember.
    pub silent_workers: usize,
    /// Who asked most lately comes first.
    pub clients: Vec<Client>,
}

/// One of them. Counts are of the time since it came into the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Without the port.
    pub address: IpAddr,
    /// Requests of any kind.
    pub requests: u64,
    /// Those that were answered with time.
    pub answered: u64,
    /// The others by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Of the last request that got a reply.
    pub version: Option<u8>,
    /// Whether the last answer was of the interleaved mode (RFC 9769).
    pub interleaved: bool,
    /// Mean time between requests, the later ones counting more.
    pub interval_seconds: Option<f64>,
    /// Age of the last request.
    pub last_seconds_ago: f64,
    /// Age of the first request that is counted.
    pub since_seconds_ago: f64,
    /// Requests of this hour, half of those of the hour before, and so on: what the list is ordered by.
    pub recent: f64,
    /// The most that this can be, if the client had been in the list before and had to make room.
    pub recent_at_most: f64,
}

impl Client {
    /// As seen from `now`.
    pub fn new(activity: &ClientActivity, now: Mono) -> Self {
        // The worker may have read its clock later.
        let age = |at: Mono| (now - at).max(Span::ZERO).seconds();
        Self {
            address: activity.address,
            requests: activity.requests,
            answered: activity.answered,
            refused: activity.refused().filter(|(_, count)| *count > 0).collect(),
            version: activity.version,
            interleaved: activity.interleaved,
            interval_seconds: activity.interval.map(Span::seconds),
            last_seconds_ago: age(activity.last),
            since_seconds_ago: age(activity.since),
            recent: activity.recent,
            recent_at_most: activity.recent_at_most,
        }
    }
}
