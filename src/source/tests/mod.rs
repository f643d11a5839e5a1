//! A bench around one association: a client's clocks, a server's clock and a wire between them. The tests are in the files beside.

mod discards;
mod exchanges;
mod hostile;
mod interleaved;
mod kisses;
mod nts;
mod pace;

use super::*;
use crate::config::PollLimits;
use crate::measurement::Measurement;
use crate::packet::{Header, Mode, ReferenceId};
use crate::time::{ClockTime, Leap, Mono, Now, NtpShort, NtpTimestamp, Poll, Span, Stamp, StampSource};
use crate::verdict::{Discard, SourceId};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::net::SocketAddr;

const YEAR_2026: i64 = 1_767_225_600;
const OWN: ReferenceId = ReferenceId::from_bytes([192, 0, 2, 77]);
const ONE_WAY: Span = Span::from_millis(5);

fn server_address() -> SocketAddr {
    "192.0.2.1:123".parse().unwrap()
}

fn limits(min: i8, max: i8) -> PollLimits {
    PollLimits { min: Poll::new(min), max: Poll::new(max), initial: Poll::new(min) }
}

/// One association and the world around it. The server's clock is right; ours is `behind` it.
struct Bench {
    association: Association,
    now: Now,
    behind: Span,
    pivot: Option<ClockTime>,
    random: ChaCha8Rng,
}

/// A request as the network saw it.
struct Asked {
    at: Mono,
    header: Header,
    bytes: Vec<u8>,
    token: Option<RequestToken>,
}

impl Bench {
    fn new() -> Self {
        Self::polling(limits(4, 10))
    }

    fn polling(poll: PollLimits) -> Self {
        Self::with(Settings::new(server_address(), poll))
    }

    fn with(settings: Settings) -> Self {
        let start = Mono::from_nanos(1_000_000_000_000);
        Self {
            association: Association::new(SourceId(7), settings, start),
            now: Now { mono: start, clock: ClockTime::from_unix_secs(YEAR_2026) },
            behind: Span::ZERO,
            pivot: None,
            random: ChaCha8Rng::seed_from_u64(1),
        }
    }

    fn advance(&mut self, by: Span) {
        self.now.mono += by;
        self.now.clock += by;
    }

    fn advance_to(&mut self, mono: Mono) {
        if mono > self.now.mono {
            self.advance(mono - self.now.mono);
        }
    }

    fn server_time(&self) -> NtpTimestamp {
        NtpTimestamp::from_clock(self.now.clock + self.behind)
    }

    fn stamp(&self) -> Stamp {
        Stamp { time: self.now.clock, source: StampSource::Kernel }
    }

    /// Lets time pass until a request is made; it is not yet reported as sent.
    fn ask_unsent(&mut self) -> Asked {
        loop {
            let wakeup = self.association.next_wakeup().expect("the association is mobilized");
            self.advance_to(wakeup);
            if let TimerOutcome::Send(request) = self.association.on_timer(self.now, &mut self.random) {
                assert_eq!(request.to, self.association.address());
                let header = crate::packet::Packet::parse(&request.bytes).unwrap().header;
                return Asked { at: self.now.mono, header, bytes: request.bytes, token: Some(request.token) };
            }
        }
    }

    fn report_sent(&mut self, asked: &mut Asked) -> Outcome {
        let token = asked.token.take().expect("a stamp is reported once");
        let stamp = self.stamp();
        self.on_sent(token, stamp)
    }

    fn on_sent(&mut self, token: RequestToken, stamp: Stamp) -> Outcome {
        let context = Context { pivot: self.pivot.unwrap_or(self.now.clock), own_reference_ids: &[OWN] };
        self.association.on_sent(token, stamp, self.now, &context)
    }

    fn ask(&mut self) -> Asked {
        let mut asked = self.ask_unsent();
        assert_eq!(self.report_sent(&mut asked), Outcome::Held);
        asked
    }

    /// What a good primary server answers now.
    fn good_reply(&self, asked: &Asked) -> Header {
        Header {
            leap: Leap::NoWarning,
            version: 4,
            mode: Mode::Server,
            stratum: 1,
            poll: 6,
            precision: -23,
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::from_span(Span::from_millis(1)),
            reference_id: ReferenceId::from_bytes(*b"GPS\0"),
            reference_timestamp: NtpTimestamp::from_clock(self.now.clock + self.behind - Span::from_secs(5)),
            origin_timestamp: asked.header.transmit_timestamp,
            receive_timestamp: self.server_time(),
            transmit_timestamp: self.server_time(),
        }
    }

    fn receive(&mut self, reply: &Header) -> Outcome {
        self.receive_bytes(&reply.emit(), server_address())
    }

    fn receive_bytes(&mut self, bytes: &[u8], from: SocketAddr) -> Outcome {
        let context = Context { pivot: self.pivot.unwrap_or(self.now.clock), own_reference_ids: &[OWN] };
        let stamp = self.stamp();
        self.association.on_datagram(self.now, from, bytes, stamp, &context)
    }

    /// One good exchange.
    #[track_caller]
    fn measure(&mut self) -> Measurement {
        let asked = self.ask();
        self.answer(&asked)
    }

    #[track_caller]
    fn answer(&mut self, asked: &Asked) -> Measurement {
        self.advance(ONE_WAY);
        let reply = self.good_reply(asked);
        self.advance(ONE_WAY);
        match self.receive(&reply) {
            Outcome::Measurement(measurement) => measurement,
            other => panic!("a good reply gave {other:?}"),
        }
    }

    /// A reply of stratum 0 with this code.
    fn kiss(&self, asked: &Asked, code: [u8; 4]) -> Header {
        Header {
            leap: Leap::Unsynchronized,
            stratum: 0,
            reference_id: ReferenceId::from_bytes(code),
            poll: 0,
            ..self.good_reply(asked)
        }
    }

    /// Past the initial burst and the way from it to the poll interval, everything answered.
    fn settle(&mut self) {
        loop {
            self.measure();
            let pause = self.association.next_wakeup().unwrap() - self.now.mono;
            if pause > self.association.poll().interval() - Span::from_secs(1) {
                break;
            }
        }
    }

    /// The moments of the next requests, all answered.
    fn request_times(&mut self, count: usize) -> Vec<Mono> {
        (0..count)
            .map(|_| {
                let asked = self.ask();
                self.answer(&asked);
                asked.at
            })
            .collect()
    }
}

/// Seconds between consecutive moments, rounded down.
fn gaps(times: &[Mono]) -> Vec<i64> {
    times.windows(2).map(|pair| (pair[1] - pair[0]).nanos() / 1_000_000_000).collect()
}
