//! Questions to the workers while they serve, whom they remember and what the kernel dropped; and the news that there are other keys. What is
//! remembered is `crate::server`'s.

use super::super::clock::ClockReader;
use super::worker::Orders;
use crate::control::{Client, ListenerClients};
use crate::nts::KeySet;
use crate::snapshot::{ClientActivity, WorkerCounters};
use crate::sys::receive_queue;
use crate::sys::udp::UdpSocket;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Who asks most, and where to say it. A worker looks for questions once a batch, and answers with a copy.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) limit: usize,
    pub(super) answer: oneshot::Sender<Vec<ClientActivity>>,
}

/// Where one worker is asked.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) questions: SyncSender<Question>,
    pub(super) orders: Arc<Orders>,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) counters: Arc<WorkerCounters>,
}

/// All workers of one listener.
#[derive(Debug)]
pub(super) struct Desks {
    pub(super) address: SocketAddr,
    /// `client-statistics`.
    pub(super) remembered: usize,
    pub(super) workers: Vec<Desk>,
}

/// Asks all workers of all listeners.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct Inquirer {
    listeners: Arc<[Desks]>,
    clock: ClockReader,
}

/// Questions that one worker may have before it; who has more is told that it is silent.
pub(super) const QUESTIONS: usize = 4;
/// A worker that takes longer is shown as silent. Less than the control socket gives a conversation.
const PATIENCE: Duration = Duration::from_secs(1);

impl Inquirer {
    pub(super) fn new(listeners: Vec<Desks>, clock: ClockReader) -> Self {
        Self { listeners: listeners.into(), clock }
    }

    /// The clients of each listener that ask most, at most `limit`.
    pub(in crate::daemon) async fn clients(self, limit: usize) -> Vec<ListenerClients> {
        let deadline = Instant::now() + PATIENCE;
        // All are asked before any is waited for.
        let asked: Vec<_> = self.listeners.iter().map(|desks| (desks, desks.ask(limit))).collect();
        let mut listeners = Vec::new();
        for (desks, answers) in asked {
            let mut silent_workers = 0;
            let mut known = BTreeMap::new();
            for answer in answers {
                match timeout_at(deadline, answer).await {
                    Ok(Ok(clients)) => merge(&mut known, clients),
                    _ => silent_workers += 1,
                }
            }
            let now = self.clock.now_both().mono;
            let mut clients: Vec<_> = known.values().map(|activity| Client::new(activity, now)).collect();
            clients.sort_by(|one, two| two.recent.total_cmp(&one.recent));
            clients.truncate(limit);
            let (address, remembered) = (desks.address, desks.remembered);
            listeners.push(ListenerClients { address, remembered, silent_workers, clients });
        }
        listeners
    }

    /// Wakes every worker when there are other keys, until `stop`: one that nobody asks would not look, and keep those that are erased
    /// everywhere else.
    pub(in crate::daemon) async fn announce(
        self,
        mut keys: watch::Receiver<Arc<KeySet>>,
        stop: CancellationToken,
    ) {
        while let Some(Ok(())) = stop.run_until_cancelled(keys.changed()).await {
            self.listeners.iter().flat_map(|desks| &desks.workers).for_each(|desk| desk.orders.wake());
        }
    }

    /// Asks the kernel how much it dropped, so that the counters say it.
    pub(in crate::daemon) fn refresh_dropped(&self) {
        for desk in self.listeners.iter().flat_map(|desks| &desks.workers) {
            match receive_queue::dropped(&desk.socket) {
                Ok(dropped) => desk.counters.set_dropped(dropped.into()),
                Err(error) => tracing::debug!("{error}"),
            }
        }
    }
}

impl Desks {
    /// A receiver for each worker, also for one that cannot take the question: that one will not get an answer.
    fn ask(&self, limit: usize) -> Vec<oneshot::Receiver<Vec<ClientActivity>>> {
        let asked = if self.remembered == 0 { &[] } else { self.workers.as_slice() };
        asked.iter().map(|desk| desk.ask(limit)).collect()
    }
}

impl Desk {
    fn ask(&self, limit: usize) -> oneshot::Receiver<Vec<ClientActivity>> {
        let (answer, receiver) = oneshot::channel();
        if self.questions.try_send(Question { limit, answer }).is_ok() {
            self.orders.wake();
        }
        receiver
    }
}

/// A client that several workers met, where the kernel does not steer by address, is still one.
fn merge(known: &mut BTreeMap<IpAddr, ClientActivity>, clients: Vec<ClientActivity>) {
    for client in clients {
        known.entry(client.address).and_modify(|there| there.merge(&client)).or_insert(client);
    }
}

#[cfg(test)]
mod tests;
