//! What a server counts while it answers. Read by whoever looks, never locked.

use crate::verdict::Refusal;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one listener. On a cache line of its own, so that listeners do not slow each other.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ServerCounters {
    received: AtomicU64,
    accepted: AtomicU64,
    send_errors: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl ServerCounters {
    /// A datagram arrived.
    pub fn count_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered with time.
    pub fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer could not be sent.
    pub fn count_send_error(&self) {
        self.send_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// It was refused.
    pub fn count_refused(&self, refusal: Refusal) {
        for (reason, counter) in Refusal::ALL.iter().zip(&self.refused) {
            if *reason == refusal {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Datagrams that arrived.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Requests answered with time.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Answers that could not be sent.
    pub fn send_errors(&self) -> u64 {
        self.send_errors.load(Ordering::Relaxed)
    }

    /// Refusals with their reasons.
    pub fn refused(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.iter().zip(&self.refused).map(|(r, c)| (*r, c.load(Ordering::Relaxed)))
    }
}
