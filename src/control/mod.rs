//! The control socket: commands and questions in, one reply each.
//!
//! A client writes one JSON object on a line and reads one; then the daemon closes. Who may connect is the socket's permissions' to say,
//! with one exception: what lets everybody in lets nobody command a clock.

mod client;
mod clients;
mod meaning;
mod protocol;

pub use client::{SendError, send};
pub use clients::{Client, ListenerClients, MOST_CLIENTS};
pub use protocol::{Reply, Request};

use crate::asking::Asker;
use crate::unix_socket::{Listener, Peer};
use meaning::Meaning;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far more than any request needs.
const LONGEST_REQUEST: u64 = 64 << 10;
/// How long a client may take to write, and to read.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers whoever connects, until told to stop; then the socket's file is gone.
///
/// `clients` finds the given number of clients that ask most, at each listener.
pub async fn serve<C, F>(listener: Listener, asker: Asker, clients: C, stop: CancellationToken)
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Vec<ListenerClients>> + Send,
{
    let answer = |stream, peer| {
        let (asker, clients) = (asker.clone(), clients.clone());
        converse(stream, peer, async move |request| obey(request, peer, &asker, clients).await)
    };
    listener.serve(stop, 2 * PATIENCE + protocol::LONGEST, answer).await;
}

async fn converse(
    stream: UnixStream,
    peer: Peer,
    obey: impl AsyncFnOnce(Request) -> Reply,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    timeout(PATIENCE, (&mut stream).take(LONGEST_REQUEST).read_until(b'\n', &mut line)).await??;
    let reply = match serde_json::from_slice::<Request>(&line) {
        Ok(_) if !peer.is_chosen => Reply::refused(NOT_CHOSEN),
        Ok(request) => {
            let patience = request.patience();
            timeout(patience, obey(request)).await?
        }
        Err(error) => Reply::refused(format!("this is no request that this daemon knows: {error}")),
    };
    let mut reply = serde_json::to_vec(&reply)?;
    reply.push(b'\n');
    timeout(PATIENCE, stream.write_all(&reply)).await??;
    stream.shutdown().await
}

async fn obey<F: Future<Output = Vec<ListenerClients>>>(
    request: Request,
    peer: Peer,
    asker: &Asker,
    clients: impl FnOnce(usize) -> F,
) -> Reply {
    let told = request.to_string();
    let answer = match Meaning::of(request) {
        Ok(Meaning::Clients(limit)) => return Reply::Clients { listeners: clients(limit).await },
        Ok(Meaning::Command(command)) => asker.commands.ask(command).await,
        Ok(Meaning::Service(order)) => asker.service.ask(order).await,
        Err(reason) => Err(reason),
    };
    match answer {
        Ok(()) => {
            tracing::info!("Done for user {} by the control socket: {told}", peer.uid);
            Reply::Accepted
        }
        Err(reason) => Reply::refused(reason),
    }
}

const NOT_CHOSEN: &str = "the permissions of this socket let everybody in, so only root and the daemon's own user are \
                          obeyed; run `chmod o-w` on it, and everybody in its group is too";

#[cfg(test)]
mod tests;
