//! `ntp-ctl status`: the daemon's state, for people and for programs. Changes nothing.

mod headline;
mod look;
mod nts;
mod plain;
mod reason;
mod sources;

pub(super) use headline::clock_against_sources;
pub(super) use headline::headline;
pub(super) use look::{Look, Tone};
pub(super) use plain::{counted, filled, printable, remaining_days, shortened};
pub(super) use reason::{reason, standing};
pub(super) use sources::{jitter_kind, table_details, table_rows};

use super::args::Format;
use super::{Outcome, print, sockets};
use crate::daemon::startup_error::{Failure, StartupError};
use crate::metrics;
use crate::observation::{self, ReadError, State};
use std::io;
use std::path::Path;

/// Reads the state from the socket that is named, or configured, and shows it.
pub(super) fn run(config: Option<&Path>, socket: Option<&Path>, format: Format) -> Outcome {
    let state = match socket {
        Some(socket) => observation::read(socket),
        None => observation::read(&sockets::observation(&sockets::configuration(config)?)),
    };
    print(&show(&state.map_err(|error| not_read(&error))?, format, Look::of_stdout())?)
}

/// Indented lines, as they go into pipes.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    plain::wrapped(text, Look::PIPE.width)
}

/// Exit code 77 without the right to read it, 1 without a daemon.
pub(super) fn not_read(error: &ReadError) -> StartupError {
    let denied = error.error.kind() == io::ErrorKind::PermissionDenied;
    let exit_code = if denied { Failure::NotPermitted } else { Failure::Other };
    StartupError { message: error.to_string(), exit_code }
}

fn show(state: &State, format: Format, look: Look) -> Result<String, StartupError> {
    let failed = |error: &dyn std::fmt::Display| StartupError::other(format!("cannot be shown: {error}"));
    match format {
        Format::Plain => Ok(plain::page(state, look)),
        Format::Json => serde_json::to_string_pretty(state).map(|text| text + "\n").map_err(|e| failed(&e)),
        Format::Prometheus => metrics::render(state).map_err(|error| failed(&error)),
    }
}

#[cfg(test)]
mod tests;
