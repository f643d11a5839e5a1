//! Notices that the clock was set by others, or that the machine slept. What follows is the engine's to decide.

use crate::sys::clock::Readings;
use crate::time::{ClockTime, Span};

/// Compares `CLOCK_REALTIME`, `CLOCK_BOOTTIME` and `CLOCK_MONOTONIC`: the kernel keeps their differences constant to the
/// nanosecond, whatever its rate, except when the clock is set or the machine sleeps.
#[derive(Debug)]
pub struct JumpDetector {
    baseline: Readings,
    /// Our own steps since the baseline.
    own_steps: Span,
    /// Whether the kernel was told of a leap second.
    leap_pending: bool,
    /// `CLOCK_BOOTTIME` never loses against `CLOCK_MONOTONIC`; where it does (it is then another machine's, as under
    /// some emulations), it is not used any more and a sleep looks like a step.
    boot_is_sound: bool,
}

/// What jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jumps {
    /// Somebody else moved the clock by this; positive forward.
    pub stepped: Option<Span>,
    /// The machine slept this long.
    pub slept: Option<Span>,
}

/// Below it a jump counts only if the kernel says that the clock was set: some emulated kernels let the clocks drift
/// against each other, and an offset so small is found by measuring.
const SMALLEST_UNANNOUNCED: Span = Span::from_millis(1);
/// Below it no jump counts; what the readings themselves may be off by is added.
const SMALLEST_ANNOUNCED: Span = Span::from_micros(20);
/// Shorter sleeps leave no trace that matters.
const SHORTEST_SLEEP: Span = Span::from_millis(100);
/// How exactly a leap second is one second.
const LEAP_TOLERANCE: Span = Span::from_millis(10);

impl JumpDetector {
    /// From now on.
    pub const fn new(baseline: Readings) -> Self {
        Self { baseline, own_steps: Span::ZERO, leap_pending: false, boot_is_sound: true }
    }

    /// We stepped the clock.
    pub fn on_own_step(&mut self, by: Span) {
        self.own_steps += by;
    }

    /// We told the kernel of a leap second, or took it back. Its step at midnight is time itself and nobody's doing.
    pub const fn on_leap_pending(&mut self, pending: bool) {
        self.leap_pending = pending;
    }

    /// What jumped since the last call. `was_set`: the kernel says that the clock was set meanwhile, by whomever.
    pub fn check(&mut self, now: Readings, was_set: bool) -> Jumps {
        let before = self.baseline;
        let noise = now.window + before.window;
        let awake = now.mono - before.mono;
        let slept = if self.boot_is_sound { (now.boot - before.boot) - awake } else { Span::ZERO };
        if slept < -(SHORTEST_SLEEP + noise) {
            self.boot_is_sound = false;
            return self.check(now, was_set);
        }
        let moved = (now.clock - before.clock) - (awake + slept) - self.own_steps;
        let smallest = if was_set { SMALLEST_ANNOUNCED } else { SMALLEST_UNANNOUNCED };
        let stepped = moved.abs() > smallest + noise && !self.is_leap_second(moved, now.clock);
        self.baseline = now;
        self.own_steps = Span::ZERO;
        Jumps { stepped: stepped.then_some(moved), slept: (slept > SHORTEST_SLEEP + noise).then_some(slept) }
    }

    /// One second, at the beginning of a UTC day or just before its end, as announced.
    fn is_leap_second(&self, moved: Span, clock: ClockTime) -> bool {
        let second_of_day = clock.unix_secs().rem_euclid(86_400);
        let near_midnight = !(LEAP_WINDOW_SECONDS..86_400 - 2).contains(&second_of_day);
        self.leap_pending && near_midnight && (moved.abs() - Span::from_secs(1)).abs() < LEAP_TOLERANCE
    }
}

