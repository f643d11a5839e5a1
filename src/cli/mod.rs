//! ntp-ctl: one file per command. Reads the daemon's sockets, never its memory.
//!
//! `ntp-metrics-exporter` lives here too: it is another reader of the same socket.

mod args;
mod burst;
mod check;
mod clients;
mod completions;
mod early;
mod force_sync;
mod log_level;
mod metrics_exporter;
mod online;
mod panic_threshold;
mod query;
mod reload;
mod sockets;
mod source;
mod status;
mod validate;
mod wait_sync;
mod watch;

pub use completions::Program;
pub use metrics_exporter::run as run_metrics_exporter;

use crate::daemon::args::parse;
use crate::daemon::startup_error::StartupError;
use crate::time::quantity;
use args::{Args, Command, Format};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a command comes to.
type Outcome = Result<(), StartupError>;

/// Runs `ntp-ctl` with this command line.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match parse::<Args>(arguments) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let config = args.config.as_deref();
    exit_code(match &args.command {
        Command::Validate { text_only } => validate::run(config, *text_only),
        Command::Status { check: true, max_error, observation, .. } => {
            return check::run(config, observation.as_deref(), *max_error)
                .unwrap_or_else(|error| exit_code(Err(error)));
        }
        Command::Query(query) => {
            return query::run(query).unwrap_or_else(|error| exit_code(Err(error)));
        }
        Command::Status { format, observation, .. } => status::run(config, observation.as_deref(), *format),
        Command::WaitSync { max_error, timeout, observation } => {
            wait_sync::run(config, observation.as_deref(), *max_error, *timeout)
        }
        Command::Clients { number, format } => clients::run(config, *number, *format),
        Command::ForceSync { yes } => force_sync::run(config, *yes),
        Command::Watch { interval, observation } => watch::run(config, observation.as_deref(), *interval),
        Command::Source { command } => source::run(config, command),
        Command::Online { name } => online::run(config, name.as_deref(), true),
        Command::Offline { name } => online::run(config, name.as_deref(), false),
        Command::Burst { name } => burst::run(config, name.as_deref()),
        Command::PanicThreshold { forward, backward } => panic_threshold::run(config, *forward, *backward),
        Command::LogLevel { filter, .. } => log_level::run(config, filter.as_deref()),
        Command::Reload => reload::run(config),
        Command::Sources => early::sources(config),
        Command::System => early::system(config),
        Command::Prometheus => status::run(config, None, Format::Prometheus),
        Command::Config { log_filter, panic_threshold } => {
            early::set(config, log_filter.as_deref(), *panic_threshold)
        }
        Command::Completions { shell, program } => completions::run(*program, *shell),
    })
}

/// Tells what went wrong, and gives the code to end with.
fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.message);
            error.exit_code.into()
        }
    }
}

/// To standard error. Where nobody reads it, there is nobody to tell that.
fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// To standard output. A reader that has seen enough (`head`) is no error.
fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(StartupError::other(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
