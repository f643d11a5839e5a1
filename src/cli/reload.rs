//! `ntp-ctl reload`: the configuration is read again, and what the daemon says of it is told. Reads no configuration for it.

use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// Ends well only if it is in force.
pub(super) fn run(config: Option<&Path>) -> Outcome {
    sockets::order(config, &Request::Reload {}, "The configuration is read again and in force.")
}
