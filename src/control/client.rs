//! Asking over the control socket. Blocks, with limits on time and size; for programs, not for the daemon.

use super::protocol::{Reply, Request};
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the daemon may be silent, beyond what it may take for what is asked.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest reply that is read.
const LONGEST_REPLY: u64 = 16 << 20;

/// Why there is no reply.
#[derive(Debug)]
pub struct SendError {
    path: PathBuf,
    /// What the system or the reply says.
    pub error: io::Error,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, error } = self;
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => {
                write!(
                    f,
                    "no daemon: there is no control socket at {path}; start ntp-daemon, or set `path` in [control]"
                )
            }
            io::ErrorKind::ConnectionRefused => {
                write!(f, "no daemon: nobody listens at {path} any more; start ntp-daemon")
            }
            io::ErrorKind::PermissionDenied => {
                write!(
                    f,
                    "not permitted to control the daemon at {path}; run this as root, or as a member of the socket's group"
                )
            }
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                write!(f, "the daemon at {path} does not answer; see its log")
            }
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                write!(f, "the daemon at {path} closed without an answer; see its log for what came of it")
            }
            _ => write!(f, "cannot control the daemon at {path}: {error}"),
        }
    }
}

impl std::error::Error for SendError {}

/// Asks once.
///
/// # Errors
/// What is wrong and what to do, for people. A refusal is a reply.
pub fn send(path: &Path, request: &Request) -> Result<Reply, SendError> {
    converse(path, request).map_err(|error| SendError { path: path.to_owned(), error })
}

fn converse(path: &Path, request: &Request) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(request.patience() + PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = Vec::new();
    stream.take(LONGEST_REPLY).read_to_end(&mut reply)?;
    if reply.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&reply)?)
}
