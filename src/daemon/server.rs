//! The sockets that clients ask and the threads that answer on them. What is answered is `crate::server`'s.

mod questions;
mod stamps;
mod worker;

pub(super) use questions::Inquirer;

use super::clock::ClockReader;
use super::startup_error::StartupError;
use crate::config::{Config, ServerConfig};
use crate::server::SystemVariables;
use crate::snapshot::{Server, WorkerCounters};
use crate::sys::udp::UdpSocket;
use crate::sys::{Stamping, is_not_permitted};
use questions::{Desk, Desks, QUESTIONS};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle, available_parallelism};
use tokio::sync::watch;
use worker::{Orders, Worker};

/// One bound listener: a socket for each of its workers.
#[derive(Debug)]
pub(super) struct Listening {
    sockets: Vec<UdpSocket>,
    address: SocketAddr,
    config: ServerConfig,
    counters: Vec<Arc<WorkerCounters>>,
    /// Secret; the same for all workers.
    key: [u8; 16],
}

/// Some thousand requests: a burst waits for a busy worker instead of being lost.
const RECEIVE_BUFFER: i32 = 1 << 20;

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
    let workers = server.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    let opened = UdpSocket::listen_together(server.listen, only_v6, Stamping::OnRequest, workers);
    let opened = opened.and_then(|sockets| {
        let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
        let address = first.local_address()?;
        sockets.iter().try_for_each(|socket| socket.set_receive_buffer(RECEIVE_BUFFER))?;
        Ok((sockets, address))
    });
    let (sockets, address) = opened.map_err(|error| not_bound(server.listen, &error))?;
    let key = random()?;
    if workers > 1 {
        steer(&sockets, address)?;
    }
    let threads = if workers == 1 { "1 thread".to_owned() } else { format!("{workers} threads") };
    tracing::info!("Serving at {address} with {threads}");
    let counters = sockets.iter().map(|_| Arc::default()).collect();
    Ok(Listening { sockets, address, config: server.clone(), counters, key })
}

/// So that all that is known of a client is known to the one worker that it meets.
fn steer(sockets: &[UdpSocket], address: SocketAddr) -> Result<(), StartupError> {
    let words = [random()?, random()?, random()?, random()?].map(u32::from_ne_bytes);
    let count = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
    let steered = sockets.first().map_or(Ok(()), |socket| socket.steer_by_source(count, words));
    if let Err(error) = steered {
        tracing::info!(
            "{address}: {error}; so the kernel shares out requests by address and port, and each thread counts a client's requests for itself"
        );
    }
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N], StartupError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| StartupError::other(format!("the kernel gives no random numbers: {error}")))?;
    Ok(bytes)
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
        Server { address: self.address, workers: self.counters.clone() }
    }
}

/// Threads that answer. Dropped, they have ended.
#[derive(Debug, Default)]
pub(super) struct Workers {
    running: Vec<Running>,
    listeners: Vec<Desks>,
}

#[derive(Debug)]
struct Running {
    orders: Arc<Orders>,
    thread: JoinHandle<()>,
}

impl Workers {
    /// One for each socket.
    ///
    /// # Errors
    /// The machine has no room for as many threads.
    pub(super) fn start(
        listening: Vec<Listening>,
        variables: &watch::Receiver<Arc<SystemVariables>>,
        clock: &ClockReader,
    ) -> Result<Self, StartupError> {
        let mut workers = Self::default();
        for listener in listening {
            let address = listener.address;
            workers.start_on(listener, variables, clock).map_err(|error| {
                StartupError::other(format!(
                    "cannot start the threads that serve at {address}: {error}; write a smaller number for threads in [[server]]"
                ))
            })?;
        }
        Ok(workers)
    }

    /// To ask them while they serve; once.
    pub(super) fn inquirer(&mut self, clock: ClockReader) -> Inquirer {
        Inquirer::new(std::mem::take(&mut self.listeners), clock)
    }

    fn start_on(
        &mut self,
        listener: Listening,
        variables: &watch::Receiver<Arc<SystemVariables>>,
        clock: &ClockReader,
    ) -> io::Result<()> {
        let Listening { sockets, address, config, counters, key } = listener;
        let count = sockets.len();
        let mut desks = Desks { address, remembered: config.client_statistics, workers: Vec::new() };
        for (index, (socket, counters)) in sockets.into_iter().zip(counters).enumerate() {
            let (orders, socket) = (Arc::new(Orders::new()?), Arc::new(socket));
            let (ask, questions) = sync_channel(QUESTIONS);
            desks.workers.push(Desk {
                questions: ask,
                orders: Arc::clone(&orders),
                socket: Arc::clone(&socket),
                counters: Arc::clone(&counters),
            });
            let seed = worker::Seed {
                socket,
                address,
                index,
                orders: Arc::clone(&orders),
                questions,
                counters,
                variables: variables.clone(),
                clock: clock.clone(),
            };
            let config = config.clone();
            let name = format!("ntp-server-{}", self.running.len());
            // The memory of a worker is allocated by its own thread, on its own node.
            let thread = thread::Builder::new()
                .name(name)
                .spawn(move || Worker::new(seed, &config, count, key).run())?;
            self.running.push(Running { orders, thread });
        }
        self.listeners.push(desks);
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for Running { orders, .. } in &self.running {
            orders.stop();
        }
        for Running { thread, .. } in self.running.drain(..) {
            if thread.join().is_err() {
                tracing::error!("A thread that served requests had ended by a panic");
            }
        }
    }
}

#[cfg(test)]
mod tests;
