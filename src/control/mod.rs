//! The control socket: commands in, one reply each. Who may connect is the socket's permissions' to say.
//!
//! A client writes one JSON object on a line and reads one; then the daemon closes.

mod client;
mod protocol;

pub use client::{SendError, send};
pub use protocol::{Reply, Request};

use crate::command::Command;
use crate::snapshot::{Snapshot, SyncState};
use crate::unix_socket::Listener;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Far more than any request needs.
const LONGEST_REQUEST: u64 = 64 << 10;

/// Answers whoever connects, until told to stop; then the socket's file is gone.
///
/// The snapshot tells which commands cannot succeed, so that the client hears why at once.
pub async fn serve(
    listener: Listener,
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: CancellationToken,
) {
    let answer = |stream| converse(stream, commands.clone(), Arc::clone(&snapshots.borrow()));
    listener.serve(stop, answer).await;
}

async fn converse(
    stream: UnixStream,
    commands: mpsc::Sender<Command>,
    snapshot: Arc<Snapshot>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    (&mut stream).take(LONGEST_REQUEST).read_until(b'\n', &mut line).await?;
    let reply = match serde_json::from_slice(&line) {
        Ok(request) => obey(request, &commands, &snapshot).await,
        Err(error) => Reply::refused(format!("this is no request that this daemon knows: {error}")),
    };
    let mut reply = serde_json::to_vec(&reply)?;
    reply.push(b'\n');
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

async fn obey(request: Request, commands: &mpsc::Sender<Command>, snapshot: &Snapshot) -> Reply {
    let command = match request {
        Request::ForceSync {} => match why_not_sync(snapshot) {
            Some(reason) => return Reply::refused(reason),
            None => Command::ForceSync,
        },
    };
    match commands.send(command).await {
        Ok(()) => Reply::Accepted,
        Err(_) => Reply::refused("the daemon is ending"),
    }
}

fn why_not_sync(snapshot: &Snapshot) -> Option<String> {
    let system = &snapshot.system;
    if !system.controls_clock {
        return Some("this daemon does not control the clock (`clock-control` in [clock])".to_owned());
    }
    let needed = system.minimum_agreeing_sources;
    match system.state {
        SyncState::NoSources => Some("no sources are configured".to_owned()),
        SyncState::TooFewSources => Some(format!(
            "fewer sources are configured than must agree: add sources, or lower `minimum-agreeing-sources` = {needed}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
