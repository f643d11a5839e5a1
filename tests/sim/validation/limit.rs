//! The best that offsets alone allow: the steady state of a Kalman filter that knows every parameter. No simulation.

/// A filter over (offset, frequency) of a clock with random-walk frequency noise, fed with offsets at a fixed interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kalman {
    /// Seconds between measurements.
    pub(super) interval: f64,
    /// Random-walk frequency noise, 1/√s.
    pub(super) wander: f64,
    /// Variance of one measured offset, s².
    pub(super) noise: f64,
    /// Variances of offset (s²) and frequency and their covariance, after the last update.
    p11: f64,
    p12: f64,
    p22: f64,
}

impl Kalman {
    /// Knows almost nothing yet: 1 s and 1000 ppm.
    pub(super) fn new(interval: f64, wander: f64, noise: f64) -> Self {
        Self { interval, wander, noise, p11: 1.0, p12: 0.0, p22: 1e-6 }
    }

    /// Forward by one interval and one measurement; the gains for offset and frequency (1/s).
    pub(super) fn update(&mut self) -> (f64, f64) {
        let (tau, q) = (self.interval, self.wander * self.wander);
        let p11 = self.p11 + 2.0 * tau * self.p12 + tau * tau * self.p22 + q * tau.powi(3) / 3.0;
        let p12 = self.p12 + tau * self.p22 + q * tau * tau / 2.0;
        let p22 = self.p22 + q * tau;
        let (k1, k2) = (p11 / (p11 + self.noise), p12 / (p11 + self.noise));
        *self = Self { p11: (1.0 - k1) * p11, p12: (1.0 - k1) * p12, p22: p22 - k2 * p12, ..*self };
        (k1, k2)
    }

    /// Root mean square over time of the error in the steady state, seconds.
    pub(super) fn limit(mut self) -> f64 {
        for _ in 0..100_000 {
            self.update();
        }
        let (tau, q) = (self.interval, self.wander * self.wander);
        (self.p11 + self.p12 * tau + self.p22 * tau * tau / 3.0 + q * tau.powi(3) / 12.0).sqrt()
    }
}

#[track_caller]
fn check(name: &str, interval: f64, wander: f64, variances: (f64, f64), published_us: f64) {
    let limit = Kalman::new(interval, wander, (variances.0 + variances.1) / 4.0).limit() * 1e6;
    let tolerance = 0.51 * if published_us < 20.0 { 0.1 } else { 1.0 };
    assert!(
        (limit - published_us).abs() <= tolerance,
        "{name} at {interval} s: {limit:.2} us, not {published_us}"
    );
}

#[test]
fn the_limit_of_linear_filters_is_the_published_one() {
    let (lan, inet) = ((4e-10, 4e-10), (1e-6, 1e-6));
    check("lan", 16.0, 1e-9, lan, 4.4);
    check("lan", 64.0, 1e-9, lan, 7.4);
    check("lan", 256.0, 1e-9, lan, 12.6);
    check("lan_w8", 64.0, 1e-8, lan, 13.4);
    check("inet1", 16.0, 1e-9, inet, 82.0);
    check("inet1", 64.0, 1e-9, inet, 138.0);
    check("inet1", 1024.0, 1e-9, inet, 392.0);
    check("inet1_w8", 64.0, 1e-8, inet, 245.0);
    check("inet1_w10", 64.0, 1e-10, inet, 78.0);
    check("wifi", 64.0, 1e-9, (7e-6, 7e-6), 286.0);
    check("asymjit", 64.0, 1e-9, (1e-8, 4e-6), 179.0);
}
