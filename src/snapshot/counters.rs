//! What a server counts while it answers. Read by whoever looks, never locked.

use super::recent_clients::RecentClients;
use crate::time::Mono;
use crate::verdict::Refusal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One listener.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Counted by each of its workers while it runs.
    pub workers: Vec<Arc<WorkerCounters>>,
}

impl Server {
    /// The sum over all workers of what `of` reads.
    pub fn total(&self, of: impl Fn(&WorkerCounters) -> u64) -> u64 {
        self.workers.iter().map(|worker| of(worker)).sum()
    }

    /// About how many different clients were answered in the last hour, by whichever worker.
    pub fn recent_clients(&self, now: Mono) -> u64 {
        RecentClients::estimate(self.workers.iter().map(|worker| &worker.recent), now)
    }

    /// Requests answered with time, by version; versions that nobody asked with are absent.
    pub fn accepted_by_version(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        let all = (0..=7).map(|version| (version, self.total(|worker| worker.accepted_of(version))));
        all.filter(|(_, count)| *count > 0)
    }

    /// Refusals of all workers, with their reasons; reasons that never occurred are absent.
    pub fn refused(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        self.by_reason(WorkerCounters::refused)
    }

    /// Kisses of all workers, likewise.
    pub fn kisses(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        self.by_reason(WorkerCounters::kisses)
    }

    fn by_reason(
        &self,
        of: fn(&WorkerCounters, Refusal) -> u64,
    ) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        let all =
            Refusal::ALL.into_iter().map(move |reason| (reason, self.total(|worker| of(worker, reason))));
        all.filter(|(_, count)| *count > 0)
    }
}

/// Protocol versions that three bits can name.
const VERSIONS: usize = 8;

/// Of requests with NTS: received, accepted, denied, rate-limited.
const NTS_COUNTERS: usize = 4;
const NTS_RECEIVED: usize = 0;
const NTS_ACCEPTED: usize = 1;
const NTS_DENIED: usize = 2;
const NTS_RATE_LIMITED: usize = 3;

/// Counters of one worker, which alone writes them: no other worker waits for their cache line, and none is locked.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerCounters {
    received: AtomicU64,
    send_errors: AtomicU64,
    interleaved: AtomicU64,
    accepted: [AtomicU64; VERSIONS],
    refused: [AtomicU64; Refusal::ALL.len()],
    kisses: [AtomicU64; Refusal::ALL.len()],
    nts: [AtomicU64; NTS_COUNTERS],
    recent: RecentClients,
    /// The one counter that is not the worker's: whoever looks asks the kernel first.
    dropped: AtomicU64,
}

/// For the only writer: a load and a store are cheaper than one locked addition.
fn add(counter: Option<&AtomicU64>, more: u64) {
    if let Some(counter) = counter {
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }
}

fn read(counter: Option<&AtomicU64>) -> u64 {
    counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
}

/// For the worker.
impl WorkerCounters {
    /// So many datagrams arrived.
    pub fn count_received(&self, datagrams: u64) {
        add(Some(&self.received), datagrams);
    }

    /// A request of this version was answered with time.
    pub fn count_accepted(&self, version: u8) {
        add(self.accepted.get(usize::from(version)), 1);
    }

    /// It was this client's; the hash is keyed, and the same for it at every worker.
    pub fn note_client(&self, hash: u64, now: Mono) {
        self.recent.note(hash, now);
    }

    /// The answer told when the one before it left (RFC 9769).
    pub fn count_interleaved(&self) {
        add(Some(&self.interleaved), 1);
    }

    /// A request was refused.
    pub fn count_refused(&self, reason: Refusal) {
        add(self.refused.get(reason.index()), 1);
    }

    /// And its sender was told so.
    pub fn count_kiss(&self, reason: Refusal) {
        add(self.kisses.get(reason.index()), 1);
    }

