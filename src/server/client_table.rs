//! The clients that ask most, by address, in memory of one size. What they are answered is not decided here.
//!
//! A client's hash leads to a set of a few entries. Where all are taken, the client with the least weight makes room, and the
//! new one inherits that weight as its error: "space saving" (Metwally, Agrawal, El Abbadi 2005) in each set. So a client
//! that sends more than an eighth of what its set gets is always found, and a flood of addresses that ask once passes
//! through the one entry that weighs least. Weights are halved every hour, so that those who stopped asking make room.

use super::client::{self, Client};
use super::responder::{Answer, Refused};
use crate::snapshot::ClientActivity;
use crate::time::{Mono, Span};
use std::net::{IpAddr, Ipv4Addr};

/// Entries that one hash leads to. Fewer would forget more; more are slower to look through.
const WAYS: usize = 8;
/// Weights are halved so often.
const HALF_LIFE: Span = Span::from_secs(3600);
/// A new interval's share in the mean, as in the filters of RFC 5905: an eighth.
const INTERVAL_SHARE: i64 = 8;

/// What is searched at each request, apart from what is only counted.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Set {
    hashes: [u64; WAYS],
    /// No requests, no weight: the entry is free.
    weights: [f64; WAYS],
    errors: [f64; WAYS],
    /// Half-lives since the clock's origin when the weights were last right.
    period: i64,
}

/// What a remembered client costs, as the documentation has it.
const _: () = assert!(size_of::<Set>() / WAYS + size_of::<ClientActivity>() <= 200);

/// Entries of one worker, which alone writes and reads them.
#[derive(Debug)]
pub(super) struct ClientTable {
    sets: Box<[Set]>,
    entries: Box<[[ClientActivity; WAYS]]>,
}

impl ClientTable {
    /// For at least `clients` clients of all `workers` together.
    pub(super) fn new(clients: usize, workers: usize) -> Self {
        let sets = clients.div_ceil(workers.max(1)).div_ceil(WAYS).max(1);
        let empty = Set { hashes: [0; WAYS], weights: [0.0; WAYS], errors: [0.0; WAYS], period: 0 };
        let nobody = ClientActivity::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), Mono::default());
        let entries = (0..sets).map(|_| std::array::from_fn(|_| nobody.clone())).collect();
        Self { sets: vec![empty; sets].into(), entries }
    }

    /// A client asked, and this came of it. Allocates nothing.
    pub(super) fn note(&mut self, client: &Client, outcome: &Result<Answer, Refused>, now: Mono) {
        let high = u32::try_from(client.hash >> 32).unwrap_or(0);
        let place = client::place(high, self.sets.len());
        let (Some(set), Some(entries)) = (self.sets.get_mut(place), self.entries.get_mut(place)) else {
            return;
        };
        set.age(now);
        let ways = set.hashes.iter_mut().zip(&mut set.weights).zip(&mut set.errors).zip(entries);
        let mut least: Option<Way<'_>> = None;
        for (((hash, weight), error), entry) in ways {
            if *hash == client.hash && *weight > 0.0 && entry.address == client.address {
                *weight += 1.0;
                return count(entry, outcome, now);
            }
            if least.as_ref().is_none_or(|least| *weight < *least.weight) {
                least = Some(Way { hash, weight, error, entry });
            }
        }
        let Some(Way { hash, weight, error, entry }) = least else { return };
        *hash = client.hash;
        *error = *weight;
        *weight += 1.0;
        *entry = ClientActivity::new(client.address, now);
        count(entry, outcome, now);
    }

    /// Copies of those who asked most lately, the first most; at most `limit`.
    pub(super) fn top(&self, limit: usize, now: Mono) -> Vec<ClientActivity> {
        let ways = self.sets.iter().zip(&self.entries).flat_map(|(set, entries)| {
            let factor = decay(period(now) - set.period);
            let weights = set.weights.iter().zip(&set.errors).zip(entries);
            weights.filter(|((weight, _), _)| **weight > 0.0).map(move |((weight, error), entry)| {
                let (most, sure) = (weight * factor, (weight - error) * factor);
                (sure, most, entry)
            })
        });
        let mut ways: Vec<_> = ways.collect();
        let more = |one: &(f64, f64, _), two: &(f64, f64, _)| two.0.total_cmp(&one.0);
        if limit < ways.len() {
            ways.select_nth_unstable_by(limit, more);
            ways.truncate(limit);
        }
        ways.sort_unstable_by(more);
        let copy = |(sure, most, entry): (f64, f64, &ClientActivity)| ClientActivity {
            recent: sure,
            recent_at_most: most,
            ..entry.clone()
        };
        ways.into_iter().map(copy).collect()
    }
}

/// One entry, with what is searched of it.
struct Way<'a> {
    hash: &'a mut u64,
    weight: &'a mut f64,
    error: &'a mut f64,
    entry: &'a mut ClientActivity,
}

const fn period(now: Mono) -> i64 {
    now.nanos().div_euclid(HALF_LIFE.nanos())
}

/// After so many half-lives.
fn decay(periods: i64) -> f64 {
    0.5_f64.powi(i32::try_from(periods.max(0)).unwrap_or(i32::MAX))
}

impl Set {
    fn age(&mut self, now: Mono) {
        let period = period(now);
        if period <= self.period {
            return;
        }
        let factor = decay(period - self.period);
        for value in self.weights.iter_mut().chain(&mut self.errors) {
            *value *= factor;
        }
        self.period = period;
    }
}

fn count(entry: &mut ClientActivity, outcome: &Result<Answer, Refused>, now: Mono) {
    if entry.requests > 0 {
        let gap = now - entry.last;
        let mean = |interval: Span| interval + (gap - interval) / INTERVAL_SHARE;
        entry.interval = Some(entry.interval.map_or(gap, mean));
    }
    entry.last = now;
    entry.requests += 1;
    let refusal = match outcome {
        Ok(answer) => {
            entry.version = Some(answer.version);
            if answer.kiss.is_none() {
                entry.answered += 1;
                entry.interleaved = answer.interleaved;
            }
            answer.kiss
        }
        Err(refused) => Some(refused.reason),
    };
    if let Some(count) = refusal.and_then(|reason| entry.refused.get_mut(reason.index())) {
        *count += 1;
    }
}

#[cfg(test)]
mod tests;
