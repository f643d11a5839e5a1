//! Whether the clock is right, in one line: for `ntp-ctl`, for programs that watch, for the service manager. Shows no more.

use super::state::{LeapIndicator, Source, State, System};
use crate::snapshot::SyncState;
use crate::time::quantity::magnitude;
use crate::verdict::Verdict;

/// Whether the clock is right, and the line that says how well, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// It is.
    pub is_right: bool,
    /// How well, or why not.
    pub line: String,
}

impl State {
    /// Whether the clock is right for somebody who bears errors of up to `max_error` seconds.
    ///
    /// Right is a clock that follows its sources and that clients are told is synchronized. That bounds the error too, by the 1 s that
    /// clients bear (RFC 5905 §11.1, MAXDIST); one that runs on by itself is not right, however good it still may be.
    pub fn judge(&self, max_error: Option<f64>) -> Judgement {
        let within = magnitude(self.system.maximum_error);
        let sources = agreeing(&self.system, &self.sources);
        let wrong = |line| Judgement { is_right: false, line };
        if let Some(why) = why_not_synchronized(self) {
            return wrong(format!("not synchronized: {why}"));
        }
        match max_error.filter(|limit| self.system.maximum_error > *limit) {
            Some(limit) => wrong(format!(
                "not good enough: synchronized to within {within}, and {} is the limit, {sources}",
                magnitude(limit)
            )),
            None => Judgement { is_right: true, line: format!("synchronized to within {within}, {sources}") },
        }
    }

    /// Enough sources agree, and none of those without which there is no time.
    pub fn lacks_required(&self) -> bool {
        self.sources.iter().any(|source| source.verdict == Verdict::NoRequired)
    }
}

/// `3 of 4 sources agree`, and that this daemon does not steer the clock, if so.
fn agreeing(system: &System, sources: &[Source]) -> String {
    let measured = if system.controls_clock { "" } else { MEASURED };
    let agree = if system.agreeing_sources == 1 { "agrees" } else { "agree" };
    format!("{} of {} sources {agree}{measured}", system.agreeing_sources, sources.len())
}

/// Says nothing of a clock that is.
fn why_not_synchronized(state: &State) -> Option<String> {
    let State { system, sources, .. } = state;
    let needed = system.minimum_agreeing_sources;
    let off = magnitude(system.maximum_error);
    Some(match system.state {
        SyncState::Synchronized if system.leap_indicator != LeapIndicator::Unsynchronized => return None,
        SyncState::Synchronized => format!("the clock may be {off} off, {}", agreeing(system, sources)),
        SyncState::Holdover => {
            let lost = if state.lacks_required() { LACKING } else { "the sources are lost" };
            let verdicts = verdicts(sources);
            format!("{lost}, and the clock runs on by itself, at most {off} off{verdicts}")
        }
        SyncState::Waiting => format!("waiting for measurements{}", verdicts(sources)),
        SyncState::NoQuorum if state.lacks_required() => format!("{LACKING}{}", verdicts(sources)),
        SyncState::NoQuorum => {
            format!("{} source(s) agree and {needed} must{}", system.agreeing_sources, verdicts(sources))
        }
        SyncState::TooFewSources => format!("{needed} sources must agree, and there are fewer"),
        SyncState::NoSources => "no sources are configured".to_owned(),
        SyncState::OrphanParent => {
            "there is no source of time, and this clock is the isolated network's".to_owned()
        }
        SyncState::OrphanChild => {
            "there is no source of time, and the clock follows the server that the isolated network has elected"
                .to_owned()
        }
    })
}

/// `; sources: waiting 1, unreachable 2`.
fn verdicts(sources: &[Source]) -> String {
    let count = |verdict: Verdict| sources.iter().filter(|source| source.verdict == verdict).count();
    let counts = Verdict::ALL.map(|verdict| (verdict, count(verdict)));
    let told =
        counts.iter().filter(|(_, count)| *count > 0).map(|(verdict, count)| format!("{verdict} {count}"));
    let list: Vec<String> = told.collect();
    if list.is_empty() { String::new() } else { format!("; sources: {}", list.join(", ")) }
}

const LACKING: &str = "none of the sources that are marked `require` agrees";

/// The end of a line about a clock that this daemon does not steer.
pub(crate) const MEASURED: &str = "; measured, not controlled";

#[cfg(test)]
mod tests;
