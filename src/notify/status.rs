//! Which status lines are worth telling, and when. Words none.

use crate::observation::State;
use crate::snapshot::SyncState;
use crate::time::{Mono, Span};

/// What of a line is more than its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    state: SyncState,
    agreeing: usize,
    sources: usize,
}

impl Kind {
    pub(super) const fn of(state: &State) -> Self {
        Self {
            state: state.system.state,
            agreeing: state.system.agreeing_sources,
            sources: state.sources.len(),
        }
    }
}

/// The newest line, and the last one that was told.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    newest: Option<(Kind, String)>,
    told: Option<(Kind, String, Mono)>,
}

/// Each line wakes the service manager up, and the figures change with every measurement.
const FIGURES: Span = Span::from_secs(60);
/// A source that comes and goes must not keep it busy.
const SHORTEST: Span = Span::from_secs(1);

impl StatusLine {
    pub(super) fn change(&mut self, kind: Kind, line: String) {
        self.newest = Some((kind, line));
    }

    /// What is to be told now, and then counts as told.
    pub(super) fn due(&mut self, now: Mono) -> Option<&str> {
        let (kind, line) = self.newest.as_ref()?;
        if let Some((told_kind, told, at)) = &self.told {
            let pause = if kind == told_kind { FIGURES } else { SHORTEST };
            if line == told || now - *at < pause {
                return None;
            }
        }
        let (_, line, _) = self.told.insert((*kind, line.clone(), now));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    const fn kind(agreeing: usize) -> Kind {
        Kind { state: SyncState::Synchronized, agreeing, sources: 4 }
    }

    #[test]
    fn figures_are_told_once_a_minute_and_what_is_new_at_once() {
        let mut status = StatusLine::default();
        assert_eq!(status.due(at(0)), None);
        for (now, agreeing, line, told) in [
            (0, 3, "1 ms", true),
            (1, 3, "1 ms", false),
            (59, 3, "2 ms", false),
            (60, 3, "2 ms", true),
            (61, 4, "2 ms, 4 agree", true),
            (120, 4, "3 ms, 4 agree", false),
        ] {
            status.change(kind(agreeing), line.to_owned());
            assert_eq!(status.due(at(now)), told.then_some(line), "{now}");
        }
        // Nothing is lost: it is only late.
        assert_eq!(status.due(at(121)), Some("3 ms, 4 agree"));
        assert_eq!(status.due(at(1000)), None);
    }

    #[test]
    fn a_source_that_comes_and_goes_is_told_of_once_a_second() {
        let mut status = StatusLine::default();
        let told = (0..100_u32).filter(|n| {
            status.change(kind((n % 2) as usize), n.to_string());
            status.due(Mono::from_nanos(i64::from(*n) * 50_000_000)).is_some()
        });
        assert_eq!(told.count(), 5);
    }
}
