//! Numbers for people: one width, a unit that fits, a sign.

use ntpd_rs::snapshot::System;
use ntpd_rs::time::Span;

/// Seconds, milliseconds or microseconds, always with a sign: `+12.3 ms`.
pub(crate) fn signed(span: Span) -> String {
    let (value, unit) = scaled(span.seconds());
    format!("{value:+.*} {unit}", digits(value))
}

/// The same without a sign, for widths and delays.
pub(crate) fn unsigned(span: Span) -> String {
    let (value, unit) = scaled(span.seconds().abs());
    format!("{value:.*} {unit}", digits(value))
}

/// What the daemon believes of its clock's error; it knows nothing before the first measurements.
pub(crate) fn belief(system: &System) -> String {
    if system.offset_uncertainty == Span::ZERO {
        return format!("{:<21}", "unknown");
    }
    format!("{:>9} ± {:<9}", signed(-system.offset), unsigned(system.offset_uncertainty))
}

fn scaled(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        magnitude if magnitude < 1e-3 => (seconds * 1e6, "µs"),
        magnitude if magnitude < 1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    }
}

/// Three digits that mean something.
fn digits(value: f64) -> usize {
    match value.abs() {
        magnitude if magnitude < 10.0 => 2,
        magnitude if magnitude < 100.0 => 1,
        _ => 0,
    }
}
