//! A test server for key exchanges with its NTP server, on sockets and in threads of their own. What they say is not known here.

use super::KeyExchangeOptions;
use super::connection::Service;
use super::packets::Packets;
use crate::nts::{Algorithm, Key, KeySet, MasterKey};
use crate::packet::Packet;
use crate::testserver::answer::Answerer;
use crate::testserver::{Clock, Options};
use crate::time::Mono;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

/// Both servers, until they are dropped.
pub struct KeyExchangeServer {
    key_exchange: SocketAddr,
    ntp: SocketAddr,
    stop: Arc<AtomicBool>,
    waker: UdpSocket,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// More clients at once are left.
const MOST_CONNECTIONS: usize = 64;
/// No datagram of a client is as long.
const LONGEST_DATAGRAM: usize = 2048;

impl KeyExchangeServer {
    /// Binds both (port 0 takes a free one) and serves from then on, with `clock`'s time.
    ///
    /// # Errors
    /// When an address cannot be bound, no thread can be started, or a certificate is of no use.
    pub fn start(
        listen: SocketAddr,
        ntp_port: u16,
        options: &KeyExchangeOptions,
        clock: Clock,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let socket = UdpSocket::bind((listen.ip(), ntp_port))?;
        let (key_exchange, ntp) = (listener.local_addr()?, socket.local_addr()?);
        let waker = socket.try_clone()?;
        let keys = master_keys()?;
        let acceptor = Acceptor {
            faulty: Service::faulty(options, &keys, ntp.port())?,
            honest: Service::honest(options, &keys, ntp.port())?,
            left: options.faulty_connections,
            open: Arc::default(),
        };
        let packets = Packets::new(options, keys);
        let stop = Arc::new(AtomicBool::new(false));
        let (one, other) = (Arc::clone(&stop), Arc::clone(&stop));
        let threads = vec![
            Builder::new().name("key exchange".to_owned()).spawn(move || acceptor.run(&listener, &one))?,
            Builder::new()
                .name("ntp".to_owned())
                .spawn(move || serve_time(&socket, packets, &clock, &other))?,
        ];
        Ok(Self { key_exchange, ntp, stop, waker, threads })
    }

    /// Where keys are exchanged.
    pub const fn address(&self) -> SocketAddr {
        self.key_exchange
    }

    /// Where its NTP server is asked.
    pub const fn ntp_address(&self) -> SocketAddr {
        self.ntp
    }

    /// Waits until one of them ends, which it does only when its socket fails.
    ///
    /// # Errors
    /// Why it ended.
    pub fn join(mut self) -> io::Result<()> {
        self.threads.drain(..).try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the test server panicked")))
        })
    }
}

impl Drop for KeyExchangeServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Both wait for somebody; connections that are open end with their clients.
        let _ = self.waker.send_to(&[], self.ntp);
        let _ = TcpStream::connect(self.key_exchange);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for KeyExchangeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyExchangeServer").field("address", &self.key_exchange).finish_non_exhaustive()
    }
}

struct Acceptor {
    faulty: Service,
    honest: Service,
    /// Connections that are still treated badly; without, all.
    left: Option<u64>,
    open: Arc<AtomicUsize>,
}

impl Acceptor {
    fn run(mut self, listener: &TcpListener, stop: &AtomicBool) -> io::Result<()> {
        loop {
            let (tcp, _) = listener.accept()?;
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self.open.load(Ordering::Relaxed) >= MOST_CONNECTIONS {
                continue;
            }
            let service = if self.left == Some(0) { &self.honest } else { &self.faulty }.clone();
            self.left = self.left.map(|left| left.saturating_sub(1));
            self.open.fetch_add(1, Ordering::Relaxed);
            let open = Arc::clone(&self.open);
            Builder::new().spawn(move || {
                // Clients come and go as they like.
                let _ = service.serve(tcp);
                open.fetch_sub(1, Ordering::Relaxed);
            })?;
        }
    }
}

fn serve_time(socket: &UdpSocket, mut packets: Packets, clock: &Clock, stop: &AtomicBool) -> io::Result<()> {
    let mut answerer = Answerer::new(Options::default());
    let mut buffer = [0; LONGEST_DATAGRAM];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let request = buffer.get(..length).unwrap_or_default();
        let Some(draft) = answerer.answer(request, from.ip(), clock(), Mono::from_nanos(0)) else { continue };
        let plain = draft.emit(clock());
        let Ok(Packet { header, .. }) = Packet::parse(&plain) else { continue };
        for reply in packets.replies(request, &header).into_iter().flatten() {
            let _ = socket.send_to(&reply, from);
        }
    }
}

fn master_keys() -> io::Result<KeySet> {
    let mut bytes = [0; 64];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let key = Key::new(Algorithm::AesSivCmac512, &bytes).map(|key| MasterKey { id: 1, key });
    key.and_then(|key| KeySet::new(vec![key], 0)).ok_or_else(|| io::Error::other("no master key"))
}
