//! `ntp-ctl log-level`: another filter for a daemon that runs. Reads no log.

use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// The configured one without a filter.
pub(super) fn run(config: Option<&Path>, filter: Option<&str>) -> Outcome {
    let done = match filter {
        Some(filter) => format!("The daemon logs by {filter} until the configuration is read again."),
        None => "The daemon logs as it is configured.".to_owned(),
    };
    sockets::order(config, &Request::LogFilter { filter: filter.map(ToOwned::to_owned) }, &done)
}
