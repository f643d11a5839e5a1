//! Key exchanges for our own clients (`[[nts-ke-server]]`, RFC 8915 §4): a thread, a runtime and descriptors of their own, so that nothing that comes
//! there can keep the rest of the daemon waiting. What is answered is `crate::nts`'s.
//!
//! | file | holds |
//! |---|---|
//! | `listener` | the loop of one listener |
//! | `places` | who is connected, and who must make room |
//! | `connection` | one connection, from TCP to its end |
//! | `cookies` | what cookies are sealed with |
//! | `descriptors` | how many connections there may be |
//! | `credentials` | a listener's certificate, and its files |

mod connection;
mod cookies;
mod credentials;
mod descriptors;
mod listener;
mod places;

use super::random::random;
use super::startup_error::StartupError;
use crate::config::{Config, KeyExchangeServerConfig};
use crate::nts::{Algorithm, KeySet, Policy, Protocol};
use crate::snapshot::KeyExchangeServer;
use crate::sys::{self, is_not_permitted};
use connection::Service;
use cookies::Sealer;
use credentials::Credentials;
use listener::Listener;
use places::Places;
use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

/// One bound listener, with its certificate read.
#[derive(Debug)]
pub(super) struct Listening {
    socket: TcpListener,
    config: KeyExchangeServerConfig,
    credentials: Credentials,
    report: KeyExchangeServer,
    /// Connections at once, of which so many may stay.
    places: (usize, usize),
}

/// Binds every `[[nts-ke-server]]`.
///
/// # Errors
/// The first that cannot be bound (1, 77), or whose certificate cannot be used (78), with the remedy.
pub(super) fn listen(config: &Config) -> Result<Vec<Listening>, StartupError> {
    let sections = &config.key_exchange_servers;
    let new = |(index, section)| Listening::new(section, sections.get(..index).unwrap_or_default(), sections);
    let mut listening = sections.iter().enumerate().map(new).collect::<Result<Vec<_>, _>>()?;
    for (listening, places) in listening.iter_mut().zip(descriptors::share(sections)) {
        listening.limit(places);
    }
    Ok(listening)
}

impl Listening {
    fn new(
        config: &KeyExchangeServerConfig,
        before: &[KeyExchangeServerConfig],
        all: &[KeyExchangeServerConfig],
    ) -> Result<Self, StartupError> {
        let listen = config.listen;
        // `[::]` also takes IPv4, unless that has a listener of its own on the same port.
        let only_v6 = all.iter().any(|other| other.listen.is_ipv4() && other.listen.port() == listen.port());
        let counters = Arc::default();
        // Listeners for IPv4 and IPv6 have one certificate, and people are told of it once.
        let files = |section: &KeyExchangeServerConfig| {
            (section.certificate_chain.clone(), section.private_key.clone())
        };
        let silent = before.iter().any(|other| files(other) == files(config));
        let credentials = Credentials::open(config, Arc::clone(&counters), sys::clock::realtime(), silent)?;
        let bound = sys::tcp::listen(listen, only_v6).and_then(|socket| Ok((socket.local_addr()?, socket)));
        let (address, socket) = bound.map_err(|error| not_bound(listen, &error))?;
        tracing::info!("Exchanging keys at {address}");
        let report = KeyExchangeServer { address, counters };
        let places = (config.concurrent_connections, config.longlived_connections);
        Ok(Self { socket, config: config.clone(), credentials, report, places })
    }

    /// No more connections than that; of those that may stay there is the same part.
    fn limit(&mut self, places: usize) {
        let (all, stay) = self.places;
        self.places = (places, stay.saturating_mul(places) / all.max(1));
    }

    /// For snapshots.
    pub(super) fn report(&self) -> KeyExchangeServer {
        self.report.clone()
    }

    /// In the thread that serves.
    fn begin(self, sealer: &Rc<RefCell<Sealer>>, files: watch::Receiver<()>) -> io::Result<Listener> {
        let Self { socket, config, credentials, report, places: (places, longlived) } = self;
        let timeout = config.timeout.to_std();
        let service = Service {
            policy: policy(&config),
            timeout,
            sealer: Rc::clone(sealer),
            places: RefCell::new(Places::new(places, timeout)),
            longlived: Semaphore::new(longlived.min(Semaphore::MAX_PERMITS)),
            counters: report.counters,
        };
        let socket = tokio::net::TcpListener::from_std(socket)?;
        Ok(Listener { socket, address: report.address, credentials, service: Rc::new(service), files })
    }
}

