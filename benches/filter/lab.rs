//! A discipline in virtual time with just enough around it: a crystal, a clock that obeys, delays. Not a test of accuracy.

use crate::allocations;
use crate::random::Stream;
use ntpd_rs::config::{Algorithm, Synchronization};
use ntpd_rs::discipline::{Decision, Discipline, Settings};
use ntpd_rs::measurement::{Measurement, ServerVariables};
use ntpd_rs::packet::ReferenceId;
use ntpd_rs::sys::clock::monotonic;
use ntpd_rs::time::{Adjustment, Applied, ClockTime, Frequency, Leap, Mono, Now, NtpTimestamp, Span};
use ntpd_rs::verdict::{Marks, SourceId};

/// A usual crystal's error.
const CRYSTAL: f64 = 20e-6;
/// Seconds between two measurements of a source.
const POLL: f64 = 64.0;
/// Each way, seconds.
const BASE: f64 = 0.01;
const JITTER: f64 = 1e-3;

/// The computer.
pub(crate) struct Lab {
    discipline: Discipline,
    sources: Vec<SourceId>,
    noise: Stream,
    /// True time, and what the clocks have gained.
    t: f64,
    gained: f64,
    jumps: Span,
    frequency: Frequency,
}

/// What measurements cost.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    measurements: u32,
    seconds: f64,
    pub(crate) most_nanos: f64,
    allocations: u64,
}

impl Cost {
    /// For one.
    pub(crate) fn nanos(&self) -> f64 {
        self.seconds * 1e9 / f64::from(self.measurements)
    }

    /// For one.
    pub(crate) fn allocations(&self) -> f64 {
        self.allocations as f64 / f64::from(self.measurements)
    }
}

impl Lab {
    pub(crate) fn new(seed: u64, sources: u32) -> Self {
        let settings = Settings {
            synchronization: Synchronization { minimum_agreeing_sources: 1, ..Synchronization::default() },
            algorithm: Algorithm::default(),
        };
        let begin = Now { mono: Mono::default(), clock: epoch() };
        let mut discipline = Discipline::new(settings, None, Frequency::from_ratio(0.0), true, begin);
        let sources: Vec<SourceId> = (0..sources).map(|number| SourceId(u64::from(number))).collect();
        for id in &sources {
            discipline.add(*id, Marks::default());
            discipline.set_reachable(*id, true, false);
        }
        let noise = Stream::new(seed, "delays");
        let frequency = Frequency::from_ratio(0.0);
        Self { discipline, sources, noise, t: 0.0, gained: 0.0, jumps: Span::from_millis(5), frequency }
    }

    /// Of the discipline without what it has on the heap.
    pub(crate) const fn own_bytes() -> usize {
        size_of::<Discipline>()
    }

    /// So many measurements of every source, and what they cost.
    pub(crate) fn measure(&mut self, rounds: u32) -> Cost {
        let mut cost = Cost::default();
        let sources = self.sources.clone();
        let apart = POLL / sources.len() as f64;
        for _ in 0..rounds {
            for id in &sources {
                self.run_until(self.t + apart);
                let measurement = self.exchange();
                let (begin, allocated) = (monotonic(), allocations::of_this_thread());
                self.discipline.measure(self.now(), *id, &measurement);
                self.update();
                let seconds = (monotonic() - begin).seconds();
                cost.measurements += 1;
                cost.seconds += seconds;
                cost.most_nanos = cost.most_nanos.max(seconds * 1e9);
                cost.allocations += allocations::of_this_thread() - allocated;
            }
        }
        cost
    }

    fn now(&self) -> Now {
        let counted = Span::from_seconds(self.t + self.gained);
        Now { mono: Mono::default() + counted, clock: epoch() + self.jumps + counted }
    }

    fn advance(&mut self, t: f64) {
        self.gained += (t - self.t) * ((1.0 + CRYSTAL) * (1.0 + self.frequency.ratio()) - 1.0);
        self.t = t;
    }

    /// Timers on the way are the discipline's own and not counted.
    fn run_until(&mut self, end: f64) {
        while let Some(wakeup) = self.discipline.next_wakeup() {
            let due = self.t + (wakeup - self.now().mono).seconds().max(0.0) + 1e-6;
            if due >= end {
                break;
            }
            self.advance(due);
            self.update();
        }
        self.advance(end);
    }

    fn update(&mut self) {
        for decision in self.discipline.update(self.now()) {
            let Decision::Adjust(adjustment) = decision else { continue };
            match adjustment {
                Adjustment::Step(by) => self.jumps += by,
                Adjustment::Frequency(frequency) => self.frequency = frequency,
                Adjustment::Status(_) | Adjustment::TaiOffset(_) => {}
            }
            let Now { mono, clock } = self.now();
            self.discipline.on_applied(&Applied { adjustment, mono, clock });
        }
    }

    fn exchange(&mut self) -> Measurement {
        let origin_timestamp = self.now().clock;
        let arrival = self.t + BASE + JITTER * self.noise.exponential();
        let at_server = epoch() + Span::from_seconds(arrival);
        let back = arrival + BASE + JITTER * self.noise.exponential();
        self.advance(back);
        Measurement {
            origin_timestamp,
            receive_timestamp: at_server,
            transmit_timestamp: at_server,
            destination_timestamp: self.now().clock,
            mono: self.now().mono,
            stamp_uncertainty_seconds: 1e-6,
            server: ServerVariables {
                leap: Leap::NoWarning,
                version: 4,
                stratum: 1,
                precision: -23,
                root_delay: Span::ZERO,
                root_dispersion: Span::ZERO,
                reference_id: ReferenceId::from_bytes([127, 127, 1, 1]),
                reference_timestamp: NtpTimestamp::from_clock(at_server),
            },
        }
    }
}

fn epoch() -> ClockTime {
    ClockTime::from_unix_secs(1_793_491_200)
}
