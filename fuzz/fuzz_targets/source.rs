//! Three hostile servers and two hostile key exchange servers against the whole engine: whatever they send, it neither panics nor asks for
//! more than 500 ppm, exchanges keys no more often than it may, and what it publishes is made of finite numbers.
#![no_main]

mod secured;

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::{Config, Family, HostPort, KeyExchange, PollLimits, SourceConfig, SourceKind};
use ntpd_rs::engine::{Action, Engine, Event, QueryId, Start};
use ntpd_rs::nts::{Algorithm, Established, KeyRequest, Origin, Session, SessionKeys, Validity};
use ntpd_rs::packet::{Header, Packet};
use ntpd_rs::source::Request;
use ntpd_rs::time::{
    Adjustment, Applied, ClockTime, Frequency, Mono, Now, NtpTimestamp, Span, Stamp, StampSource,
};

/// One reply: what to do with it, how long it takes, the server's error, and its header.
const STEP_LEN: usize = 8 + Header::LEN;
const START: ClockTime = ClockTime::from_unix_secs(1_800_000_000);

/// A clock that does what it is told, at once and without an oscillator.
struct World {
    engine: Engine,
    mono: Mono,
    clock: ClockTime,
    sent: Vec<Request>,
    exchanges: Vec<(QueryId, KeyRequest)>,
    /// Key exchanges that were begun.
    begun: i64,
    ended: bool,
}

impl World {
    fn now(&self) -> Now {
        Now { mono: self.mono, clock: self.clock }
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.clock, source: StampSource::Kernel }
    }

    fn pass(&mut self, span: Span) {
        self.mono += span;
        self.clock += span;
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut actions = self.engine.handle(self.now(), event);
        // Adjustments may follow from adjustments, but not for ever.
        for _ in 0..100 {
            let mut applied = Vec::new();
            for action in actions {
                match action {
                    Action::Send(request) => self.sent.push(request),
                    Action::Adjust(adjustment) => applied.push(self.adjust(adjustment)),
                    Action::Panic(_) => self.ended = true,
                    Action::Notice(notice) => drop(notice.to_string()),
                    Action::ExchangeKeys { query, request } => {
                        self.begun += 1;
                        self.exchanges.push((query, request));
                    }
                    Action::Close(_) | Action::Resolve { .. } | Action::Publish => {}
                }
            }
            if applied.is_empty() || self.ended {
                return;
            }
            actions = Vec::new();
            for applied in applied {
                actions.extend(self.engine.handle(self.now(), Event::Applied(applied)));
            }
        }
        panic!("adjustments follow each other without end");
    }

    fn adjust(&mut self, adjustment: Adjustment) -> Applied {
        match adjustment {
            Adjustment::Step(by) => self.clock += by,
            Adjustment::Frequency(frequency) => assert!(frequency.ppm().abs() <= 500.0, "{frequency:?}"),
            Adjustment::Status(_) | Adjustment::TaiOffset(_) => {}
        }
        Applied { adjustment, mono: self.mono, clock: self.clock }
    }

    /// Ends a key exchange as the step says: with an error, or with keys that may be of no use.
    fn end_exchange(&mut self, step: &[u8]) {
        let Some((query, request)) = self.exchanges.pop() else { return };
        let [cookies, first, days, end, others, ..] = *step else { return };
        let at = |days: u8| self.clock + Span::from_secs((i64::from(days) - 100) * 86_400);
        let servers =
            (0..others & 3).map(|n| format!("192.0.2.{}:123", (first & 7) + n).parse().expect("an address"));
        let established = Established {
            session: Session::new(keys(), (0..cookies & 15).map(|n| vec![n; 100])),
            servers: servers.collect(),
            origin: Origin::default(),
            validity: Validity { not_before: at(days), not_after: at(end) },
            certificate_time: request.certificate_time,
        };
        let result =
            if cookies & 0xc0 == 0xc0 { Err("refused".to_owned()) } else { Ok(Box::new(established)) };
        self.handle(Event::KeysExchanged { query, result });
    }

    /// Answers one request with the step's header, with a right origin timestamp and likely times unless the step says otherwise.
    fn answer(&mut self, request: Request, step: &[u8]) {
        let (control, header) = step.split_at(8);
        let (source, from) = (request.token.source(), request.to);
        let asked = Packet::parse(&request.bytes).expect("our request is well-formed").header;
        self.handle(Event::Sent { token: request.token, stamp: self.stamp() });
        let error = i32::from_be_bytes([control[1], control[2], control[3], control[4]]);
        let error = Span::from_micros(i64::from(error) >> (control[5] & 31));
        self.pass(Span::from_micros(i64::from(control[6]) * 100));
        let served = self.clock + error;
        self.pass(Span::from_micros(i64::from(control[7]) * 100));
        let mut header: [u8; Header::LEN] = header.try_into().expect("the step has this length");
        if control[0] & 1 == 0 {
            header[0] = (header[0] & 0b1100_0000) | (asked.version << 3) | 4;
        }
        let bytes = match Packet::parse(&header) {
            Ok(packet) if control[0] & 2 == 0 => {
                let served = NtpTimestamp::from_clock(served);
                let origin_timestamp = asked.transmit_timestamp;
                let likely = Header {
                    origin_timestamp,
                    receive_timestamp: served,
                    transmit_timestamp: served,
                    ..packet.header
                };
                let reference_timestamp =
                    if control[0] & 4 == 0 { served } else { likely.reference_timestamp };
                Header { reference_timestamp, ..likely }.emit()
            }
            _ => header,
        };
        let seal = || secured::sealed(&request.bytes, &bytes, &keys(), &secured::cookies([9]));
        let protected = if control[0] & 8 == 0 { seal() } else { None };
        let bytes = protected.as_deref().unwrap_or(&bytes);
        let stamp = self.stamp();
        self.handle(Event::Datagram { source, from, local: None, bytes, stamp });
    }
}

