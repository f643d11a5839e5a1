//! A server of time as the network sees it: right or wrong, willing or not. Uses the packet format of the crate, and its responder
//! where that is what is asked; nothing else of it.

use super::random::Stream;
use ntpd_rs::config::{LeapSmear, ServerConfig};
use ntpd_rs::packet::{Header, KissCode, Mode, Packet, ReferenceId};
use ntpd_rs::server::{LeapSecond, REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::time::{ClockTime, Leap, Mono, NtpShort, NtpTimestamp, Span};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

/// What a server is like.
#[derive(Debug, Clone)]
pub(crate) struct ServerSpec {
    /// Its clock minus true time at the beginning.
    pub(crate) error: Span,
    /// How its clock's error grows, s/s: a liar that drifts.
    pub(crate) drift: f64,
    pub(crate) leap: Leap,
    pub(crate) stratum: u8,
    pub(crate) root_delay: Span,
    pub(crate) root_dispersion: Span,
    pub(crate) reference_id: ReferenceId,
    /// Mean of the exponential time that its program needs from reading its clock to the reply's leaving, seconds.
    pub(crate) writing: f64,
    /// Tells clients that ask for it when the reply before really left (RFC 9769).
    pub(crate) interleaves: bool,
    pub(crate) behaviour: Behaviour,
}

/// What a server does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behaviour {
    /// Answers.
    Honest,
    /// Never answers.
    Silent,
    /// Answers with a kiss alone.
    Kiss(KissCode),
    /// Answers requests that keep this many seconds apart, and others with `RATE`.
    RateLimit(f64),
    /// Answers as the crate's own server does, and smears the leap second that it announces.
    Smear(LeapSmear),
    /// Sends these datagrams instead, in order: given the request's bytes and the honest reply.
    Tamper(fn(&[u8], Header) -> Vec<Vec<u8>>),
}

impl Default for ServerSpec {
    /// A right primary server, saying what chrony's `local stratum 1` says.
    fn default() -> Self {
        Self {
            error: Span::ZERO,
            drift: 0.0,
            leap: Leap::NoWarning,
            stratum: 1,
            root_delay: Span::ZERO,
            root_dispersion: Span::ZERO,
            reference_id: ReferenceId::from_bytes([127, 127, 1, 1]),
            writing: 0.0,
            interleaves: false,
            behaviour: Behaviour::Honest,
        }
    }
}

/// A server at work.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) spec: ServerSpec,
    /// Requests that arrived.
    pub(crate) requests: u64,
    /// Seconds from the last request's arrival until its reply left.
    pub(crate) wrote_for: f64,
    /// T2 of the last replies, and when they left by its clock.
    left: VecDeque<(NtpTimestamp, NtpTimestamp)>,
    last: f64,
    noise: Stream,
    /// What a smearing server knows.
    leap_second: Option<LeapSecond>,
}

impl Server {
    pub(crate) fn new(spec: ServerSpec, noise: Stream) -> Self {
        let left = VecDeque::new();
        let last = f64::NEG_INFINITY;
        Self { spec, requests: 0, wrote_for: 0.0, left, last, noise, leap_second: None }
    }

    /// The datagrams it sends for this one, all `wrote_for` later; `true_time` is `t` as a date.
    pub(crate) fn answer(&mut self, request: &[u8], t: f64, true_time: ClockTime) -> Vec<Vec<u8>> {
        self.requests += 1;
        let Ok(packet) = Packet::parse(request) else { return Vec::new() };
        let asked = packet.header;
        if asked.mode != Mode::Client {
            return Vec::new();
        }
        let reply = self.reply(&asked, true_time + Span::from_seconds(self.spec.drift * t));
        let since = t - std::mem::replace(&mut self.last, t);
        match self.spec.behaviour {
            Behaviour::Honest => vec![reply.emit().to_vec()],
            Behaviour::Silent => Vec::new(),
            Behaviour::Kiss(code) => vec![kiss(reply, code)],
            Behaviour::RateLimit(apart) if since < apart => vec![kiss(reply, KissCode::Rate)],
            Behaviour::RateLimit(_) => vec![reply.emit().to_vec()],
            Behaviour::Smear(smear) => self.smeared(request, smear, t, true_time + self.spec.error),
            Behaviour::Tamper(tamper) => tamper(request, reply),
        }
    }

    fn smeared(&mut self, request: &[u8], smear: LeapSmear, t: f64, clock: ClockTime) -> Vec<Vec<u8>> {
        let mono = Mono::default() + Span::from_seconds(t);
        let variables = SystemVariables {
            leap: self.spec.leap,
            stratum: self.spec.stratum,
            precision: -23,
            root_delay: self.spec.root_delay,
            root_dispersion: self.spec.root_dispersion,
            dispersion_rate: 0.0,
            reference_id: self.spec.reference_id,
            reference_timestamp: Some(clock - Span::from_seconds(self.noise.uniform())),
            updated: clock,
            leap_second: None,
        }
        .remembering(self.leap_second, mono);
        self.leap_second = variables.leap_second;
        let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 123));
        let config = ServerConfig { leap_smear: Some(smear), ..ServerConfig::new(anywhere) };
        let mut responder = Responder::new(&config, 1, variables, [0; 16]);
        let request = Request { bytes: request, from: anywhere, received: clock, transmit: clock, mono };
        let mut reply = [0; REPLY_CAPACITY];
        let answer = responder.answer(&request, &mut reply);
        answer.ok().and_then(|answer| reply.get(..answer.length)).map(<[u8]>::to_vec).into_iter().collect()
    }

    fn reply(&mut self, asked: &Header, true_time: ClockTime) -> Header {
        let clock = NtpTimestamp::from_clock(true_time + self.spec.error);
        // Set a while ago, as servers are; up to a second and never the same.
        let age = Span::from_seconds(self.noise.uniform());
        let basic = Header {
            leap: self.spec.leap,
            version: asked.version,
            mode: Mode::Server,
            stratum: self.spec.stratum,
            poll: asked.poll,
            precision: -23,
            root_delay: NtpShort::from_span(self.spec.root_delay),
            root_dispersion: NtpShort::from_span(self.spec.root_dispersion),
            reference_id: self.spec.reference_id,
            reference_timestamp: NtpTimestamp::from_clock(true_time + self.spec.error - age),
            origin_timestamp: asked.transmit_timestamp,
            receive_timestamp: clock,
            transmit_timestamp: clock,
        };
        if self.spec.writing > 0.0 {
            self.wrote_for = self.spec.writing * self.noise.exponential();
        }
        let left = true_time + self.spec.error + Span::from_seconds(self.wrote_for);
        self.left.push_back((clock, NtpTimestamp::from_clock(left)));
        match self.left.iter().position(|(received, _)| *received == asked.origin_timestamp) {
            Some(index) if self.spec.interleaves => {
                let (_, transmit_timestamp) = self.left.remove(index).unwrap_or_default();
                Header { origin_timestamp: asked.receive_timestamp, transmit_timestamp, ..basic }
            }
            _ => {
                self.left.drain(..self.left.len().saturating_sub(REMEMBERED));
                basic
            }
        }
    }
}

/// Replies whose leaving is remembered.
const REMEMBERED: usize = 4;

fn kiss(reply: Header, code: KissCode) -> Vec<u8> {
    Header { leap: Leap::Unsynchronized, stratum: 0, reference_id: code.reference_id(), ..reply }
        .emit()
        .to_vec()
}
