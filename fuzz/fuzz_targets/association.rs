//! One association in the middle of anything: whatever arrives, and whatever is told in whatever order, it neither panics, nor spins,
//! nor asks a server more often than every two seconds. With NTS it sends nothing that is not protected, and nothing that is not
//! authentic changes anything.
#![no_main]

mod secured;

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::PollLimits;
use ntpd_rs::nts::field::{Authenticator, Fields};
use ntpd_rs::nts::{Algorithm, Cipher, Session, SessionKeys};
use ntpd_rs::packet::{Header, KissCode, Mode, Packet, ReferenceId};
use ntpd_rs::source::{Advice, Association, Context, Outcome, RequestToken, Settings, TimerOutcome};
use ntpd_rs::time::{ClockTime, Leap, Mono, Now, NtpTimestamp, Poll, Span, Stamp, StampSource};
use ntpd_rs::verdict::SourceId;
use rand_core::{Infallible, TryRng};
use std::net::SocketAddr;

const SHORTEST_GAP: Span = Span::from_secs(2);

/// Steele and Vigna's SplitMix64 is good enough for jitter.
struct Random(u64);

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|bits| (bits >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(bits ^ (bits >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.try_next_u32()? as u8;
        }
        Ok(())
    }
}

struct Bench<'a> {
    association: Association,
    now: Now,
    random: Random,
    input: &'a [u8],
    asked: Option<Header>,
    /// The last request.
    request: Vec<u8>,
    /// With NTS: those in use, and those that the last request was protected with.
    keys: Option<[SessionKeys; 2]>,
    /// What the server wrote with those keys in answer to the last request; nobody else can.
    genuine: Vec<Vec<u8>>,
    /// Of the request before.
    stale: Vec<Vec<u8>>,
    /// A reply of the server to the last request arrived.
    accepted: bool,
    /// Somebody said that the server opens these cookies no more.
    naked: bool,
    token: Option<RequestToken>,
    /// The server saw the request: it cannot turn out not to have left.
    replied: bool,
    /// When the last request that left did.
    left: Option<Mono>,
    before: Option<Mono>,
}

