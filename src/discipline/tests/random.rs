//! A little reproducible randomness for tests. Knuth's MMIX congruential generator; no statistics rest on it.

pub(in crate::discipline) struct Random(u64);

impl Random {
    pub(in crate::discipline) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between 0 and 1, neither included.
    pub(in crate::discipline) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as f64 + 0.5) / f64::from(1_u32 << 31)
    }

    /// Exponential of mean 1.
    pub(in crate::discipline) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Nearly normal: of mean 0 and standard deviation 1.
    pub(in crate::discipline) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
