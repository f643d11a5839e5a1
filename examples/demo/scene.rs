//! What the demo has seen so far. How it is shown is `terminal`'s and `lines`'.

use crate::cast::Cast;
use ntpd_rs::daemon::clock::ClockReader;
use ntpd_rs::snapshot::{Snapshot, Source};
use ntpd_rs::sys::clock;
use ntpd_rs::time::{Mono, Span};
use ntpd_rs::verdict::Verdict;
use std::sync::Arc;
use tokio::sync::watch;

/// The clock should be nearer to the truth than this, seconds.
pub(crate) const GOAL: f64 = 1e-3;

/// The run up to now.
pub(crate) struct Scene {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: ClockReader,
    started: Mono,
    /// How long it lasts, seconds.
    pub(crate) planned: f64,
    pub(crate) cast: Cast,
    pub(crate) snapshot: Arc<Snapshot>,
    /// Seconds since the start.
    pub(crate) elapsed: f64,
    /// What only the demo can know: the virtual clock minus the host's, from which all servers take their time.
    pub(crate) error: Span,
    /// Seconds since the start and the error then, seconds.
    pub(crate) history: Vec<(f64, f64)>,
    /// Since when the error has been below the goal without a break, seconds since the start.
    pub(crate) good_since: Option<f64>,
}

impl Scene {
    pub(crate) fn new(
        snapshots: watch::Receiver<Arc<Snapshot>>,
        clock: ClockReader,
        planned: f64,
        cast: Cast,
    ) -> Self {
        let snapshot = Arc::clone(&snapshots.borrow());
        let mut scene = Self {
            snapshots,
            clock,
            started: clock::now().mono,
            planned,
            cast,
            snapshot,
            elapsed: 0.0,
            error: Span::ZERO,
            history: Vec::new(),
            good_since: None,
        };
        scene.look();
        scene
    }

    /// Reads clock and snapshot anew.
    pub(crate) fn look(&mut self) {
        self.snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        self.elapsed = (clock::now().mono - self.started).seconds();
        self.error = self.clock.ahead_of_host();
        self.history.push((self.elapsed, self.error.seconds()));
        self.good_since = if self.is_right() { self.good_since.or(Some(self.elapsed)) } else { None };
    }

    pub(crate) fn is_over(&self) -> bool {
        self.elapsed >= self.planned
    }

    /// Whether the error is below the goal now.
    pub(crate) fn is_right(&self) -> bool {
        self.error.seconds().abs() < GOAL
    }

    /// Whether the majority has outvoted the server that lies, and only that one.
    pub(crate) fn liar_is_out(&self) -> bool {
        let verdict_of_liars = |source: &Source| self.cast.lies(source).then_some(source.verdict);
        let mut liars = self.snapshot.sources.iter().filter_map(verdict_of_liars).peekable();
        liars.peek().is_some() && liars.all(|verdict| verdict == Verdict::Falseticker)
    }
}