fn keys() -> SessionKeys {
    SessionKeys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).expect("two keys of 32 bytes")
}

fn server(last: u8) -> SourceConfig {
    source(SourceKind::Server { address: HostPort { host: format!("192.0.2.{last}"), port: 123 } })
}

fn key_exchange(host: &str) -> KeyExchange {
    let address = HostPort { host: host.to_owned(), port: 4460 };
    KeyExchange { address, certificate_authority: None, enable_srv_resolution: false }
}

fn source(kind: SourceKind) -> SourceConfig {
    SourceConfig {
        kind,
        poll: PollLimits::default(),
        prefer: false,
        noselect: false,
        interleaved: false,
        family: Family::Any,
    }
}

fuzz_target!(|data: &[u8]| {
    let now = Now { mono: Mono::from_nanos(0), clock: START };
    let start = Start {
        now,
        drift: None,
        kernel_frequency: Frequency::ZERO,
        controls_clock: true,
        // A clock that is too wrong to judge certificates by, or not.
        build_time: if data.first().is_some_and(|byte| byte & 0x80 == 0) {
            START
        } else {
            START + Span::from_secs(86_400)
        },
        precision: -24,
    };
    let pool = SourceKind::NtsPool { key_exchange: key_exchange("pool.example"), count: 2 };
    let secured = [
        source(SourceKind::Nts(key_exchange("a.example"))),
        source(SourceKind::Nts(key_exchange("b.example"))),
        source(pool),
    ];
    let sources = [server(1), server(2), server(3)].into_iter().chain(secured).collect();
    let config = Config { sources, ..Config::default() };
    let engine = Engine::new(config, [7; 32], start);
    let mut world = World {
        engine,
        mono: now.mono,
        clock: now.clock,
        sent: Vec::new(),
        exchanges: Vec::new(),
        begun: 0,
        ended: false,
    };
    world.handle(Event::Timer);
    for step in data.chunks_exact(STEP_LEN).take(200) {
        world.end_exchange(step);
        while world.sent.is_empty() && !world.ended {
            let Some(next) = world.engine.next_wakeup() else { return };
            world.pass((next - world.mono).max(Span::ZERO));
            world.handle(Event::Timer);
        }
        if world.ended {
            return;
        }
        let request = world.sent.remove(0);
        world.answer(request, step);
    }
    // Four servers with NTS: one exchange for each at once, and then one in ten seconds.
    let allowed = 4 + 3 * ((world.mono - now.mono).nanos() / 10_000_000_000 + 1);
    assert!(world.begun <= allowed, "{} key exchanges, {allowed} allowed", world.begun);
    let system = world.engine.snapshot(world.now()).system;
    assert!(system.frequency.ppm().is_finite() && system.dispersion_rate.is_finite());
});
