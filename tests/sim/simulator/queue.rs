//! What is still to come, in the order of true time and then of scheduling. Makes nothing happen.

use ntpd_rs::engine::QueryId;
use ntpd_rs::nts::KeyRequest;
use ntpd_rs::verdict::SourceId;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::SocketAddr;

/// Something on its way. A socket is its source and which of its sockets: an older one is closed.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A datagram reaches the server with this index.
    AtServer { site: usize, socket: (SourceId, u64), bytes: Vec<u8> },
    /// A datagram reaches the client.
    AtClient { socket: (SourceId, u64), from: SocketAddr, bytes: Vec<u8> },
    /// The resolver answers.
    LookedUp { query: QueryId, host: String },
    /// A key exchange ends.
    KeysExchanged { query: QueryId, request: KeyRequest },
}

/// The future.
#[derive(Debug)]
pub(crate) struct Queue<W> {
    heap: BinaryHeap<Reverse<Scheduled<W>>>,
    sequence: u64,
}

impl<W> Default for Queue<W> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }
}

impl<W> Queue<W> {
    /// At true time `t`, after everything else that was scheduled for then.
    pub(crate) fn push(&mut self, t: f64, what: W) {
        self.sequence += 1;
        self.heap.push(Reverse(Scheduled { t, sequence: self.sequence, what }));
    }

    /// When the next thing happens; infinite if nothing will.
    pub(crate) fn next(&self) -> f64 {
        self.heap.peek().map_or(f64::INFINITY, |Reverse(next)| next.t)
    }

    pub(crate) fn pop(&mut self) -> Option<W> {
        self.heap.pop().map(|Reverse(next)| next.what)
    }
}

#[derive(Debug)]
struct Scheduled<W> {
    t: f64,
    sequence: u64,
    what: W,
}

impl<W> Ord for Scheduled<W> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.t.total_cmp(&other.t).then(self.sequence.cmp(&other.sequence))
    }
}

impl<W> PartialOrd for Scheduled<W> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<W> PartialEq for Scheduled<W> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<W> Eq for Scheduled<W> {}
