//! `ntp-ctl panic-threshold`: how far a single step may go from now on. Steps nothing.

use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// In seconds; infinite is no limit. Both ways alike, unless the way back has its own.
pub(super) fn run(config: Option<&Path>, forward: f64, backward: Option<f64>) -> Outcome {
    let limit = |seconds: f64| seconds.is_finite().then_some(seconds);
    let backward = backward.unwrap_or(forward);
    let request = Request::PanicThreshold { forward: limit(forward), backward: limit(backward) };
    let told = |seconds: f64| limit(seconds).map_or("without a limit".to_owned(), |s| format!("by {s} s"));
    let (forward, backward) = (told(forward), told(backward));
    let done = format!(
        "A single step may move the clock forward {forward} and back {backward}, until the configuration is read again."
    );
    sockets::order(config, &request, &done)
}
