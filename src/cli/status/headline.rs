//! The first lines of `ntp-ctl status`: is the clock right, how well, and if not, what helps.

use super::look::Tone;
use crate::observation::{Judgement, State, System};
use crate::snapshot::SyncState;
use crate::time::quantity::{behind, magnitude};

const REMEDY: &str = "Remedy: add sources, or lower minimum-agreeing-sources in [synchronization].";
const REQUIRE_REMEDY: &str =
    "Remedy: see why the sources marked `require` are not used, or take the mark away.";

/// How good it is at a glance, a sentence that says so, and others of what is known or can be done.
pub(in crate::cli) fn headline(state: &State) -> (Tone, Vec<String>) {
    let system = &state.system;
    let Judgement { is_right, line } = state.judge(None);
    let tone = match system.state {
        _ if is_right => Tone::Good,
        SyncState::Waiting | SyncState::Holdover | SyncState::OrphanParent | SyncState::OrphanChild => {
            Tone::Doubtful
        }
        _ => Tone::Bad,
    };
    let first = match system.state {
        _ if !is_right => format!("The clock is {line}."),
        _ if system.controls_clock => format!("The clock is right: {line}."),
        // What the line says after it is said below.
        _ => format!("The clock is only measured: {}.", line.split(';').next().unwrap_or_default()),
    };
    let mut sentences = vec![first];
    sentences.extend(detail(system));
    sentences.extend(remedy(state));
    (tone, sentences)
}

fn detail(system: &System) -> Option<String> {
    let left = system.slew_remaining.filter(|left| *left > 0.0);
    let left =
        left.map(|left| format!(" It is being slewed, for {} more.", magnitude(left))).unwrap_or_default();
    Some(match system.state {
        SyncState::Synchronized | SyncState::OrphanChild => {
            format!("It is {}.{left}", clock_against_sources(system))
        }
        SyncState::OrphanParent => format!("It is served at stratum {} (orphan-stratum).", system.stratum),
        _ => return None,
    })
}

fn remedy(state: &State) -> Option<String> {
    let nobody_answers = !state.sources.is_empty()
        && state.sources.iter().all(|source| source.unanswered_polls > 2 && source.problem.is_none());
    Some(match state.system.state {
        SyncState::Synchronized if !state.system.controls_clock => {
            "This daemon does not set it: clock-control is off, or not permitted.".to_owned()
        }
        SyncState::NoQuorum | SyncState::Holdover if state.lacks_required() => REQUIRE_REMEDY.to_owned(),
        SyncState::NoQuorum | SyncState::TooFewSources => REMEDY.to_owned(),
        SyncState::NoSources => {
            "Remedy: add a [[source]] section to ntp.toml, or name servers with -p.".to_owned()
        }
        SyncState::Waiting | SyncState::Holdover if nobody_answers => {
            "No server answers. Remedy: see whether there is a network, and UDP port 123 open on the way."
                .to_owned()
        }
        _ => return None,
    })
}

/// `12.3 µs behind, ± 45.6 µs`.
pub(in crate::cli) fn clock_against_sources(system: &System) -> String {
    format!("{}, ± {}", behind(system.offset), magnitude(system.offset_uncertainty))
}