impl Bench<'_> {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.input.split_at(N.min(self.input.len()));
        self.input = rest;
        std::array::from_fn(|at| taken.get(at).copied().unwrap_or_default())
    }

    fn byte(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    fn address() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], 123))
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.now.clock, source: StampSource::Kernel }
    }

    fn timer(&mut self) {
        let Some(wakeup) = self.association.next_wakeup() else { return };
        let wait = (wakeup - self.now.mono).max(Span::ZERO);
        self.now = Now { mono: self.now.mono + wait, clock: self.now.clock + wait };
        if let TimerOutcome::Send(request) = self.association.on_timer(self.now, &mut self.random) {
            if let Some(left) = self.left {
                assert!(self.now.mono - left >= SHORTEST_GAP, "asked again after {:?}", self.now.mono - left);
            }
            self.before = self.left.replace(self.now.mono);
            self.asked = Packet::parse(&request.bytes).ok().map(|packet| packet.header);
            self.token = Some(request.token);
            self.replied = false;
            self.accepted = false;
            self.request = request.bytes;
            self.stale = std::mem::take(&mut self.genuine);
            self.check_request();
        }
        assert!(
            self.association.next_wakeup().is_some_and(|next| next > self.now.mono),
            "the timer was served"
        );
    }

    fn sent(&mut self) {
        if let Some(token) = self.token.take() {
            let (stamp, pivot) = (self.stamp(), self.now.clock);
            let context = Context { pivot, own_reference_ids: &[] };
            let outcome = self.association.on_sent(token, stamp, self.now, &context);
            let is_measured = matches!(outcome, Outcome::Measurement(_) | Outcome::Answered);
            assert!(!is_measured || self.keys.is_none() || self.accepted, "measured by nobody's reply");
        }
    }

    fn send_failed(&mut self) {
        if let Some(token) = self.token.take().filter(|_| !self.replied) {
            self.association.on_send_failed(token, self.now);
            self.left = self.before;
        }
    }

    /// A header of any content that answers our request, or a plausible one with one byte changed.
    fn reply(&mut self, is_wild: bool) {
        let Some(asked) = self.asked else { return };
        self.replied = true;
        let mut bytes = if is_wild { self.bytes() } else { self.good(&asked).emit() };
        if is_wild {
            bytes[0] = (bytes[0] & 0xc0) | 0x24;
            // Sometimes in interleaved mode.
            let cookies = [asked.transmit_timestamp, asked.receive_timestamp];
            let cookie = cookies[usize::from(self.byte() & 1)];
            bytes[24..32].copy_from_slice(&cookie.bits().to_be_bytes());
        } else {
            let [at, with, mode] = self.bytes();
            if mode & 1 == 1 {
                bytes[24..32].copy_from_slice(&asked.receive_timestamp.bits().to_be_bytes());
            }
            bytes[usize::from(at) % Header::LEN] = with;
        }
        match &self.keys {
            None => self.receive(&bytes),
            Some(_) => self.secured_reply(&bytes),
        }
    }

    /// With this header: of the server, of somebody who changes what it sends or repeats it, of somebody without keys.
    fn secured_reply(&mut self, header: &[u8; Header::LEN]) {
        let [kind, number, length] = self.bytes();
        let Some([_, keys]) = &self.keys else { return };
        let text = match kind & 0x30 {
            // Of any content and length.
            0 => self.input[..usize::from(length).min(self.input.len())].to_vec(),
            _ => secured::cookies((0..length % 20).map(|n| number.wrapping_add(n))),
        };
        let mut bytes = match kind % 8 {
            0..=3 => secured::sealed(&self.request, header, keys, &text),
            4 => secured::unprotected(&self.request, header),
            5 => {
                let nak =
                    Header { stratum: 0, reference_id: KissCode::NtsNak.reference_id(), ..self.good_now() };
                secured::unprotected(&self.request, &nak.emit())
            }
            6 => self.stale.get(usize::from(number) % self.stale.len().max(1)).cloned(),
            _ => self.genuine.last().cloned(),
        }
        .unwrap_or_default();
        if kind % 8 < 4 && !bytes.is_empty() {
            self.genuine.push(bytes.clone());
        }
        if kind & 0x40 != 0 && !bytes.is_empty() {
            let [high, low, with] = self.bytes();
            let at = usize::from(u16::from_be_bytes([high, low])) % bytes.len();
            if kind & 0x80 == 0 { bytes[at] = with } else { bytes.truncate(at) }
        }
        self.receive(&bytes);
    }

    fn good_now(&self) -> Header {
        self.good(&self.asked.unwrap_or_default())
    }

    fn good(&self, asked: &Header) -> Header {
        let served = NtpTimestamp::from_clock(self.now.clock);
        Header {
            leap: Leap::NoWarning,
            mode: Mode::Server,
            stratum: 1,
            reference_id: ReferenceId::from_bytes(*b"GPS\0"),
            origin_timestamp: asked.transmit_timestamp,
            receive_timestamp: served,
            transmit_timestamp: served,
            ..*asked
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let (stamp, pivot) = (self.stamp(), self.now.clock);
        let own_reference_ids = [ReferenceId::from_bytes([192, 0, 2, 77])];
        let context = Context { pivot, own_reference_ids: &own_reference_ids };
        let before = self.believed();
        let outcome = self.association.on_datagram(self.now, Self::address(), bytes, stamp, &context);
        if self.keys.is_none() {
            return;
        }
        // What follows the authenticator means nothing.
        if self.genuine.iter().any(|genuine| bytes.starts_with(genuine)) {
            self.accepted = true;
            return;
        }
        assert!(matches!(outcome, Outcome::Discarded(_)), "{outcome:?} of what is not authentic");
        assert_eq!(before, self.believed(), "it changed something");
        let code = Packet::parse(bytes).map(|packet| KissCode::from_reference_id(packet.header.reference_id));
        self.naked |= code == Ok(KissCode::NtsNak);
    }

    /// What only the server may change.
    fn believed(&self) -> String {
        let association = &self.association;
        let cookies = association.session().map(Session::cookies_left);
        let (replies, measured) = (association.counters().replies(), association.last_measurement());
        let (poll, is_over) = (association.poll(), association.is_demobilized());
        let (server, refusal) = (association.server(), association.refusal());
        format!("{server:?} {refusal:?} {cookies:?} {replies} {measured:?} {poll:?} {is_over}")
    }

    /// With NTS a request is protected by the keys in use, and bounded.
    fn check_request(&mut self) {
        let Some([keys, of_request]) = &mut self.keys else { return };
        *of_request = keys.clone();
        assert!(self.request.len() <= 1024, "{} bytes", self.request.len());
        let packet = Packet::parse(&self.request).expect("our request is well-formed");
        let fields = Fields::find(&self.request, &packet).expect("its fields are");
        assert!(fields.cookie.is_some() && fields.unique_identifier.is_some(), "not protected");
        let Authenticator { associated, nonce, sealed, .. } = fields.authenticator.expect("not protected");
        let opened = Cipher::new(&keys.c2s).expect("a key").open(nonce, associated, sealed, &mut []);
        assert_eq!(opened, Some(0), "not authentic");
    }

    /// Other keys of the same server; some of no use.
    fn exchange_keys(&mut self) {
        let [cookies, number] = self.bytes();
        if let Some([keys, _]) = &mut self.keys {
            *keys = session_keys(keys.algorithm(), number);
            self.association.set_session(session(keys, cookies & 15, number));
            self.naked = false;
        }
    }

    fn check(&self) {
        let Some(cookies) = self.association.session().map(Session::cookies_left) else { return };
        assert!(cookies <= 8, "{cookies} cookies");
        assert!(
            !self.association.wants_keys() || self.naked || cookies == 0,
            "keys are wanted without a reason"
        );
    }

    fn happen(&mut self) {
        match self.byte() % 14 {
            0..=2 => self.timer(),
            3 => self.sent(),
            4 => self.send_failed(),
            5 => self.reply(true),
            6 => self.reply(false),
            7 => {
                let bytes = self.bytes::<60>();
                let length = usize::from(self.byte()) % 61;
                self.receive(&bytes[..length]);
            }
            8 => self.association.on_clock_stepped(),
            9 => self.association.restart(self.now.mono),
            10 => {
                let [surprise, poll] = self.bytes();
                let advice = Advice { surprise: surprise & 1 == 1, poll: Poll::new(poll as i8) };
                self.association.advise(advice, self.now.mono);
            }
            11 => self.exchange_keys(),
            12 => self.association.on_network_changed(),
            _ => {
                let wait = Span::from_millis(i64::from(u16::from_be_bytes(self.bytes())));
                self.now = Now { mono: self.now.mono + wait, clock: self.now.clock + wait };
            }
        }
    }
}

