//! A clock of its own on top of the host's: wrong on purpose, and steered without touching the host.

use crate::sys::clock::{self, Readings};
use crate::time::{Adjustment, Applied, ClockTime, Frequency, Now, Span};
use tokio::sync::watch;

/// The kernel's limit.
const MAXIMUM_FREQUENCY: f64 = 500e-6;

/// As [`super::Clock::Virtual`].
#[derive(Debug)]
pub struct VirtualClock {
    /// The oscillator's own error: positive runs fast.
    oscillator: Frequency,
    /// The correction in force.
    frequency: Frequency,
    map: watch::Sender<Map>,
}

/// From the host's clock to the virtual one: the present line, and those before it for stamps that are still on their way.
#[derive(Debug, Clone)]
pub(super) struct Map {
    /// Never empty; the newest last.
    lines: Vec<Line>,
}

/// Straight from `host` on.
#[derive(Debug, Clone, Copy)]
struct Line {
    host: ClockTime,
    local: ClockTime,
    /// Relative to the host's.
    rate: Frequency,
    /// Sum of all steps so far, the starting offset included: what the monotonic clock has not taken part in.
    stepped: Span,
}

/// A stamp is mapped within seconds of being taken, and adjustments come seconds apart.
const LINES_KEPT: usize = 16;

impl Line {
    fn at(&self, host: ClockTime) -> ClockTime {
        let elapsed = host - self.host;
        self.local + elapsed + elapsed * self.rate.ratio()
    }
}

impl Map {
    pub(super) fn to_local(&self, host: ClockTime) -> ClockTime {
        let then = self.lines.iter().rev().find(|line| line.host <= host).or(self.lines.first());
        then.map_or(host, |line| line.at(host))
    }

    pub(super) fn now_at(&self, host: Now) -> Now {
        let clock = self.to_local(host.clock);
        // What the rates alone have added: the kernel's monotonic clock is steered, too.
        let drifted = clock - host.clock - self.present().stepped;
        Now { mono: host.mono + drifted, clock }
    }

    fn present(&self) -> Line {
        self.lines.last().copied().unwrap_or(Line {
            host: ClockTime::default(),
            local: ClockTime::default(),
            rate: Frequency::ZERO,
            stepped: Span::ZERO,
        })
    }

    fn push(&mut self, line: Line) {
        if self.lines.len() >= LINES_KEPT {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }
}

impl VirtualClock {
    /// `offset` ahead of the host's clock, and running fast by `oscillator`.
    pub fn new(offset: Span, oscillator: Frequency) -> Self {
        Self::at(clock::realtime(), offset, oscillator)
    }

    fn at(host: ClockTime, offset: Span, oscillator: Frequency) -> Self {
        let line = Line { host, local: host + offset, rate: oscillator, stepped: offset };
        Self { oscillator, frequency: Frequency::ZERO, map: watch::Sender::new(Map { lines: vec![line] }) }
    }

    pub(super) fn now(&self) -> Now {
        let host = clock::now();
        self.now_at(host)
    }

    fn now_at(&self, host: Now) -> Now {
        self.map.borrow().now_at(host)
    }

    pub(super) fn readings_at(&self, host: Readings) -> Readings {
        let Now { mono, clock } = self.now_at(Now { mono: host.mono, clock: host.clock });
        Readings { clock, mono, boot: host.boot + (mono - host.mono), ..host }
    }

