//! Key exchanges of our own sources (RFC 8915 §4): TCP, TLS, records, one deadline for all of it. When to exchange is the engine's.

use crate::engine::QueryId;
use crate::nts::{Established, KeyRequest};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What came of one exchange, or why it failed, for people.
pub(super) type Outcome = (QueryId, Result<Box<Established>, String>);

/// Exchanges keys, a few at a time. Dropping it forgets what is under way.
#[derive(Debug)]
pub(super) struct KeyClient {
    tasks: JoinSet<()>,
    out: mpsc::Sender<Outcome>,
}

impl KeyClient {
    /// Every exchange ends once through the receiver.
    pub(super) fn new() -> (Self, mpsc::Receiver<Outcome>) {
        let (out, outcomes) = mpsc::channel(16);
        (Self { tasks: JoinSet::new(), out }, outcomes)
    }

    pub(super) fn exchange(&mut self, query: QueryId, request: KeyRequest) {
        while self.tasks.try_join_next().is_some() {}
        let out = self.out.clone();
        self.tasks.spawn(async move {
            let failed = Err(format!("{}: no key exchange yet", request.host));
            // Without a receiver the daemon is ending.
            let _ = out.send((query, failed)).await;
        });
    }
}
