//! How wrong a single measurement may be, judged by how long its packets waited. Knows no clock model.
//!
//! Where queues make the jitter, a packet that waited `s` longer than the least delay is wrong by at most `s/2`, and by `s/√12` on
//! average: the edge model. Where the jitter has no edge (radio, timestamp noise), delay says nothing, and all samples have the
//! same variance: a quarter of the delay's own, since both come from the same two directions. Real paths lie between; how far is
//! learned from how well the filter predicts.

use super::skew::Skew;
use super::waits::Waits;

/// Seconds over which the model forgets what it learned of the path.
const MEMORY: f64 = 20_000.0;

/// Mixtures that are weighed against each other: the share of the edgeless variance in a sample's; the rest is the edge model's.
const SHARES: [f64; MODELS] = [0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 4.0];
const MODELS: usize = 8;

/// Queues are the rule. Less weight on the first learns other jitter sooner and trusts undelayed samples less.
const PRIOR: [f64; MODELS] = [0.4, 0.12, 0.12, 0.12, 0.12, 0.06, 0.05, 0.01];

/// No mixture is ever less likely than this: one odd hour may make a right one look impossible.
const LEAST_WEIGHT: f64 = 1e-5;

/// One innovation counts at most as one of so many standard deviations, squared: the model may be wrong about a single sample.
const OUTLIER: f64 = 64.0;

/// People want to know how a path is now: with the memory of the model, one odd sample would be seen for hours.
const JITTER_SAMPLES: f64 = 16.0;

/// What is learned about one path from its delays and its filter's innovations.
#[derive(Debug, Clone)]
pub(super) struct Noise {
    waits: Waits,
    skew: Skew,
    /// How likely each of `SHARES` is.
    weights: [f64; MODELS],
    /// Mean squared innovation, s²: for people.
    jitter_variance: f64,
}

/// What the noise model says of one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judgement {
    /// To be added to the measured offset: which way the packets usually wait.
    pub correction: f64,
    /// Variance of the corrected offset, s².
    pub variance: f64,
    /// No waiting can explain a larger error, seconds (stamp noise apart).
    pub bound: f64,
    wait: f64,
    /// So many samples in a row waited long: they met the same queue, and are one piece of evidence.
    repeats: f64,
    /// The variance by the edge model, by the edgeless one, and of the stamps, s².
    edge: f64,
    edgeless: f64,
    stamps: f64,
}

impl Judgement {
    /// The variance if this share of it has no edge, and the rest counts for one of so many.
    fn mixed(&self, share: f64, repeats: f64) -> f64 {
        (1.0 - share).max(0.0) * self.edge * repeats + share * self.edgeless + self.stamps
    }
}

impl Noise {
    /// Nothing measured yet.
    pub(super) const fn new() -> Self {
        Self { waits: Waits::new(), skew: Skew::new(), weights: PRIOR, jitter_variance: 0.0 }
    }

    /// The least round trip within the window, seconds; infinite before any.
    pub(super) fn least_delay(&self) -> f64 {
        self.waits.least_delay()
    }

    /// What the delays say, apart from how much a single one may be trusted.
    pub(super) const fn waits(&self) -> &Waits {
        &self.waits
    }

    /// One standard deviation of single offsets, seconds.
    pub(super) fn jitter(&self) -> f64 {
        self.jitter_variance.sqrt()
    }

    /// A round trip was measured, `dt` seconds after the one before; `apart` is remembered of the least one.
    pub(super) fn observe(&mut self, dt: f64, delay: f64, apart: f64) {
        self.waits.observe(dt, delay, apart);
    }

    /// How far a sample with this delay may be trusted.
    pub(super) fn judge(&self, delay: f64, stamp_uncertainty: f64) -> Judgement {
        let wait = self.waits.of(delay);
        // The least delay is itself not quite undelayed: less so the more samples it is the least of.
        let spread = wait + self.waits.mean() / self.waits.samples().max(1.0).sqrt();
        // Without an edge the wait says nothing of the direction either.
        let edged: f64 =
            SHARES.iter().zip(&self.weights).map(|(share, weight)| weight * (1.0 - share).max(0.0)).sum();
        let skew = edged * self.skew.slope();
        let alike = (1.0 - 4.0 * skew * skew).max(0.1);
        let one_sided = 1.0 + 2.0 * self.waits.unusual(wait).powi(2);
        let mut judged = Judgement {
            correction: -skew * wait,
            variance: 0.0,
            bound: spread / 2.0,
            wait,
            repeats: 1.0 + self.waits.long_in_a_row(),
            edge: spread * spread / 12.0 * one_sided * alike,
            edgeless: self.waits.variance() / 4.0,
            stamps: stamp_uncertainty * stamp_uncertainty / 2.0 + 1e-18,
        };
        let mixture = SHARES.iter().zip(&self.weights);
        judged.variance = mixture.map(|(share, weight)| weight * judged.mixed(*share, judged.repeats)).sum();
        judged
    }

