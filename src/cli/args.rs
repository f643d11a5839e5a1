//! The command line of `ntp-ctl`. Does nothing with it.

mod source;

pub(super) use source::{New, SourceCommand};

use super::completions::Program;
use super::query::Query;
use crate::daemon::args::{duration, seconds};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// Shows and controls the NTP daemon
#[derive(Debug, Parser)]
#[command(name = "ntp-ctl", version, disable_version_flag = true)]
pub(super) struct Args {
    /// Configuration file, also to find the daemon's sockets [default: /etc/ntpd-rs/ntp.toml]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// Print version
    #[arg(short = 'v', long, short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check a configuration file and the files that it names, and tell everything that is wrong
    Validate {
        /// Leave alone the files that it names, such as certificates: they may be on another machine
        #[arg(long)]
        text_only: bool,
    },
    /// Show whether the clock is right, and every source
    Status {
        /// Looks of the output
        #[arg(short, long, value_enum, default_value_t)]
        format: Format,
        /// The daemon's observation socket [default: as configured]
        #[arg(short, long, value_name = "SOCKET")]
        observation: Option<PathBuf>,
        /// Say in one line whether the clock is right, and end with 0 if it is, 1 if not, 2 if no daemon answers
        #[arg(long, conflicts_with = "format")]
        check: bool,
        /// With --check: right is only a clock that cannot be further off than this
        #[arg(long, value_name = "SECONDS", requires = "check", value_parser = seconds, allow_negative_numbers = true)]
        max_error: Option<f64>,
    },
    /// Show whether the clock is right, every source, and the offset over time, as they change
    Watch {
        /// Between two looks
        #[arg(short, long, value_name = "SECONDS", value_parser = duration, default_value = "1", allow_negative_numbers = true)]
        interval: Duration,
        /// The daemon's observation socket [default: as configured]
        #[arg(short, long, value_name = "SOCKET")]
        observation: Option<PathBuf>,
    },
    /// Wait until the clock is right, by the rule of `status --check`
    WaitSync {
        /// Right is only a clock that cannot be further off than this
        #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
        max_error: Option<f64>,
        /// Give up after this long, and end with 1 [default: never]
        #[arg(long, value_name = "SECONDS", value_parser = duration, allow_negative_numbers = true)]
        timeout: Option<Duration>,
        /// The daemon's observation socket [default: as configured]
        #[arg(short, long, value_name = "SOCKET")]
        observation: Option<PathBuf>,
    },
    /// Ask servers for the time once, and show what they say: 0 all answered, 1 some did not. Needs no daemon, and sets no clock
    Query(Query),
    /// Show the clients that ask the server most (`client-statistics` in [[server]])
    Clients {
        /// So many of each listener
        #[arg(short, long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        number: u16,
        /// Looks of the output
        #[arg(short, long, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Let the daemon measure every source now and step the clock
    ForceSync {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// List, add, remove or mark sources of a daemon that runs
    Source {
        #[command(subcommand)]
        command: SourceCommand,
    },
    /// Let the daemon ask sources again that were left alone
    Online {
        /// As listed [default: all]
        name: Option<String>,
    },
    /// Let the daemon leave sources alone: there is no network, or it costs
    Offline {
        /// As listed [default: all, and those that come later]
        name: Option<String>,
    },
    /// Let the daemon measure now, several times in short intervals
    Burst {
        /// As listed [default: all]
        name: Option<String>,
    },
    /// Say how far a single step may move the clock, until the configuration is read again
    PanicThreshold {
        /// Seconds, or inf
        #[arg(value_name = "SECONDS", value_parser = threshold, allow_negative_numbers = true)]
        forward: f64,
        /// The same for steps back [default: both ways alike]
        #[arg(value_name = "BACKWARD", value_parser = threshold, allow_negative_numbers = true)]
        backward: Option<f64>,
    },
    /// Let the daemon log more or less, until the configuration is read again
    LogLevel {
        /// A level like debug, or a filter
        #[arg(required_unless_present = "default")]
        filter: Option<String>,
        /// As it is configured
        #[arg(long, conflicts_with = "filter")]
        default: bool,
    },
    /// Let the daemon read its configuration again, and wait for what comes of it
    Reload,
    /// As in early 1.x: part of `status -f json`
    #[command(hide = true, alias = "peers")]
    Sources,
    /// As in early 1.x: part of `status -f json`
    #[command(hide = true)]
    System,
    /// As in early 1.x: `status -f prometheus`
    #[command(hide = true)]
    Prometheus,
    /// As in early 1.x: `log-level` and `panic-threshold`
    #[command(hide = true)]
    Config {
        /// As `log-level`
        #[arg(long, value_name = "FILTER")]
        log_filter: Option<String>,
        /// As `panic-threshold`
        #[arg(long, value_name = "SECONDS", value_parser = threshold)]
        panic_threshold: Option<f64>,
    },
    /// Print what a shell reads to complete command lines of these programs
    Completions {
        /// The shell that is to read it
        shell: Shell,
        /// The program whose command line is completed
        #[arg(long, value_name = "PROGRAM", value_enum, default_value_t)]
        program: Program,
    },
}

/// Of `ntp-ctl clients`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum ListFormat {
    /// For people
    #[default]
    Plain,
    /// Everything, as the control socket gives it
    Json,
}

/// Of `ntp-ctl status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Plain,
    /// Everything, as the observation socket gives it
    Json,
    /// Metrics
    Prometheus,
}

fn threshold(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
    number.ok_or_else(|| "write a number of seconds, not negative, or inf".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_may_be_named_before_and_after_the_command() {
        for line in [["ntp-ctl", "-c", "/c", "validate"], ["ntp-ctl", "validate", "-c", "/c"]] {
            assert_eq!(Args::try_parse_from(line).unwrap().config, Some("/c".into()));
        }
    }

    #[test]
    fn an_error_or_a_timeout_is_a_number_of_seconds_above_0() {
        for line in ["status --check --max-error", "wait-sync --max-error", "wait-sync --timeout"] {
            let read = |value: &str| {
                let words = ["ntp-ctl"].into_iter().chain(line.split(' ')).chain([value]);
                Args::try_parse_from(words).map_err(|error| error.to_string())
            };
            for good in ["5", "0.05", "1e-3"] {
                assert!(read(good).is_ok(), "{line} {good}: {:?}", read(good));
            }
            for bad in ["0", "-1", "-0.5", "NaN", "inf", "1e400", "5 ms", "soon", ""] {
                let error = read(bad).unwrap_err();
                assert!(error.contains("write a number of seconds above 0"), "{line} {bad}: {error}");
            }
        }
        assert!(Args::try_parse_from(["ntp-ctl", "wait-sync", "--timeout", "1e300"]).is_err());
    }

    #[test]
    fn what_belongs_to_the_check_is_not_taken_for_the_page() {
        for line in ["status --max-error 1", "status --check -f json", "status --timeout 5"] {
            let error = Args::try_parse_from(["ntp-ctl"].into_iter().chain(line.split(' '))).unwrap_err();
            assert!(error.to_string().contains("Usage: ntp-ctl status"), "{error}");
        }
    }

    #[test]
    fn a_bad_command_is_told_with_the_usage() {
        for line in [&["ntp-ctl", "frobnicate"][..], &["ntp-ctl", "status", "-f", "xml"], &["ntp-ctl"]] {
            let error = Args::try_parse_from(line).unwrap_err().to_string();
            assert!(error.contains("Usage: ntp-ctl") || error.contains("possible values"), "{error}");
        }
    }
}
