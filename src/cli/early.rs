//! Commands of the early 1.x series, kept for scripts: each is another spelling of one that is documented.

use super::{Outcome, log_level, panic_threshold, print, sockets, status};
use crate::daemon::startup_error::StartupError;
use crate::observation::{self, State};
use serde::Serialize;
use std::path::Path;

/// `sources`, also `peers`: that part of `status -f json`.
pub(super) fn sources(config: Option<&Path>) -> Outcome {
    part(config, |state| state.sources)
}

/// `system`: that part of `status -f json`.
pub(super) fn system(config: Option<&Path>) -> Outcome {
    part(config, |state| state.system)
}

fn part<T: Serialize>(config: Option<&Path>, of: impl FnOnce(State) -> T) -> Outcome {
    let state = observation::read(&sockets::observation(&sockets::configuration(config)?));
    let part = of(state.map_err(|error| status::not_read(&error))?);
    let text = serde_json::to_string_pretty(&part);
    print(&(text.map_err(|error| StartupError::other(format!("cannot be shown: {error}")))? + "\n"))
}

/// `config`: what of a running daemon can be set.
pub(super) fn set(config: Option<&Path>, log_filter: Option<&str>, panic: Option<f64>) -> Outcome {
    if log_filter.is_none() && panic.is_none() {
        return Err(StartupError::configuration("nothing to set; give --log-filter or --panic-threshold"));
    }
    if let Some(filter) = log_filter {
        log_level::run(config, Some(filter))?;
    }
    panic.map_or(Ok(()), |seconds| panic_threshold::run(config, seconds, None))
}