    /// A request came with NTS, and this became of it: time, or a refusal, which is counted as any other beside this.
    pub fn count_nts(&self, refused: Option<Refusal>) {
        add(self.nts.get(NTS_RECEIVED), 1);
        let end = match refused {
            None => NTS_ACCEPTED,
            Some(Refusal::Denied | Refusal::Ignored) => NTS_DENIED,
            Some(Refusal::RateLimited) => NTS_RATE_LIMITED,
            Some(_) => return,
        };
        add(self.nts.get(end), 1);
    }

    /// So many answers could not be sent.
    pub fn count_send_errors(&self, datagrams: u64) {
        add(Some(&self.send_errors), datagrams);
    }
}

/// For everybody.
impl WorkerCounters {
    /// What the kernel says of the worker's socket: so many datagrams never reached the worker, since the socket exists.
    pub fn set_dropped(&self, datagrams: u64) {
        self.dropped.store(datagrams, Ordering::Relaxed);
    }

    /// Datagrams that the kernel dropped, most likely because the worker was too slow to take them.
    pub fn dropped(&self) -> u64 {
        read(Some(&self.dropped))
    }

    /// Datagrams that arrived.
    pub fn received(&self) -> u64 {
        read(Some(&self.received))
    }

    /// Requests answered with time.
    pub fn accepted(&self) -> u64 {
        self.accepted.iter().map(|counter| read(Some(counter))).sum()
    }

    /// Requests of one version answered with time.
    pub fn accepted_of(&self, version: u8) -> u64 {
        read(self.accepted.get(usize::from(version)))
    }

    /// Answers that told when the one before left.
    pub fn interleaved(&self) -> u64 {
        read(Some(&self.interleaved))
    }

    /// Requests refused for any reason.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.iter().map(|counter| read(Some(counter))).sum()
    }

    /// Requests refused for this reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        read(self.refused.get(reason.index()))
    }

    /// Kisses sent for this reason.
    pub fn kisses(&self, reason: Refusal) -> u64 {
        read(self.kisses.get(reason.index()))
    }

    /// Requests with NTS, authentic or not.
    pub fn nts_received(&self) -> u64 {
        read(self.nts.get(NTS_RECEIVED))
    }

    /// Those answered with time, which is authenticated then.
    pub fn nts_accepted(&self) -> u64 {
        read(self.nts.get(NTS_ACCEPTED))
    }

    /// Those whose sender may not ask, by the lists.
    pub fn nts_denied(&self) -> u64 {
        read(self.nts.get(NTS_DENIED))
    }

    /// Those that were authentic and came too often.
    pub fn nts_rate_limited(&self) -> u64 {
        read(self.nts.get(NTS_RATE_LIMITED))
    }

    /// NTS NAKs sent: cookies that do not open, or requests that are not authentic. All of those, answered or not, are
    /// [`WorkerCounters::refused`] for [`Refusal::NotAuthentic`].
    pub fn nts_nak(&self) -> u64 {
        self.kisses(Refusal::NotAuthentic)
    }

    /// Answers that could not be sent.
    pub fn send_errors(&self) -> u64 {
        read(Some(&self.send_errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_with_nts_are_summed_over_the_workers_by_what_became_of_them() {
        let workers: Vec<Arc<WorkerCounters>> = (0..2).map(|_| Arc::default()).collect();
        for worker in &workers {
            worker.count_nts(None);
            Refusal::ALL.into_iter().for_each(|reason| worker.count_nts(Some(reason)));
            worker.count_kiss(Refusal::NotAuthentic);
        }
        let server = Server { address: "[::]:123".parse().unwrap(), workers };
        let of = [
            WorkerCounters::nts_received,
            WorkerCounters::nts_accepted,
            WorkerCounters::nts_denied,
            WorkerCounters::nts_rate_limited,
            WorkerCounters::nts_nak,
        ];
        assert_eq!(of.map(|of| server.total(of)), [18, 2, 4, 2, 2]);
    }
}
