//! Stream sockets with a name in the file system: bound safely, served within bounds, removed at the end. Knows no protocol.

mod crowd;

use crowd::Crowd;
use std::fs::{self, Metadata, Permissions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Clients that the kernel keeps waiting.
const BACKLOG: u32 = 64;
/// The permission that connecting takes, for everybody.
const EVERYBODY: u32 = 0o002;
/// After a failed accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Who has connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// Whether it is root, the socket's owner, or let in by more than the permission bits for everybody.
    pub is_chosen: bool,
}

/// A socket that is listened on; its file goes away with it.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    file: SocketFile,
}

impl Listener {
    /// Binds `path` with these permission bits, in the place of a socket that nobody listens on any more.
    ///
    /// Nobody can connect before the permissions are set: the socket listens only then.
    ///
    /// # Errors
    /// What is wrong and what to do, for people.
    pub async fn bind(path: &Path, permissions: u32) -> Result<Self, String> {
        let told = |what: &str, error: &io::Error| format!("{}: {what}: {error}", path.display());
        make_directory(path)?;
        let socket = match try_bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path).await?;
                try_bind(path)
            }
            tried => tried,
        };
        let socket = socket.map_err(|error| {
            told("this socket cannot be created", &error)
                + "; give the daemon's user the right to write to its directory, or change the path"
        })?;
        let file = SocketFile::of(path).map_err(|error| told("this socket has vanished", &error))?;
        fs::set_permissions(path, Permissions::from_mode(permissions))
            .map_err(|error| told("its permissions cannot be set", &error))?;
        let socket = socket.listen(BACKLOG).map_err(|error| told("it cannot be listened on", &error))?;
        Ok(Self { socket, file })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Gives every connection to `client` until told to stop; a bounded number at a time, each for at most so long.
    pub async fn serve<C, F>(self, stop: CancellationToken, patience: Duration, client: C)
    where
        C: Fn(UnixStream, Peer) -> F,
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let mut crowd = Crowd::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = crowd.ended() => {}
                accepted = self.accept() => match accepted {
                    Ok((stream, peer)) => {
                        crowd.admit(peer.uid, patience, client(stream, peer));
                        // Who has asked already is answered before the next one comes.
                        yield_now().await;
                    }
                    Err(error) => {
                        tracing::debug!("Cannot accept a local client: {error}");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
    }
}

impl Listener {
    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.socket.accept().await?;
        let uid = stream.peer_cred()?.uid();
        let is_chosen = uid == 0 || self.file.lets_in(uid);
        Ok((stream, Peer { uid, is_chosen }))
    }
}

fn try_bind(path: &Path) -> io::Result<UnixSocket> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    Ok(socket)
}

/// The last directory of the path, if only that one is missing, as `/run/ntpd-rs` is after a restart.
fn make_directory(path: &Path) -> Result<(), String> {
    let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) else { return Ok(()) };
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !directory.is_dir() => Err(format!(
            "{}: the directory for this socket cannot be created: {error}; create it, or change the path",
            path.display()
        )),
        _ => Ok(()),
    }
}

/// Removes what a dead daemon left behind, and nothing else.
async fn remove_stale(path: &Path) -> Result<(), String> {
    let name = path.display();
    let metadata = fs::symlink_metadata(path).map_err(|error| format!("{name}: {error}"))?;
    if !metadata.file_type().is_socket() {
        return Err(format!("{name}: this is no socket; remove it, or change the path"));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|error| format!("{name}: an old socket cannot be removed: {error}; remove it by hand")),
        _ => Err(format!("{name}: another daemon listens there; stop it, or change the path")),
    }
}

/// The name of a socket; removed when dropped, unless another socket has it by then.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) })
    }

    /// Who could connect was let in by the kernel: as its owner or as one of its group, unless everybody is.
    fn lets_in(&self, uid: u32) -> bool {
        let metadata = fs::symlink_metadata(&self.path);
        metadata.is_ok_and(|file| file.uid() == uid || file.permissions().mode() & EVERYBODY == 0)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|now| identity(&now) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("{}: this socket cannot be removed: {error}", self.path.display());
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests;
