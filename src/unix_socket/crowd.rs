//! Conversations under way: a bounded number, each for a bounded time; whoever holds most places makes room. Accepts nobody.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Clients that are served at the same time.
pub(super) const CLIENTS: usize = 16;

/// Those who are served.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    conversations: JoinSet<()>,
    /// Who came first is first.
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    uid: u32,
    conversation: AbortHandle,
}

impl Crowd {
    /// Begins a conversation, at the cost of another one if there are many: the oldest of the user who has most of them. So nobody is
    /// kept out by others who connect and say nothing, however often.
    pub(super) fn admit(
        &mut self,
        uid: u32,
        patience: Duration,
        conversation: impl Future<Output = io::Result<()>> + Send + 'static,
    ) {
        self.places.retain(|place| !place.conversation.is_finished());
        if self.places.len() >= CLIENTS {
            self.make_room();
        }
        let conversation = self.conversations.spawn(async move {
            match timeout(patience, conversation).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!("A local client went wrong: {error}"),
                Err(_) => tracing::debug!("A local client was too slow"),
            }
        });
        self.places.push(Place { uid, conversation });
    }

    /// A conversation has ended; nothing if there is none.
    pub(super) async fn ended(&mut self) -> Option<()> {
        self.conversations.join_next().await.map(drop)
    }

    fn make_room(&mut self) {
        let mut held = BTreeMap::<u32, usize>::new();
        for place in &self.places {
            *held.entry(place.uid).or_default() += 1;
        }
        let greediest = held.into_iter().max_by_key(|(_, places)| *places).map(|(uid, _)| uid);
        if let Some(index) = self.places.iter().position(|place| Some(place.uid) == greediest) {
            self.places.remove(index).conversation.abort();
            tracing::debug!("A local client had to make room for another");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot::{self, error::TryRecvError};

    #[tokio::test(start_paused = true)]
    async fn who_holds_most_places_makes_room_and_nobody_else() {
        let mut crowd = Crowd::default();
        let mut silent = |uid: u32| {
            let (held, end) = oneshot::channel::<()>();
            crowd.admit(uid, Duration::from_secs(2), async move {
                let _held = held;
                std::future::pending().await
            });
            end
        };
        let mut quiet = silent(7);
        let mut greedy = Vec::new();
        for _ in 0..100 {
            greedy.push(silent(8));
            tokio::task::yield_now().await;
        }
        assert_eq!(quiet.try_recv(), Err(TryRecvError::Empty));
        let ended = greedy.iter_mut().map(|end| end.try_recv() == Err(TryRecvError::Closed));
        let expected = (0..100).map(|number| number <= 100 - CLIENTS);
        assert_eq!(ended.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
