//! The best that offsets alone allow: the steady state of a Kalman filter that knows every parameter. No simulation.

use super::scenario::Scenario;
use ntpd_rs::time::Span;

/// A filter over (offset, frequency) of a clock with random-walk frequency noise, fed with offsets at a fixed interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kalman {
    /// Seconds between measurements.
    pub(crate) interval: f64,
    /// Random-walk frequency noise, 1/√s.
    pub(crate) wander: f64,
    /// Variance of one measured offset, s².
    pub(crate) noise: f64,
    /// Variances of offset (s²) and frequency and their covariance, after the last update.
    p11: f64,
    p12: f64,
    p22: f64,
}

impl Kalman {
    /// Knows almost nothing yet: 1 s and 1000 ppm.
    pub(crate) fn new(interval: f64, wander: f64, noise: f64) -> Self {
        Self { interval, wander, noise, p11: 1.0, p12: 0.0, p22: 1e-6 }
    }

    /// Forward by one interval and one measurement; the gains for offset and frequency (1/s).
    pub(crate) fn update(&mut self) -> (f64, f64) {
        let (tau, q) = (self.interval, self.wander * self.wander);
        let p11 = self.p11 + 2.0 * tau * self.p12 + tau * tau * self.p22 + q * tau.powi(3) / 3.0;
        let p12 = self.p12 + tau * self.p22 + q * tau * tau / 2.0;
        let p22 = self.p22 + q * tau;
        let (k1, k2) = (p11 / (p11 + self.noise), p12 / (p11 + self.noise));
        *self = Self { p11: (1.0 - k1) * p11, p12: (1.0 - k1) * p12, p22: p22 - k2 * p12, ..*self };
        (k1, k2)
    }

    /// Root mean square over time of the error in the steady state, seconds.
    pub(crate) fn limit(mut self) -> f64 {
        for _ in 0..100_000 {
            self.update();
        }
        let (tau, q) = (self.interval, self.wander * self.wander);
        (self.p11 + self.p12 * tau + self.p22 * tau * tau / 3.0 + q * tau.powi(3) / 12.0).sqrt()
    }
}

/// What the best linear client reaches on this scenario, seconds; NaN where more than wander and jitter is at work.
pub(crate) fn linear(scenario: &Scenario, interval: f64) -> f64 {
    let sites = &scenario.servers;
    let oscillator = &scenario.oscillator;
    let plain =
        scenario.links().all(|link| link.loss == 0.0 && link.route.is_empty() && link.outages.is_empty())
            && sites
                .iter()
                .all(|site| site.server.error == Span::ZERO && (site.up.base - site.down.base).abs() < 1e-9)
            && (oscillator.white, oscillator.sine, oscillator.step) == (0.0, None, None)
            && scenario.disturbances.is_empty();
    // Offsets weighted by their precision: R of one is a quarter of both directions' variances.
    let precision: f64 =
        sites.iter().map(|site| 4.0 / (site.up.jitter.variance() + site.down.jitter.variance())).sum();
    if plain { Kalman::new(interval, oscillator.wander, 1.0 / precision).limit() } else { f64::NAN }
}
