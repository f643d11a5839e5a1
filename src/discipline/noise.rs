//! How wrong a single measurement may be, judged by how long its packets waited. Knows no clock model.

/// Length of one bucket of the windowed minimum, seconds; the window is `BUCKETS` of them. Longer keeps a rare undelayed sample
/// in use, and takes longer to accept that a new route is slower.
const BUCKET: f64 = 1800.0;
const BUCKETS: usize = 6;

/// Before anything is known: packets wait about this part of the round trip.
const PRIOR_EXCESS: f64 = 0.1;

/// The least delay is itself uncertain, by this part of the mean excess over √n.
const LEAST_DELAY_DOUBT: f64 = 1.0;

/// Seconds over which the noise model forgets.
const MEMORY: f64 = 20_000.0;

/// Weight of the prior "both directions are alike" against measured asymmetry of jitter, in samples.
const SYMMETRY_PRIOR: f64 = 8.0;

/// What is learned about one path from its delays and its filter's innovations.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// Least delays, oldest first: (start of the bucket, its least delay).
    buckets: Vec<(f64, f64)>,
    samples: f64,
    excess_sum: f64,
    /// Regression of innovation on excess: which direction waits.
    skew: f64,
    skew_weight: f64,
    /// Mean of normalised squared innovations: above one, the model is too sure of itself.
    scale: f64,
    /// Mean squared innovation weight for reporting jitter.
    jitter_variance: f64,
}

/// What the noise model says of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    /// Waiting time beyond the least delay, seconds, not negative.
    pub excess: f64,
    /// To be added to the measured offset: which way the packets usually wait.
    pub correction: f64,
    /// Variance of the corrected offset, s².
    pub variance: f64,
    /// No waiting can explain a larger error, seconds (stamp noise apart).
    pub bound: f64,
}

impl Noise {
    /// Nothing measured yet.
    pub(super) const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            samples: 0.0,
            excess_sum: 0.0,
            skew: 0.0,
            skew_weight: 0.0,
            scale: 1.0,
            jitter_variance: 0.0,
        }
    }

    /// The least round trip within the window, seconds; infinite before any.
    pub(super) fn least_delay(&self) -> f64 {
        self.buckets.iter().map(|(_, delay)| *delay).fold(f64::INFINITY, f64::min)
    }

    /// One standard deviation of single offsets, seconds.
    pub(super) fn jitter(&self) -> f64 {
        self.jitter_variance.sqrt()
    }

    /// A round trip was measured at `time` (seconds on any scale that only grows).
    pub(super) fn observe(&mut self, time: f64, dt: f64, delay: f64) {
        match self.buckets.last_mut() {
            Some((start, least)) if time - *start < BUCKET => *least = least.min(delay),
            _ => self.buckets.push((time, delay)),
        }
        if self.buckets.len() > BUCKETS {
            self.buckets.remove(0);
        }
        let keep = (-dt.max(0.0) / MEMORY).exp();
        self.samples = self.samples * keep + 1.0;
        self.excess_sum = self.excess_sum * keep + (delay - self.least_delay()).max(0.0);
    }

    /// How far a sample with this delay may be trusted.
    pub(super) fn judge(&self, delay: f64, stamp_uncertainty: f64) -> Judgement {
        let least = self.least_delay();
        let excess = (delay - least).max(0.0);
        let mean = (PRIOR_EXCESS * least.max(0.0) + self.excess_sum) / (1.0 + self.samples);
        let doubt = LEAST_DELAY_DOUBT * mean / self.samples.max(1.0).sqrt();
        let spread = excess + doubt;
        let asymmetry = 1.0 - 4.0 * self.skew * self.skew;
        let waiting = self.scale * spread * spread / 12.0 * asymmetry.max(0.1);
        let variance = waiting + stamp_uncertainty * stamp_uncertainty / 2.0 + 1e-18;
        Judgement { excess, correction: -self.skew * excess, variance, bound: spread / 2.0 }
    }

    /// The filter predicted with variance `predicted`, and the uncorrected sample differed by `innovation`.
    pub(super) fn learn(&mut self, dt: f64, innovation: f64, predicted: f64, judged: &Judgement) {
        let keep = (-dt.max(0.0) / MEMORY).exp();
        let (residual, total) = (innovation + judged.correction, predicted + judged.variance);
        let normalised = (residual * residual / total).min(9.0);
        let gain = 1.0 / (1.0 + self.samples.min(100.0));
        self.scale = (self.scale * (1.0 + gain * (normalised - 1.0))).clamp(0.3, 100.0);
        self.jitter_variance +=
            gain.max(1.0 / (1.0 + self.samples)) * (innovation * innovation - self.jitter_variance);
        let excess2 = judged.excess * judged.excess;
        if excess2 > 0.0 {
            let weight = excess2 / (predicted + excess2 / 12.0);
            let slope = (innovation / judged.excess).clamp(-0.5, 0.5);
            self.skew_weight = self.skew_weight * keep + weight;
            self.skew += (slope - self.skew) * weight / (self.skew_weight + 12.0 * SYMMETRY_PRIOR);
        }
    }
}
