//! Reading the kernel's clocks. Setting one is `adjtime`'s.

use super::error::check;
use crate::time::{ClockTime, Mono, Now, Span};
use std::io;

/// The monotonic clock and the time of day, read together as [`readings`] does.
pub fn now() -> Now {
    let Readings { clock, mono, .. } = readings();
    Now { mono, clock }
}

/// `CLOCK_REALTIME`.
pub fn realtime() -> ClockTime {
    ClockTime::from_unix_nanos(read_nanos(libc::CLOCK_REALTIME))
}

/// `CLOCK_MONOTONIC`.
pub fn monotonic() -> Mono {
    Mono::from_nanos(read_nanos(libc::CLOCK_MONOTONIC))
}

/// Three clocks read together, for noticing that one of them jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readings {
    /// `CLOCK_REALTIME`.
    pub clock: ClockTime,
    /// `CLOCK_MONOTONIC`: stands still while the machine sleeps.
    pub mono: Mono,
    /// `CLOCK_BOOTTIME`: goes on meanwhile. Equal to `mono` where the kernel refuses it.
    pub boot: Mono,
    /// From before the first to after the last reading: the others are right to within this.
    pub window: Span,
}

/// Reads the three clocks, again if something came in between, and keeps the closest reading of at most three.
pub fn readings() -> Readings {
    let mut best = read_once();
    for _ in 0..2 {
        if best.window <= UNDISTURBED {
            break;
        }
        let again = read_once();
        if again.window < best.window {
            best = again;
        }
    }
    best
}

/// Longer than three readings take on the slowest of machines (15 µs each under User-mode Linux).
const UNDISTURBED: Span = Span::from_micros(60);

fn read_once() -> Readings {
    let before = monotonic();
    let boot = read(libc::CLOCK_BOOTTIME).map(Mono::from_nanos).ok();
    let clock = realtime();
    let after = monotonic();
    let mono = before + (after - before) / 2;
    Readings { clock, mono, boot: boot.unwrap_or(mono), window: after - before }
}

/// log2 seconds: the shortest time in which the clock's reading changes (RFC 5905 §7.3, precision), rounded up.
///
/// Never finer than a nanosecond (−30) nor coarser than a second (0). A clock that does not move at all while it is
/// read 200 times has the resolution that the kernel claims for it.
pub fn precision() -> i8 {
    let mut shortest = Span::MAX;
    let mut previous = realtime();
    for _ in 0..PRECISION_READINGS {
        let reading = realtime();
        let step = reading - previous;
        if step > Span::ZERO {
            shortest = shortest.min(step);
        }
        previous = reading;
    }
    log2_ceiling(if shortest == Span::MAX { resolution() } else { shortest })
}

const PRECISION_READINGS: usize = 200;

fn resolution() -> Span {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that is ours and writable during the call.
    let result = unsafe { libc::clock_getres(libc::CLOCK_REALTIME, &raw mut time) };
    if check("clock_getres", result).is_ok() { Span::from_nanos(nanos(time)) } else { Span::from_millis(1) }
}

#[expect(clippy::cast_possible_truncation, reason = "limited to −30 ..= 0 before")]
fn log2_ceiling(span: Span) -> i8 {
    span.seconds().log2().ceil().clamp(-30.0, 0.0) as i8
}

/// A clock that every kernel has cannot fail to be read: the number is valid, the pointer is, and no right is needed.
fn read_nanos(clock: libc::clockid_t) -> i64 {
    read(clock).unwrap_or_default()
}

fn read(clock: libc::clockid_t) -> io::Result<i64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec that is ours and writable during the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    check("clock_gettime", result)?;
    Ok(nanos(time))
}

#[allow(clippy::useless_conversion, reason = "both fields have 32 bits on some targets")]
fn nanos(time: libc::timespec) -> i64 {
    i64::from(time.tv_sec).saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_read_together_agree_with_the_time_of_day() {
        let (first, middle, last) = (now(), readings(), now());
        assert!(first.mono <= middle.mono && middle.mono <= last.mono);
        assert!(middle.window >= Span::ZERO && middle.window < Span::from_secs(1));
        let drift = (last.clock - first.clock) - (last.mono - first.mono);
        assert!(drift.abs() < Span::from_secs(1), "{drift:?}");
    }

    #[test]
    fn precision_is_between_a_nanosecond_and_a_millisecond() {
        assert!((-30..=-10).contains(&precision()), "{}", precision());
    }

    #[test]
    fn precision_is_rounded_up() {
        assert_eq!(log2_ceiling(Span::from_nanos(1)), -29);
        assert_eq!(log2_ceiling(Span::from_millis(500)), -1);
        assert_eq!(log2_ceiling(Span::from_millis(501)), 0);
        assert_eq!(log2_ceiling(Span::from_secs(9)), 0);
        assert_eq!(log2_ceiling(Span::ZERO), -30);
    }
}
