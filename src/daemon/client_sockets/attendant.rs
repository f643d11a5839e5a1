//! The task that waits on one request's socket: for the transmit stamp, and for replies.

use super::SocketEvent;
use crate::source::RequestToken;
use crate::sys::udp::UdpSocket;
use crate::sys::{Stamping, clock};
use crate::time::{ClockTime, Stamp, StampSource};
use crate::verdict::SourceId;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A transmit stamp comes when the driver takes the packet: at once, or when the neighbour's address is found.
pub(super) const STAMP_PATIENCE: Duration = Duration::from_secs(1);
/// Once a reply is here the request has left long since; a stamp that is later than this will not come (User-mode
/// Linux's vector interface gives none).
const STAMP_PATIENCE_AFTER_REPLY: Duration = Duration::from_millis(5);
/// One reply is expected. So many datagrams are handed on, for a forged one must not hide the genuine one behind it;
/// a flood is cut off.
pub(super) const MAXIMUM_DATAGRAMS: u32 = 64;
/// Longer than any NTP packet that we ask for.
const BUFFER_LENGTH: usize = 2048;

/// One request's socket, and what is still to be told of it.
pub(super) struct Attendant {
    socket: AsyncFd<UdpSocket>,
    teller: Teller,
}

struct Teller {
    source: SourceId,
    local: Option<IpAddr>,
    unstamped: Option<Unstamped>,
    datagrams_left: u32,
    buffer: Vec<u8>,
    out: mpsc::Sender<SocketEvent>,
}

/// A request whose transmit stamp has not come yet.
struct Unstamped {
    token: RequestToken,
    /// Our own, in case the kernel gives none.
    left: Stamp,
    deadline: Instant,
}

/// The task ends: the daemon is, or the socket has no more to tell.
struct Done;

impl Attendant {
    /// For a request that was sent just now, at `left`. The kernel's stamp is waited for as long as `patience` says.
    pub(super) fn new(
        socket: AsyncFd<UdpSocket>,
        token: RequestToken,
        left: Stamp,
        patience: Duration,
        out: mpsc::Sender<SocketEvent>,
    ) -> Self {
        let teller = Teller {
            source: token.source(),
            local: socket.get_ref().local_address().ok().map(|address| address.ip()),
            unstamped: Some(Unstamped { token, left, deadline: Instant::now() + patience }),
            datagrams_left: MAXIMUM_DATAGRAMS,
            buffer: vec![0; BUFFER_LENGTH],
            out,
        };
        Self { socket, teller }
    }

    /// Until it is aborted, or has told all it may.
    pub(super) async fn run(self) {
        let Self { socket, mut teller } = self;
        loop {
            let deadline = teller.unstamped.as_ref().map(|unstamped| unstamped.deadline);
            let told = tokio::select! {
                biased;
                () = sleep_until(deadline), if deadline.is_some() => teller.tell_own_stamp().await,
                ready = socket.ready(Interest::READABLE | Interest::ERROR) => match ready {
                    Ok(mut guard) => {
                        // Both queues are emptied, so both kinds of readiness are over; later ones are kept by the guard.
                        let told = teller.tell(socket.get_ref()).await;
                        guard.clear_ready();
                        told
                    }
                    Err(_) => Err(Done),
                },
            };
            if told.is_err() {
                break;
            }
        }
        // The kernel may still owe a stamp when the flood limit ends the reading.
        let _ = teller.tell_own_stamp().await;
    }
}

/// How long the kernel's transmit stamp may take: no time if it promised none.
pub(super) fn patience(socket: &UdpSocket) -> Duration {
    if socket.stamping() == Stamping::ReceiveAndTransmit { STAMP_PATIENCE } else { Duration::ZERO }
}

async fn sleep_until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
    }
}

impl Teller {
    /// Everything that the socket has now: the stamp first, for it is older than any reply.
    async fn tell(&mut self, socket: &UdpSocket) -> Result<(), Done> {
        self.tell_kernel_stamp(socket).await?;
        loop {
            let received = match socket.receive(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                received => received,
            };
            let now = clock::realtime();
            self.datagrams_left = self.datagrams_left.checked_sub(1).ok_or(Done)?;
            match received {
                Ok(received) => {
                    self.tell_datagram(&received, now).await?;
                    self.hurry();
                }
                // ICMP: nobody listens there, or nobody can be reached.
                Err(error) => tracing::debug!(source = self.source.0, "{error}"),
            }
        }
    }

    async fn tell_datagram(&self, received: &crate::sys::udp::Received, now: ClockTime) -> Result<(), Done> {
        let Some(from) = received.from else { return Ok(()) };
        let whole = if received.truncated { 0 } else { received.length };
        let bytes = self.buffer.get(..whole).unwrap_or_default().to_vec();
        let stamp = received.stamp.map_or(user_stamp(now), kernel_stamp);
        self.send(SocketEvent::Datagram { source: self.source, from, local: self.local, bytes, stamp }).await
    }

    async fn tell_kernel_stamp(&mut self, socket: &UdpSocket) -> Result<(), Done> {
        // One packet was sent, so one stamp comes.
        let Ok(stamp) = socket.transmit_stamp() else { return Ok(()) };
        match self.unstamped.take() {
            Some(Unstamped { token, .. }) => {
                self.send(SocketEvent::Sent { token, stamp: kernel_stamp(stamp.time) }).await
            }
            None => Ok(()),
        }
    }

    async fn tell_own_stamp(&mut self) -> Result<(), Done> {
        match self.unstamped.take() {
            Some(Unstamped { token, left, .. }) => self.send(SocketEvent::Sent { token, stamp: left }).await,
            None => Ok(()),
        }
    }

    fn hurry(&mut self) {
        if let Some(unstamped) = &mut self.unstamped {
            unstamped.deadline = unstamped.deadline.min(Instant::now() + STAMP_PATIENCE_AFTER_REPLY);
        }
    }

    async fn send(&self, event: SocketEvent) -> Result<(), Done> {
        self.out.send(event).await.map_err(|_| Done)
    }
}

/// Our own reading beside the system call.
pub(super) const fn user_stamp(time: ClockTime) -> Stamp {
    Stamp { time, source: StampSource::User }
}

const fn kernel_stamp(time: ClockTime) -> Stamp {
    Stamp { time, source: StampSource::Kernel }
}
