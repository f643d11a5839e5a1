//! The whole daemon in a thread of its own, as `ntp-daemon` runs it, but for its clock.

use ntpd_rs::config::{Config, HostPort};
use ntpd_rs::daemon::clock::{Clock, ClockReader, Opened, VirtualClock};
use ntpd_rs::daemon::{Daemon, PassedSockets};
use ntpd_rs::snapshot::Snapshot;
use ntpd_rs::time::{Frequency, Span};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A running daemon, to be watched and stopped.
pub(crate) struct Running {
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) clock: ClockReader,
    stop: CancellationToken,
    /// Never sent on: it closes when the daemon ends.
    ended: Receiver<()>,
    thread: JoinHandle<Result<(), String>>,
}

/// What the daemon says when it has started.
type Started = (watch::Receiver<Arc<Snapshot>>, ClockReader);

/// Starts the daemon with these servers and a virtual clock that begins wrong.
pub(crate) fn start(servers: impl Iterator<Item = SocketAddr>) -> io::Result<Running> {
    let mut config = Config::default();
    let servers: Vec<HostPort> =
        servers.map(|at| HostPort { host: at.ip().to_string(), port: at.port() }).collect();
    config.override_sources(&servers);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let (started, starting) = channel();
    let (ending, ended) = channel();
    let thread = std::thread::Builder::new().name("daemon".to_owned()).spawn(move || {
        let _ending: Sender<()> = ending;
        run(config, &started, stopped)
    })?;
    match starting.recv() {
        Ok((snapshots, clock)) => Ok(Running { snapshots, clock, stop, ended, thread }),
        Err(_) => Err(io::Error::other(outcome(thread).err().unwrap_or_default())),
    }
}

fn run(config: Config, started: &Sender<Started>, stop: CancellationToken) -> Result<(), String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let virtual_clock = VirtualClock::new(Span::from_millis(400), Frequency::from_ppm(40.0));
        let opened =
            Opened { clock: Clock::Virtual(virtual_clock), frequency: Frequency::ZERO, refusal: None };
        let daemon = Daemon::start(config, PassedSockets::default(), |_| Ok(opened))
            .await
            .map_err(|error| error.to_string())?;
        let _ = started.send((daemon.snapshots(), daemon.clock()));
        daemon.run(stop).await.map_err(|error| error.to_string())
    })
}

fn outcome(thread: JoinHandle<Result<(), String>>) -> Result<(), String> {
    thread.join().unwrap_or_else(|_| Err("the daemon panicked".to_owned()))
}

impl Running {
    /// Waits; whether the daemon has ended by itself meanwhile.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        self.ended.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }

    /// Ends the daemon, and says why it ended if it did so before.
    pub(crate) fn stop(self) -> io::Result<()> {
        self.stop.cancel();
        outcome(self.thread).map_err(io::Error::other)
    }
}
