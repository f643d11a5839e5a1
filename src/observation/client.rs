//! Reading the observation socket, with limits on time and size; for programs, not for the daemon.

use super::{LONGEST_MESSAGE, State};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the daemon may be silent.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of the length before the message.
const LENGTH_BYTES: u64 = 8;

/// Why there is no state to read.
#[derive(Debug)]
pub struct ReadError {
    path: PathBuf,
    /// What the system or the message says.
    pub error: io::Error,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, error } = self;
        let path = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => write!(
                f,
                "no daemon: there is no observation socket at {path}; start ntp-daemon, or set `observation-path` \
                 in [observability]"
            ),
            io::ErrorKind::ConnectionRefused => {
                write!(f, "no daemon: nobody listens at {path} any more; start ntp-daemon")
            }
            io::ErrorKind::PermissionDenied => write!(
                f,
                "not permitted to read {path}; become another user, or widen `observation-permissions` in \
                 [observability]"
            ),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                write!(f, "the daemon at {path} does not answer; see its log")
            }
            _ => write!(f, "cannot read the daemon's state at {path}: {error}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads the daemon's present state. Blocks, and not inside an asynchronous runtime.
///
/// # Errors
/// What is wrong and what to do, for people.
pub fn read(path: &Path) -> Result<State, ReadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| ReadError { path: path.to_owned(), error })?.block_on(ask(path))
}

/// The same without blocking. Never takes longer than the daemon may be silent: not even where a daemon that hangs has let its queue of
/// clients fill up, in which a connecting call would wait for ever.
///
/// # Errors
/// What is wrong and what to do, for people.
pub async fn ask(path: &Path) -> Result<State, ReadError> {
    let exchange = async {
        let stream = UnixStream::connect(path).await?;
        let mut message = Vec::new();
        stream.take(LONGEST_MESSAGE + LENGTH_BYTES).read_to_end(&mut message).await?;
        decode(message.as_slice())
    };
    let answer = timeout(PATIENCE, exchange).await;
    answer
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| ReadError { path: path.to_owned(), error })
}

/// Reads one message. A length that lies costs no memory: only bytes that arrive are kept.
pub(super) fn decode(mut from: impl Read) -> io::Result<State> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > LONGEST_MESSAGE {
        let message = format!("a message of {length} bytes is longer than {LONGEST_MESSAGE}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut json = Vec::new();
    from.take(length).read_to_end(&mut json)?;
    if u64::try_from(json.len()).ok() != Some(length) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the message ends early"));
    }
    serde_json::from_slice(&json).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
