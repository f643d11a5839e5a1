//! Which direction of a path waits: replies, requests, or both alike. Knows no least delay.

/// A slope of so many of its own standard deviations, squared, is chance. Less takes chance for skew, more learns a skew late.
const CHANCE: f64 = 6.0;

/// Short waits are shared even by a direction that seldom waits, so the steepest slope is less than one half: with that, all samples
/// would be moved by what the quiet direction waits.
const STEEPEST: f64 = 0.4;

/// Regression of the innovation on the wait: −½ when only replies wait, ½ when only requests do.
///
/// It has a mean of its own: through the origin, a wrong offset would pass for a skew wherever the wait hardly varies, and stay.
#[derive(Debug, Clone)]
pub(super) struct Skew {
    weight: f64,
    wait: f64,
    innovation: f64,
    covariance: f64,
    variance: f64,
}

impl Skew {
    /// Both alike.
    pub(super) const fn new() -> Self {
        Self { weight: 0.0, wait: 0.0, innovation: 0.0, covariance: 0.0, variance: 0.0 }
    }

    /// Seconds of offset for each second of waiting; nothing while it may be chance (James and Stein 1961).
    pub(super) fn slope(&self) -> f64 {
        let slope = self.covariance / self.variance.max(1e-9);
        let significance = slope * slope * self.variance;
        (slope * (1.0 - CHANCE / significance.max(CHANCE))).clamp(-STEEPEST, STEEPEST)
    }

    /// A sample with this wait and innovation, whose other noise has variance `noise`; `keep` is what is left of the memory.
    pub(super) fn learn(&mut self, keep: f64, wait: f64, innovation: f64, noise: f64) {
        let weight = 1.0 / (noise + wait * wait / 12.0);
        self.weight = self.weight * keep + weight;
        let share = weight / self.weight;
        let (wait_off, innovation_off) = (wait - self.wait, innovation - self.innovation);
        self.wait += share * wait_off;
        self.innovation += share * innovation_off;
        self.covariance = self.covariance * keep + weight * wait_off * (innovation - self.innovation);
        self.variance = self.variance * keep + weight * wait_off * (wait - self.wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(offset: impl Fn(f64) -> f64) -> f64 {
        let mut skew = Skew::new();
        for sample in 0..300 {
            let wait = f64::from(sample * 37 % 100) * 1e-5;
            skew.learn(0.997, wait, offset(wait), 1e-9);
        }
        skew.slope()
    }

    #[test]
    fn replies_that_wait_alone_are_found_out() {
        assert!(learned(|wait| -wait / 2.0) < -0.39);
    }

    #[test]
    fn requests_that_wait_alone_are_found_out() {
        assert!(learned(|wait| wait / 2.0) > 0.39);
    }

    #[test]
    fn a_wrong_offset_is_no_skew() {
        assert!(learned(|_| 1e-3).abs() < 0.02);
    }
}
