//! Instants of the monotonic clock. Never compared with the time of day.

use super::Span;
use std::ops::{Add, AddAssign, Sub};

/// An instant that only moves forward: nanoseconds of `CLOCK_MONOTONIC`, or of a simulated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Mono(i64);

impl Mono {
    /// From nanoseconds since the clock's own origin.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's own origin.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Mono {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.nanos()))
    }
}

impl AddAssign<Span> for Mono {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Mono {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.nanos()))
    }
}

impl Sub for Mono {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