/// A check may come so late after midnight.
const LEAP_WINDOW_SECONDS: i64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Mono;

    fn readings(clock: Span, boot: Span, mono: Span) -> Readings {
        Readings {
            clock: ClockTime::from_unix_secs(1_700_000_000) + clock,
            boot: Mono::default() + boot,
            mono: Mono::default() + mono,
            window: Span::from_nanos(200),
        }
    }

    /// Ten seconds passed; the clock also moved by `stepped`, and the machine slept for `slept`.
    #[track_caller]
    fn check(stepped: Span, slept: Span, was_set: bool, expected: Jumps) {
        let mut detector = JumpDetector::new(readings(Span::ZERO, Span::ZERO, Span::ZERO));
        let ten = Span::from_secs(10);
        let now = readings(ten + slept + stepped, ten + slept, ten);
        assert_eq!(detector.check(now, was_set), expected);
        // Told once.
        assert_eq!(detector.check(now, true), Jumps::default());
    }

    #[test]
    fn nothing_happened() {
        check(Span::ZERO, Span::ZERO, false, Jumps::default());
        check(Span::ZERO, Span::ZERO, true, Jumps::default());
    }

    #[test]
    fn a_foreign_step_is_told_with_its_size_and_sign() {
        for by in [Span::from_millis(-250), Span::from_secs(86_400)] {
            check(by, Span::ZERO, false, Jumps { stepped: Some(by), slept: None });
        }
    }

    #[test]
    fn a_small_step_counts_only_if_the_kernel_says_so() {
        let by = Span::from_micros(300);
        check(by, Span::ZERO, false, Jumps::default());
        check(by, Span::ZERO, true, Jumps { stepped: Some(by), slept: None });
    }

    #[test]
    fn sleep_is_not_a_step() {
        let slept = Span::from_secs(3600);
        check(Span::ZERO, slept, true, Jumps { stepped: None, slept: Some(slept) });
        let by = Span::from_secs(-2);
        check(by, slept, true, Jumps { stepped: Some(by), slept: Some(slept) });
    }

    #[test]
    fn our_own_step_is_not_foreign_and_does_not_hide_one() {
        let mut detector = JumpDetector::new(readings(Span::ZERO, Span::ZERO, Span::ZERO));
        detector.on_own_step(Span::from_millis(400));
        let ten = Span::from_secs(10);
        let after = readings(ten + Span::from_millis(400), ten, ten);
        assert_eq!(detector.check(after, true), Jumps::default());
        detector.on_own_step(Span::from_millis(-100));
        let foreign = readings(ten + Span::from_millis(400), ten, ten);
        assert_eq!(detector.check(foreign, true).stepped, Some(Span::from_millis(100)));
    }

    #[test]
    fn a_slow_reading_is_no_jump() {
        let mut detector = JumpDetector::new(readings(Span::ZERO, Span::ZERO, Span::ZERO));
        let late = Readings {
            window: Span::from_millis(30),
            ..readings(Span::from_millis(20), Span::ZERO, Span::ZERO)
        };
        assert_eq!(detector.check(late, false), Jumps::default());
    }

    #[test]
    fn a_boot_clock_that_loses_is_not_believed_any_more() {
        let mut detector = JumpDetector::new(readings(Span::ZERO, Span::ZERO, Span::ZERO));
        for second in 1..10 {
            // Time as it is told runs; this clock stands, and then leaps.
            let passed = Span::from_secs(second * 64);
            let boot = Span::from_secs(if second == 9 { 100_000 } else { 0 });
            assert_eq!(detector.check(readings(passed, boot, passed), false), Jumps::default());
        }
        let passed = Span::from_secs(1000);
        let by = Span::from_millis(50);
        let set = detector.check(readings(passed + by, Span::ZERO, passed), false);
        assert_eq!(set, Jumps { stepped: Some(by), slept: None });
    }

    #[test]
    fn an_announced_leap_second_is_nobodys_step() {
        let midnight = ClockTime::from_unix_secs(1_483_228_800);
        let before = Readings { clock: midnight, ..readings(Span::ZERO, Span::ZERO, Span::ZERO) };
        for (pending, stepped) in [(true, None), (false, Some(Span::from_secs(-1)))] {
            let mut detector = JumpDetector::new(before);
            detector.on_leap_pending(pending);
            let ten = Span::from_secs(10);
            let after = Readings { clock: midnight + Span::from_secs(9), ..readings(ten, ten, ten) };
            assert_eq!(detector.check(after, true).stepped, stepped, "pending: {pending}");
        }
    }
}
