//! The observation socket's JSON, as 1.x wrote it and more. Read-only.
//!
//! On connect the daemon writes the length as a big-endian u64, then one JSON object, and closes; it never reads.

mod client;
mod convert;
mod judgement;
mod state;

pub use client::{ReadError, ask, read};
pub use judgement::Judgement;
pub(crate) use judgement::MEASURED;
pub use state::{
    KeyExchangeServer, LeapIndicator, MasterKeys, Program, Server, ServerStats, Source, SourceNts, State,
    System, Timestamp, WorkerStats,
};

use crate::snapshot::Snapshot;
use crate::time::Now;
use crate::unix_socket::Listener;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest message that a reader accepts; a daemon with thousands of sources stays far below.
const LONGEST_MESSAGE: u64 = 16 << 20;
/// How long a reader may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes the newest snapshot to whoever connects, until told to stop; then the socket's file is gone.
///
/// `now` reads the clocks: what has grown since the snapshot is computed for the reader.
pub async fn serve(
    listener: Listener,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    now: impl Fn() -> Now,
    stop: CancellationToken,
) {
    let answer = |mut stream: tokio::net::UnixStream, _| {
        // Only the cheap clone of the snapshot happens under the channel's lock.
        let snapshot = Arc::clone(&snapshots.borrow());
        let state = State::new(&snapshot, now());
        async move {
            stream.write_all(&encode(&state)?).await?;
            stream.shutdown().await
        }
    };
    listener.serve(stop, PATIENCE, answer).await;
}

/// The whole message: length and JSON.
///
/// # Errors
/// Only if the state cannot be written as JSON.
pub fn encode(state: &State) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(state)?;
    let length = u64::try_from(json.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes(), json.as_slice()].concat())
}

#[cfg(test)]
mod tests;
