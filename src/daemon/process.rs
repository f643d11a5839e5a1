//! `ntp-daemon` as a process: command line, runtime, signals, exit code. Everything else is `running`'s.

use super::args::{self, Args};
use super::clock::Clock;
use super::running::Daemon;
use super::startup::{Prepared, prepare};
use super::startup_error::StartupError;
use crate::logging;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Runs the daemon with these arguments until a signal ends it, and says what to exit with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Args = match args::parse(arguments) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let prepared = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(error) => return fail(&error, false),
    };
    match run(prepared) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, true),
    }
}

fn run(prepared: Prepared) -> Result<(), StartupError> {
    // One thread: a client needs no more, and the resolver's helpers only wait.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .map_err(|error| StartupError::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(run_until_signal(prepared));
    // A resolver that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    result
}

async fn run_until_signal(prepared: Prepared) -> Result<(), StartupError> {
    let stop = CancellationToken::new();
    let signals = tokio::spawn(obey_signals(stop.clone(), prepared.logging)?);
    let daemon = Daemon::start(prepared.config, |config| Clock::open(config.clock_control)).await?;
    tracing::info!("ntp-daemon {} started", env!("CARGO_PKG_VERSION"));
    let result = daemon.run(stop).await;
    signals.abort();
    tracing::info!("Stopped");
    result
}

/// SIGTERM and SIGINT end the daemon; SIGHUP never does.
fn obey_signals(
    stop: CancellationToken,
    logging: logging::Handle,
) -> Result<impl Future<Output = ()>, StartupError> {
    let listen =
        |kind| signal(kind).map_err(|error| StartupError::other(format!("cannot catch signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => match logging.reopen() {
                    Ok(()) => tracing::info!("Log file reopened; a changed configuration needs a restart"),
                    Err(error) => tracing::error!("{error}"),
                },
            }
        }
        stop.cancel();
    })
}

/// Standard error always; the log too, when it goes elsewhere.
fn fail(error: &StartupError, logging: bool) -> ExitCode {
    if logging {
        tracing::error!("{error}");
    } else {
        eprintln!("ntp-daemon: {error}");
    }
    error.exit_code.into()
}
