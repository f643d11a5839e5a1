//! ntp-ctl: one file per command. Reads the daemon's sockets, never its memory.
//!
//! `ntp-metrics-exporter` lives here too: it is another reader of the same socket.

mod args;
mod clients;
mod force_sync;
mod metrics_exporter;
mod quantity;
mod sockets;
mod status;
mod validate;

pub use metrics_exporter::run as run_metrics_exporter;

use crate::daemon::args::parse;
use crate::daemon::startup_error::StartupError;
use args::{Args, Command};
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
    exit_code(match &args.command {
        Command::Validate { text_only } => validate::run(args.config.as_deref(), *text_only),
        Command::Status { format, observation } => {
            status::run(args.config.as_deref(), observation.as_deref(), *format)
        }
        Command::Clients { number, format } => clients::run(args.config.as_deref(), *number, *format),
        Command::ForceSync { yes } => force_sync::run(args.config.as_deref(), *yes),
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
