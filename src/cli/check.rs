//! `ntp-ctl status --check`: is the clock right, in one line and by the exit code, for programs that watch. Shows no more.

use super::quantity::magnitude;
use super::status::{counted, not_read};
use super::{print, sockets};
use crate::daemon::startup_error::StartupError;
use crate::observation::{self, LeapIndicator, ReadError, Source, State, System};
use crate::snapshot::SyncState;
use crate::verdict::Verdict;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Whether the clock is right, and the line that says how well, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) is_right: bool,
    pub(super) line: String,
}

/// Whether the clock is right for somebody who bears errors of up to `max_error` seconds.
///
/// Right is a clock that follows its sources and that clients are told is synchronized. That bounds the error too, by the 1 s that
/// clients bear (RFC 5905 §11.1, MAXDIST); one that runs on by itself is not right, however good it still may be.
pub(super) fn judge(state: &State, max_error: Option<f64>) -> Judgement {
    let within = magnitude(state.system.maximum_error);
    let sources = agreeing(&state.system, &state.sources);
    let wrong = |line| Judgement { is_right: false, line };
    if let Some(why) = why_not_synchronized(state) {
        return wrong(format!("not synchronized: {why}"));
    }
    match max_error.filter(|limit| state.system.maximum_error > *limit) {
        Some(limit) => wrong(format!(
            "not good enough: synchronized to within {within}, and {} is the limit, {sources}",
            magnitude(limit)
        )),
        None => Judgement { is_right: true, line: format!("synchronized to within {within}, {sources}") },
    }
}

/// `3 of 4 sources agree`, and that this daemon does not steer the clock, if so.
fn agreeing(system: &System, sources: &[Source]) -> String {
    let measured = if system.controls_clock { "" } else { "; measured, not controlled" };
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
            let verdicts = verdicts(sources);
            format!("the sources are lost, and the clock runs on by itself, at most {off} off{verdicts}")
        }
        SyncState::Waiting => format!("waiting for measurements{}", verdicts(sources)),
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
    let list = counted(counts.into_iter().filter(|(_, count)| *count > 0));
    list.map(|list| format!("; sources: {list}")).unwrap_or_default()
}

/// Asks once and says the line, on standard output whatever it is: 0 the clock is right, 1 it is not, 2 no daemon answers.
///
/// # Errors
/// What keeps the question from being asked: a wrong configuration (78), no right to ask (77).
pub(super) fn run(
    config: Option<&Path>,
    socket: Option<&Path>,
    max_error: Option<f64>,
) -> Result<ExitCode, StartupError> {
    let socket = place(config, socket)?;
    let (code, line) = match observation::read(&socket) {
        Ok(state) => {
            let Judgement { is_right, line } = judge(&state, max_error);
            (if is_right { RIGHT } else { NOT_RIGHT }, line)
        }
        Err(error) if is_denied(&error) => return Err(not_read(&error)),
        Err(error) => (NO_ANSWER, error.to_string()),
    };
    print(&(line + "\n"))?;
    Ok(code.into())
}

/// The socket that is named, or configured.
pub(super) fn place(config: Option<&Path>, socket: Option<&Path>) -> Result<PathBuf, StartupError> {
    match socket {
        Some(socket) => Ok(socket.to_owned()),
        None => Ok(sockets::observation(&sockets::configuration(config)?)),
    }
}

pub(super) fn is_denied(error: &ReadError) -> bool {
    error.error.kind() == io::ErrorKind::PermissionDenied
}

const RIGHT: u8 = 0;
const NOT_RIGHT: u8 = 1;
const NO_ANSWER: u8 = 2;

#[cfg(test)]
mod tests;
