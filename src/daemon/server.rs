//! The sockets that clients ask and the threads that answer on them. What is answered is `crate::server`'s.

mod questions;
mod stamps;
mod worker;

pub(super) use questions::Inquirer;

use super::activation::{Section, TimeSocket, ports_taken_from_v4, share_out};
use super::clock::ClockReader;
use super::random::random;
use super::startup_error::StartupError;
use crate::config::{Config, ServerConfig};
use crate::nts::{KeySet, clear_stack};
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
use worker::{Keys, Orders, Worker};

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

/// Binds every `[[server]]` that has no socket among those that were `passed`.
///
/// # Errors
/// The first that cannot be bound, with the remedy.
pub(super) fn listen(config: &Config, passed: Vec<TimeSocket>) -> Result<Vec<Listening>, StartupError> {
    let taken = ports_taken_from_v4(&passed);
    let sections = share_out(&config.servers, passed);
    let addresses: Vec<_> = sections.iter().map(|section| section.config.listen).collect();
    let mut listening = Vec::new();
    for Section { config, sockets } in sections {
        let passed_takes_it = config.listen.is_ipv4() && taken.contains(&config.listen.port());
        listening.push(if sockets.is_empty() {
            bind(config, &addresses, passed_takes_it)?
        } else {
            adopt(config, sockets)?
        });
    }
    Ok(listening)
}

fn bind(server: ServerConfig, all: &[SocketAddr], passed_takes_it: bool) -> Result<Listening, StartupError> {
    // `[::]` also takes IPv4, unless that has a listener of its own on the same port.
    let only_v6 = all.iter().any(|other| other.is_ipv4() && other.port() == server.listen.port());
    let opened = UdpSocket::listen_together(server.listen, only_v6, Stamping::OnRequest, threads(&server));
    let opened = opened.and_then(|sockets| {
        let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
        let address = first.local_address()?;
        sockets.iter().try_for_each(|socket| socket.set_receive_buffer(RECEIVE_BUFFER))?;
        Ok((sockets, address))
    });
    let (sockets, address) = opened.map_err(|error| not_bound(server.listen, &error, passed_takes_it))?;
    tracing::info!("Serving at {address} with {}", counted(sockets.len(), "thread"));
    Listening::new(sockets, address, server)
}

/// A worker for each socket that was passed, however many the section asks for: what arrives at any of them is to be answered.
fn adopt(server: ServerConfig, passed: Vec<TimeSocket>) -> Result<Listening, StartupError> {
    let address = passed.first().map_or(server.listen, |socket| socket.address);
    let adopted = |socket: TimeSocket| {
        let socket = UdpSocket::adopt(socket.descriptor, Stamping::OnRequest)?;
        socket.raise_receive_buffer(RECEIVE_BUFFER)?;
        Ok(socket)
    };
    let sockets: io::Result<Vec<_>> = passed.into_iter().map(adopted).collect();
    let sockets = sockets.map_err(|error| {
        StartupError::other(format!("cannot serve on the socket at {address} that was passed: {error}"))
    })?;
    let (have, wanted) = (sockets.len(), threads(&server));
    let (threads, passed) = (counted(have, "thread"), counted(have, "socket"));
    let why = if have < wanted {
        format!(" and not {wanted}: as many .socket units with ReusePort=yes would give that many")
    } else {
        String::new()
    };
    tracing::info!("Serving at {address} with {threads}, for the service manager passed {passed}{why}");
    Listening::new(sockets, address, server)
}

fn threads(server: &ServerConfig) -> usize {
    server.threads.unwrap_or_else(|| available_parallelism().map_or(1, usize::from))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl Listening {
    fn new(sockets: Vec<UdpSocket>, address: SocketAddr, config: ServerConfig) -> Result<Self, StartupError> {
        if sockets.len() > 1 {
            steer(&sockets, address)?;
        }
        let counters = sockets.iter().map(|_| Arc::default()).collect();
        Ok(Self { sockets, address, config, counters, key: random()? })
    }

    /// For snapshots.
    pub(super) fn report(&self) -> Server {
        Server { address: self.address, workers: self.counters.clone() }
    }
}

/// So that all that is known of a client is known to the one worker that it meets.
///
/// Which worker that is does not matter, so neither does the order of the sockets, which for passed ones is not known.
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

fn not_bound(address: SocketAddr, error: &io::Error, passed_takes_it: bool) -> StartupError {
    let told = |remedy: &str| format!("cannot serve at {address}: {error}; {remedy}");
    if is_not_permitted(error) {
        return StartupError::not_permitted(told("ports below 1024 need root or CAP_NET_BIND_SERVICE"));
    }
    StartupError::other(told(match error.kind() {
        io::ErrorKind::AddrInUse if passed_takes_it => {
            "the socket at [::] that was passed takes IPv4 too: remove this [[server]], or write BindIPv6Only=ipv6-only in the .socket unit"
        }
        io::ErrorKind::AddrInUse => "another program, or another [[server]], listens there",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "check listen in [[server]]",
    }))
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
    /// One for each socket; with `keys` they know NTS.
    ///
    /// # Errors
    /// The machine has no room for as many threads, or no random numbers.
    pub(super) fn start(
        listening: Vec<Listening>,
        variables: &watch::Receiver<Arc<SystemVariables>>,
        keys: Option<&watch::Receiver<Arc<KeySet>>>,
        clock: &ClockReader,
    ) -> Result<Self, StartupError> {
        let mut workers = Self::default();
        for listener in listening {
            workers.start_on(listener, variables, keys, clock)?;
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
        keys: Option<&watch::Receiver<Arc<KeySet>>>,
        clock: &ClockReader,
    ) -> Result<(), StartupError> {
        let Listening { sockets, address, config, counters, key } = listener;
        let too_many = |error: io::Error| {
            StartupError::other(format!(
                "cannot start the threads that serve at {address}: {error}; write a smaller number for threads in [[server]]"
            ))
        };
        let count = sockets.len();
        let mut desks = Desks { address, remembered: config.client_statistics, workers: Vec::new() };
        for (index, (socket, counters)) in sockets.into_iter().zip(counters).enumerate() {
            let (orders, socket) = (Arc::new(Orders::new().map_err(too_many)?), Arc::new(socket));
            let (ask, questions) = sync_channel(QUESTIONS);
            desks.workers.push(Desk {
                questions: ask,
                orders: Arc::clone(&orders),
                socket: Arc::clone(&socket),
                counters: Arc::clone(&counters),
            });
            let keys = keys.map(|news| Ok(Keys { news: news.clone(), seed: random()? })).transpose()?;
            let seed = worker::Seed {
                socket,
                address,
                index,
                orders: Arc::clone(&orders),
                questions,
                counters,
                variables: variables.clone(),
                keys,
                clock: clock.clone(),
            };
            let config = config.clone();
            let name = format!("ntp-server-{}", self.running.len());
            // The memory of a worker is allocated by its own thread, on its own node.
            let thread = thread::Builder::new()
                .name(name)
                .spawn(move || {
                    let worker = Worker::new(seed, &config, count, key);
                    clear_stack();
                    worker.run();
                })
                .map_err(too_many)?;
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
mod leap_tests;
#[cfg(test)]
mod nts_tests;
#[cfg(test)]
mod tests;
