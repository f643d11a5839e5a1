//! `ntp-ctl completions`: the three programs' command lines, for the completion of shells and for manual pages. Runs none of them.

use super::args::Args;
use super::{Outcome, metrics_exporter, print};
use crate::daemon;
use crate::daemon::startup_error::StartupError;
use clap::{CommandFactory, ValueEnum};
use clap_complete::{Generator, Shell};
use std::io;

/// A program of this package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Program {
    /// This one
    #[default]
    NtpCtl,
    /// The daemon
    NtpDaemon,
    /// The exporter of metrics
    NtpMetricsExporter,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 3] = [Self::NtpCtl, Self::NtpDaemon, Self::NtpMetricsExporter];

    /// As it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NtpCtl => "ntp-ctl",
            Self::NtpDaemon => "ntp-daemon",
            Self::NtpMetricsExporter => "ntp-metrics-exporter",
        }
    }

    /// Its command line, as it is parsed.
    pub fn command(self) -> clap::Command {
        match self {
            Self::NtpCtl => Args::command(),
            Self::NtpDaemon => daemon::args::Args::command(),
            Self::NtpMetricsExporter => metrics_exporter::Args::command(),
        }
    }

    /// What a shell reads to complete its command line.
    ///
    /// # Errors
    /// None that is known: only writing can fail, and this is written to memory.
    pub fn completions(self, shell: Shell) -> io::Result<String> {
        let mut command = self.command();
        command.set_bin_name(self.name());
        command.build();
        let mut text = Vec::new();
        shell.try_generate(&command, &mut text)?;
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        // For bash, clap_complete 4.6 spells a name with a hyphen in two ways, and no command is found (its issue 6421).
        Ok(match shell {
            Shell::Bash => {
                text.replace(&self.name().replace('-', "__subcmd__"), &self.name().replace('-', "__"))
            }
            _ => text,
        })
    }
}

/// Prints what `shell` reads.
pub(super) fn run(program: Program, shell: Shell) -> Outcome {
    let failed = |error| StartupError::other(format!("cannot be written: {error}"));
    print(&program.completions(shell).map_err(failed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_every_program_and_its_long_options() {
        for (program, shell) in
            Program::ALL.into_iter().flat_map(|p| Shell::value_variants().iter().map(move |s| (p, *s)))
        {
            let text = program.completions(shell).unwrap();
            assert!(text.contains(program.name()), "{shell}: {text}");
            for option in program.command().get_arguments().filter_map(clap::Arg::get_long) {
                assert!(text.contains(option), "{shell} does not know --{option} of {}", program.name());
            }
        }
    }

    #[test]
    fn a_name_on_the_command_line_is_the_programs_own() {
        for program in Program::ALL {
            assert_eq!(Program::from_str(program.name(), false), Ok(program));
            assert_eq!(program.command().get_name(), program.name());
        }
    }
}
