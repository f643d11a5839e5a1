//! A computer and its servers in a few lines: exact delays, no randomness but a fixed little sequence. The real simulator is in `tests/sim`.

use super::random::Random;
use crate::config::{Algorithm, Synchronization};
use crate::discipline::{Decision, Discipline, Drift, Settings, SystemEstimate};
use crate::measurement::{Measurement, ServerVariables};
use crate::time::{
    Adjustment, Applied, ClockStatus, ClockTime, Frequency, Leap, Mono, Now, NtpTimestamp, Span,
};
use crate::verdict::{Marks, SourceId, Verdict};

/// The last day of 2023, at noon: a day that a leap second can end.
const EPOCH: i64 = 1_704_024_000_000_000_000;

/// What a server is like, seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub error: f64,
    pub delay: f64,
    pub jitter: f64,
    pub leap: Leap,
    pub stratum: u8,
    pub root_dispersion: f64,
}

pub(super) const LAN: Site = Site {
    error: 0.0,
    delay: 200e-6,
    jitter: 10e-6,
    leap: Leap::NoWarning,
    stratum: 1,
    root_dispersion: 0.0,
};
pub(super) const WAN: Site = Site { delay: 0.02, jitter: 1e-3, ..LAN };

impl Site {
    pub(super) fn wrong_by(self, error: f64) -> Self {
        Self { error, ..self }
    }
}

/// The computer: `error` is clock minus true time.
pub(super) struct Lab {
    pub discipline: Discipline,
    pub decisions: Vec<Decision>,
    pub sites: Vec<(SourceId, Site)>,
    pub status: Option<ClockStatus>,
    pub tai_offsets: Vec<u16>,
    pub crystal: f64,
    mono: Span,
    t: Span,
    jumps: Span,
    drift: f64,
    kernel: Frequency,
    random: Random,
}

impl Lab {
    /// One source is enough; the clock is ahead by `error` seconds and the crystal fast by `ppm`.
    pub(super) fn new(error: f64, ppm: f64) -> Self {
        Self::with(error, ppm, |_| {})
    }

    pub(super) fn with(error: f64, ppm: f64, change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_all(error, ppm, None, true, change)
    }

    pub(super) fn with_all(
        error: f64,
        ppm: f64,
        drift: Option<Drift>,
        controls: bool,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let synchronization = Synchronization { minimum_agreeing_sources: 1, ..Synchronization::default() };
        let mut settings = Settings { synchronization, algorithm: Algorithm::default() };
        change(&mut settings);
        let jumps = Span::from_seconds(error);
        let now = Now { mono: Mono::default(), clock: ClockTime::from_unix_nanos(EPOCH) + jumps };
        Self {
            discipline: Discipline::new(settings, drift, Frequency::ZERO, controls, now),
            decisions: Vec::new(),
            sites: Vec::new(),
            status: None,
            tai_offsets: Vec::new(),
            crystal: ppm * 1e-6,
            mono: Span::ZERO,
            t: Span::ZERO,
            jumps,
            drift: 0.0,
            kernel: Frequency::ZERO,
            random: Random::new(1),
        }
    }

    pub(super) fn add(&mut self, site: Site) -> SourceId {
        self.add_as(site, Marks::default())
    }

    pub(super) fn add_as(&mut self, site: Site, marks: Marks) -> SourceId {
        let id = SourceId(self.sites.len() as u64);
        self.sites.push((id, site));
        self.discipline.add(id, marks);
        id
    }

    pub(super) fn site(&mut self, id: SourceId) -> &mut Site {
        &mut self.sites[usize::try_from(id.0).unwrap()].1
    }

    pub(super) fn now(&self) -> Now {
        let elapsed = self.t + Span::from_seconds(self.drift);
        Now {
            mono: Mono::default() + elapsed - self.mono,
            clock: ClockTime::from_unix_nanos(EPOCH) + self.jumps + elapsed,
        }
    }

    /// Clock minus true time, seconds.
    pub(super) fn error(&self) -> f64 {
        self.jumps.seconds() + self.drift
    }

    pub(super) fn system(&self) -> SystemEstimate {
        self.discipline.system(self.now())
    }

    pub(super) fn verdict(&self, id: SourceId) -> Verdict {
        self.discipline.verdict(id)
    }

    pub(super) fn kernel_frequency(&self) -> Frequency {
        self.kernel
    }

    /// The clock is moved behind the discipline's back.
    pub(super) fn jump(&mut self, seconds: f64) {
        self.jumps += Span::from_seconds(seconds);
    }