    pub(super) fn to_local(&self, stamp: ClockTime) -> ClockTime {
        self.map.borrow().to_local(stamp)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Map> {
        self.map.subscribe()
    }

    pub(super) const fn frequency(&self) -> Frequency {
        self.frequency
    }

    pub(super) fn apply(&mut self, adjustment: &Adjustment) -> Applied {
        let host = clock::now();
        self.apply_at(host, adjustment)
    }

    fn apply_at(&mut self, host: Now, adjustment: &Adjustment) -> Applied {
        let present = self.map.borrow().present();
        let mut line = Line { host: host.clock, local: present.at(host.clock), ..present };
        let mut done = *adjustment;
        match adjustment {
            Adjustment::Step(by) => {
                line.local += *by;
                line.stepped += *by;
            }
            Adjustment::Frequency(wanted) => {
                let limited = wanted.clamp(Frequency::from_ratio(MAXIMUM_FREQUENCY));
                self.frequency = Frequency::from_kernel(limited.to_kernel());
                line.rate = self.rate();
                done = Adjustment::Frequency(self.frequency);
            }
            Adjustment::Status(_) | Adjustment::TaiOffset(_) => {}
        }
        self.map.send_modify(|map| map.push(line));
        let Now { mono, clock } = self.now_at(host);
        Applied { adjustment: done, mono, clock }
    }

    /// (1 + f)(1 + correction) − 1, as in the kernel, where the correction scales what the crystal counts.
    fn rate(&self) -> Frequency {
        let (crystal, correction) = (self.oscillator.ratio(), self.frequency.ratio());
        Frequency::from_ratio(crystal + correction + crystal * correction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::jump_detector::{JumpDetector, Jumps};
    use crate::time::Mono;

    const HOST: Now =
        Now { mono: Mono::from_nanos(5_000_000_000), clock: ClockTime::from_unix_secs(1_000_000) };

    fn later(seconds: i64) -> Now {
        let span = Span::from_secs(seconds);
        Now { mono: HOST.mono + span, clock: HOST.clock + span }
    }

    fn error(clock: &VirtualClock, host: Now) -> Span {
        clock.now_at(host).clock - host.clock
    }

    #[test]
    fn it_starts_off_and_gains_by_its_oscillator() {
        let clock = VirtualClock::at(HOST.clock, Span::from_millis(-400), Frequency::from_ppm(40.0));
        assert_eq!(error(&clock, later(0)), Span::from_millis(-400));
        assert_eq!(error(&clock, later(1000)), Span::from_millis(-360));
        // The monotonic clock gains as much, and has no starting offset.
        assert_eq!(clock.now_at(later(1000)).mono - HOST.mono, Span::from_micros(1_000_040_000));
    }

    #[test]
    fn a_step_moves_it_once_and_leaves_the_monotonic_clock_alone() {
        let mut clock = VirtualClock::at(HOST.clock, Span::from_millis(-400), Frequency::ZERO);
        let applied = clock.apply_at(later(10), &Adjustment::Step(Span::from_millis(400)));
        assert_eq!(applied.clock, later(10).clock);
        assert_eq!(applied.mono, later(10).mono);
        assert_eq!(error(&clock, later(20)), Span::ZERO);
        assert_eq!(clock.now_at(later(20)).mono, later(20).mono);
    }

    #[test]
    fn stamps_from_before_an_adjustment_keep_the_time_of_then() {
        let mut clock = VirtualClock::at(HOST.clock, Span::from_secs(-1), Frequency::ZERO);
        clock.apply_at(later(10), &Adjustment::Step(Span::from_secs(1)));
        assert_eq!(clock.to_local(later(9).clock), later(8).clock);
        assert_eq!(clock.to_local(later(11).clock), later(11).clock);
    }

    #[test]
    fn its_frequency_is_quantised_and_limited_as_the_kernels() {
        let mut clock = VirtualClock::at(HOST.clock, Span::ZERO, Frequency::from_ppm(40.0));
        let applied = clock.apply_at(HOST, &Adjustment::Frequency(Frequency::from_ppm(-39.998_4)));
        let Adjustment::Frequency(done) = applied.adjustment else { panic!("{applied:?}") };
        assert!((done.ppm() * 65536.0 - (-39.998_4_f64 * 65536.0).round()).abs() < 1e-6);
        assert!(error(&clock, later(1000)).abs() < Span::from_micros(3));
        clock.apply_at(later(1000), &Adjustment::Frequency(Frequency::from_ppm(9999.0)));
        assert!((clock.frequency().ppm() - 500.0).abs() < 1e-9);
    }

    #[test]
    fn only_what_moves_the_host_is_a_foreign_step() {
        let mut clock = VirtualClock::at(HOST.clock, Span::from_secs(-1), Frequency::from_ppm(40.0));
        let readings = |host: Now| Readings {
            clock: host.clock,
            mono: host.mono,
            boot: host.mono,
            window: Span::from_nanos(200),
        };
        let mut detector = JumpDetector::new(clock.readings_at(readings(HOST)));
        clock.apply_at(later(10), &Adjustment::Step(Span::from_secs(1)));
        detector.on_own_step(Span::from_secs(1));
        let at = clock.readings_at(readings(later(100)));
        assert_eq!(detector.check(at, true), Jumps::default());
        let set = Now { clock: later(200).clock + Span::from_secs(5), ..later(200) };
        let stepped = detector.check(clock.readings_at(readings(set)), true).stepped.unwrap();
        assert!((stepped - Span::from_secs(5)).abs() < Span::from_millis(1), "{stepped:?}");
    }

    #[test]
    fn old_lines_are_forgotten() {
        let mut clock = VirtualClock::at(HOST.clock, Span::ZERO, Frequency::ZERO);
        for second in 0..100 {
            clock.apply_at(later(second), &Adjustment::Step(Span::from_nanos(1)));
        }
        assert_eq!(clock.map.borrow().lines.len(), LINES_KEPT);
        assert_eq!(error(&clock, later(100)), Span::from_nanos(100));
    }
}
