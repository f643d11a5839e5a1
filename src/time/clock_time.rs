//! Readings of the local clock (`CLOCK_REALTIME`), right or wrong. Not wire formats.

use super::{Mono, Span};
use std::ops::{Add, AddAssign, Sub};

/// What a clock says: nanoseconds since 1970-01-01 00:00 UTC, without leap seconds, ±292 years.
///
/// It has no era: wire timestamps get theirs from a pivot ([`super::NtpTimestamp::near`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ClockTime(i64);

impl ClockTime {
    /// From nanoseconds since 1970.
    pub const fn from_unix_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds since 1970, saturating.
    pub const fn from_unix_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since 1970.
    pub const fn unix_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn unix_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }
}

impl Add<Span> for ClockTime {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.nanos()))
    }
}

impl AddAssign<Span> for ClockTime {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for ClockTime {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.nanos()))
    }
}

impl Sub for ClockTime {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Both clocks, read together: what the core is told with every event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for timers and ages.
    pub mono: Mono,
    /// The local clock that is being disciplined.
    pub clock: ClockTime,
}
