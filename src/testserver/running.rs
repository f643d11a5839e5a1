//! A test server on a socket of its own, in a thread of its own. What it answers is `answer`'s.

use super::Options;
use super::answer::{Answerer, Draft};
use crate::time::{ClockTime, Mono, Span};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// The time that a test server takes for the true one.
pub type Clock = Arc<dyn Fn() -> ClockTime + Send + Sync>;

/// The host's `CLOCK_REALTIME`.
pub fn host_clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "a test server is outside the core and has no other clock")]
    Arc::new(|| {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        ClockTime::from_unix_nanos(Span::from(since_1970).nanos())
    })
}

/// A server that runs until it is dropped.
pub struct TestServer {
    address: SocketAddr,
    waker: UdpSocket,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    requests: AtomicU64,
    replies: AtomicU64,
}

impl TestServer {
    /// Binds `listen` (port 0 takes a free one) and answers from then on, with `clock`'s time plus the configured offset.
    ///
    /// # Errors
    /// When the address cannot be bound or no thread can be started.
    pub fn start(listen: impl ToSocketAddrs, options: Options, clock: Clock) -> io::Result<Self> {
        let socket = UdpSocket::bind(listen)?;
        let address = socket.local_addr()?;
        let other_socket = UdpSocket::bind((address.ip(), 0))?;
        let waker = socket.try_clone()?;
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            rng: ChaCha8Rng::seed_from_u64(options.seed),
            answerer: Answerer::new(options.clone()),
            options,
            clock,
            started: monotonic(),
            pending: BTreeMap::new(),
            sequence: 0,
            socket,
            other_socket,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name(format!("test server {}", address.port()))
            .spawn(move || worker.run())?;
        Ok(Self { address, waker, shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams that arrived, requests or not.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Datagrams sent; one that the kernel refused was lost like any other.
    pub fn replies(&self) -> u64 {
        self.shared.replies.load(Ordering::Relaxed)
    }

    /// Waits until the server ends, which it does only when its socket fails.
    ///
    /// # Errors
    /// Why it ended.
    pub fn join(mut self) -> io::Result<()> {
        self.thread.take().map_or(Ok(()), |thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the test server panicked")))
        })
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // An empty datagram ends the wait at once; without it the wait ends by itself soon after.
        let _ = self.waker.send_to(&[], self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own state.
struct Worker {
    socket: UdpSocket,
    other_socket: UdpSocket,
    options: Options,
    answerer: Answerer,
    clock: Clock,
    started: Instant,
    rng: ChaCha8Rng,
    /// Replies on their artificial way, by the moment of sending and a number that tells equal moments apart.
    pending: BTreeMap<(Instant, u64), Pending>,
    sequence: u64,
    shared: Arc<Shared>,
}

struct Pending {
    to: SocketAddr,
    draft: Draft,
    downward: Span,
}

/// Replies on their way at once; more requests are lost, as on a full link.
const MAXIMUM_PENDING: usize = 256;
/// The longest wait for a datagram.
const PATIENCE: Duration = Duration::from_millis(200);
/// So many failures in a row mean that the socket is gone for good.
const MAXIMUM_ERRORS: u32 = 100;

impl Worker {
    fn run(mut self) -> io::Result<()> {
        let mut buffer = [0; 2048];
        let mut errors = 0;
        while !self.shared.stop.load(Ordering::Relaxed) {
            self.send_due();
            self.socket.set_read_timeout(Some(self.patience()))?;
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    errors = 0;
                    self.on_datagram(buffer.get(..length).unwrap_or_default(), from);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => errors = 0,
                Err(error) if errors >= MAXIMUM_ERRORS => return Err(error),
                Err(_) => errors += 1,
            }
        }
        Ok(())
    }

    /// Until the next reply is due. Waking late does no harm: the wait is no part of what the client sees.
    fn patience(&self) -> Duration {
        let due = self.pending.keys().next().map(|(due, _)| due.saturating_duration_since(monotonic()));
        due.unwrap_or(PATIENCE).clamp(Duration::from_micros(1), PATIENCE)
    }

    fn on_datagram(&mut self, bytes: &[u8], from: SocketAddr) {
        let arrived = self.time();
        let arrived_mono = monotonic();
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let upward = self.delay(self.options.upward_delay);
        let downward = self.delay(self.options.downward_delay);
        if self.uniform() < self.options.loss || self.pending.len() >= MAXIMUM_PENDING {
            return;
        }
        let mono = Mono::from_nanos(Span::from(arrived_mono - self.started).nanos());
        let Some(draft) = self.answerer.answer(bytes, from.ip(), arrived + upward, mono) else { return };
        self.sequence += 1;
        let due = arrived_mono + (upward + downward).to_std();
        self.pending.insert((due, self.sequence), Pending { to: from, draft, downward });
        self.send_due();
    }

    /// A path without asymmetry of its own: the packet is held once for both ways, T2 is `upward` after its real arrival, and T3 is
    /// `downward` before it is really sent. Whatever the hold takes beyond both delays falls between T2 and T3, where the
    /// client takes it for the server's own time, so that it sees exactly the two delays and the real path.
    fn send_due(&mut self) {
        while let Some(first) = self.pending.first_entry().filter(|first| first.key().0 <= monotonic()) {
            let Pending { to, draft, downward } = first.remove();
            for _ in 0..draft.copies() {
                let bytes = draft.emit(self.time() - downward);
                let socket = if draft.uses_other_port() { &self.other_socket } else { &self.socket };
                // Counted first, so that whoever has the reply sees it counted.
                self.shared.replies.fetch_add(1, Ordering::Relaxed);
                let _ = socket.send_to(&bytes, to);
            }
        }
    }

    fn time(&self) -> ClockTime {
        (self.clock)() + self.options.offset
    }

    fn delay(&mut self, fixed: Span) -> Span {
        fixed + self.options.jitter * -(1.0 - self.uniform()).ln()
    }

    /// In [0, 1).
    fn uniform(&mut self) -> f64 {
        f64::from(self.rng.next_u32()) / 4_294_967_296.0
    }
}

#[expect(clippy::disallowed_methods, reason = "a test server is outside the core and has no other clock")]
fn monotonic() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
