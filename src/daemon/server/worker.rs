//! The loop of one worker: a batch of requests in, a batch of replies out. What is in them is `crate::server`'s.

use super::super::clock::ClockReader;
use super::questions::Question;
use super::stamps::Stamps;
use crate::config::ServerConfig;
use crate::nts::{KeySet, clear_stack};
use crate::server::{
    Before, Departure, REPLY_CAPACITY, Refused, ReplyBuffer, Request, Responder, SystemVariables,
};
use crate::snapshot::WorkerCounters;
use crate::sys::batch::{Batch, Datagram, LONGEST};
use crate::sys::udp::UdpSocket;
use crate::sys::{Waker, clock};
use crate::time::{ClockTime, Mono, Now};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;
use tokio::sync::watch;

/// What the daemon may tell a worker.
#[derive(Debug)]
pub(super) struct Orders {
    stop: AtomicBool,
    waker: Waker,
}

/// What a worker begins with.
#[derive(Debug)]
pub(super) struct Seed {
    /// Only the worker sends and receives on it.
    pub(super) socket: Arc<UdpSocket>,
    pub(super) address: SocketAddr,
    /// Among the workers of the listener.
    pub(super) index: usize,
    pub(super) orders: Arc<Orders>,
    pub(super) questions: Receiver<Question>,
    pub(super) counters: Arc<WorkerCounters>,
    pub(super) variables: watch::Receiver<Arc<SystemVariables>>,
    pub(super) keys: Option<Keys>,
    pub(super) clock: ClockReader,
}

/// What a worker that knows NTS begins with.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) news: watch::Receiver<Arc<KeySet>>,
    /// Of its nonces: secret, and no other worker's.
    pub(super) seed: [u8; 32],
}

/// One thread's own; nothing in it is waited for by another.
#[derive(Debug)]
pub(super) struct Worker {
    seed: Seed,
    responder: Responder,
    departure: Departure,
    stamps: Stamps,
    batch: Batch,
    reply: ReplyBuffer,
}

/// Requests that are taken by one call. Twice as many save 1 % of the time for a request, and half as many cost 3 %; the more there
/// are, the longer the last of them waits for its reply, and the further ahead its time of leaving is foretold.
pub(super) const BATCH: usize = 32;
/// A request that fits gets a reply that fits.
const _: () = assert!(REPLY_CAPACITY == LONGEST);
/// After an error that is none of the askers' doing, such as a lack of memory: trying on at once would not help.
const PAUSE: Duration = Duration::from_millis(10);

