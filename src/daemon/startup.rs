//! From the command line to a configuration and a running log. Opens no clock and no network socket.

use super::args::Args;
use super::startup_error::StartupError;
use crate::config::{self, ClockControl, Config, Loaded};
use crate::logging;
use std::path::PathBuf;

const DEFAULT_FILTER: &str = "info";

/// What the daemon starts with.
#[derive(Debug)]
pub struct Prepared {
    /// The file's configuration with the command line's changes.
    pub config: Config,
    /// Where it was read; `None` for the built-in default.
    pub config_path: Option<PathBuf>,
    /// To reopen the log file, and to change the filter.
    pub logging: logging::Handle,
    /// What is logged to begin with.
    pub filter: String,
}

/// Loads the configuration, starts logging, and tells what deserves to be told.
///
/// # Errors
/// Exit code 78, with everything that is wrong.
pub fn prepare(args: &Args) -> Result<Prepared, StartupError> {
    let Loaded { config, path, drop_ins, warnings, .. } = load(args)?;
    let logging = start_logging(args, &config)?;
    match &path {
        Some(path) => tracing::info!("Configuration: {}", path.display()),
        None => tracing::info!("Configuration: built in"),
    }
    for drop_in in drop_ins {
        tracing::info!("Configuration, read after it: {}", drop_in.display());
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // Too few sources are the engine's to tell; a file without any is told here, as a missing file is above.
    if let Some(problem) = config.quorum_problem().filter(|_| path.is_some() && config.sources.is_empty()) {
        tracing::warn!("{problem}");
    }
    if let Some(warning) = config.smear_warning() {
        tracing::warn!("{warning}");
    }
    let filter = filter(args, &config).to_owned();
    Ok(Prepared { config, config_path: path, logging, filter })
}

/// Loads the configuration, and puts the command line's sources, listeners and clock control in place of the file's.
///
/// # Errors
/// Exit code 78, with everything that is wrong.
pub fn load(args: &Args) -> Result<Loaded, StartupError> {
    let loaded = config::load(args.config.as_deref());
    let mut loaded = loaded.map_err(|wrong| StartupError::configuration(wrong.to_string()))?;
    // Without a file, the warnings are about sources that are missing: they are not, with -p.
    if loaded.path.is_none() && !args.peers.is_empty() {
        loaded.warnings.clear();
    }
    loaded.config.override_sources(&args.peers);
    loaded.config.override_servers(&args.servers);
    if args.no_clock_control {
        loaded.config.clock_control = ClockControl::No;
    }
    Ok(loaded)
}

fn start_logging(args: &Args, config: &Config) -> Result<logging::Handle, StartupError> {
    let seen = &config.observability;
    let settings = logging::Settings {
        filter: filter(args, config),
        program: "ntp-daemon",
        format: args.log_format(),
        path: seen.log_path.as_deref(),
        ansi_colors: seen.ansi_colors,
    };
    logging::init(&settings).map_err(StartupError::configuration)
}

/// What is logged: the command line's filter goes before the file's.
pub(super) fn filter<'a>(args: &'a Args, config: &'a Config) -> &'a str {
    let given = args.log_filter.as_deref().filter(|filter| !filter.is_empty());
    given.or(config.observability.log_level.as_deref()).unwrap_or(DEFAULT_FILTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::Write;

    #[test]
    fn the_command_line_goes_before_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[[source]]\nmode = \"pool\"\naddress = \"a\"\n[clock]\nclock-control = true\n")
            .unwrap();
        let path = file.path().to_str().unwrap();
        let read = |more: &[&str]| {
            let line = ["ntp-daemon", "-c", path].into_iter().chain(more.iter().copied());
            load(&Args::try_parse_from(line).unwrap()).unwrap().config
        };
        let config = read(&[]);
        assert_eq!((config.sources.len(), config.selectable_sources()), (1, 4));
        assert_eq!(config.clock_control, ClockControl::Yes);
        let config = read(&["-p", "b", "-p", "c", "-s", "127.0.0.1:1123", "--no-clock-control"]);
        assert_eq!((config.sources.len(), config.servers.len()), (2, 1));
        assert_eq!(config.clock_control, ClockControl::No);
    }

    #[test]
    fn a_configuration_that_is_wrong_ends_with_78() {
        let args = Args::try_parse_from(["ntp-daemon", "-c", "/nonexistent/ntp.toml"]).unwrap();
        let error = load(&args).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
        assert!(error.message.contains("/nonexistent/ntp.toml: cannot be read"), "{error}");
    }
}
