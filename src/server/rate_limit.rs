//! How often a client may ask: a token bucket for each address, and for each IPv6 network. Not who may ask at all.

mod table;

use super::client::Client;
use super::token_bucket::Pace;
use crate::config::RateLimit;
use crate::time::{Mono, Poll, Span};
use table::{Entry, Table};

/// How many clients' worth of requests one IPv6 network (/64) may send.
///
/// A /64 is one link, and whoever is on it has 2⁶⁴ addresses: without this bound, as many buckets. Much less would refuse
/// a household whose devices all ask at once when the power comes back; much more would be no bound. At one request a
/// second for a client, 16 let a thousand hosts that ask once a minute live on one link.
const CLIENTS_PER_NETWORK: u32 = 16;

/// Entries of networks beside those of addresses: a quarter as many, in a table of their own, so that the addresses of a
/// network cannot push its entry out.
const NETWORK_SHARE: usize = 4;

/// A client is told to ask less often when it is first refused, and again only after so many of its intervals: that may have
/// been lost, but a client that does not listen, or whose address was forged by somebody else, is not told at every request.
const INTERVALS_BETWEEN_KISSES: i64 = 8;

/// A request that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooOften {
    /// It is time to tell the client.
    pub(super) kiss: bool,
}

/// What one worker remembers of how often its clients asked; of one size from the beginning.
#[derive(Debug)]
pub(super) struct RateLimiter {
    key: [u8; 16],
    addresses: Table,
    networks: Table,
    kiss_pause: Span,
    poll: Poll,
}

impl RateLimiter {
    /// One of `workers` that share out the clients of a listener, and with them its memory.
    pub(super) fn new(limit: &RateLimit, workers: usize, key: [u8; 16]) -> Self {
        let entries = limit.cache_size.div_ceil(workers.max(1));
        let of_network = Pace::new(
            limit.cutoff / i64::from(CLIENTS_PER_NETWORK),
            limit.burst.saturating_mul(CLIENTS_PER_NETWORK),
        );
        let exponents = (Poll::MIN.log2()..=Poll::MAX.log2()).map(Poll::new);
        Self {
            key,
            addresses: Table::new(entries, Pace::new(limit.cutoff, limit.burst)),
            networks: Table::new(entries.div_ceil(NETWORK_SHARE), of_network),
            kiss_pause: limit.cutoff * INTERVALS_BETWEEN_KISSES,
            poll: exponents.into_iter().find(|poll| poll.interval() >= limit.cutoff).unwrap_or(Poll::MAX),
        }
    }

    /// Counts a request of the client.
    ///
    /// Only what is answered is counted: a client that asks twice as often as it may is answered every other time, and one
    /// that floods leaves its neighbours their share of the network.
    ///
    /// # Errors
    /// If the client asks too often, or its network, which is looked at first: its addresses come into the table only as
    /// often as it may ask.
    pub(super) fn admit(&mut self, client: &Client, now: Mono) -> Result<(), TooOften> {
        let pause = self.kiss_pause;
        let too_often = |entry: &mut Entry| TooOften { kiss: entry.kiss(pause, now) };
        let (pace, network_pace) = (self.addresses.pace(), self.networks.pace());
        let network = client.network_hash(&self.key);
        let mut network = network.and_then(|hash| self.networks.entry(hash, now));
        if let Some(entry) = &mut network
            && !entry.tokens.has_token(network_pace, now)
        {
            return Err(too_often(entry));
        }
        if let Some(entry) = self.addresses.entry(client.hash, now)
            && !entry.tokens.take(pace, now)
        {
            return Err(too_often(entry));
        }
        if let Some(entry) = network {
            entry.tokens.take(network_pace, now);
        }
        Ok(())
    }

    /// The interval that clients are to keep.
    pub(super) fn poll(&self) -> Poll {
        self.poll
    }
}

#[cfg(test)]
mod tests;