    /// The filter predicted with variance `predicted`, and the uncorrected sample differed by `innovation`, `dt` seconds after
    /// the one before.
    pub(super) fn learn(&mut self, dt: f64, innovation: f64, predicted: f64, judged: &Judgement) {
        let keep = (-dt.max(0.0) / MEMORY).exp();
        self.weigh_models(keep, innovation + judged.correction, predicted, judged);
        let most = 4.0 * (predicted + judged.variance).sqrt();
        self.skew.learn(keep, judged.wait, innovation.clamp(-most, most), predicted + judged.edgeless);
        let gain = 1.0 / self.waits.samples().clamp(1.0, JITTER_SAMPLES);
        self.jitter_variance += (innovation * innovation - self.jitter_variance) * gain;
    }

    fn weigh_models(&mut self, keep: f64, residual: f64, predicted: f64, judged: &Judgement) {
        let log_likelihood = |share: f64| {
            let total = predicted + judged.mixed(share, 1.0);
            -0.5 * ((residual * residual / total).min(OUTLIER) + total.ln()) / judged.repeats
        };
        let greatest = SHARES.iter().map(|share| log_likelihood(*share)).fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for ((weight, share), prior) in self.weights.iter_mut().zip(SHARES).zip(PRIOR) {
            let remembered = (*weight / prior).powf(keep) * prior;
            *weight = (remembered * (log_likelihood(share) - greatest).exp()).max(LEAST_WEIGHT);
            sum += *weight;
        }
        for weight in &mut self.weights {
            *weight /= sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discipline::tests::random::Random;

    /// A path of 20 ms whose samples waited and erred as `sample` says.
    fn path(sample: impl Fn(&mut Random) -> (f64, f64)) -> Noise {
        let (mut noise, mut random) = (Noise::new(), Random::new(1));
        for _ in 0..400 {
            let (wait, error) = sample(&mut random);
            noise.observe(64.0, 0.02 + wait, 0.0);
            let judged = noise.judge(0.02 + wait, 1e-6);
            noise.learn(64.0, error, 1e-10, &judged);
        }
        noise
    }

    fn queues(random: &mut Random) -> (f64, f64) {
        let (up, down) = (random.exponential() * 1e-3, random.exponential() * 1e-3);
        (up + down, (up - down) / 2.0)
    }

    fn sigma(noise: &Noise, wait: f64) -> f64 {
        noise.judge(0.02 + wait, 1e-6).variance.sqrt()
    }

    #[test]
    fn the_jitter_is_that_of_the_last_samples_and_an_odd_one_is_soon_forgotten() {
        let mut noise = path(|random| (0.0, random.normal() * 1e-6));
        assert!((0.5e-6..2e-6).contains(&noise.jitter()), "{}", noise.jitter());
        for n in 0..100 {
            noise.observe(64.0, 0.02, 0.0);
            let judged = noise.judge(0.02, 1e-6);
            noise.learn(64.0, if n == 0 { 50e-6 } else { 1e-6 }, 1e-10, &judged);
        }
        assert!(noise.jitter() < 2e-6, "{}", noise.jitter());
    }

    #[test]
    fn behind_queues_an_undelayed_sample_is_trusted_and_a_delayed_one_is_not() {
        let noise = path(queues);
        assert!(sigma(&noise, 10e-6) < 100e-6, "{}", sigma(&noise, 10e-6));
        assert!(sigma(&noise, 2e-3) > 500e-6, "{}", sigma(&noise, 2e-3));
    }

    #[test]
    fn where_delay_says_nothing_all_samples_are_alike() {
        let noise = path(|random| (0.01 + random.normal() * 1e-3, random.normal() * 0.5e-3));
        let (least, most) = (sigma(&noise, 7.5e-3), sigma(&noise, 12.5e-3));
        assert!(least > 300e-6 && most < 2.0 * least, "{least} {most}");
    }

    #[test]
    fn replies_that_wait_alone_are_corrected() {
        let noise = path(|random| {
            let down = random.exponential() * 1e-3;
            (down, -down / 2.0)
        });
        let judged = noise.judge(0.021, 1e-6);
        assert!((judged.correction - 500e-6).abs() < 150e-6, "{judged:?}");
    }

    #[test]
    fn in_a_queue_each_sample_says_less_than_the_one_before() {
        let mut noise = path(queues);
        let mut last = 0.0;
        for _ in 0..10 {
            noise.observe(64.0, 0.04, 0.0);
            let variance = noise.judge(0.04, 1e-6).variance;
            assert!(variance > last);
            last = variance;
        }
    }

    #[test]
    fn stamps_limit_what_even_an_undelayed_sample_can_say() {
        let noise = path(|_| (0.0, 0.0));
        assert!(noise.judge(0.02, 20e-6).variance.sqrt() > 14e-6);
    }
}