fn policy(config: &KeyExchangeServerConfig) -> Policy {
    let protocol = |version: &u8| match version {
        4 => Some(Protocol::NtpV4),
        5 => Some(Protocol::NtpV5Draft),
        _ => None,
    };
    Policy {
        protocols: config.versions.iter().filter_map(protocol).collect(),
        algorithms: Algorithm::ALL.to_vec(),
        pool_tokens: config.pool_tokens.clone(),
        ntp_server: config.ntp_server.clone(),
        ntp_port: config.ntp_port,
    }
}

fn not_bound(address: SocketAddr, error: &io::Error) -> StartupError {
    let told = |remedy: &str| format!("cannot exchange keys at {address}: {error}; {remedy}");
    if is_not_permitted(error) {
        return StartupError::not_permitted(told("ports below 1024 need root or CAP_NET_BIND_SERVICE"));
    }
    StartupError::other(told(match error.kind() {
        io::ErrorKind::AddrInUse => "another program, or another [[nts-ke-server]], listens there",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "check listen in [[nts-ke-server]]",
    }))
}

/// Serves until dropped; then every connection is closed.
#[derive(Debug)]
pub(super) struct KeyServers {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl KeyServers {
    /// Cookies are sealed by the keys of the moment. Certificates are read again when their files change, and when `files` says so (SIGHUP).
    ///
    /// # Errors
    /// The machine has no room for a thread.
    pub(super) fn start(
        listening: Vec<Listening>,
        keys: watch::Receiver<Arc<KeySet>>,
        files: watch::Receiver<()>,
    ) -> Result<Self, StartupError> {
        let stop = CancellationToken::new();
        if listening.is_empty() {
            return Ok(Self { stop, thread: None });
        }
        let failed = |error: io::Error| {
            StartupError::other(format!("cannot start the thread that exchanges keys: {error}"))
        };
        let sealer_seed = random()?;
        let (started, result) = sync_channel(1);
        let token = stop.clone();
        let serve = move || serve(listening, Sealer::new(keys, sealer_seed), &files, &token, &started);
        let thread = thread::Builder::new().name("ntp-keys".to_owned()).spawn(serve).map_err(failed)?;
        let this = Self { stop, thread: Some(thread) };
        match result.recv() {
            Ok(Ok(())) => Ok(this),
            Ok(Err(error)) => Err(failed(error)),
            Err(_) => Err(failed(io::Error::other("it has ended at once"))),
        }
    }
}

/// The whole life of the thread.
fn serve(
    listening: Vec<Listening>,
    sealer: Sealer,
    files: &watch::Receiver<()>,
    stop: &CancellationToken,
    started: &SyncSender<io::Result<()>>,
) {
    let sealer = Rc::new(RefCell::new(sealer));
    if let Err(error) = sys::scheduling::give_way() {
        tracing::debug!("Handshakes may keep requests for time waiting: {error}");
    }
    let begin = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let guard = runtime.enter();
        let listeners: io::Result<Vec<_>> =
            listening.into_iter().map(|listening| listening.begin(&sealer, files.clone())).collect();
        drop(guard);
        Ok((runtime, listeners?))
    };
    let (begun, result) = match begin() {
        Ok(begun) => (Some(begun), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // Who started us waits for this.
    let _ = started.send(result);
    let Some((runtime, listeners)) = begun else { return };
    let mut running = JoinSet::new();
    let local = LocalSet::new();
    running.spawn_local_on(Sealer::follow(sealer), &local);
    for listener in listeners {
        running.spawn_local_on(listener.run(), &local);
    }
    local.block_on(&runtime, stop.cancelled());
}

impl Drop for KeyServers {
    fn drop(&mut self) {
        self.stop.cancel();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("The thread that exchanged keys had ended by a panic");
        }
    }
}

#[cfg(test)]
mod tests;
