//! `[[server]]` as it is used: where it listens, whom it answers, and what it tells them. Read by `sections::servers`.

use super::{Config, Network};
use crate::time::Span;
use std::net::SocketAddr;

/// One `[[server]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Where.
    pub listen: SocketAddr,
    /// Protocol versions that are answered.
    pub versions: Vec<u8>,
    /// Workers, each with a thread and a socket; one for each core without.
    pub threads: Option<usize>,
    /// Who is answered; everybody without.
    pub allowlist: Option<FilterList>,
    /// Who is not.
    pub denylist: Option<FilterList>,
    /// What becomes of requests without NTS; they are answered without it.
    pub require_nts: Option<FilterAction>,
    /// How often one client may ask; as often as it likes without.
    pub rate_limit: Option<RateLimit>,
    /// Leap seconds as this listener tells them; as they are without.
    pub leap_smear: Option<LeapSmear>,
    /// How many of the clients that ask most are known by name, over all workers; 0 for none.
    pub client_statistics: usize,
}

/// `allowlist` or `denylist`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterList {
    /// Who is in it.
    pub networks: Vec<Network>,
    /// What becomes of the requests that it is to keep out.
    pub action: FilterAction,
}

/// What becomes of a request that is not to be answered with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterAction {
    /// A kiss tells the client to stop (RFC 5905 §7.4).
    Deny,
    /// Nothing is sent.
    Ignore,
}

/// `rate-limiting-…`: a token bucket for each client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Clients that are remembered, over all workers of the listener.
    pub cache_size: usize,
    /// In the long run a client is answered once in this time.
    pub cutoff: Span,
    /// At least 1: requests that may come at once after a rest.
    pub burst: u32,
}

/// `leap-smear`: the leap second spread over a window around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeapSmear {
    /// How the served clock goes through it.
    pub shape: SmearShape,
    /// Its length; the leap second is in its middle.
    pub window: Span,
}

/// How a smeared clock goes from one second to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmearShape {
    /// At a constant rate.
    Linear,
    /// As half a cosine: without a jump of the rate at either end.
    Cosine,
}

impl Config {
    /// What people must know who have their leap seconds smeared.
    pub fn smear_warning(&self) -> Option<String> {
        let smearing = self.servers.iter().filter(|server| server.leap_smear.is_some());
        let listeners: Vec<_> = smearing.map(|server| server.listen.to_string()).collect();
        (!listeners.is_empty()).then(|| {
            format!(
                "leap seconds are smeared at {}: clients there must ask no server that does not smear alike, and this machine must \
                 follow no server that smears",
                listeners.join(", ")
            )
        })
    }
}

impl ServerConfig {
    /// Answers everybody with everything at its default.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            versions: vec![3, 4],
            threads: None,
            allowlist: None,
            denylist: None,
            require_nts: None,
            rate_limit: None,
            leap_smear: None,
            client_statistics: 0,
        }
    }
}
