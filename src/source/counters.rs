//! What an association counts. Nothing is decided by it.

use crate::verdict::Discard;
use std::collections::BTreeMap;

/// Since the association was mobilized.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    requests: u64,
    replies: u64,
    interleaved: u64,
    discards: BTreeMap<Discard, u64>,
}

impl Counters {
    /// Requests that left; those that could not be sent are not among them.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Replies that passed every check. In interleaved mode a few of them bring no measurement.
    pub const fn replies(&self) -> u64 {
        self.replies
    }

    /// Those of the replies that gave the true T3 of the exchange before (RFC 9769).
    pub const fn interleaved(&self) -> u64 {
        self.interleaved
    }

    /// Refused replies by reason; reasons that never occurred are absent.
    pub fn discards(&self) -> impl Iterator<Item = (Discard, u64)> + '_ {
        self.discards.iter().map(|(reason, count)| (*reason, *count))
    }

    /// How often a reply was refused for this reason.
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discards.get(&reason).copied().unwrap_or(0)
    }

    pub(super) const fn count_request(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    /// A counted request could not be sent after all.
    pub(super) const fn uncount_request(&mut self) {
        self.requests = self.requests.saturating_sub(1);
    }

    pub(super) const fn count_reply(&mut self) {
        self.replies = self.replies.saturating_add(1);
    }

    pub(super) const fn count_interleaved(&mut self) {
        self.interleaved = self.interleaved.saturating_add(1);
    }

    pub(super) fn count_discard(&mut self, reason: Discard) {
        let counter = self.discards.entry(reason).or_default();
        *counter = counter.saturating_add(1);
    }
}
