//! The crystal: how wrong its frequency is in each second. Not the clock that counts it, which is `host`'s.

use super::random::Stream;

/// What a crystal is like. Frequencies are fractional errors: positive runs fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OscillatorSpec {
    /// Constant error.
    pub(crate) frequency: f64,
    /// Random-walk frequency noise per √s (Allan deviation `wander · √(τ/3)`).
    pub(crate) wander: f64,
    /// White frequency noise per second (its phase walks `white · √t`).
    pub(crate) white: f64,
    /// Temperature: amplitude and period in seconds of a sine.
    pub(crate) sine: Option<(f64, f64)>,
    /// A change of frequency, and the second from which it holds.
    pub(crate) step: Option<(f64, i64)>,
}

impl Default for OscillatorSpec {
    /// A usual quartz: 20 ppm fast, wander 1e-9.
    fn default() -> Self {
        Self { frequency: 20e-6, wander: 1e-9, white: 0.0, sine: None, step: None }
    }
}

/// A crystal at work.
#[derive(Debug)]
pub(crate) struct Oscillator {
    spec: OscillatorSpec,
    walk: f64,
    noise: Stream,
}

impl Oscillator {
    pub(crate) fn new(spec: OscillatorSpec, noise: Stream) -> Self {
        Self { spec, walk: 0.0, noise }
    }

    /// Its error before the first whole second.
    pub(crate) fn initial(&self) -> f64 {
        self.spec.frequency
    }

    /// Its error from the whole second `second` to the next. Call once for each second, in order.
    pub(crate) fn refresh(&mut self, second: i64) -> f64 {
        self.walk += self.spec.wander * self.noise.normal();
        let mut frequency = self.spec.frequency + self.walk;
        if self.spec.white > 0.0 {
            frequency += self.spec.white * self.noise.normal();
        }
        if let Some((amplitude, period)) = self.spec.sine {
            frequency += amplitude * (std::f64::consts::TAU * (second - 1) as f64 / period).sin();
        }
        if let Some((by, from)) = self.spec.step
            && second >= from
        {
            frequency += by;
        }
        frequency
    }
}
