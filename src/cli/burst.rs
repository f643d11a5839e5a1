//! `ntp-ctl burst`: sources are measured several times now. Waits for no result.

use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// All sources without a name.
pub(super) fn run(config: Option<&Path>, name: Option<&str>) -> Outcome {
    let done = "Measured four times in the next seconds; see `ntp-ctl status`.";
    sockets::order(config, &Request::Burst { name: name.map(ToOwned::to_owned) }, done)
}
