//! The undisciplined local timescale: what the clock would read had nobody steered it. Estimates nothing.

use crate::time::{Adjustment, Applied, ClockTime, Frequency, Now, Span};
use std::collections::VecDeque;

/// Pieces of the map that are kept: a stamp is at most a few seconds old, and a correction has at most two pieces.
const SEGMENTS: usize = 32;

/// No exchange is longer. A stamp that is further before the last adjustment was made by a clock that somebody moved back meanwhile.
const LONGEST_EXCHANGE: Span = Span::from_secs(16);

/// A reading of the undisciplined timescale: it runs at the oscillator's own rate, and steering never disturbs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocalTime(ClockTime);

impl LocalTime {
    /// Seconds since an earlier reading.
    pub(super) fn since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).seconds()
    }

    /// The instant halfway to a later reading.
    pub(super) fn midpoint(self, later: Self) -> Self {
        Self(self.0 + (later.0 - self.0) / 2)
    }

    /// What has to be added to this timescale to read `server` now; positive when this one is behind.
    pub(super) fn behind(self, server: ClockTime) -> Span {
        server - self.0
    }
}

/// From here on the clock ran with this rate correction.
#[derive(Debug, Clone, Copy)]
struct Segment {
    clock: ClockTime,
    local: LocalTime,
    frequency: Frequency,
}

impl Segment {
    /// The clock gains `frequency` on the oscillator: dC/dU = 1 + frequency.
    fn local(&self, clock: ClockTime) -> LocalTime {
        let elapsed = clock - self.clock;
        let gained = elapsed * (self.frequency.ratio() / (1.0 + self.frequency.ratio()));
        LocalTime(self.local.0 + elapsed - gained)
    }
}

/// Converts readings of the steered clock, a piecewise affine map with one piece for every adjustment.
#[derive(Debug, Clone)]
pub(super) struct Timescale {
    current: Segment,
    earlier: VecDeque<Segment>,
}

impl Timescale {
    /// Starts equal to the clock.
    pub(super) fn new(now: Now, frequency: Frequency) -> Self {
        let current = Segment { clock: now.clock, local: LocalTime(now.clock), frequency };
        Self { current, earlier: VecDeque::with_capacity(SEGMENTS) }
    }

    /// The rate correction in force, slews included.
    pub(super) const fn frequency(&self) -> Frequency {
        self.current.frequency
    }

    /// The present reading of the clock.
    pub(super) fn present(&self, now: Now) -> LocalTime {
        self.current.local(now.clock)
    }

    /// A reading of the clock, as stamped at the time; stamps from before the last adjustments are found in their own piece.
    pub(super) fn local(&self, clock: ClockTime) -> LocalTime {
        if clock >= self.current.clock || self.current.clock - clock > LONGEST_EXCHANGE {
            return self.current.local(clock);
        }
        let found = self.earlier.iter().rev().find(|segment| segment.clock <= clock);
        found.or(self.earlier.front()).unwrap_or(&self.current).local(clock)
    }

    /// What steering has added to the clock so far: clock minus undisciplined timescale.
    pub(super) fn steered(&self, now: Now) -> Span {
        now.clock - self.current.local(now.clock).0
    }

    /// The kernel did this; the map follows, and no estimate has to.
    pub(super) fn on_applied(&mut self, applied: &Applied) {
        match applied.adjustment {
            Adjustment::Step(step) => {
                let local = self.current.local(applied.clock - step);
                self.begin(Segment { clock: applied.clock, local, frequency: self.current.frequency });
            }
            Adjustment::Frequency(frequency) => {
                let local = self.current.local(applied.clock);
                self.begin(Segment { clock: applied.clock, local, frequency });
            }
            Adjustment::Status(_) | Adjustment::TaiOffset(_) => {}
        }
    }

    /// Somebody else moved the clock: readings from before mean nothing any more.
    pub(super) fn restart(&mut self, now: Now) {
        self.earlier.clear();
        self.current.clock = now.clock;
        self.current.local = LocalTime(now.clock);
    }

    fn begin(&mut self, segment: Segment) {
        if self.earlier.len() == SEGMENTS {
            self.earlier.pop_front();
        }
        self.earlier.push_back(self.current);
        self.current = segment;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Mono;

    fn now(nanos: i64) -> Now {
        Now { mono: Mono::from_nanos(nanos), clock: ClockTime::from_unix_nanos(nanos) }
    }

    fn applied(adjustment: Adjustment, nanos: i64) -> Applied {
        Applied { adjustment, mono: Mono::from_nanos(nanos), clock: ClockTime::from_unix_nanos(nanos) }
    }

    #[test]
    fn a_step_is_taken_out_again() {
        let mut scale = Timescale::new(now(0), Frequency::ZERO);
        scale.on_applied(&applied(Adjustment::Step(Span::from_secs(2)), 12_000_000_000));
        assert_eq!(scale.steered(now(13_000_000_000)), Span::from_secs(2));
        assert_eq!(scale.local(now(13_000_000_000).clock), LocalTime(now(11_000_000_000).clock));
    }

    #[test]
    fn a_rate_correction_is_taken_out_again() {
        let mut scale = Timescale::new(now(0), Frequency::ZERO);
        scale.on_applied(&applied(Adjustment::Frequency(Frequency::from_ppm(100.0)), 10_000_000_000));
        let gained = scale.steered(now(20_001_000_000));
        assert_eq!(gained, Span::from_micros(1000));
    }

    #[test]
    fn a_stamp_from_before_the_last_adjustments_is_read_by_the_rate_of_its_time() {
        let mut scale = Timescale::new(now(0), Frequency::ZERO);
        scale.on_applied(&applied(Adjustment::Frequency(Frequency::from_ppm(200.0)), 10_000_000_000));
        scale.on_applied(&applied(Adjustment::Frequency(Frequency::from_ppm(-200.0)), 20_000_000_000));
        assert_eq!(scale.local(now(9_000_000_000).clock), LocalTime(now(9_000_000_000).clock));
        let middle = scale.local(now(15_000_000_000).clock);
        assert!((middle.since(LocalTime(now(0).clock)) - (15.0 - 5.0 * 200e-6)).abs() < 1e-6);
    }

    #[test]
    fn a_clock_that_was_moved_back_unseen_is_read_by_the_present_rate() {
        let mut scale = Timescale::new(now(0), Frequency::ZERO);
        scale.on_applied(&applied(Adjustment::Frequency(Frequency::from_ppm(200.0)), 900_000_000_000));
        let before = now(100_000_000_000);
        assert_eq!(scale.local(before.clock), scale.present(before));
    }

    #[test]
    fn adjustments_beyond_the_kept_pieces_change_nothing_for_the_present() {
        let mut scale = Timescale::new(now(0), Frequency::ZERO);
        for second in 1..200 {
            let step = Adjustment::Step(Span::from_nanos(1000));
            scale.on_applied(&applied(step, second * 1_000_000_000));
        }
        assert_eq!(scale.steered(now(200_000_000_000)), Span::from_nanos(199_000));
    }
}