impl Orders {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { stop: AtomicBool::new(false), waker: Waker::new()? })
    }

    /// Ends the worker, soon.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }

    /// The worker looks at what there is for it to do, soon.
    pub(super) fn wake(&self) {
        // A counter that overflows is no failure, and there is no other.
        if let Err(error) = self.waker.wake() {
            tracing::error!("{error}");
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

impl Worker {
    /// One of `workers` of a listener.
    pub(super) fn new(mut seed: Seed, config: &ServerConfig, workers: usize, key: [u8; 16]) -> Self {
        let variables = **seed.variables.borrow_and_update();
        let mut responder = Responder::new(config, workers, variables, key);
        if let Some(Keys { news, seed }) = &mut seed.keys {
            responder = responder.with_keys(newest(news), *seed);
        }
        Self {
            responder,
            departure: Departure::new(),
            stamps: Stamps::new(),
            batch: Batch::new(BATCH),
            reply: [0; REPLY_CAPACITY],
            seed,
        }
    }

    /// Answers until told to stop. No error of a socket ends it, and none makes it spin.
    pub(super) fn run(mut self) {
        let mut before = Before::Sleep;
        while !self.seed.orders.is_stopped() {
            self.answer_questions();
            match self.batch.receive(&self.seed.socket) {
                Ok(count) => {
                    self.serve(count, before);
                    before = Before::Work;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if before == Before::Sleep {
                        // Something woke it, and it was no datagram: stamps that came late, other keys, or what nobody asked for.
                        self.take_stamps();
                        self.take_keys();
                    }
                    self.sleep(None);
                    before = Before::Sleep;
                }
                Err(error) => {
                    tracing::debug!("{}: receiving: {error}", self.seed.address);
                    self.sleep(Some(PAUSE));
                    before = Before::Sleep;
                }
            }
        }
    }

    /// Once a batch: while nobody asks, this is a few loads.
    fn answer_questions(&self) {
        while let Ok(Question { limit, answer }) = self.seed.questions.try_recv() {
            // Who asked may have gone.
            let _ = answer.send(self.responder.clients(limit, self.seed.clock.now_both().mono));
        }
    }

    /// In the kernel, until there is something to do; or, after an error, for a while.
    fn sleep(&self, pause: Option<Duration>) {
        let orders = &self.seed.orders;
        let slept = match pause {
            None => orders.waker.sleep(Some(&self.seed.socket), None),
            Some(limit) => orders.waker.sleep(None, Some(limit)),
        };
        if let Err(error) = slept {
            tracing::debug!("{}: waiting: {error}", self.seed.address);
        }
    }

    /// Answers the datagrams that just came.
    fn serve(&mut self, count: usize, before: Before) {
        if self.seed.variables.has_changed().unwrap_or(false) {
            self.responder.set_variables(**self.seed.variables.borrow_and_update());
        }
        self.take_keys();
        // Not at the very same moment, which nothing here depends on, but as cheaply as can be.
        let read = Now { mono: clock::monotonic(), clock: clock::realtime() };
        let (host, mono) = (read.clock, read.mono);
        self.answer_all(count, read, before);
        if self.batch.queued() == 0 {
            return;
        }
        let asks = self.stamps.is_asking();
        let start = if asks { clock::realtime() } else { host };
        let (counters, stamps, address) = (&self.seed.counters, &mut self.stamps, self.seed.address);
        self.batch.send(&self.seed.socket, |place, error| {
            counters.count_send_errors(1);
            stamps.on_failed(place);
            tracing::debug!("{address}: sending: {error}");
        });
        if asks {
            self.departure.on_answered(count, start - host);
            self.expect_stamps(start, mono, before);
        }
        if self.stamps.is_waiting() {
            self.take_stamps();
            self.stamps.give_up(mono);
        }
    }

    /// Those of before are erased. Once a batch, because a cookie may be sealed by a key as soon as that is published.
    fn take_keys(&mut self) {
        if let Some(Keys { news, .. }) = &mut self.seed.keys
            && news.has_changed().unwrap_or(false)
        {
            // The one allocation of a worker at work: once in a rotation.
            self.responder.set_keys(newest(news));
            clear_stack();
        }
    }

    fn answer_all(&mut self, count: usize, host: Now, before: Before) {
        let Seed { counters, clock, index, .. } = &self.seed;
        let Now { mono, clock: now } = clock.now_at(host);
        let forecast = self.departure.forecast(count, before);
        let sampled = self.stamps.sampled_place(count, host.mono);
        let mut leaves = now + forecast.first;
        for slot in 0..count {
            let Some(datagram) = self.batch.datagram(slot) else { break };
            // The kernel gives those to all sockets of the address.
            if *index > 0 && datagram.is_to_group() {
                continue;
            }
            counters.count_received(1);
            let Some(from) = datagram.from() else { continue };
            let received = datagram.stamp().map_or(now, |stamp| clock.to_local(stamp));
            let request = Request { bytes: whole(datagram), from, received, transmit: leaves, mono };
            let answer = match self.responder.answer(&request, &mut self.reply) {
                Ok(answer) => answer,
                Err(Refused { reason, nts }) => {
                    counters.count_refused(reason);
                    if nts {
                        counters.count_nts(Some(reason));
                    }
                    continue;
                }
            };
            let stamped = answer.stamp.is_some() || sampled == Some(self.batch.queued());
            let bytes = self.reply.get(..answer.length).unwrap_or_default();
            let Some(place) = self.batch.reply(slot, bytes, stamped) else { continue };
            leaves += forecast.next;
            match answer.kiss {
                None => {
                    counters.count_accepted(answer.version);
                    counters.note_client(answer.client, mono);
                }
                Some(reason) => {
                    counters.count_refused(reason);
                    counters.count_kiss(reason);
                }
            }
            if answer.nts {
                counters.count_nts(answer.kiss);
            }
            if answer.interleaved {
                counters.count_interleaved();
            }
            if stamped {
                self.stamps.ask(place, answer.stamp);
            }
        }
    }

    /// Gives the stamped replies of this batch the numbers that the kernel gave them.
    fn expect_stamps(&mut self, start: ClockTime, mono: Mono, before: Before) {
        if self.stamps.on_sent(start, mono, before) {
            return;
        }
        // Whether the kernel counted one that it did not send is not known: both count anew.
        if let Err(error) = self.seed.socket.restart_numbers() {
            tracing::debug!("{}: {error}", self.seed.address);
        }
    }

    /// Reads what the kernel says of replies that left. What arrived is gone then.
    fn take_stamps(&mut self) {
        let (stamps, departure, responder) = (&mut self.stamps, &mut self.departure, &mut self.responder);
        let clock = &self.seed.clock;
        loop {
            let more = self.batch.transmit_stamps(&self.seed.socket, |stamp| {
                let Some(left) = stamps.take(stamp) else { return };
                departure.on_left(left.place, left.before, stamp.time - left.start);
                if let Some(token) = left.token {
                    responder.on_transmitted(token, clock.to_local(stamp.time));
                }
            });
            match more {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return tracing::debug!("{}: stamps: {error}", self.seed.address),
            }
        }
    }
}

/// A copy of the worker's own: what seals with it changes it. The channel is locked no longer than it takes to count a reference.
/// Never part of its caller, whose stack is not cleared.
#[inline(never)]
fn newest(news: &mut watch::Receiver<Arc<KeySet>>) -> KeySet {
    let shared = Arc::clone(&news.borrow_and_update());
    KeySet::clone(&shared)
}

/// Empty, so malformed, if it is longer than any request.
fn whole(datagram: Datagram<'_>) -> &[u8] {
    if datagram.is_truncated() { &[] } else { datagram.bytes() }
}
