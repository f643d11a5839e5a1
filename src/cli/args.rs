//! The command line of `ntp-ctl`. Does nothing with it.

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

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
    },
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
    fn a_bad_command_is_told_with_the_usage() {
        for line in [&["ntp-ctl", "frobnicate"][..], &["ntp-ctl", "status", "-f", "xml"], &["ntp-ctl"]] {
            let error = Args::try_parse_from(line).unwrap_err().to_string();
            assert!(error.contains("Usage: ntp-ctl") || error.contains("possible values"), "{error}");
        }
    }
}
