//! The wire's time formats (RFC 5905 §6) and their eras. Everything else computes in `Span` and `ClockTime`.

use super::{ClockTime, Span};

/// Seconds from 1900-01-01 (prime epoch) to 1970-01-01 (RFC 5905 §6, figure 4).
const UNIX_EPOCH_IN_NTP_SECONDS: i128 = 2_208_988_800;
const NANOS: i128 = 1_000_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// One era, in units of 2⁻³² s.
const ERA: i128 = 1 << 64;

/// NTP timestamp format: unsigned 32.32 fixed-point seconds of an unsaid 136-year era (RFC 5905 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct NtpTimestamp(u64);

impl NtpTimestamp {
    /// "Unknown or unsynchronized" (RFC 5905 §6).
    pub const ZERO: Self = Self(0);

    /// From the 64 bits of the wire.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits of the wire.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The era is dropped; rounds to the nearest 2⁻³² s.
    #[expect(clippy::cast_possible_truncation, reason = "an era is dropped")]
    #[expect(clippy::cast_sign_loss, reason = "remainders are not negative")]
    pub fn from_clock(time: ClockTime) -> Self {
        // In 64 bits, since servers do this twice for each reply. Less than 2³² of 2⁻³² s in a second, so only the era can overflow.
        let seconds = time.unix_nanos().div_euclid(NANOS_PER_SECOND) + UNIX_EPOCH_IN_NTP_SECONDS as i64;
        let nanos = time.unix_nanos().rem_euclid(NANOS_PER_SECOND) as u64;
        let fraction = ((nanos << 32) + NANOS_PER_SECOND as u64 / 2) / NANOS_PER_SECOND as u64;
        Self(((seconds as u64) << 32).wrapping_add(fraction))
    }

    /// The instant with these bits that is nearest to `pivot`: within 68 years of it (RFC 5905 §6, eras).
    ///
    /// `pivot` is the later of the local clock and the build date, so a clock that lost its date finds its era.
    #[expect(clippy::cast_possible_truncation, reason = "limited to i64 before")]
    pub fn near(self, pivot: ClockTime) -> ClockTime {
        let pivot_units = ntp_units(pivot);
        let ahead = (i128::from(self.0) - pivot_units).rem_euclid(ERA);
        let units = pivot_units + if ahead >= ERA / 2 { ahead - ERA } else { ahead };
        let nanos = (units * NANOS + (1 << 31)).div_euclid(1 << 32) - UNIX_EPOCH_IN_NTP_SECONDS * NANOS;
        ClockTime::from_unix_nanos(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }
}

fn ntp_units(time: ClockTime) -> i128 {
    let nanos = i128::from(time.unix_nanos()) + UNIX_EPOCH_IN_NTP_SECONDS * NANOS;
    ((nanos << 32) + NANOS / 2).div_euclid(NANOS)
}

/// NTP short format: unsigned 16.16 fixed-point seconds (RFC 5905 §6), for root delay and dispersion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct NtpShort(u32);

impl NtpShort {
    /// From the 32 bits of the wire.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits of the wire.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Rounded *up*, so that an error bound stays one; negative spans become 0, too long ones the maximum.
    pub fn from_span(span: Span) -> Self {
        let units = (i128::from(span.nanos()) * 65536 + NANOS - 1).div_euclid(NANOS);
        Self(u32::try_from(units.max(0)).unwrap_or(u32::MAX))
    }

    /// The span, to the nearest nanosecond.
    #[expect(clippy::cast_possible_wrap, reason = "below 2^46")]
    pub const fn span(self) -> Span {
        Span::from_nanos(((self.0 as u64 * 1_000_000_000 + 32768) >> 16) as i64)
    }
}

#[cfg(test)]
mod tests;
