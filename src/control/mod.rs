//! The control socket: commands and questions in, one reply each. Who may connect is the socket's permissions' to say.
//!
//! A client writes one JSON object on a line and reads one; then the daemon closes.

mod client;
mod clients;
mod protocol;

pub use client::{SendError, send};
pub use clients::{Client, ListenerClients, MOST_CLIENTS};
pub use protocol::{Reply, Request};

use crate::command::Command;
use crate::snapshot::{Snapshot, SyncState};
use crate::unix_socket::Listener;
use std::future::Future;
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
/// The snapshot tells which commands cannot succeed, so that the client hears why at once. `clients` finds the given number
/// of clients that ask most, at each listener.
pub async fn serve<C, F>(
    listener: Listener,
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    clients: C,
    stop: CancellationToken,
) where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Vec<ListenerClients>> + Send,
{
    let answer = |stream| {
        let (commands, snapshot, clients) =
            (commands.clone(), Arc::clone(&snapshots.borrow()), clients.clone());
        converse(stream, async move |request| obey(request, &commands, &snapshot, clients).await)
    };
    listener.serve(stop, answer).await;
}

async fn converse(stream: UnixStream, obey: impl AsyncFnOnce(Request) -> Reply) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    (&mut stream).take(LONGEST_REQUEST).read_until(b'\n', &mut line).await?;
    let reply = match serde_json::from_slice(&line) {
        Ok(request) => obey(request).await,
        Err(error) => Reply::refused(format!("this is no request that this daemon knows: {error}")),
    };
    let mut reply = serde_json::to_vec(&reply)?;
    reply.push(b'\n');
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

async fn obey<F: Future<Output = Vec<ListenerClients>>>(
    request: Request,
    commands: &mpsc::Sender<Command>,
    snapshot: &Snapshot,
    clients: impl FnOnce(usize) -> F,
) -> Reply {
    let command = match request {
        Request::ForceSync {} => match why_not_sync(snapshot) {
            Some(reason) => return Reply::refused(reason),
            None => Command::ForceSync,
        },
        Request::Clients { limit } if limit > MOST_CLIENTS => {
            return Reply::refused(format!("no more than {MOST_CLIENTS} clients are told at once"));
        }
        Request::Clients { limit } => return Reply::Clients { listeners: clients(limit).await },
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
        SyncState::OrphanParent => {
            Some("this clock is the isolated network's own (`orphan-stratum`)".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
