//! `ntp-ctl wait-sync`: asks until the clock is right. What right is, `check` says.

use super::check::{is_denied, place};
use super::quantity::magnitude;
use super::status::not_read;
use super::{Outcome, complain, print};
use crate::daemon::startup_error::StartupError;
use crate::observation::{self, ReadError, State};
use std::path::Path;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Between an answer and the next question: nobody who waits for a clock needs it sooner, and many may wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits no longer than `limit`, and then ends with 1. A daemon that is not there yet is waited for too.
pub(super) fn run(
    config: Option<&Path>,
    socket: Option<&Path>,
    max_error: Option<f64>,
    limit: Option<Duration>,
) -> Outcome {
    let socket = place(config, socket)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartupError::other(format!("cannot start: {error}")))?;
    let ask = async || observation::ask(&socket).await;
    let line = runtime.block_on(within(limit, max_error, ask, complain))?;
    print(&(line + "\n"))
}

/// The line that says how good the clock is, once it is right.
async fn within(
    limit: Option<Duration>,
    max_error: Option<f64>,
    ask: impl AsyncFnMut() -> Result<State, ReadError>,
    tell: impl FnMut(&str),
) -> Result<String, StartupError> {
    let mut last = "no answer yet".to_owned();
    let waiting = wait(max_error, ask, tell, &mut last);
    let Some(limit) = limit else { return waiting.await };
    let ended = timeout(limit, waiting).await;
    ended.unwrap_or_else(|_| {
        let waited = magnitude(limit.as_secs_f64());
        Err(StartupError::other(format!("the clock is not right after {waited}: {last}")))
    })
}

/// Asks until the clock is right; `last` is why it was not, the last time.
async fn wait(
    max_error: Option<f64>,
    mut ask: impl AsyncFnMut() -> Result<State, ReadError>,
    mut tell: impl FnMut(&str),
    last: &mut String,
) -> Result<String, StartupError> {
    let mut told = false;
    loop {
        match ask().await {
            Ok(state) => {
                let judgement = state.judge(max_error);
                if judgement.is_right {
                    return Ok(judgement.line);
                }
                *last = judgement.line;
            }
            // Waiting gives nobody rights.
            Err(error) if is_denied(&error) => return Err(not_read(&error)),
            Err(error) => {
                *last = error.to_string();
                if !told {
                    tell(&format!("{last}; waiting for it"));
                    told = true;
                }
            }
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
