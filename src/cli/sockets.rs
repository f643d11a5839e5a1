//! Where the daemon's sockets are, from the configuration, and how the control socket is asked. Shows nothing.

use super::{Outcome, complain, print};
use crate::config::{self, Config, DEFAULT_OBSERVATION_PATH, LoadError};
use crate::control::{self, Reply, Request};
use crate::daemon::startup_error::{Failure, StartupError};
use std::io;
use std::path::{Path, PathBuf};

/// The configuration, or the default one where the installed file cannot be used: a daemon may run all the same, and
/// its status must be readable by people who may not read its configuration.
///
/// # Errors
/// A file that was named and cannot be used.
pub(super) fn configuration(named: Option<&Path>) -> Result<Config, StartupError> {
    match (config::load(named), named) {
        (Ok(loaded), _) => Ok(loaded.config),
        (Err(error), Some(_)) => Err(StartupError::configuration(error.to_string())),
        (Err(error), None) => {
            let what = match error {
                LoadError::File { .. } => error.to_string(),
                LoadError::Content(_) => {
                    format!("{}: this configuration is wrong; see `ntp-ctl validate`", config::DEFAULT_PATH)
                }
            };
            complain(&format!("{what}\nLooking for the daemon in the default place."));
            Ok(Config::default())
        }
    }
}

/// The observation socket.
pub(super) fn observation(config: &Config) -> PathBuf {
    let path = config.observability.observation_path.clone();
    path.unwrap_or_else(|| PathBuf::from(DEFAULT_OBSERVATION_PATH))
}

/// The control socket: beside the observation socket, where nothing else is said.
pub(super) fn control(config: &Config) -> PathBuf {
    config.control.path.clone().unwrap_or_else(|| observation(config).with_file_name("control"))
}

/// What the daemon answers; exit code 77 without the right to ask it, 1 without a daemon.
pub(super) fn ask(socket: &Path, request: &Request) -> Result<Reply, StartupError> {
    control::send(socket, request).map_err(|error| {
        let denied = error.error.kind() == io::ErrorKind::PermissionDenied;
        let exit_code = if denied { Failure::NotPermitted } else { Failure::Other };
        StartupError { message: error.to_string(), exit_code }
    })
}

/// Has the daemon do it, and tells `done` when it has.
pub(super) fn order(config: Option<&Path>, request: &Request, done: &str) -> Outcome {
    match ask(&control(&configuration(config)?), request)? {
        Reply::Accepted => print(&format!("{done}\n")),
        other => Err(not_done(other)),
    }
}

/// A reply that is not the one that was hoped for.
pub(super) fn not_done(reply: Reply) -> StartupError {
    StartupError::other(match reply {
        Reply::Refused { reason } => format!("the daemon refuses: {reason}"),
        Reply::Accepted | Reply::Clients { .. } => {
            "the daemon answers something else than it was asked".to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_places_even_without_a_configuration() {
        let config = Config::default();
        assert_eq!(observation(&config), Path::new("/run/ntpd-rs/observe"));
        assert_eq!(control(&config), Path::new("/run/ntpd-rs/control"));
    }

    #[test]
    fn a_named_file_that_cannot_be_used_is_an_error() {
        let error = configuration(Some(Path::new("/nonexistent.toml"))).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
    }
}
