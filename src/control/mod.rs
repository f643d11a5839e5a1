//! The control socket: commands and questions in, one reply each. Who may connect is the socket's permissions' to say.
//!
//! A client writes one JSON object on a line and reads one; then the daemon closes.

mod client;
mod clients;
mod protocol;

pub use client::{SendError, send};
pub use clients::{Client, ListenerClients, MOST_CLIENTS};
pub use protocol::{Reply, Request};

use crate::asking::Asker;
use crate::command::Command;
use crate::unix_socket::Listener;
use std::future::Future;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

/// Far more than any request needs.
const LONGEST_REQUEST: u64 = 64 << 10;

/// Answers whoever connects, until told to stop; then the socket's file is gone.
///
/// `clients` finds the given number of clients that ask most, at each listener.
pub async fn serve<C, F>(listener: Listener, asker: Asker, clients: C, stop: CancellationToken)
where
    C: Fn(usize) -> F + Clone + Send + 'static,
    F: Future<Output = Vec<ListenerClients>> + Send,
{
    let answer = |stream| {
        let (asker, clients) = (asker.clone(), clients.clone());
        converse(stream, async move |request| obey(request, &asker, clients).await)
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
    asker: &Asker,
    clients: impl FnOnce(usize) -> F,
) -> Reply {
    let answer = match request {
        Request::ForceSync {} => asker.commands.ask(Command::ForceSync).await,
        Request::Clients { limit } if limit > MOST_CLIENTS => {
            Err(format!("no more than {MOST_CLIENTS} clients are told at once"))
        }
        Request::Clients { limit } => return Reply::Clients { listeners: clients(limit).await },
    };
    answer.map_or_else(Reply::refused, |()| Reply::Accepted)
}

#[cfg(test)]
mod tests;