fn session_keys(algorithm: Algorithm, number: u8) -> SessionKeys {
    let key = |first: u8| vec![first.wrapping_add(number); algorithm.key_len()];
    SessionKeys::new(algorithm, &key(1), &key(2)).expect("two keys of that length")
}

fn session(keys: &SessionKeys, cookies: u8, number: u8) -> Session {
    Session::new(keys.clone(), (0..cookies).map(|n| vec![n.wrapping_add(number); 100]))
}

fuzz_target!(|input: &[u8]| {
    let now = Now { mono: Mono::from_nanos(1), clock: ClockTime::from_unix_secs(1_800_000_000) };
    let settings = Settings { interleaved: true, ..Settings::new(Bench::address(), PollLimits::default()) };
    let Some((kind, input)) = input.split_first() else { return };
    // Every other association has NTS.
    let algorithm = Algorithm::ALL[usize::from(kind >> 1) % Algorithm::ALL.len()];
    let keys = (kind & 1 == 1).then(|| session_keys(algorithm, 0));
    let id = SourceId(1);
    let mut bench = Bench {
        association: match &keys {
            None => Association::new(id, settings, now.mono),
            Some(keys) => Association::secured(id, settings, session(keys, 8, 0), now.mono),
        },
        now,
        random: Random(1),
        input,
        asked: None,
        request: Vec::new(),
        keys: keys.map(|keys| [keys.clone(), keys]),
        genuine: Vec::new(),
        stale: Vec::new(),
        accepted: false,
        naked: false,
        token: None,
        replied: false,
        left: None,
        before: None,
    };
    while !bench.input.is_empty() {
        bench.happen();
        bench.check();
    }
});
