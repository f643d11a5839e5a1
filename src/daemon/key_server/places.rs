//! Who is connected, and who must go when there is no room for one more. Closes nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    next: u64,
    open: BTreeSet<u64>,
    /// Who has not finished the handshake, the longest-waiting first.
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    shed: oneshot::Sender<()>,
}

/// A place that was given.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) id: u64,
    /// Told when another gets the place.
    pub(super) shed: oneshot::Receiver<()>,
}

/// An honest handshake has ended by then, wherever on earth the client is. Much longer, and idle connections lock others out at little
/// cost; much shorter, and a burst of honest clients sheds each other.
const PATIENCE: Duration = Duration::from_secs(1);

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, next: 0, open: BTreeSet::new(), waiting: BTreeMap::new() }
    }

    /// A place for one more, maybe that of who has waited longest: `None` if there is none.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Admitted> {
        if self.open.len() >= self.limit {
            let longest = self.waiting.first_entry().filter(|first| first.get().since + PATIENCE < now)?;
            let (id, waiting) = longest.remove_entry();
            self.open.remove(&id);
            // It may be ending by itself just now.
            let _ = waiting.shed.send(());
        }
        let id = self.next;
        self.next += 1;
        let (shed, told) = oneshot::channel();
        self.open.insert(id);
        self.waiting.insert(id, Waiting { since: now, shed });
        Some(Admitted { id, shed: told })
    }

    /// It has shown that it is a client: it keeps its place.
    pub(super) fn keep(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// It is gone.
    pub(super) fn leave(&mut self, id: u64) {
        self.waiting.remove(&id);
        self.open.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_nobody_gets_in_until_somebody_leaves() {
        let now = Instant::now();
        let mut places = Places::new(2);
        let first = places.admit(now).unwrap();
        let _second = places.admit(now).unwrap();
        assert!(places.admit(now + PATIENCE).is_none(), "nobody has waited longer than that");
        places.leave(first.id);
        assert!(places.admit(now + PATIENCE).is_some());
    }

    #[test]
    fn who_has_waited_longest_without_a_handshake_makes_room_and_nobody_else_does() {
        let start = Instant::now();
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut places = Places::new(3);
        let [mut done, mut idle, mut late] = [0, 10, 900].map(|at| places.admit(later(at)).unwrap());
        places.keep(done.id);
        let mut new = places.admit(later(1011)).unwrap();
        assert_eq!(idle.shed.try_recv(), Ok(()));
        for other in [&mut late, &mut new] {
            assert_eq!(other.shed.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        }
        assert_eq!(done.shed.try_recv(), Err(oneshot::error::TryRecvError::Closed), "it keeps its place");
        assert!(places.admit(later(1011)).is_none());
        places.leave(idle.id);
        assert!(places.admit(later(1011)).is_none(), "its place was given away already");
    }

    #[test]
    fn who_has_finished_the_handshake_is_never_shed() {
        let start = Instant::now();
        let mut places = Places::new(1);
        let only = places.admit(start).unwrap();
        places.keep(only.id);
        assert!(places.admit(start + 100 * PATIENCE).is_none());
    }
}
