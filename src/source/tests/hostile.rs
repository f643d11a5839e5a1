//! Whatever comes, in whatever order: no panic, no flood, no lost genuine reply.

use super::*;
use proptest::prelude::*;

#[test]
fn a_flood_of_forged_replies_does_not_starve_the_genuine_one() {
    let mut bench = Bench::new();
    bench.settle();
    let reach = bench.association.reach().bits();
    let asked = bench.ask();
    for guess in 0..20_000_u64 {
        let forged = Header {
            origin_timestamp: NtpTimestamp::from_bits(guess.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            ..bench.good_reply(&asked)
        };
        assert_eq!(bench.receive(&forged), Outcome::Discarded(Discard::WrongOrigin));
    }
    bench.answer(&asked);
    assert_eq!(bench.association.reach().bits(), (reach << 1) | 1);
    assert_eq!(bench.association.counters().discarded(Discard::WrongOrigin), 20_000);
}

#[test]
fn every_discard_is_counted_and_nothing_grows_with_their_number() {
    let mut bench = Bench::new();
    for length in 0..2000 {
        bench.receive_bytes(&vec![0x24; length], server_address());
    }
    assert!(bench.association.counters().discards().count() <= Discard::ALL.len());
    assert_eq!(bench.association.counters().discards().map(|(_, count)| count).sum::<u64>(), 2000);
}

/// What may happen to an association.
#[derive(Debug, Clone)]
enum Happening {
    Wait(u16),
    Timer,
    Sent,
    SendFailed,
    Answer,
    /// In interleaved mode, with this T3 in nanoseconds before now.
    Interleaved(i64),
    Kiss([u8; 4], i8),
    Bytes(Vec<u8>),
    Corrupted(usize, u8),
    Stepped,
    Restarted,
    Advised(bool, i8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let code = prop::sample::select(vec![*b"RATE", *b"DENY", *b"RSTR", *b"NTSN", *b"\0\0\0\0"]);
    prop_oneof![
        any::<u16>().prop_map(Happening::Wait),
        Just(Happening::Timer),
        Just(Happening::Timer),
        Just(Happening::Sent),
        Just(Happening::Sent),
        Just(Happening::SendFailed),
        Just(Happening::Answer),
        Just(Happening::Answer),
        any::<u16>().prop_map(|millis| Happening::Interleaved(i64::from(millis) * 1_000_000)),
        any::<i64>().prop_map(Happening::Interleaved),
        (code, any::<i8>()).prop_map(|(code, poll)| Happening::Kiss(code, poll)),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(Happening::Bytes),
        (0..48_usize, any::<u8>()).prop_map(|(at, with)| Happening::Corrupted(at, with)),
        Just(Happening::Stepped),
        Just(Happening::Restarted),
        (any::<bool>(), any::<i8>()).prop_map(|(surprise, poll)| Happening::Advised(surprise, poll)),
    ]
}

/// An association in the middle of anything, and what must hold of it.
struct Turmoil {
    bench: Bench,
    asked: Option<Asked>,
    left: Vec<Mono>,
    /// The server saw the request: it cannot turn out not to have left.
    replied: bool,
    rate_floor: Span,
}

impl Turmoil {
    fn new() -> Self {
        let settings = Settings { interleaved: true, ..Settings::new(server_address(), limits(4, 10)) };
        let bench = Bench::with(settings);
        Self { bench, asked: None, left: vec![], replied: false, rate_floor: Span::ZERO }
    }

    fn let_happen(&mut self, happening: Happening) {
        let bench = &mut self.bench;
        match (happening, &mut self.asked) {
            (Happening::Wait(millis), _) => bench.advance(Span::from_millis(i64::from(millis))),
            (Happening::Timer, _) => self.timer(),
            (Happening::Sent, Some(asked)) if asked.token.is_some() => {
                bench.report_sent(asked);
            }
            (Happening::SendFailed, Some(asked)) if !self.replied => {
                if let Some(token) = asked.token.take() {
                    bench.association.on_send_failed(token, bench.now);
                    self.left.pop();
                }
            }
            (Happening::Answer, Some(asked)) => {
                self.replied = true;
                let reply = bench.good_reply(asked);
                bench.receive(&reply);
            }
            (Happening::Interleaved(nanos), Some(asked)) => {
                self.replied = true;
                let left = NtpTimestamp::from_clock(bench.now.clock - Span::from_nanos(nanos));
                let origin_timestamp = asked.header.receive_timestamp;
                let basic = bench.good_reply(asked);
                bench.receive(&Header { origin_timestamp, transmit_timestamp: left, ..basic });
            }
            (Happening::Kiss(code, poll), Some(asked)) => {
                self.replied = true;
                let kiss = Header { poll, ..bench.kiss(asked, code) };
                if let Outcome::RateLimited(poll) = bench.receive(&kiss) {
                    self.rate_floor = poll.interval();
                }
            }
            (Happening::Bytes(bytes), _) => {
                bench.receive_bytes(&bytes, server_address());
            }
            (Happening::Corrupted(at, with), Some(asked)) => {
                self.replied = true;
                let mut bytes = bench.good_reply(asked).emit();
                bytes[at] = with;
                bench.receive_bytes(&bytes, server_address());
            }
            (Happening::Stepped, _) => bench.association.on_clock_stepped(),
            (Happening::Restarted, _) => bench.association.restart(bench.now.mono),
            (Happening::Advised(surprise, poll), _) => {
                bench.association.advise(Advice { surprise, poll: Poll::new(poll) }, bench.now.mono);
            }
            _ => {}
        }
    }

    fn timer(&mut self) {
        let bench = &mut self.bench;
        let Some(wakeup) = bench.association.next_wakeup() else { return };
        bench.advance_to(wakeup);
        if let TimerOutcome::Send(request) = bench.association.on_timer(bench.now, &mut bench.random) {
            if let Some(last) = self.left.last() {
                let pause = bench.now.mono - *last;
                assert!(pause >= Span::from_secs(2).max(self.rate_floor), "asked again after {pause:?}");
            }
            let header = crate::packet::Packet::parse(&request.bytes).unwrap().header;
            self.left.push(bench.now.mono);
            self.replied = false;
            let Request { bytes, token, .. } = request;
            self.asked = Some(Asked { at: bench.now.mono, header, bytes, token: Some(token) });
        }
        let next = bench.association.next_wakeup().unwrap();
        assert!(next > bench.now.mono, "the timer was served");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bench = Bench::new();
        bench.receive_bytes(&bytes, server_address());
        bench.ask();
        bench.receive_bytes(&bytes, server_address());
    }

    #[test]
    fn no_headers_with_the_right_origin_make_it_panic(headers: [[u8; 48]; 4], interleaved: bool, pivot: i64) {
        let settings = Settings { interleaved, ..Settings::new(server_address(), limits(4, 10)) };
        let mut bench = Bench::with(settings);
        bench.measure();
        bench.pivot = Some(ClockTime::from_unix_nanos(pivot));
        for mut bytes in headers {
            let Header { receive_timestamp, transmit_timestamp, .. } = bench.ask().header;
            let cookie = if interleaved { receive_timestamp } else { transmit_timestamp };
            bytes[0] = 0x24 | (bytes[0] & 0xc0);
            bytes[24..32].copy_from_slice(&cookie.bits().to_be_bytes());
            bench.receive_bytes(&bytes, server_address());
        }
    }

    #[test]
    fn nothing_that_happens_makes_it_panic_or_ask_too_often(happenings in prop::collection::vec(happening(), 0..120)) {
        let mut turmoil = Turmoil::new();
        for happening in happenings {
            turmoil.let_happen(happening);
        }
    }
}
