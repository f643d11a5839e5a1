//! What the daemon's numbers were in the last hours, in memory of one size; gone when the exporter ends. Draws nothing.

use crate::observation::{self, State};
use crate::snapshot::SyncState;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Between samples. More often would only wake the daemon: its sources are asked every 16 s at most, and every few minutes as a rule.
const INTERVAL: Duration = Duration::from_secs(30);
/// Eight hours; some 80 KiB.
const SAMPLES: usize = 960;

/// The last samples, the oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct History(VecDeque<Sample>);

/// A number and one standard deviation of it.
pub(super) type Estimate = (f64, f64);

/// At one moment; what is not known, or was not said, is absent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// By the exporter's own clock, which nobody sets.
    pub(super) at: Instant,
    /// Seconds.
    pub(super) offset: Option<Estimate>,
    /// ppm.
    pub(super) frequency: Option<Estimate>,
    /// Seconds.
    pub(super) jitter: Option<f64>,
}

impl Sample {
    /// Without a daemon there is a gap.
    pub(super) fn new(at: Instant, state: Option<&State>) -> Self {
        // Before the first synchronization these are only places for numbers.
        let followed = |state: &&State| {
            matches!(
                state.system.state,
                SyncState::Synchronized | SyncState::Holdover | SyncState::OrphanChild
            )
        };
        let known = state.filter(followed).map(|state| &state.system);
        Self {
            at,
            offset: known.map(|system| (system.offset, system.offset_uncertainty)),
            frequency: known.map(|system| (system.frequency_ppm, system.frequency_uncertainty_ppm)),
            jitter: known.and_then(|system| system.jitter),
        }
    }
}

impl History {
    /// The oldest makes room.
    pub(super) fn push(&mut self, sample: Sample) {
        if self.0.len() >= SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// In the order of time.
    pub(super) fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }
}

/// Asks the daemon now and then, until nobody wants to know any more.
pub(super) async fn sample(socket: PathBuf, history: watch::Sender<History>) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !history.is_closed() {
        let at = ticks.tick().await;
        let state = observation::ask(&socket).await.ok();
        history.send_modify(|history| history.push(Sample::new(at, state.as_ref())));
    }
}
