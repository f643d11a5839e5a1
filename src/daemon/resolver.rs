//! Name resolution by the system's own means (nsswitch), in helper threads: a slow resolver blocks nothing. When to ask is the engine's.

use crate::engine::QueryId;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Duration, timeout};

/// An answer, or why there is none.
pub(super) type Answer = (QueryId, Result<Vec<IpAddr>, String>);

/// The system's resolver, or a stand-in for it; blocks.
pub(super) type LookUp = fn(&str) -> io::Result<Vec<IpAddr>>;

/// Answers the engine's queries, a few at a time. Dropping it forgets what is under way.
#[derive(Debug)]
pub(super) struct Resolver {
    tasks: JoinSet<()>,
    names: Names,
    out: mpsc::Sender<Answer>,
}

/// Looks names up for others in the daemon; all of them share a few threads.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// A system resolver that hangs keeps its thread: no more of them than this.
    threads: Arc<Semaphore>,
    patience: Duration,
    look_up: LookUp,
}

/// Fewer than the runtime's blocking threads, so that others still find one.
const THREADS: usize = 4;
/// The system's resolver gives up after some 30 s by itself; who waits longer asks again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Resolver {
    /// Every query is answered once through the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Answer>) {
        Self::with(Names::new(PATIENCE, system_resolver))
    }

    fn with(names: Names) -> (Self, mpsc::Receiver<Answer>) {
        let (out, answers) = mpsc::channel(16);
        (Self { tasks: JoinSet::new(), names, out }, answers)
    }

    /// For who waits for the answer itself.
    pub(super) fn names(&self) -> Names {
        self.names.clone()
    }

    pub(super) fn resolve(&mut self, query: QueryId, host: String) {
        while self.tasks.try_join_next().is_some() {}
        let (names, out) = (self.names.clone(), self.out.clone());
        self.tasks.spawn(async move {
            let result = names.addresses(host).await;
            // Without a receiver the daemon is ending.
            let _ = out.send((query, result)).await;
        });
    }
}

impl Names {
    pub(super) fn new(patience: Duration, look_up: LookUp) -> Self {
        Self { threads: Arc::new(Semaphore::new(THREADS)), patience, look_up }
    }

    /// At least one, in the resolver's order and each once, or why there is none, for people.
    pub(super) async fn addresses(&self, host: String) -> Result<Vec<IpAddr>, String> {
        match timeout(self.patience, answer(Arc::clone(&self.threads), self.look_up, host)).await {
            Ok(result) => result,
            Err(_) => Err("the resolver does not answer".to_owned()),
        }
    }
}

async fn answer(threads: Arc<Semaphore>, look_up: LookUp, host: String) -> Result<Vec<IpAddr>, String> {
    let permit = threads.acquire_owned().await.map_err(|error| error.to_string())?;
    let looked_up = tokio::task::spawn_blocking(move || {
        let _until_the_thread_is_free = permit;
        look_up(&host)
    });
    let addresses = looked_up.await.map_err(|error| error.to_string())?.map_err(|error| plain(&error))?;
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(distinct(addresses)) }
}

/// The standard library puts a sentence before the system's own.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

fn system_resolver(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
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
    fn resolvers_that_hang_are_bounded_and_every_query_is_answered_once() {
        fn hang(_: &str) -> io::Result<Vec<IpAddr>> {
            // The sender lives and never sends.
            let (_sender, receiver) = std::sync::mpsc::channel::<()>();
            let _ = receiver.recv();
            Ok(Vec::new())
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (mut resolver, mut answers) = Resolver::with(Names::new(Duration::from_millis(50), hang));
            for query in 0..20 {
                resolver.resolve(QueryId(query), "slow".to_owned());
            }
            let mut answered = std::collections::BTreeSet::new();
            for _ in 0..20 {
                let (query, result) = answers.recv().await.unwrap();
                assert_eq!(result.unwrap_err(), "the resolver does not answer");
                assert!(answered.insert(query), "{query:?} twice");
            }
            assert!(answers.try_recv().is_err());
            assert_eq!(resolver.names.threads.available_permits(), 0, "they hang still, and no more of them");
        });
        runtime.shutdown_background();
    }

    #[tokio::test]
    async fn no_address_and_a_failure_are_told_in_plain_words() {
        fn stand_in(host: &str) -> io::Result<Vec<IpAddr>> {
            let failure = io::Error::other("failed to lookup address information: Name or service not known");
            if host == "none" { Ok(Vec::new()) } else { Err(failure) }
        }
        let (mut resolver, mut answers) = Resolver::with(Names::new(PATIENCE, stand_in));
        for (host, reason) in [("none", "the name has no address"), ("fail", "Name or service not known")] {
            resolver.resolve(QueryId(1), host.to_owned());
            assert_eq!(answers.recv().await.unwrap().1.unwrap_err(), reason);
        }
    }

    #[test]
    fn an_address_named_twice_is_one() {
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(distinct(vec![two, one, two, one]), [two, one]);
    }
}
