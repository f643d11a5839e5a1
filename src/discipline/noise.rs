//! How wrong a single measurement may be, judged by how long its packets waited. Knows no clock model.
//!
//! Where queues make the jitter, a packet that waited `s` longer than the least delay is wrong by at most `s/2`, and by `s/√12` on
//! average: the edge model. Where the jitter has no edge (radio, timestamp noise), delay says nothing, and all samples have the
//! same variance: a quarter of the delay's own, since both come from the same two directions. Real paths lie between; how far is
//! learned from how well the filter predicts.

/// Length of one bucket of the windowed least delay, seconds. The window, `BUCKETS` of them, keeps a rare undelayed sample in
/// use; longer takes longer to accept that a new route is slower.
const BUCKET: f64 = 1800.0;
const BUCKETS: usize = 6;

/// Before anything is known, packets wait about this part of the round trip.
const PRIOR_EXCESS: f64 = 0.1;

/// Seconds over which the model forgets what it learned of the path.
const MEMORY: f64 = 20_000.0;

/// Mixtures that are weighed against each other: the share of the edgeless variance in a sample's; the rest is the edge model's.
const SHARES: [f64; MODELS] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 4.0];
const MODELS: usize = 8;

/// Queues are the rule. Less weight on the first learns other jitter sooner and trusts undelayed samples less.
const PRIOR: [f64; MODELS] = [0.4, 0.12, 0.12, 0.12, 0.12, 0.06, 0.05, 0.01];

/// Weight of the prior "both directions are alike" against measured asymmetry of jitter, in samples.
const SYMMETRY_PRIOR: f64 = 8.0;

/// Excesses beyond so many medians come from one direction alone, and from a queue that the next packets meet too.
const LONG_WAIT: f64 = 4.0;

/// What is learned about one path from its delays and its filter's innovations.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    /// Least delays, oldest first: (start of the bucket, its least delay).
    buckets: Vec<(f64, f64)>,
    /// Seconds since the first sample.
    elapsed: f64,
    /// Samples that are remembered, and the sums of their excesses and of the squares.
    samples: f64,
    excess: f64,
    excess_squared: f64,
    /// Median of the excess, seconds.
    median: f64,
    /// Long waits in a row.
    long_waits: f64,
    /// How likely each of `SHARES` is.
    weights: [f64; MODELS],
    /// Which direction waits.
    skew: Skew,
    /// Mean squared innovation, s²: for people.
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
    /// The same variance by the edge model, and by the edgeless one.
    edge: f64,
    edgeless: f64,
    stamps: f64,
}

/// Regression of the innovation on the excess: −½ when only replies wait, ½ when only requests do. With its own mean, or a wrong
/// offset would pass for a skew and stay.
#[derive(Debug, Clone)]
struct Skew {
    weight: f64,
    excess: f64,
    innovation: f64,
    covariance: f64,
    variance: f64,
}

impl Skew {
    fn slope(&self) -> f64 {
        (self.covariance / (self.variance + 12.0 * SYMMETRY_PRIOR)).clamp(-0.5, 0.5)
    }

    fn learn(&mut self, keep: f64, excess: f64, innovation: f64, noise: f64) {
        let weight = 1.0 / (noise + excess * excess / 12.0);
        self.weight = self.weight * keep + weight;
        let share = weight / self.weight;
        let (excess_off, innovation_off) = (excess - self.excess, innovation - self.innovation);
        self.excess += share * excess_off;
        self.innovation += share * innovation_off;
        self.covariance = self.covariance * keep + weight * excess_off * (innovation - self.innovation);
        self.variance = self.variance * keep + weight * excess_off * (excess - self.excess);
    }
}

impl Judgement {
    /// The variance if this share of it has no edge.
    fn mixed(&self, share: f64) -> f64 {
        (1.0 - share).max(0.0) * self.edge + share * self.edgeless + self.stamps
    }
}

impl Noise {
    /// Nothing measured yet.
    pub(super) const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            elapsed: 0.0,
            samples: 0.0,
            excess: 0.0,
            excess_squared: 0.0,
            median: 0.0,
            long_waits: 0.0,
            weights: PRIOR,
            skew: Skew { weight: 0.0, excess: 0.0, innovation: 0.0, covariance: 0.0, variance: 0.0 },
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

