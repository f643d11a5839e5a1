//! How many different clients were answered lately: an estimate in fixed memory, read without a lock. Knows no client by name.
//!
//! Each part of the time has a sketch of its own (HyperLogLog): a client falls into one of many registers by some bits of its
//! hash, and the register keeps the longest run of zeros seen in the others. Many clients make long runs. The largest value
//! of each register over several sketches is the sketch of all their clients together, so a client that asked in two parts
//! of the time, or met two workers, counts once. The estimator is O. Ertl's (arXiv:1702.01284, algorithm 6), which needs no
//! table and has no bias between few and many.

use crate::time::{Mono, Span};
use std::array;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// One standard deviation is 1.04 / √4096 = 1.6 % of the true number.
const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 12;
/// A register keeps at most one more than the bits that are left.
const RANKS: usize = (u64::BITS - INDEX_BITS + 2) as usize;

/// The hour is the present part and the six before it: 60 to 70 minutes.
const PARTS: usize = 7;
const PART: Span = Span::from_secs(600);

/// What one worker notes. It alone writes; a reader that comes while a part begins sees the estimate a little low, once.
#[derive(Debug)]
pub(super) struct RecentClients {
    parts: [Part; PARTS],
}

#[derive(Debug)]
struct Part {
    /// Which part of the time it is, from 1; 0 for none.
    number: AtomicU64,
    registers: Box<[AtomicU8]>,
}

impl Default for RecentClients {
    fn default() -> Self {
        let part = |_| Part {
            number: AtomicU64::new(0),
            registers: (0..REGISTERS).map(|_| AtomicU8::new(0)).collect(),
        };
        Self { parts: array::from_fn(part) }
    }
}

fn number_of(now: Mono) -> u64 {
    now.nanos().max(0).unsigned_abs() / PART.nanos().unsigned_abs() + 1
}

impl RecentClients {
    /// A client was answered; `hash` is keyed, and the same for it at every worker.
    pub(super) fn note(&self, hash: u64, now: Mono) {
        let number = number_of(now);
        #[expect(clippy::cast_possible_truncation, reason = "below 7")]
        let Some(part) = self.parts.get((number % PARTS as u64) as usize) else { return };
        if part.number.load(Ordering::Relaxed) != number {
            part.begin(number);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the index has 12 bits, and a number of zeros at most 53"
        )]
        let (index, rank) = {
            let rest = (hash << INDEX_BITS) | (1 << (INDEX_BITS - 1));
            ((hash >> (u64::BITS - INDEX_BITS)) as usize, rest.leading_zeros() as u8 + 1)
        };
        if let Some(register) = part.registers.get(index)
            && register.load(Ordering::Relaxed) < rank
        {
            register.store(rank, Ordering::Relaxed);
        }
    }

    /// How many different clients were answered in the last hour by the workers that these belong to.
    pub(super) fn estimate<'a>(of: impl IntoIterator<Item = &'a Self>, now: Mono) -> u64 {
        let newest = number_of(now);
        let mut largest = [0_u8; REGISTERS];
        for part in of.into_iter().flat_map(|sketch| &sketch.parts) {
            let number = part.number.load(Ordering::Acquire);
            // A worker may have read its clock after our reader did.
            if number == 0 || number > newest + 1 || newest - number.min(newest) >= PARTS as u64 {
                continue;
            }
            for (largest, register) in largest.iter_mut().zip(&part.registers) {
                *largest = register.load(Ordering::Relaxed).max(*largest);
            }
        }
        let mut counts = [0_u16; RANKS];
        for rank in largest {
            if let Some(count) = counts.get_mut(usize::from(rank)) {
                *count += 1;
            }
        }
        cardinality(&counts)
    }
}

impl Part {
    fn begin(&self, number: u64) {
        self.number.store(0, Ordering::Relaxed);
        for register in &self.registers {
            register.store(0, Ordering::Relaxed);
        }
        self.number.store(number, Ordering::Release);
    }
}

/// From how many registers have each value.
fn cardinality(counts: &[u16; RANKS]) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "it is 4096")]
    let registers = REGISTERS as f64;
    let share = |count: u16| f64::from(count) / registers;
    let [empty, between @ .., full] = counts;
    if share(*empty) >= 1.0 {
        return 0;
    }
    let mut sum = registers * tau(1.0 - share(*full));
    for count in between.iter().rev() {
        sum = 0.5 * (sum + f64::from(*count));
    }
    sum += registers * sigma(share(*empty));
    let estimate = registers * registers / (2.0 * std::f64::consts::LN_2 * sum);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive; saturates")]
    let whole = estimate.round() as u64;
    whole
}

/// x + Σ x^(2^k) 2^(k−1) for k from 1, for x from 0 to below 1: what empty registers say.
fn sigma(mut x: f64) -> f64 {
    let (mut sum, mut factor) = (x, 1.0);
    loop {
        x *= x;
        let longer = x.mul_add(factor, sum);
        if longer <= sum {
            return sum;
        }
        sum = longer;
        factor *= 2.0;
    }
}

/// (1 − x − Σ (1 − x^(2^−k))² 2^(−k)) / 3 for k from 1, for x from 0 to 1: what full registers say.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut sum, mut factor) = (1.0 - x, 1.0);
    loop {
        x = x.sqrt();
        factor *= 0.5;
        let shorter = sum - (1.0 - x) * (1.0 - x) * factor;
        if shorter >= sum {
            return sum / 3.0;
        }
        sum = shorter;
    }
}

#[cfg(test)]
mod tests;
