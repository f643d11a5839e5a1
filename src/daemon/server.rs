//! The sockets that clients ask, and a task that answers on each. What is answered is `crate::server`'s.

use super::clock::ClockReader;
use super::readiness;
use super::startup_error::StartupError;
use crate::config::{Config, ServerConfig};
use crate::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use crate::snapshot::{Server, WorkerCounters};
use crate::sys::udp::{Received, UdpSocket};
use crate::sys::{PacketInfo, Stamping, is_not_permitted};
use crate::time::Mono;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One bound listener.
#[derive(Debug)]
pub(super) struct Listening {
    socket: AsyncFd<UdpSocket>,
    address: SocketAddr,
    config: ServerConfig,
    counters: Arc<WorkerCounters>,
}

/// Longer requests are malformed: extension fields of NTS stay below it.
const LONGEST_REQUEST: usize = 2048;
/// Requests answered before other tasks get a turn; more would delay the client's own stamps.
const BATCH: usize = 32;
const PAUSE: Duration = Duration::from_millis(10);

/// Binds every `[[server]]`.
///
/// # Errors
/// The first that cannot be bound, with the remedy.
pub(super) fn listen(config: &Config) -> Result<Vec<Listening>, StartupError> {
    let addresses: Vec<_> = config.servers.iter().map(|server| server.listen).collect();
    config.servers.iter().map(|server| listen_one(server, &addresses)).collect()
}

fn listen_one(server: &ServerConfig, all: &[SocketAddr]) -> Result<Listening, StartupError> {
    // `[::]` also takes IPv4, unless that has a listener of its own on the same port.
    let only_v6 = all.iter().any(|other| other.is_ipv4() && other.port() == server.listen.port());
    let opened = UdpSocket::listen(server.listen, only_v6, Stamping::Receive).and_then(|socket| {
        let address = socket.local_address()?;
        Ok((readiness::watch(socket, Interest::READABLE)?, address))
    });
    let (socket, address) = opened.map_err(|error| not_bound(server.listen, &error))?;
    Ok(Listening { socket, address, config: server.clone(), counters: Arc::default() })
}

fn not_bound(address: SocketAddr, error: &io::Error) -> StartupError {
    let told = |remedy: &str| format!("cannot serve at {address}: {error}; {remedy}");
    if is_not_permitted(error) {
        return StartupError::not_permitted(told("ports below 1024 need root or CAP_NET_BIND_SERVICE"));
    }
    StartupError::other(told(match error.kind() {
        io::ErrorKind::AddrInUse => "another program, or another [[server]], listens there",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "check listen in [[server]]",
    }))
}

impl Listening {
    /// For snapshots.
    pub(super) fn report(&self) -> Server {
        Server { address: self.address, workers: vec![Arc::clone(&self.counters)] }
    }
}

/// Answers until told to stop. No error of a socket ends it.
pub(super) async fn serve(
    listening: Listening,
    variables: watch::Receiver<Arc<SystemVariables>>,
    clock: ClockReader,
    stop: CancellationToken,
) {
    let mut buffer = [0; LONGEST_REQUEST];
    let mut responder = Responder::new(&listening.config, 1, **variables.borrow(), [0; 16]);
    loop {
        let mut ready = tokio::select! {
            () = stop.cancelled() => return,
            ready = listening.socket.readable() => match ready {
                Ok(ready) => ready,
                Err(error) => return tracing::error!("Cannot wait for requests at {}: {error}", listening.address),
            },
        };
        responder.set_variables(**variables.borrow());
        let mono = clock.now_both().mono;
        for _ in 0..BATCH {
            match listening.socket.get_ref().receive(&mut buffer) {
                Ok(received) => listening.answer(&buffer, &received, &mut responder, (&clock, mono)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready.clear_ready();
                    break;
                }
                // None of the asker's doing, such as a lack of memory: trying on at once would not help.
                Err(error) => {
                    tracing::debug!("{}: {error}", listening.address);
                    tokio::time::sleep(PAUSE).await;
                    break;
                }
            }
        }
        tokio::task::yield_now().await;
    }
}

impl Listening {
    fn answer(
        &self,
        buffer: &[u8],
        received: &Received,
        responder: &mut Responder,
        (clock, mono): (&ClockReader, Mono),
    ) {
        self.counters.count_received(1);
        let bytes = buffer.get(..received.length).filter(|_| !received.truncated).unwrap_or_default();
        let arrived = received.stamp.map_or_else(|| clock.now(), |stamp| clock.to_local(stamp));
        let transmit = clock.now();
        let Some(from) = received.from else { return };
        let request = Request { bytes, from, received: arrived, transmit, mono };
        let mut reply = [0; REPLY_CAPACITY];
        let answer = match responder.answer(&request, &mut reply) {
            Ok(answer) => answer,
            Err(refusal) => return self.counters.count_refused(refusal),
        };
        let reply = reply.get(..answer.length).unwrap_or_default();
        match self.socket.get_ref().send_to(reply, from, reply_from(received.local)) {
            Ok(()) => match answer.kiss {
                None => {
                    self.counters.count_accepted(answer.version);
                    self.counters.note_client(answer.client, mono);
                }
                Some(reason) => {
                    self.counters.count_refused(reason);
                    self.counters.count_kiss(reason);
                }
            },
            Err(error) => {
                self.counters.count_send_errors(1);
                tracing::debug!("{from}: {error}");
            }
        }
    }
}

/// The address that was asked; a request to a group is answered from whichever address the route has.
fn reply_from(asked: Option<PacketInfo>) -> Option<PacketInfo> {
    asked.filter(|info| !info.local.is_multicast())
}

#[cfg(test)]
mod tests;
