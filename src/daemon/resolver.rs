//! Name resolution by the system's own means (nsswitch), in helper threads: a slow resolver blocks nothing. When to ask is the engine's.

use crate::engine::QueryId;
use std::net::IpAddr;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

use std::sync::Arc;

/// An answer, or why there is none.
pub(super) type Answer = (QueryId, Result<Vec<IpAddr>, String>);

/// Looks names up, a few at a time. Dropping it forgets what is under way.
#[derive(Debug)]
pub(super) struct Resolver {
    tasks: JoinSet<()>,
    /// A system resolver that hangs keeps its thread: no more of them than this.
    threads: Arc<Semaphore>,
    out: mpsc::Sender<Answer>,
}

/// Fewer than the runtime's blocking threads, so that others still find one.
const THREADS: usize = 4;
/// The system's resolver gives up after some 30 s by itself; who waits longer asks again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Resolver {
    /// Every query is answered once through the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Answer>) {
        let (out, answers) = mpsc::channel(16);
        (Self { tasks: JoinSet::new(), threads: Arc::new(Semaphore::new(THREADS)), out }, answers)
    }

    pub(super) fn resolve(&mut self, query: QueryId, host: String) {
        while self.tasks.try_join_next().is_some() {}
        let (threads, out) = (Arc::clone(&self.threads), self.out.clone());
        self.tasks.spawn(async move {
            let result = match timeout(PATIENCE, look_up(threads, host)).await {
                Ok(result) => result,
                Err(_) => Err("the resolver does not answer".to_owned()),
            };
            // Without a receiver the daemon is ending.
            let _ = out.send((query, result)).await;
        });
    }
}

async fn look_up(threads: Arc<Semaphore>, host: String) -> Result<Vec<IpAddr>, String> {
    let permit = threads.acquire_owned().await.map_err(|error| error.to_string())?;
    let looked_up = tokio::task::spawn_blocking(move || {
        let _until_the_thread_is_free = permit;
        std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), 0))
            .map(|found| found.map(|a| a.ip()).collect())
    });
    match looked_up.await {
        Ok(Ok(addresses)) => Ok(distinct(addresses)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// In the resolver's order.
fn distinct(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut seen = std::collections::BTreeSet::new();
    addresses.into_iter().filter(|address| seen.insert(*address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_query_is_answered_once_with_addresses_or_a_reason() {
        let (mut resolver, mut answers) = Resolver::new();
        resolver.resolve(QueryId(1), "localhost".to_owned());
        resolver.resolve(QueryId(2), "name.invalid".to_owned());
        let mut got = [answers.recv().await.unwrap(), answers.recv().await.unwrap()];
        got.sort_by_key(|(query, _)| *query);
        assert!(got[0].1.as_ref().unwrap().iter().all(IpAddr::is_loopback));
        assert!(!got[1].1.as_ref().unwrap_err().is_empty());
        assert!(answers.try_recv().is_err());
    }

    #[test]
    fn an_address_named_twice_is_one() {
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(distinct(vec![two, one, two, one]), [two, one]);
    }
}
