//! Key exchanges of our own sources (RFC 8915 §4), a few at a time, each ended once. When to exchange is the engine's.
//!
//! | file | holds |
//! |---|---|
//! | `exchange` | one exchange: the addresses of its server one after the other, one deadline for all |
//! | `places` | with whom: the configured host, or those that its service records name |
//! | `connection` | one connection: TCP, TLS, request, answer, keys |
//! | `trust` | who is trusted, and the TLS configuration that follows |
//! | `verifier` | which certificates are good at which time |
//! | `words` | what went wrong, for people |

mod connection;
mod exchange;
mod places;
mod trust;
mod verifier;
mod words;

pub(super) use trust::roots_of_file;

use super::resolver::Names;
use super::service_records::ServiceRecords;
use crate::engine::QueryId;
use crate::nts::{Established, KeyRequest};
use exchange::Patience;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// What came of one exchange, or why it failed, for people.
pub(super) type Outcome = (QueryId, Result<Box<Established>, String>);

/// Exchanges keys, a few at a time. Dropping it forgets what is under way.
#[derive(Debug)]
pub(super) struct KeyClient {
    tasks: JoinSet<()>,
    names: Names,
    services: ServiceRecords,
    /// Handshakes and the system's certificates cost time and memory: the others wait.
    places: Arc<Semaphore>,
    patience: Patience,
    out: mpsc::Sender<Outcome>,
}

/// With the resolver's threads no more than the runtime's blocking ones.
const AT_ONCE: usize = 4;

impl KeyClient {
    /// Every exchange ends once through the receiver. Servers are looked up by `names`.
    pub(super) fn new(names: Names) -> (Self, mpsc::Receiver<Outcome>) {
        Self::with(names, ServiceRecords::of_the_system(), Patience::default())
    }

    fn with(names: Names, services: ServiceRecords, patience: Patience) -> (Self, mpsc::Receiver<Outcome>) {
        let (out, outcomes) = mpsc::channel(16);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        (Self { tasks: JoinSet::new(), names, services, places, patience, out }, outcomes)
    }

    pub(super) fn exchange(&mut self, query: QueryId, request: KeyRequest) {
        while self.tasks.try_join_next().is_some() {}
        let (names, services) = (self.names.clone(), self.services.clone());
        let (out, patience) = (self.out.clone(), self.patience);
        let places = Arc::clone(&self.places);
        self.tasks.spawn(async move {
            let result = match places.acquire().await {
                Ok(_place) => exchange::run(&request, &names, &services, patience).await.map(Box::new),
                Err(error) => Err(error.to_string()),
            };
            // Without a receiver the daemon is ending.
            let _ = out.send((query, result)).await;
        });
    }
}

#[cfg(test)]
mod tests;