    /// Time passes, and timers fire.
    pub(super) fn pass(&mut self, seconds: f64) {
        let end = self.t + Span::from_seconds(seconds);
        while self.t < end {
            let wakeup = self.discipline.next_wakeup().map(|at| at - self.now().mono);
            match wakeup {
                Some(wait) if wait <= Span::ZERO => self.update(),
                Some(wait) if wait < end - self.t => {
                    self.run(wait);
                    self.update();
                }
                _ => self.run(end - self.t),
            }
        }
    }

    /// One exchange with this source, which answers at once. True if it was a surprise.
    pub(super) fn exchange(&mut self, id: SourceId) -> bool {
        let site = *self.site(id);
        let up = site.delay / 2.0 + site.jitter * self.random.exponential();
        let down = site.delay / 2.0 + site.jitter * self.random.exponential();
        let origin = self.now().clock;
        self.run(Span::from_seconds(up));
        let server = ClockTime::from_unix_nanos(EPOCH) + self.t + Span::from_seconds(site.error);
        self.run(Span::from_seconds(down));
        let now = self.now();
        let measurement = Measurement {
            origin_timestamp: origin,
            receive_timestamp: server,
            transmit_timestamp: server,
            destination_timestamp: now.clock,
            mono: now.mono,
            stamp_uncertainty_seconds: 1e-6,
            server: variables(&site),
        };
        self.discipline.set_reachable(id, true, false);
        let advice = self.discipline.measure(now, id, &measurement);
        self.update();
        advice.surprise
    }

    /// All sources are asked `rounds` times, `interval` seconds apart.
    pub(super) fn poll(&mut self, rounds: u32, interval: f64) {
        let ids: Vec<SourceId> = self.sites.iter().map(|(id, _)| *id).collect();
        self.poll_only(&ids, rounds, interval);
    }

    pub(super) fn poll_only(&mut self, ids: &[SourceId], rounds: u32, interval: f64) {
        for _ in 0..rounds {
            for id in ids {
                self.exchange(*id);
            }
            self.pass(interval);
        }
    }

    /// The initial burst, and ten minutes of polling.
    pub(super) fn settle(&mut self) {
        self.poll(6, 2.0);
        self.poll(10, 64.0);
    }

    pub(super) fn update(&mut self) {
        for decision in self.discipline.update(self.now()) {
            if let Decision::Adjust(adjustment) = decision {
                let applied = self.apply(adjustment);
                self.discipline.on_applied(&applied);
            }
            self.decisions.push(decision);
        }
    }

    fn apply(&mut self, adjustment: Adjustment) -> Applied {
        let done = match adjustment {
            Adjustment::Step(by) => {
                self.jumps += by;
                adjustment
            }
            Adjustment::Frequency(wanted) => {
                assert!(wanted.ppm().abs() <= 500.0, "{wanted:?} is more than the kernel takes");
                self.kernel = Frequency::from_kernel(wanted.to_kernel());
                Adjustment::Frequency(self.kernel)
            }
            Adjustment::Status(status) => {
                self.status = Some(status);
                adjustment
            }
            Adjustment::TaiOffset(seconds) => {
                self.tai_offsets.push(seconds);
                adjustment
            }
        };
        let now = self.now();
        Applied { adjustment: done, mono: now.mono, clock: now.clock }
    }

    fn run(&mut self, span: Span) {
        let span = span.max(Span::from_nanos(1));
        self.t += span;
        self.drift += span.seconds() * ((1.0 + self.crystal) * (1.0 + self.kernel.ratio()) - 1.0);
    }

    pub(super) fn steps(&self) -> Vec<Span> {
        let step = |decision: &Decision| match decision {
            Decision::Adjust(Adjustment::Step(by)) => Some(*by),
            _ => None,
        };
        self.decisions.iter().filter_map(step).collect()
    }

    pub(super) fn frequencies(&self) -> Vec<Frequency> {
        let frequency = |decision: &Decision| match decision {
            Decision::Adjust(Adjustment::Frequency(frequency)) => Some(*frequency),
            _ => None,
        };
        self.decisions.iter().filter_map(frequency).collect()
    }

    pub(super) fn panic(&self) -> Option<&str> {
        self.decisions.iter().find_map(|decision| match decision {
            Decision::Panic(reason) => Some(reason.as_str()),
            _ => None,
        })
    }
}

pub(super) fn variables(site: &Site) -> ServerVariables {
    ServerVariables {
        leap: site.leap,
        version: 4,
        stratum: site.stratum,
        precision: -23,
        root_delay: Span::ZERO,
        root_dispersion: Span::from_seconds(site.root_dispersion),
        reference_id: Synchronization::default().reference_id,
        reference_timestamp: NtpTimestamp::ZERO,
    }
}
