//! Runs the cases in turn and takes the time. What a case is, is `cases`' subject.

use crate::cases::{Case, Each, client};
use crate::nts::key_set;
use crate::rounds::figures;
use ntpd_rs::packet::ReferenceId;
use ntpd_rs::server::{REPLY_CAPACITY, ReplyBuffer, Request, Responder, SystemVariables};
use ntpd_rs::snapshot::WorkerCounters;
use ntpd_rs::sys::clock::monotonic;
use ntpd_rs::time::{ClockTime, Leap, Mono, Span};
use std::fmt::Write;
use std::hint::black_box;
use std::net::SocketAddr;

/// The table, or the case that did not go its way.
pub(crate) fn table(cases: &[Case], rounds: u32, requests: u32) -> Result<String, String> {
    let mut runs: Vec<Run<'_>> = cases.iter().map(Run::new).collect();
    let (mut loops, mut notes) = (Vec::new(), Vec::new());
    let counters = WorkerCounters::default();
    for _ in 0..rounds {
        loops.push(empty_round(requests));
        notes.push(noting_round(&counters, requests));
        for run in &mut runs {
            run.round(requests)?;
        }
    }
    let mut text = format!("ns/request, median of {rounds} rounds (least to most)\n\n");
    let mut row = |name: &str, nanos: &mut [f64]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:50} {}", figures(nanos));
    };
    row("(the loop around it)", &mut loops);
    row("(the worker notes a client for the estimate)", &mut notes);
    for run in &mut runs {
        row(run.case.name, &mut run.nanos);
    }
    Ok(text)
}

/// What making up requests costs, which every figure contains.
fn empty_round(requests: u32) -> f64 {
    let mut asker = Asker::new(&[0; 48], Each::Asks, 1000);
    let begin = monotonic();
    for _ in 0..requests {
        black_box(asker.next());
    }
    (monotonic() - begin).seconds() * 1e9 / f64::from(requests)
}

/// What the estimate of recent clients costs, which the worker does after the responder: not in the other figures.
fn noting_round(counters: &WorkerCounters, requests: u32) -> f64 {
    let begin = monotonic();
    for request in 0..requests {
        // Spread as a keyed hash is.
        let hash = u64::from(request).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        counters.note_client(black_box(hash), begin + Span::from_nanos(request.into()));
    }
    (monotonic() - begin).seconds() * 1e9 / f64::from(requests)
}

/// One case with its server.
struct Run<'a> {
    case: &'a Case,
    responder: Responder,
    asker: Asker,
    now: Span,
    nanos: Vec<f64>,
    reply: ReplyBuffer,
    /// Requests before the first that counts: until every client has been there as often as it needs, or a full budget is spent.
    rest: u32,
}

impl<'a> Run<'a> {
    fn new(case: &'a Case) -> Self {
        let asker = Asker::new(&case.request, case.each, case.clients);
        let mut responder = Responder::new(&case.config, 1, variables(), [7; 16]);
        if case.each == Each::Protected {
            responder = key_set().into_iter().fold(responder, |with, keys| with.with_keys(keys, [8; 32]));
        }
        Self {
            case,
            responder,
            asker,
            now: Span::ZERO,
            nanos: Vec::new(),
            reply: [0; REPLY_CAPACITY],
            rest: (3 * case.clients).clamp(200, 10_000),
        }
    }

    fn round(&mut self, requests: u32) -> Result<(), String> {
        for _ in 0..std::mem::take(&mut self.rest) {
            self.ask();
        }
        let begin = monotonic();
        let astray = (0..requests).filter(|_| !self.ask()).count();
        let nanos = (monotonic() - begin).seconds() * 1e9 / f64::from(requests);
        self.nanos.push(nanos);
        // A budget lets one through now and then.
        let most = if self.case.config.rate_limit.is_some() { requests / 100 } else { 0 };
        if astray > usize::try_from(most).unwrap_or_default() {
            return Err(format!("{}: {astray} of {requests} requests went another way", self.case.name));
        }
        Ok(())
    }

    /// Whether it went the way of the case.
    fn ask(&mut self) -> bool {
        self.now += self.case.step;
        let received = BEGIN + self.now;
        let (bytes, from) = self.asker.next();
        let request = Request {
            bytes,
            from,
            received,
            transmit: received + Span::from_micros(2),
            mono: Mono::from_nanos(0) + self.now,
        };
        let result = self.responder.answer(black_box(&request), &mut self.reply);
        black_box(&self.reply);
        let mut result = result.map_err(|refused| refused.reason);
        let is_expected = (self.case.expected)(&result);
        if self.case.each == Each::AsksInterleaved {
            self.asker.hear(&self.reply);
            if let Some(token) = result.as_mut().ok().and_then(|answer| answer.stamp.take()) {
                self.responder.on_transmitted(token, received + Span::from_micros(3));
            }
        }
        is_expected
    }
}

/// Clients in turn, each request with a transmit timestamp of its own.
struct Asker {
    bytes: Vec<u8>,
    each: Each,
    clients: u32,
    count: u32,
    /// The receive timestamps that each client was told, if it asks by them.
    heard: Vec<[u8; 8]>,
}

impl Asker {
    fn new(bytes: &[u8], each: Each, clients: u32) -> Self {
        let hear = if each == Each::AsksInterleaved { clients } else { 0 };
        let heard = (0..hear).map(|_| [0; 8]).collect();
        Self { bytes: bytes.to_vec(), each, clients, count: 0, heard }
    }

    fn next(&mut self) -> (&[u8], SocketAddr) {
        self.count = self.count.wrapping_add(1);
        let asks = self.each != Each::Protected;
        if let Some(transmit) = self.bytes.get_mut(44..48).filter(|_| asks) {
            transmit.copy_from_slice(&self.count.to_be_bytes());
        }
        if let (Some(heard), Some(header)) = (self.heard.get(self.turn()), self.bytes.get_mut(24..40)) {
            let (origin, receive) = header.split_at_mut(8);
            origin.copy_from_slice(heard);
            receive.copy_from_slice(&[1; 8]);
        }
        (&self.bytes, client(self.count % self.clients))
    }

    fn turn(&self) -> usize {
        usize::try_from(self.count % self.clients).unwrap_or_default()
    }

    /// The client that asked last hears this.
    fn hear(&mut self, reply: &[u8]) {
        let turn = self.turn();
        if let (Some(heard), Some(receive)) = (self.heard.get_mut(turn), reply.get(32..40)) {
            heard.copy_from_slice(receive);
        }
    }
}

/// Some hours before the leap second at the end of 2016.
const BEGIN: ClockTime = ClockTime::from_unix_secs(1_483_218_800);

fn variables() -> SystemVariables {
    let variables = SystemVariables {
        leap: Leap::AddSecond,
        stratum: 2,
        precision: -24,
        root_delay: Span::from_millis(10),
        root_dispersion: Span::from_millis(1),
        dispersion_rate: 15e-6,
        reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
        reference_timestamp: Some(BEGIN),
        updated: BEGIN,
        leap_second: None,
    };
    variables.remembering(None, Mono::from_nanos(0))
}
