//! What may be done to a clock, and what was done. Deciding it is `discipline::steer`'s.

use super::{ClockTime, Frequency, Leap, Mono, Span};

/// One thing to do to the clock. Positive moves it forward, or makes it run faster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Adjustment {
    /// Move the clock at once (`ADJ_SETOFFSET`).
    Step(Span),
    /// Set the rate correction, absolute and not relative to the last one (`ADJ_FREQUENCY`, at most ±500 ppm).
    Frequency(Frequency),
    /// Say how good the clock is (`ADJ_STATUS`, `ADJ_MAXERROR`, `ADJ_ESTERROR`); moves nothing.
    Status(ClockStatus),
    /// Say what International atomic time is ahead of UTC, whole seconds (`ADJ_TAI`); moves nothing but `CLOCK_TAI`.
    TaiOffset(u16),
}

/// What the kernel is told about the clock's quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStatus {
    /// `Unsynchronized` sets `STA_UNSYNC`; a leap announcement sets `STA_INS` or `STA_DEL`.
    pub leap: Leap,
    /// One standard deviation (`ADJ_ESTERROR`).
    pub estimated_error: Span,
    /// The bound: half the root delay plus the root dispersion (`ADJ_MAXERROR`).
    pub maximum_error: Span,
}

/// An adjustment that took effect, as the kernel really did it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Applied {
    /// What was done, with the kernel's quantisation (2⁻¹⁶ ppm, 1 ns) read back.
    pub adjustment: Adjustment,
    /// When, by the monotonic clock.
    pub mono: Mono,
    /// When, by the adjusted clock: just after a step, and at the change of a frequency.
    pub clock: ClockTime,
}
