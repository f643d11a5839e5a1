//! Three hostile servers against the whole engine: whatever they send, it neither panics nor asks for more than 500 ppm, and what it
//! publishes is made of finite numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::{Config, Family, HostPort, PollLimits, SourceConfig, SourceKind};
use ntpd_rs::engine::{Action, Engine, Event, Start};
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
                    Action::Close(_) | Action::Resolve { .. } | Action::ExchangeKeys { .. } | Action::Publish => {}
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
        let stamp = self.stamp();
        self.handle(Event::Datagram { source, from, local: None, bytes: &bytes, stamp });
    }
}

fn source(last: u8) -> SourceConfig {
    let kind = SourceKind::Server { address: HostPort { host: format!("192.0.2.{last}"), port: 123 } };
    SourceConfig { kind, poll: PollLimits::default(), prefer: false, noselect: false, interleaved: false, family: Family::Any }
}

fuzz_target!(|data: &[u8]| {
    let now = Now { mono: Mono::from_nanos(0), clock: START };
    let start = Start {
        now,
        drift: None,
        kernel_frequency: Frequency::ZERO,
        controls_clock: true,
        build_time: START,
        precision: -24,
    };
    let config = Config { sources: vec![source(1), source(2), source(3)], ..Config::default() };
    let engine = Engine::new(config, [7; 32], start);
    let mut world = World { engine, mono: now.mono, clock: now.clock, sent: Vec::new(), ended: false };
    world.handle(Event::Timer);
    for step in data.chunks_exact(STEP_LEN).take(200) {
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
    let system = world.engine.snapshot(world.now()).system;
    assert!(system.frequency.ppm().is_finite() && system.dispersion_rate.is_finite());
});
