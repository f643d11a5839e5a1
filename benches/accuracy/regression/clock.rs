//! The computer's clock as this client keeps it: a frequency, and an offset that is worked off by another. Decides nothing.

use crate::simulator::host::Host;
use ntpd_rs::time::{Adjustment, Frequency, Mono, Span};

/// The fastest slew, s/s: what `ADJ_TICK` gives and a little less.
const FASTEST: f64 = 1.0 / 12.0;

/// A slew lasts no less, seconds.
const SHORTEST: f64 = 1.0;

/// A slew that could not be made longer, seconds.
const LONGEST: f64 = 1e4;

/// A clock under control.
#[derive(Debug)]
pub(super) struct Clock {
    pub host: Host,
    /// The rate that should cancel the crystal's error.
    pub frequency: f64,
    pub slew_end: Option<Mono>,
    pub steps: u32,
    /// The timescale that nobody steers: when it was last looked at, what it showed, and how far the clock is from it, seconds.
    seen: Mono,
    unsteered: f64,
    correction: f64,
}

impl Clock {
    pub(super) fn new(host: Host) -> Self {
        let seen = host.now().mono;
        Self {
            frequency: host.frequency().ratio(),
            slew_end: None,
            steps: 0,
            seen,
            unsteered: 0.0,
            correction: 0.0,
            host,
        }
    }

    /// Time on the timescale that nobody steers, and what the clock shows more than it.
    pub(super) fn now(&mut self) -> (f64, f64) {
        let mono = self.host.now().mono;
        let passed = (mono - self.seen).seconds();
        let unsteered = passed / (1.0 + self.host.frequency().ratio());
        self.seen = mono;
        self.unsteered += unsteered;
        self.correction += passed - unsteered;
        (self.unsteered, self.correction)
    }

    /// At once.
    pub(super) fn step(&mut self, seconds: f64) {
        self.now();
        self.host.apply(Adjustment::Step(Span::from_seconds(seconds)));
        self.correction += seconds;
        self.steps += 1;
        self.slew_end = None;
        self.run(0.0);
    }

    /// Works off `seconds` in about so much time.
    pub(super) fn slew(&mut self, seconds: f64, duration: f64) {
        let rate = (seconds / duration.clamp(SHORTEST, LONGEST)).clamp(-FASTEST, FASTEST);
        let really = self.run(rate);
        let duration = if really * seconds > 0.0 { (seconds / really).min(LONGEST) } else { LONGEST };
        self.slew_end = Some(self.seen + Span::from_seconds(duration));
    }

    /// The slew is over.
    pub(super) fn rest(&mut self) {
        self.slew_end = None;
        self.run(0.0);
    }

    /// With this rate beside the frequency; what it is after the kernel's rounding.
    fn run(&mut self, rate: f64) -> f64 {
        self.now();
        let applied = self.host.run_faster_by(Frequency::from_ratio(self.frequency + rate));
        applied.ratio() - self.frequency
    }
}
