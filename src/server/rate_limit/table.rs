//! The table of token buckets, one size for ever. Whose they are, and what they are asked for, is not known here.

use crate::server::client::place;
use crate::server::token_bucket::{Pace, TokenBucket};
use crate::time::{Mono, Span};

/// Entries that one hash leads to. Of 8, in two cache lines, one can be given up that says nothing any more, unless the table is
/// nearly full of entries that do; of 4 too often not, and 16 would cost more misses of the cache.
const WAYS: usize = 8;

/// What is remembered of one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) tokens: TokenBucket,
    /// The half of the client's hash that did not choose the set. Another client of the set has the same by a chance of one in
    /// 2³², which nobody can improve without the key; the two then share the bucket.
    tag: u32,
    /// When the client was last told that it asks too often, by [`coarse`].
    kissed: u32,
}

/// What a remembered client costs, as the documentation has it.
const _: () = assert!(size_of::<Entry>() == 16 && size_of::<Set>() == WAYS * size_of::<Entry>());

/// What one half of the hash leads to; in cache lines of its own.
#[derive(Debug, Clone, Copy)]
#[repr(align(128))]
struct Set([Entry; WAYS]);

/// A fixed number of entries, found by hash.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Set]>,
    pace: Pace,
}

impl Table {
    /// At least so many entries, and one set of them.
    pub(super) fn new(entries: usize, pace: Pace) -> Self {
        let nobody = Entry { tokens: TokenBucket::FULL, tag: 0, kissed: 0 };
        Self { sets: vec![Set([nobody; WAYS]); entries.div_ceil(WAYS).max(1)].into(), pace }
    }

    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// The client's entry: if there was none, a new one in place of the one of the set that is full first, and so says least.
    ///
    /// Nobody can choose whose that is: the set of a client depends on a secret key. A client whose entry is given up is
    /// answered one burst more than it should be, at most.
    pub(super) fn entry(&mut self, hash: u64, now: Mono) -> Option<&mut Entry> {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
        let (low, tag) = (half(hash), half(hash >> 32));
        let set = self.sets.get_mut(place(low, self.sets.len()))?;
        let pace = self.pace;
        let entry =
            set.0.iter_mut().min_by_key(|entry| (entry.tag != tag, entry.tokens.missing(pace, now)))?;
        if entry.tag != tag {
            *entry = Entry { tokens: TokenBucket::FULL, tag, kissed: coarse(now).wrapping_sub(u32::MAX / 2) };
        }
        Some(entry)
    }
}

impl Entry {
    /// Whether it is time to tell the client, which then counts as told; not again for `pause`.
    pub(super) fn kiss(&mut self, pause: Span, now: Mono) -> bool {
        // The present unit has begun already, so one more makes the pause whole.
        let units = u32::try_from(pause.nanos() >> UNIT).unwrap_or(0).min(u32::MAX / 4).saturating_add(1);
        let now = coarse(now);
        let is_time = now.wrapping_sub(self.kissed) > units;
        if is_time {
            self.kissed = now;
        }
        is_time
    }
}

/// 2³⁰ ns: little more than a second.
const UNIT: u32 = 30;

/// In units of [`UNIT`]; comes round after 146 years.
fn coarse(now: Mono) -> u32 {
    u32::try_from((now.nanos() >> UNIT) & i64::from(u32::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: usize) -> Table {
        Table::new(entries, Pace::new(Span::from_secs(1), 1))
    }

    #[test]
    fn a_table_has_the_entries_asked_for_and_never_more() {
        for (entries, sets) in [(0, 1), (1, 1), (8, 1), (9, 2), (1_000_000, 125_000)] {
            let mut table = table(entries);
            for hash in 0..10_000_u64 {
                table.entry(hash.wrapping_mul(0x9E37_79B9_7F4A_7C15), Mono::from_nanos(1));
            }
            assert_eq!(table.sets.len(), sets, "{entries}");
        }
    }

    #[test]
    fn every_set_is_used_whatever_their_number() {
        for entries in [8, 24, 800, 8 * 1021] {
            let mut table = table(entries);
            let sets = table.sets.len();
            for set in 0..sets {
                let hash = ((u64::try_from(set).unwrap() << 32) / u64::try_from(sets).unwrap()) + 1;
                assert!(table.entry(hash | (1 << 32), Mono::default()).is_some());
            }
            let used = table.sets.iter().filter(|set| set.0.iter().any(|entry| entry.tag == 1)).count();
            assert_eq!(used, sets);
        }
    }

    #[test]
    fn the_ends_of_the_hash_are_in_the_table() {
        for hash in [0, u64::from(u32::MAX), u64::MAX - u64::from(u32::MAX), u64::MAX] {
            assert!(table(24).entry(hash, Mono::default()).is_some());
        }
    }
}