    /// A round trip was measured, `dt` seconds after the one before.
    pub(super) fn observe(&mut self, dt: f64, delay: f64) {
        self.elapsed += dt.max(0.0);
        let time = self.elapsed;
        match self.buckets.last_mut() {
            Some((start, least)) if time - *start < BUCKET => *least = least.min(delay),
            _ => self.buckets.push((time, delay)),
        }
        if self.buckets.len() > BUCKETS {
            self.buckets.remove(0);
        }
        let excess = (delay - self.least_delay()).max(0.0);
        if self.samples < 0.5 {
            self.median = PRIOR_EXCESS * delay.max(1e-9);
        }
        let keep = (-dt.max(0.0) / MEMORY).exp();
        self.samples = self.samples * keep + 1.0;
        let step = (1.0 / self.samples).max(0.02);
        self.median *= if excess > self.median { 1.0 + step } else { 1.0 / (1.0 + step) };
        let tame = excess.min(20.0 * self.median);
        self.excess = self.excess * keep + tame;
        self.excess_squared = self.excess_squared * keep + tame * tame;
        self.long_waits = if excess > LONG_WAIT * self.median { self.long_waits + 1.0 } else { 0.0 };
    }

    /// How far a sample with this delay may be trusted.
    pub(super) fn judge(&self, delay: f64, stamp_uncertainty: f64) -> Judgement {
        let least = self.least_delay();
        let excess = (delay - least).max(0.0);
        let prior = PRIOR_EXCESS * least.max(1e-9);
        let mean = (prior + self.excess) / (1.0 + self.samples);
        let square = (prior * prior + self.excess_squared) / (1.0 + self.samples);
        // The least delay is itself not quite undelayed: less so the more samples it is the least of.
        let spread = excess + mean / self.samples.max(1.0).sqrt();
        let long = (excess / (LONG_WAIT * self.median)).min(1.0);
        let one_sided = 1.0 + 2.0 * long * long;
        let skew = self.skew.slope();
        let alike = (1.0 - 4.0 * skew * skew).max(0.1);
        let edge = spread * spread / 12.0 * one_sided * (1.0 + self.long_waits) * alike;
        let edgeless = (square - mean * mean).max(mean * mean / 10.0) / 4.0;
        let stamps = stamp_uncertainty * stamp_uncertainty / 2.0 + 1e-18;
        let mut judged = Judgement {
            excess,
            correction: -skew * excess,
            variance: 0.0,
            bound: spread / 2.0,
            edge,
            edgeless,
            stamps,
        };
        judged.variance =
            SHARES.iter().zip(&self.weights).map(|(share, weight)| weight * judged.mixed(*share)).sum();
        judged
    }

    /// The filter predicted with variance `predicted`, and the uncorrected sample differed by `innovation`.
    pub(super) fn learn(&mut self, dt: f64, innovation: f64, predicted: f64, judged: &Judgement) {
        let keep = (-dt.max(0.0) / MEMORY).exp();
        self.weigh_models(keep, innovation + judged.correction, predicted, judged);
        self.jitter_variance += (innovation * innovation - self.jitter_variance) / self.samples.max(1.0);
        let total = (predicted + judged.variance).sqrt();
        self.skew.learn(
            keep,
            judged.excess,
            innovation.clamp(-4.0 * total, 4.0 * total),
            predicted + judged.edgeless,
        );
    }

    fn weigh_models(&mut self, keep: f64, residual: f64, predicted: f64, judged: &Judgement) {
        let log_likelihood = |share: f64| {
            let total = predicted + judged.mixed(share);
            -0.5 * ((residual * residual / total).min(36.0) + total.ln())
        };
        let greatest = SHARES.iter().map(|share| log_likelihood(*share)).fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for ((weight, share), prior) in self.weights.iter_mut().zip(SHARES).zip(PRIOR) {
            let remembered = (*weight / prior).powf(keep) * prior;
            *weight = (remembered * (log_likelihood(share) - greatest).exp()).max(1e-9);
            sum += *weight;
        }
        for weight in &mut self.weights {
            *weight /= sum;
        }
    }
}
