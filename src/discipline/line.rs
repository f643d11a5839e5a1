//! A straight line with its uncertainty: offset and frequency, predicted and corrected (a two-state Kalman filter). Knows no source and no noise model.

/// Offset and frequency of a timescale at one instant, with their covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Seconds.
    pub offset: f64,
    /// Seconds per second.
    pub frequency: f64,
    /// s².
    pub offset_variance: f64,
    /// s²/s.
    pub covariance: f64,
    /// (s/s)².
    pub frequency_variance: f64,
}

/// White frequency noise of an ordinary crystal, s/√s: the phase walks this much in a second whatever the wander.
const WHITE_FREQUENCY_NOISE: f64 = 3e-10;

/// No offset is ever better known than this, s²: the clock reads in nanoseconds.
pub(super) const LEAST_OFFSET_VARIANCE: f64 = 1e-18;

/// No frequency is ever better known than this, (s/s)².
const LEAST_FREQUENCY_VARIANCE: f64 = 1e-26;

impl Line {
    /// What is known before any measurement of this oscillator but one offset.
    pub(super) const fn new(
        offset: f64,
        offset_variance: f64,
        frequency: f64,
        frequency_variance: f64,
    ) -> Self {
        Self { offset, frequency, offset_variance, covariance: 0.0, frequency_variance }
    }

    /// The same `dt` seconds later (or earlier, when a clock was moved back unseen), where the frequency wanders by `wander` (s/s per √s; random-walk FM).
    pub(super) fn predict(&self, dt: f64, wander: f64) -> Self {
        let noise = wander * wander;
        Self {
            offset: self.offset + self.frequency * dt,
            frequency: self.frequency,
            offset_variance: self.offset_variance
                + dt * (2.0 * self.covariance + dt * self.frequency_variance)
                + noise * dt.powi(3).abs() / 3.0
                + WHITE_FREQUENCY_NOISE.powi(2) * dt.abs(),
            covariance: self.covariance + dt * self.frequency_variance + noise * dt * dt / 2.0,
            frequency_variance: self.frequency_variance + noise * dt.abs(),
        }
    }

    /// Corrected by a measured offset with variance `variance`.
    pub(super) fn update(&self, measured: f64, variance: f64) -> Self {
        let innovation = measured - self.offset;
        let total = self.offset_variance + variance;
        let (gain, frequency_gain) = (self.offset_variance / total, self.covariance / total);
        let kept = 1.0 - gain;
        // Joseph form: it stays positive definite whatever the rounding.
        Self {
            offset: self.offset + gain * innovation,
            frequency: self.frequency + frequency_gain * innovation,
            offset_variance: (kept * kept * self.offset_variance + gain * gain * variance)
                .max(LEAST_OFFSET_VARIANCE),
            covariance: kept * (self.covariance - frequency_gain * self.offset_variance)
                + gain * frequency_gain * variance,
            frequency_variance: (self.frequency_variance - 2.0 * frequency_gain * self.covariance
                + frequency_gain * frequency_gain * total)
                .max(LEAST_FREQUENCY_VARIANCE),
        }
    }

    /// With variances that are no smaller than the least.
    pub(super) const fn floored(self) -> Self {
        Self {
            offset_variance: self.offset_variance.max(LEAST_OFFSET_VARIANCE),
            frequency_variance: self.frequency_variance.max(LEAST_FREQUENCY_VARIANCE),
            ..self
        }
    }

    /// One standard deviation of the offset, seconds.
    pub(super) fn offset_sigma(&self) -> f64 {
        self.offset_variance.sqrt()
    }

    /// One standard deviation of the frequency, s/s.
    pub(super) fn frequency_sigma(&self) -> f64 {
        self.frequency_variance.sqrt()
    }

    /// Whether every number is a number and the variances are positive.
    pub(super) fn is_sound(&self) -> bool {
        self.offset.is_finite()
            && self.frequency.is_finite()
            && self.covariance.is_finite()
            && self.offset_variance.is_finite()
            && self.offset_variance > 0.0
            && self.frequency_variance.is_finite()
            && self.frequency_variance > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_uncertainty_of_a_prediction_grows_with_time() {
        let line = Line::new(0.0, 1e-10, 0.0, 1e-14);
        let soon = line.predict(64.0, 1e-9).offset_variance;
        let late = line.predict(1024.0, 1e-9).offset_variance;
        assert!(line.offset_variance < soon && soon < late);
    }

    #[test]
    fn the_steady_state_is_the_riccati_equation_s() {
        // simulation.md §7, lin: inet1 at 64 s, R = Var/2 of 1 ms exponentials: 138 µs over the interval.
        let (wander, tau, variance) = (1e-9, 64.0, 0.5e-6);
        let mut line = Line::new(0.0, 1.0, 0.0, 1e-8);
        for _ in 0..2000 {
            line = line.predict(tau, wander).update(0.0, variance);
        }
        let over_time = line.offset_variance
            + line.covariance * tau
            + line.frequency_variance * tau * tau / 3.0
            + wander * wander * tau.powi(3) / 12.0;
        assert!((over_time.sqrt() - 138e-6).abs() < 4e-6, "{}", over_time.sqrt());
    }

    #[test]
    fn it_stays_sound_through_extreme_variances() {
        let mut line = Line::new(1e9, 1e18, 0.0, 1e-4);
        for step in 0..1000 {
            line = line
                .predict(f64::from(step % 7) * 100.0, 1e-6)
                .update(0.0, if step % 2 == 0 { 1e-18 } else { 1e6 });
            assert!(line.is_sound());
        }
    }
}
