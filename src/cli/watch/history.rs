//! Offsets of the last minutes, of the clock and of each source. Draws nothing.

use crate::observation::State;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// More than a terminal has columns: half an hour at one a second.
const MOST_POINTS: usize = 1800;

/// Whose offset: the clock's where no source is named.
pub(super) type Whose = Option<u64>;

/// Bounded by the number of sources that there are now.
#[derive(Debug, Default)]
pub(super) struct History(BTreeMap<Whose, VecDeque<(f64, f64)>>);

impl History {
    /// `at` counts from any beginning.
    pub(super) fn add(&mut self, state: &State, at: Duration) {
        let at = at.as_secs_f64();
        self.0.retain(|whose, _| whose.is_none_or(|id| state.sources.iter().any(|source| source.id == id)));
        let measured = state.sources.iter().filter(|source| source.measured);
        let sources = measured.map(|source| (Some(source.id), source.offset));
        let clock = state.system.reference_timestamp.map(|_| (None, state.system.offset));
        for (whose, offset) in sources.chain(clock) {
            let points = self.0.entry(whose).or_default();
            if points.len() == MOST_POINTS {
                points.pop_front();
            }
            points.push_back((at, offset));
        }
    }

    /// Oldest first.
    pub(super) fn of(&self, whose: Whose) -> Vec<(f64, f64)> {
        self.0.get(&whose).into_iter().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::example::{later, snapshot};

    #[test]
    fn old_points_and_sources_that_are_gone_are_forgotten() {
        let snapshot = snapshot();
        let mut state = State::new(&snapshot, later(&snapshot, 0));
        let mut history = History::default();
        for second in 0..2 * MOST_POINTS as u64 {
            history.add(&state, Duration::from_secs(second));
        }
        assert_eq!(
            history.0.keys().copied().collect::<Vec<_>>(),
            [None, Some(1), Some(2)],
            "3 has no offset"
        );
        let points = history.of(Some(1));
        assert_eq!((points.len(), points[0].0), (MOST_POINTS, MOST_POINTS as f64));
        state.sources.truncate(1);
        history.add(&state, Duration::from_secs(9999));
        assert_eq!((history.0.len(), history.of(Some(2)).len()), (2, 0));
    }
}
