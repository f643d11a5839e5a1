//! One association in the middle of anything: whatever arrives, and whatever is told in whatever order, it neither panics, nor spins,
//! nor asks a server more often than every two seconds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::PollLimits;
use ntpd_rs::packet::{Header, Mode, Packet, ReferenceId};
use ntpd_rs::source::{Advice, Association, Context, RequestToken, Settings, TimerOutcome};
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
            self.association.on_sent(token, stamp, self.now, &context);
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
        self.receive(&bytes);
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
        self.association.on_datagram(self.now, Self::address(), bytes, stamp, &context);
    }

    fn happen(&mut self) {
        match self.byte() % 12 {
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
            _ => {
                let wait = Span::from_millis(i64::from(u16::from_be_bytes(self.bytes())));
                self.now = Now { mono: self.now.mono + wait, clock: self.now.clock + wait };
            }
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let now = Now { mono: Mono::from_nanos(1), clock: ClockTime::from_unix_secs(1_800_000_000) };
    let settings = Settings { interleaved: true, ..Settings::new(Bench::address(), PollLimits::default()) };
    let mut bench = Bench {
        association: Association::new(SourceId(1), settings, now.mono),
        now,
        random: Random(1),
        input,
        asked: None,
        token: None,
        replied: false,
        left: None,
        before: None,
    };
    while !bench.input.is_empty() {
        bench.happen();
    }
});
