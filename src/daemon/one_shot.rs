//! A daemon that lives until something is known: for `ntp-daemon --once` and `ntp-ctl query`. The engine and the sockets are those of any other.

use super::activation::PassedSockets;
use super::clock::{Clock, Opened};
use super::running::Daemon;
use super::startup_error::StartupError;
use crate::config::{ClockControl, Config, Control, KeysetConfig, Observability};
use crate::observation::State;
use crate::snapshot::{Snapshot, SyncState, System};
use crate::time::quantity::{behind, magnitude};
use crate::time::{Now, Span};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Measures, without a clock to steer and without files, until `is_enough` says so, but no longer than `limit`.
///
/// # Errors
/// What keeps it from measuring at all.
pub async fn measure(
    config: Config,
    limit: Duration,
    is_enough: impl FnMut(&Snapshot) -> bool,
) -> Result<Arc<Snapshot>, StartupError> {
    let open = |_: &Config| Clock::open(ClockControl::No);
    let daemon = Daemon::start_with(alone(config), None, PassedSockets::default(), open).await?;
    let (_, last) = until(daemon, limit, std::future::pending(), is_enough).await?;
    Ok(last)
}

/// Measures until enough sources agree, corrects the clock if it is ours, and says what was done. Its state is kept as any daemon's.
///
/// # Errors
/// Why the clock was not set within `limit`, or until `given_up` (1); that it can never be (78); a panic threshold (70).
pub async fn set_clock(
    config: Config,
    limit: Duration,
    given_up: impl Future<Output = ()>,
    open: impl FnOnce(&Config) -> Result<Opened, StartupError>,
) -> Result<String, StartupError> {
    if let Some(problem) = config.quorum_problem() {
        return Err(StartupError::configuration(problem));
    }
    let daemon = Daemon::start(alone(config), PassedSockets::default(), open).await?;
    let (is_set, last) = until(daemon, limit, given_up, |snapshot| is_set(&snapshot.system)).await?;
    if is_set {
        return Ok(done(&last.system));
    }
    let now = Now { mono: last.at, clock: last.clock };
    let why = State::new(&last, now).judge(None).line;
    let waited = magnitude(limit.as_secs_f64());
    Err(StartupError::other(format!("the clock was not set within {waited}: {why}")))
}

/// Nobody asks it anything.
fn alone(config: Config) -> Config {
    Config {
        servers: Vec::new(),
        key_exchange_servers: Vec::new(),
        keyset: KeysetConfig::default(),
        observability: Observability { observation_path: None, ..config.observability },
        control: Control { path: None, ..config.control },
        ..config
    }
}

/// Whether `is_enough` said so, and the last snapshot.
async fn until(
    daemon: Daemon,
    limit: Duration,
    given_up: impl Future<Output = ()>,
    is_enough: impl FnMut(&Snapshot) -> bool,
) -> Result<(bool, Arc<Snapshot>), StartupError> {
    let mut snapshots = daemon.snapshots();
    let last = snapshots.clone();
    let stop = CancellationToken::new();
    let mut is_enough = is_enough;
    let watch = async {
        let enough = timeout(limit, snapshots.wait_for(|snapshot| is_enough(snapshot)));
        let reached = tokio::select! {
            reached = enough => matches!(reached, Ok(Ok(_))),
            () = given_up => false,
        };
        stop.cancel();
        reached
    };
    let (ran, reached) = tokio::join!(daemon.run(stop.clone()), watch);
    ran?;
    Ok((reached, last.borrow().clone()))
}

/// Where it is not ours, it is enough to know how wrong it is.
fn is_set(system: &System) -> bool {
    system.state == SyncState::Synchronized && (system.last_correction.is_some() || !system.controls_clock)
}

fn done(system: &System) -> String {
    let agreeing = system.agreeing_sources;
    let agree = if agreeing == 1 { "source agrees" } else { "sources agree" };
    let against = |offset: Span| {
        format!("{}, ± {}", behind(offset.seconds()), magnitude(system.offset_uncertainty.seconds()))
    };
    let corrected = system.last_correction.map_or(system.offset, |(_, by)| by);
    match (system.controls_clock, system.steps) {
        (false, _) => format!(
            "the clock was only measured: it is {}; {agreeing} {agree} (clock-control is off, or not permitted)",
            against(system.offset)
        ),
        (true, 0) => {
            format!("the clock was right and is left as it is: {}; {agreeing} {agree}", against(corrected))
        }
        (true, _) => format!("the clock was stepped: it was {}; {agreeing} {agree}", against(corrected)),
    }
}

#[cfg(test)]
mod tests;
