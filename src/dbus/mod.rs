//! The daemon on the system bus: `org.freedesktop.timesync1`, as timedatectl knows it, and our own `org.ntpd_rs1`.
//!
//! Values are computed for each call from a snapshot. A bus that is not there, comes late, goes away or refuses the names is no reason
//! to wait for it or to end. Calls are answered one after the other and read no faster than that, so that whoever calls more often than
//! we answer fills the bus's queue, where he has his own limits, and not ours.

mod call;
mod changes;
mod conversion;
mod fault;
mod host;
mod introspection;
mod log_control;
mod names;
mod ntpd_rs1;
mod orders;
mod polkit;
mod service;
mod socket;
mod table;
mod timesync1;
mod view;

use crate::asking::Asker;
use crate::snapshot::Snapshot;
use crate::time::Now;
use host::Host;
use service::Service;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use zbus::MessageStream;
use zbus::connection::Builder;

/// What the bus is served from.
#[derive(Debug)]
pub struct Seams<N> {
    /// The way out.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The way in.
    pub asker: Asker,
    /// Reads the clocks.
    pub now: N,
    /// Where the log goes, in a word.
    pub log_target: &'static str,
}

/// A machine that has just begun may have its bus in a moment.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// One that has no bus is asked so seldom that it does not matter.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A connection that lasted so long was none that fails over and over.
const LASTING: Duration = Duration::from_secs(60);
/// For the bus to say that we are there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that have been read and wait for their answer.
const QUEUE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// Serves until told to stop, on whatever bus there is.
pub async fn serve<N: Fn() -> Now + Send>(mut seams: Seams<N>, stop: CancellationToken) {
    let mut host = Host::new(Path::new("/"), seams.log_target);
    let mut told = None;
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        let end = tokio::select! {
            () = stop.cancelled() => return,
            end = serve_once(&mut seams, &mut host) => end,
        };
        if began.elapsed() > LASTING {
            pause = FIRST_PAUSE;
        }
        // A machine without a bus is told of once; a bus that comes and goes, each time.
        if told.as_ref() != Some(&end) || end.is_loss() {
            end.tell();
        }
        told = Some(end);
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Connects and serves until the bus goes away.
async fn serve_once<N: Fn() -> Now + Send>(seams: &mut Seams<N>, host: &mut Host) -> End {
    let connecting = async {
        let socket = socket::connect().await.map_err(End::unreachable)?;
        let connection = Builder::socket(socket).max_queued(QUEUE).build().await;
        // Nothing is awaited between the two, so that no call is read before there is somebody to answer it.
        connection.map(MessageStream::from).map_err(|error| End::Refused(error.to_string()))
    };
    match timeout(PATIENCE, connecting).await {
        Ok(Ok(messages)) => match Service::new(seams, host, messages).run().await {
            Ok(()) => End::Lost(None),
            Err(error) => End::Lost(Some(error.to_string())),
        },
        Ok(Err(end)) => end,
        Err(_) => End::Refused(format!("it has not answered in {} seconds", PATIENCE.as_secs())),
    }
}

/// How a try ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// This machine has no bus, or not yet.
    Absent(String),
    /// It lets us not in.
    Refused(String),
    /// It was there.
    Lost(Option<String>),
}

impl End {
    fn unreachable(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Self::Absent(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }

    const fn is_loss(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    fn tell(&self) {
        match self {
            Self::Absent(why) => {
                tracing::debug!("There is no system bus ({why}); looked for again from time to time")
            }
            Self::Refused(why) => {
                tracing::info!("Not on the system bus: {why}; tried again from time to time")
            }
            Self::Lost(None) => tracing::info!("The system bus has gone away; looked for again"),
            Self::Lost(Some(why)) => tracing::info!("The system bus has gone away ({why}); looked for again"),
        }
    }
}
