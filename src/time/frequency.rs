//! Rates of a clock against another. Not radio.

use std::ops::{Add, Neg, Sub};

/// A relative rate: positive makes the clock run faster. One unit is 1 s/s; the kernel's unit is 2⁻¹⁶ ppm.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Frequency(f64);

impl Frequency {
    /// No correction.
    pub const ZERO: Self = Self(0.0);

    /// From seconds per second.
    pub const fn from_ratio(ratio: f64) -> Self {
        Self(ratio)
    }

    /// From parts per million.
    pub fn from_ppm(ppm: f64) -> Self {
        Self(ppm * 1e-6)
    }

    /// In seconds per second.
    pub const fn ratio(self) -> f64 {
        self.0
    }

    /// In parts per million.
    pub fn ppm(self) -> f64 {
        self.0 * 1e6
    }

    /// From the kernel's unit (`timex.freq`, 2⁻¹⁶ ppm).
    pub fn from_kernel(units: i64) -> Self {
        Self::from_ppm(units as f64 / 65536.0)
    }

    /// To the kernel's unit (`timex.freq`, 2⁻¹⁶ ppm), rounded to nearest; saturates, NaN is 0.
    #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    pub fn to_kernel(self) -> i64 {
        (self.ppm() * 65536.0).round() as i64
    }

    /// Limited to `[-limit, limit]`.
    #[must_use]
    pub fn clamp(self, limit: Self) -> Self {
        Self(self.0.clamp(-limit.0.abs(), limit.0.abs()))
    }
}

impl Add for Frequency {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Frequency {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Frequency {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
