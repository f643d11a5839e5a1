//! Who is connected, and who must go when there is no room for one more. Closes nothing itself, and reads no clock.

use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

/// The connections of one listener.
#[derive(Debug)]
pub(super) struct Places {
    limit: usize,
    /// For a handshake, and then for a request.
    patience: Duration,
    next: u64,
    open: BTreeMap<u64, Open>,
    /// Who may be shed from which moment on.
    sheddable: BTreeSet<(Instant, u64)>,
}

#[derive(Debug)]
struct Open {
    shed: oneshot::Sender<()>,
    /// In [`Places::sheddable`], if it is there.
    from: Option<Instant>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its ClientHello is not here, or not whole.
    Connected,
    /// The rest of the handshake is missing.
    Handshaking,
    /// TLS stands, and the request is not here, or not whole.
    Asking,
    /// It gets its answer, or is a pool and may ask more: it keeps its place.
    Served,
    /// It is told why it gets none.
    Refused,
}

/// A place that was given.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) id: u64,
    /// Told when another gets the place.
    pub(super) shed: oneshot::Receiver<()>,
}

/// A ClientHello follows right behind the segment that makes the connection, however far away the client is. Much longer, and idle
/// connections lock others out at little cost; much shorter, and honest clients go whenever this thread is late.
const HELLO_PATIENCE: Duration = Duration::from_millis(100);
/// What is missing then takes one journey to the client and back; on earth, and by satellite, an honest client needs less.
const PATIENCE: Duration = Duration::from_millis(500);

impl Places {
    /// `timeout` is that of a whole connection: to shed nobody before it would keep nobody out.
    pub(super) fn new(limit: usize, timeout: Duration) -> Self {
        let patience = PATIENCE.min(timeout / 2);
        Self { limit, patience, next: 0, open: BTreeMap::new(), sheddable: BTreeSet::new() }
    }

    /// How many there are.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// A place for one more, maybe that of who may be shed for longest: `None` if there is none.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Admitted> {
        if self.open.len() >= self.limit {
            let (_, id) = self.sheddable.first().copied().filter(|(from, _)| *from <= now)?;
            let shed = self.remove(id)?;
            // It may be ending by itself just now.
            let _ = shed.send(());
        }
        let id = self.next;
        self.next += 1;
        let (shed, told) = oneshot::channel();
        self.open.insert(id, Open { shed, from: None });
        self.enter(id, Stage::Connected, now);
        Some(Admitted { id, shed: told })
    }

    /// It has come so far.
    pub(super) fn enter(&mut self, id: u64, stage: Stage, now: Instant) {
        let Some(open) = self.open.get_mut(&id) else { return };
        let from = match stage {
            Stage::Connected => Some(now + HELLO_PATIENCE.min(self.patience)),
            Stage::Handshaking | Stage::Asking => Some(now + self.patience),
            Stage::Served => None,
            Stage::Refused => Some(now),
        };
        if let Some(before) = std::mem::replace(&mut open.from, from) {
            self.sheddable.remove(&(before, id));
        }
        self.sheddable.extend(from.map(|from| (from, id)));
    }

    /// It is gone.
    pub(super) fn leave(&mut self, id: u64) {
        self.remove(id);
    }

    fn remove(&mut self, id: u64) -> Option<oneshot::Sender<()>> {
        let Open { shed, from } = self.open.remove(&id)?;
        if let Some(from) = from {
            self.sheddable.remove(&(from, id));
        }
        Some(shed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);

    fn is_shed(admitted: &mut Admitted) -> bool {
        admitted.shed.try_recv().is_ok()
    }

    /// A single place, taken by who has come so far: how long until another gets it.
    #[track_caller]
    fn check(timeout: Duration, stages: &[Stage], patience: Option<Duration>) {
        let (start, mut places) = (Instant::now(), Places::new(1, timeout));
        let mut only = places.admit(start).unwrap();
        for stage in stages {
            places.enter(only.id, *stage, start);
        }
        let Some(patience) = patience else {
            assert!(places.admit(start + 1000 * timeout).is_none());
            return;
        };
        if let Some(before) = patience.checked_sub(MILLISECOND) {
            assert!(places.admit(start + before).is_none());
        }
        assert!(!is_shed(&mut only));
        assert!(places.admit(start + patience).is_some());
        assert!(is_shed(&mut only));
    }

    #[test]
    fn who_has_not_asked_yet_makes_room_after_a_time_that_depends_on_how_far_it_has_come() {
        use Stage::{Asking, Connected, Handshaking, Refused, Served};
        check(SECOND, &[Connected], Some(100 * MILLISECOND));
        check(SECOND, &[Handshaking], Some(500 * MILLISECOND));
        check(SECOND, &[Handshaking, Asking], Some(500 * MILLISECOND));
        check(SECOND, &[Handshaking, Asking, Served], None);
        check(SECOND, &[Handshaking, Asking, Refused], Some(Duration::ZERO));
        check(SECOND, &[Handshaking, Asking, Served, Refused], Some(Duration::ZERO));
    }

    #[test]
    fn room_is_made_before_the_timeout_whatever_that_is() {
        for (timeout, hello, rest) in [(60_000, 100, 500), (600, 100, 300), (150, 75, 75)] {
            let timeout = timeout * MILLISECOND;
            check(timeout, &[Stage::Connected], Some(hello * MILLISECOND));
            check(timeout, &[Stage::Handshaking], Some(rest * MILLISECOND));
            check(timeout, &[Stage::Asking], Some(rest * MILLISECOND));
        }
    }

    #[test]
    fn who_may_be_shed_for_longest_goes_first_and_nobody_beyond_need() {
        let start = Instant::now();
        let later = |milliseconds| start + milliseconds * MILLISECOND;
        let mut places = Places::new(3, SECOND);
        let [mut asks, mut silent, mut late] = [0, 10, 20].map(|at| places.admit(later(at)).unwrap());
        places.enter(asks.id, Stage::Handshaking, later(1));
        assert!(places.admit(later(109)).is_none(), "everybody may still be honest");
        let mut new = places.admit(later(110)).unwrap();
        assert!(is_shed(&mut silent) && !is_shed(&mut asks) && !is_shed(&mut late) && !is_shed(&mut new));
        let _another = places.admit(later(501)).unwrap();
        assert!(is_shed(&mut late) && !is_shed(&mut asks) && !is_shed(&mut new));
    }

    #[test]
    fn a_place_that_was_left_or_given_away_is_free_once() {
        let now = Instant::now();
        let mut places = Places::new(2, SECOND);
        let [first, second] = [(); 2].map(|()| places.admit(now).unwrap());
        places.leave(first.id);
        places.leave(first.id);
        assert!(places.admit(now).is_some());
        assert!(places.admit(now).is_none());
        assert!(places.admit(now + SECOND).is_some(), "that of the second");
        places.enter(second.id, Stage::Served, now);
        places.leave(second.id);
        assert!(places.admit(now).is_none(), "it was given away already");
    }
}
