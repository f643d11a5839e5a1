//! `ntp-ctl status --check`: is the clock right, in one line and by the exit code, for programs that watch. Shows no more.

use super::status::not_read;
use super::{print, sockets};
use crate::daemon::startup_error::StartupError;
use crate::observation::{self, Judgement, ReadError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Asks once and says the line, on standard output whatever it is: 0 the clock is right, 1 it is not, 2 no daemon answers.
///
/// # Errors
/// What keeps the question from being asked: a wrong configuration (78), no right to ask (77).
pub(super) fn run(
    config: Option<&Path>,
    socket: Option<&Path>,
    max_error: Option<f64>,
) -> Result<ExitCode, StartupError> {
    let socket = place(config, socket)?;
    let (code, line) = match observation::read(&socket) {
        Ok(state) => {
            let Judgement { is_right, line } = state.judge(max_error);
            (if is_right { RIGHT } else { NOT_RIGHT }, line)
        }
        Err(error) if is_denied(&error) => return Err(not_read(&error)),
        Err(error) => (NO_ANSWER, error.to_string()),
    };
    print(&(line + "\n"))?;
    Ok(code.into())
}

/// The socket that is named, or configured.
pub(super) fn place(config: Option<&Path>, socket: Option<&Path>) -> Result<PathBuf, StartupError> {
    match socket {
        Some(socket) => Ok(socket.to_owned()),
        None => Ok(sockets::observation(&sockets::configuration(config)?)),
    }
}

pub(super) fn is_denied(error: &ReadError) -> bool {
    error.error.kind() == io::ErrorKind::PermissionDenied
}

const RIGHT: u8 = 0;
const NOT_RIGHT: u8 = 1;
const NO_ANSWER: u8 = 2;
