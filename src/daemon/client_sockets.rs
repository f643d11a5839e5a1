//! The sockets that requests are sent from: one for each request, and a task that waits on it. Judges no reply.

mod attendant;

use super::clock::Clock;
use super::readiness::watch;
use crate::config::TimestampMode;
use crate::engine::Event;
use crate::source::{Request, RequestToken};
use crate::sys::udp::UdpSocket;
use crate::sys::{Stamping, clock};
use crate::time::Stamp;
use crate::verdict::SourceId;
use attendant::Attendant;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// Everything that waits for replies. Dropping it closes all sockets.
#[derive(Debug)]
pub struct ClientSockets {
    stamping: Stamping,
    /// See [`UdpSocket::keep_stamping`].
    _keeper: Option<UdpSocket>,
    open: BTreeMap<SourceId, AbortHandle>,
    tasks: JoinSet<()>,
    out: mpsc::Sender<SocketEvent>,
}

/// What a socket has to tell; its stamps are the host's (`CLOCK_REALTIME`).
#[derive(Debug)]
pub enum SocketEvent {
    /// A request left.
    Sent {
        /// Which.
        token: RequestToken,
        /// When.
        stamp: Stamp,
    },
    /// A request did not leave.
    SendFailed {
        /// Which.
        token: RequestToken,
        /// Why, with the call that failed.
        reason: String,
    },
    /// Something arrived.
    Datagram {
        /// On whose socket.
        source: SourceId,
        /// The sender.
        from: SocketAddr,
        /// Our own address.
        local: Option<IpAddr>,
        /// The whole datagram; empty, and so malformed, if it was longer than any NTP packet.
        bytes: Vec<u8>,
        /// When.
        stamp: Stamp,
    },
}

/// A task whose event does not fit waits for its turn, and they come in turn: no socket can crowd out the others.
const CHANNEL_CAPACITY: usize = 64;
/// More sources than this are not asked at the same time.
const MAXIMUM_OPEN: usize = 512;

impl SocketEvent {
    /// As the engine is told, with stamps by the clock that it disciplines.
    pub fn deliver<R>(self, clock: &Clock, handle: impl FnOnce(Event<'_>) -> R) -> R {
        let local_stamp = |stamp: Stamp| Stamp { time: clock.to_local(stamp.time), ..stamp };
        match self {
            Self::Sent { token, stamp } => handle(Event::Sent { token, stamp: local_stamp(stamp) }),
            Self::SendFailed { token, reason } => handle(Event::SendFailed { token, reason }),
            Self::Datagram { source, from, local, bytes, stamp } => {
                handle(Event::Datagram { source, from, local, bytes: &bytes, stamp: local_stamp(stamp) })
            }
        }
    }
}

impl ClientSockets {
    /// The events come out of the receiver, which must be emptied: sockets wait for it.
    ///
    /// Called within a tokio runtime.
    pub fn new(mode: TimestampMode) -> (Self, mpsc::Receiver<SocketEvent>) {
        let stamping = match mode {
            TimestampMode::Software => Stamping::None,
            TimestampMode::KernelRecv => Stamping::Receive,
            TimestampMode::KernelAll => Stamping::ReceiveAndTransmit,
        };
        let keeper = UdpSocket::keep_stamping(stamping).ok();
        let in_force = keeper.as_ref().map_or(Stamping::None, UdpSocket::stamping);
        if in_force < stamping {
            tracing::warn!(
                "The kernel does not stamp packets as timestamp-mode asks: some stamps are this program's own"
            );
        }
        let (out, events) = mpsc::channel(CHANNEL_CAPACITY);
        let this = Self { stamping, _keeper: keeper, open: BTreeMap::new(), tasks: JoinSet::new(), out };
        (this, events)
    }

    /// Sends from a fresh port, and waits there for replies until the source's next request or [`ClientSockets::close`].
    ///
    /// That it left, or why not, comes as an event, once; but not after the socket was closed.
    pub fn send(&mut self, request: Request) {
        let Request { to, bytes, token } = request;
        let source = token.source();
        self.close(source);
        while self.tasks.try_join_next().is_some() {}
        self.open.retain(|_, task| !task.is_finished());
        match self.open(to, &bytes) {
            Ok((socket, left)) => {
                let patience = attendant::patience(socket.get_ref());
                let attendant = Attendant::new(socket, token, left, patience, self.out.clone());
                self.open.insert(source, self.tasks.spawn(attendant.run()));
            }
            Err(error) => {
                let failed = SocketEvent::SendFailed { token, reason: error.to_string() };
                let out = self.out.clone();
                self.open.insert(
                    source,
                    self.tasks.spawn(async move {
                        // Without a receiver the daemon is ending, and nobody is left to be told.
                        let _ = out.send(failed).await;
                    }),
                );
            }
        }
    }

    fn open(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<(AsyncFd<UdpSocket>, Stamp)> {
        if self.open.len() >= MAXIMUM_OPEN {
            return Err(io::Error::other("too many requests are on their way"));
        }
        let socket = UdpSocket::connect(to, self.stamping)?;
        let socket = watch(socket, Interest::READABLE | Interest::ERROR)?;
        let left = attendant::user_stamp(clock::realtime());
        socket.get_ref().send(bytes)?;
        Ok((socket, left))
    }

    /// Closes the source's socket, if there is one.
    pub fn close(&mut self, source: SourceId) {
        if let Some(task) = self.open.remove(&source) {
            task.abort();
        }
    }

    /// Sockets that wait for a reply.
    pub fn open_sockets(&self) -> usize {
        self.open.values().filter(|task| !task.is_finished()).count()
    }
}

#[cfg(test)]
mod tests;
