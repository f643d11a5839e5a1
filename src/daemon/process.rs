//! `ntp-daemon` as a process: command line, runtime, signals, exit code. Everything else is `running`'s.

use super::activation::PassedSockets;
use super::args::{self, Args};
use super::clock::Clock;
use super::one_shot;
use super::running::Daemon;
use super::startup::{self, Prepared, prepare};
use super::startup_error::StartupError;
use super::telling;
use crate::asking::{Answer, Asked, Door};
use crate::command::ServiceOrder;
use crate::config::{Config, check_log_filter};
use crate::notify::Manager;
use crate::{dbus, logging, sys};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Runs the daemon with these arguments until a signal ends it, and says what to exit with.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Args = match args::parse(arguments) {
        Ok(args) => args,
        Err(code) => return code,
    };
    // First of all, while no descriptor is our own.
    let passed = match PassedSockets::take() {
        Ok(passed) => passed,
        Err(error) => return fail(&error, false),
    };
    let prepared = match prepare(&args) {
        Ok(prepared) => prepared,
        Err(error) => return fail(&error, false),
    };
    let once = args.once;
    match run(args, prepared, passed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, !once),
    }
}

fn run(args: Args, prepared: Prepared, passed: PassedSockets) -> Result<(), StartupError> {
    // One thread: a client needs no more, and the resolver's helpers only wait.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .build()
        .map_err(|error| StartupError::other(format!("cannot start: {error}")))?;
    let result = runtime.block_on(async {
        if args.once {
            // Sockets that it was passed are another's to serve at.
            drop(passed);
            return set_once(prepared.config, args.timeout).await;
        }
        run_until_signal(args, prepared, passed).await
    });
    // A resolver that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::ZERO);
    result
}

/// Standard output says what was done, whatever is logged.
async fn set_once(config: Config, limit: Duration) -> Result<(), StartupError> {
    let mut signals = Signals::catch()?;
    let given_up = async move {
        tokio::select! {
            _ = signals.terminate.recv() => {}
            _ = signals.interrupt.recv() => {}
        }
    };
    let done =
        one_shot::set_clock(config, limit, given_up, |config| Clock::open(config.clock_control)).await?;
    // Where nobody reads it, it is done all the same.
    let _ = writeln!(io::stdout(), "{done}");
    Ok(())
}

async fn run_until_signal(args: Args, prepared: Prepared, passed: PassedSockets) -> Result<(), StartupError> {
    let signals = Signals::catch()?;
    let stop = CancellationToken::new();
    let (d_bus, log_target) = (prepared.config.control.d_bus, log_target(&prepared.config));
    let mut daemon =
        Daemon::start(prepared.config, passed, |config| Clock::open(config.clock_control)).await?;
    let manager = Manager::from_environment();
    daemon.report_to(manager.clone());
    let orders = daemon.take_service_orders();
    let service = Service {
        args,
        logging: prepared.logging,
        configured_filter: prepared.filter,
        configure: daemon.configure(),
        files: daemon.files(),
        manager,
    };
    let signals = tokio::spawn(signals.obey(stop.clone(), service, orders));
    tracing::info!("ntp-daemon {} started", env!("CARGO_PKG_VERSION"));
    if d_bus {
        let clock = daemon.clock();
        let (snapshots, asker, now) = (daemon.snapshots(), daemon.asker(), move || clock.now_both());
        tokio::spawn(dbus::serve(dbus::Seams { snapshots, asker, now, log_target }, stop.clone()));
    }
    let settling = tokio::spawn(settle());
    let result = daemon.run(stop).await;
    settling.abort();
    signals.abort();
    tracing::info!("Stopped");
    result
}

/// By then the clock is set, and most of the code that ran so far will not run again.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(120)).await;
    if let Err(error) = sys::own_code::let_go() {
        tracing::debug!("{error}");
    }
}

/// In systemd's words, as far as it has one.
fn log_target(config: &Config) -> &'static str {
    if config.observability.log_path.is_some() {
        "file"
    } else if std::env::var_os("JOURNAL_STREAM").is_some() {
        "journal"
    } else {
        "console"
    }
}

/// Signals are caught from here on, so that one during the start is not lost.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn catch() -> Result<Self, StartupError> {
        let catch = |kind| {
            signal(kind).map_err(|error| StartupError::other(format!("cannot catch signals: {error}")))
        };
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
            hang_up: catch(SignalKind::hangup())?,
        })
    }

    /// SIGTERM and SIGINT end the daemon; SIGHUP reads the configuration again and never ends anything.
    async fn obey(mut self, stop: CancellationToken, mut service: Service, orders: Option<Orders>) {
        let mut orders = orders;
        loop {
            tokio::select! {
                _ = self.terminate.recv() => break,
                _ = self.interrupt.recv() => break,
                // What is wrong is in the log.
                _ = self.hang_up.recv() => drop(service.reload().await),
                Some(asked) = next(&mut orders) => service.obey(asked).await,
            }
        }
        stop.cancel();
    }
}

type Orders = mpsc::Receiver<Asked<ServiceOrder>>;

async fn next(orders: &mut Option<Orders>) -> Option<Asked<ServiceOrder>> {
    orders.as_mut()?.recv().await
}

/// The process around the daemon, as far as it may be asked to do something: by SIGHUP too.
struct Service {
    args: Args,
    logging: logging::Handle,
    /// Of the command line or the configuration in force: what a filter that was asked for gives way to.
    configured_filter: String,
    configure: Door<Box<Config>>,
    files: watch::Sender<()>,
    manager: Manager,
}

impl Service {
    async fn obey(&mut self, asked: Asked<ServiceOrder>) {
        let (order, answer) = asked.answer_with();
        answer(match order {
            ServiceOrder::Reload => self.reload().await,
            ServiceOrder::LogFilter(filter) => self.change_filter(filter.as_deref()),
        });
    }

    /// Until the next reload, whatever this asks for.
    fn change_filter(&self, asked: Option<&str>) -> Answer {
        if let Some(asked) = asked {
            check_log_filter(asked)?;
        }
        self.logging.set_filter(asked.unwrap_or(&self.configured_filter))
    }

    /// The service manager waits for the end of it, however it ends.
    async fn reload(&mut self) -> Answer {
        self.manager.reloading(sys::clock::monotonic());
        let answer = self.read_again().await;
        self.manager.ready();
        answer
    }

    /// A configuration that is wrong changes nothing and says why.
    async fn read_again(&mut self) -> Answer {
        if let Err(error) = self.logging.reopen() {
            tracing::error!("{error}");
        }
        self.files.send_replace(());
        match startup::load(&self.args) {
            Ok(loaded) => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                startup::filter(&self.args, &loaded.config).clone_into(&mut self.configured_filter);
                if let Err(error) = self.change_filter(None) {
                    tracing::error!("{error}");
                }
                self.configure.ask(Box::new(loaded.config)).await
            }
            Err(error) => {
                tracing::error!("The configuration is not changed: {error}");
                Err(error.to_string())
            }
        }
    }
}

/// Standard error always; the log too, when it goes elsewhere.
fn fail(error: &StartupError, logging: bool) -> ExitCode {
    if logging {
        telling::tell_end(error);
    } else {
        // Where nobody reads it, the exit code says it.
        let _ = writeln!(io::stderr(), "ntp-daemon: {error}");
    }
    error.exit_code.into()
}

#[cfg(test)]
mod tests;
