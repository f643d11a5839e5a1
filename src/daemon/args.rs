//! The command line of `ntp-daemon`, and how every program of ours refuses a bad one. Does nothing with it.

use super::startup_error::Failure;
use crate::config::{HostPort, check_log_filter, parse_listen};
use crate::logging::Format;
use clap::Parser;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Keeps the system clock right with the Network Time Protocol, and serves time
#[derive(Debug, Clone, Parser)]
#[command(name = "ntp-daemon", version, disable_version_flag = true)]
pub struct Args {
    /// Configuration file [default: /etc/ntpd-rs/ntp.toml]
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Log level, or filter like info,ntpd_rs::engine=debug; goes before log-level in the configuration
    #[arg(short = 'l', long = "log-level", value_name = "LEVEL|FILTER", env = "NTP_LOG", value_parser = log_filter)]
    pub log_filter: Option<String>,

    /// Looks of the log: full, compact, pretty or json [default: the journal's own where it is connected, else full]
    #[arg(long, value_name = "FORMAT", env = "NTP_LOG_FORMAT", value_parser = log_format)]
    log_format: Option<String>,

    /// Ask this server instead of the configured sources; may be given several times
    #[arg(short = 'p', long = "peer", value_name = "ADDRESS")]
    pub peers: Vec<HostPort>,

    /// Serve time at this address instead of the configured ones; may be given several times
    #[arg(short = 's', long = "server", value_name = "ADDRESS", value_parser = parse_listen)]
    pub servers: Vec<SocketAddr>,

    /// Measure and serve, and never touch the clock
    #[arg(long)]
    pub no_clock_control: bool,

    /// Set the clock once, as soon as enough sources agree, and end: 0 if it was set or right, 1 if not. Serves nobody
    #[arg(long)]
    pub once: bool,

    /// With --once: give up after this long
    #[arg(long, value_name = "SECONDS", requires = "once", value_parser = duration, default_value = "60", allow_negative_numbers = true)]
    pub timeout: Duration,

    /// Print version
    #[arg(short = 'v', long, short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// An empty variable in the environment means nothing, as if it were not there.
fn log_filter(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        check_log_filter(text)?;
    }
    Ok(text.to_owned())
}

/// The same for the format.
fn log_format(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        text.parse::<Format>()?;
    }
    Ok(text.to_owned())
}

impl Args {
    /// The looks of the log, if somebody chose them.
    pub fn log_format(&self) -> Option<Format> {
        self.log_format.as_deref().and_then(|word| word.parse().ok())
    }
}

/// A number of seconds above 0.
///
/// # Errors
/// What to write.
pub fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    number.ok_or_else(|| "write a number of seconds above 0, such as 0.05".to_owned())
}

/// The same, as programs count it.
///
/// # Errors
/// What to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(seconds(text)?).map_err(|error| error.to_string())
}

/// Parses a command line. What is to be printed (help, version, or what is wrong and the usage) is printed here.
///
/// # Errors
/// The exit code to end with: 0 after help and version, 78 after a mistake.
pub fn parse<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, ExitCode> {
    P::try_parse_from(arguments).map_err(|error| {
        // Where nobody reads the message, there is nobody to tell that either.
        let _ = error.print();
        if !error.use_stderr() {
            return ExitCode::SUCCESS;
        }
        // A value that is wrong gets no usage from clap.
        if !error.to_string().contains("Usage: ") {
            let _ = writeln!(io::stderr(), "\n{}", P::command().render_usage());
        }
        Failure::Configuration.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Result<Args, String> {
        Args::try_parse_from(line.split_whitespace()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_documented_option_is_read() {
        let read = args(
            "ntp-daemon -c /c -l debug --log-format json -p a -p [::1]:1123 -s 127.0.0.1 --server [::]:1123 \
             --no-clock-control",
        )
        .unwrap();
        assert_eq!((read.log_format(), read.no_clock_control), (Some(Format::Json), true));
        assert_eq!((read.config, read.log_filter.as_deref()), (Some("/c".into()), Some("debug")));
        assert_eq!(read.peers, ["a".parse().unwrap(), "[::1]:1123".parse().unwrap()]);
        assert_eq!(read.servers, ["127.0.0.1:123".parse().unwrap(), "[::]:1123".parse().unwrap()]);
    }

    #[test]
    fn a_bad_flag_is_told_with_the_usage() {
        for (line, reason) in [
            ("ntp-daemon --no-clock", "unexpected argument '--no-clock'"),
            ("ntp-daemon -l inof", "`inof` is no log level"),
            ("ntp-daemon --log-format yaml", "write full, compact, pretty or json"),
            ("ntp-daemon -p a:0", "`0` is no port"),
            ("ntp-daemon -s localhost", "no address to listen on"),
            ("ntp-daemon -p", "a value is required"),
            ("ntp-daemon --timeout 5", "--once"),
            ("ntp-daemon --once --timeout 0", "write a number of seconds above 0"),
        ] {
            let error = args(line).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(error.contains("Usage: ntp-daemon") || error.contains("try '--help'"), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_means_nothing() {
        assert_eq!((log_format(""), log_filter("")), (Ok(String::new()), Ok(String::new())));
    }

    #[test]
    fn both_spellings_ask_for_the_version() {
        for flag in ["-v", "-V", "--version"] {
            assert!(args(&format!("ntp-daemon {flag}")).unwrap_err().contains(env!("CARGO_PKG_VERSION")));
        }
    }
}
