//! How long the packets of one direction wait beyond the base delay: a family of laws whose parameters are learned. Knows no clock.
//!
//! A law is a mixture of components of all scales around a usual one: exponentials where packets queue, normal distributions where
//! they jitter without an edge. Two parameters, the mean and the width of ln(scale), make it sharp or heavy-tailed; a few packets
//! are allowed to wait out of all proportion. More parameters would fit the edge better than the data know it, and move it.

use super::normal::tail;
use crate::path_model::JitterKind;

/// Nodes of a normal distribution over ln(scale), and how much each counts.
const NODES: [(f64, f64); 7] =
    [(-2.4, 0.020), (-1.6, 0.095), (-0.8, 0.225), (0.0, 0.320), (0.8, 0.225), (1.6, 0.095), (2.4, 0.020)];

/// Packets that wait out of all proportion: how many times the usual scale, and how many of them there are usually.
const BURSTS: [(f64, f64); 2] = [(20.0, 0.01), (400.0, 0.003)];

/// And at most: more would be the rule, and not out of proportion.
const MOST_BURSTS: f64 = 0.3;

/// They are never thought to be less likely than this part of the usual: the first one would pass for a step of the clock.
const FEWEST_BURSTS: f64 = 0.1;

const SIZE: usize = NODES.len() + BURSTS.len();

/// Width of ln(scale) before anything is measured, and at least. Less takes longer to see heavy tails, more to see a single scale.
const FIRST_WIDTH: f64 = 1.5;
const LEAST_WIDTH: f64 = 0.3;

/// And at most; and scales that no jitter goes beyond, seconds. Only nonsense gets there.
const GREATEST_WIDTH: f64 = 4.0;
const SCALES: (f64, f64) = (1e-10, 1e2);

/// The nth packet moves the parameters by 1 / (n + 3)^0.55 of what it says. A power nearer to 1 keeps what the first packets said, when
/// the base delay was still unknown; nearer to ½ the parameters never settle.
const HEAD_START: f64 = 3.0;
const SETTLING: f64 = 0.55;

/// What a [`Kind::Blurred`] component is blurred by, for its mean wait.
const BLUR: f64 = 0.7;

/// People are told a kind from so many packets on: the first ones fit any.
const TELLING: f64 = 48.0;

/// The share of packets out of all proportion, and the width of ln(scale), from which people are told of it.
const BURSTY: f64 = 0.04;
const HEAVY_TAILED: f64 = 1.0;

/// A component whose likelihood is smaller by so much in ln changes no digit that counts.
const NEGLIGIBLE: f64 = 16.0;

/// ln √(2π).
const LN_SQRT_TAU: f64 = 0.918_938_533_204_672_7;

/// What kind of jitter a law can describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Queues: packets wait, and none is early. Exponentials.
    Edge,
    /// Several small queues in a row: waits of nearly nothing are rare. Exponentials blurred by normal distributions.
    Blurred,
    /// Radio, timestamps: no edge at all. Normal distributions.
    Smooth,
}

impl Kind {
    /// Mean wait and blur of a component of scale 1.
    const fn shape(self) -> (f64, f64) {
        match self {
            Self::Edge => (1.0, 0.0),
            Self::Blurred => (1.0, BLUR),
            Self::Smooth => (0.0, 1.0),
        }
    }
}

/// An exponential blurred by a normal distribution; either may be missing.
#[derive(Debug, Clone, Copy)]
struct Component {
    /// 1 / mean wait, 1/s; 0 without an exponential.
    rate: f64,
    /// Variance of the normal distribution, s².
    blur: f64,
    /// ln of its share and of its normalisation.
    log_weight: f64,
    log_scale: f64,
}

/// The jitter of one direction.
#[derive(Debug, Clone)]
pub(super) struct Law {
    kind: Kind,
    /// Mean and standard deviation of ln(scale / s).
    mean: f64,
    width: f64,
    /// How many packets wait out of all proportion, by `BURSTS`.
    bursts: [f64; BURSTS.len()],
    /// Learned from.
    packets: f64,
    components: [Component; SIZE],
}

/// What a packet says of the delay that was expected: ln of its likelihood, and the derivatives by the expectation, 1/s and 1/s².
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Evidence {
    pub log_likelihood: f64,
    pub slope: f64,
    pub curvature: f64,
}

impl Law {
    /// Nothing measured, and jitter of about `scale` seconds expected.
    pub(super) fn new(kind: Kind, scale: f64) -> Self {
        let nothing = Component { rate: 0.0, blur: 0.0, log_weight: 0.0, log_scale: 0.0 };
        let mut law = Self {
            kind,
            mean: scale.ln(),
            width: FIRST_WIDTH,
            bursts: BURSTS.map(|(_, usual)| usual),
            packets: 0.0,
            components: [nothing; SIZE],
        };
        law.spread();
        law
    }

    /// In the words that people are told.
    pub(super) fn jitter_kind(&self) -> JitterKind {
        if self.packets < TELLING {
            JitterKind::Unknown
        } else if self.bursts.iter().sum::<f64>() > BURSTY {
            JitterKind::Bursts
        } else if self.width > HEAVY_TAILED {
            JitterKind::HeavyTails
        } else if self.kind == Kind::Smooth {
            JitterKind::Gaussian
        } else {
            JitterKind::Queues
        }
    }

    /// ln of the scale (s) around which the usual packets wait.
    pub(super) const fn usual_scale(&self) -> f64 {
        self.mean
    }

    /// A packet took `excess` seconds more than expected; expectation and stamps have this variance, s².
    pub(super) fn evidence(&self, excess: f64, variance: f64) -> Evidence {
        let mut mixture = Mixture::NOTHING;
        // The widest first: they are likely wherever the packet is, and most of the others need not be looked at then.
        for component in self.components.iter().rev() {
            mixture.add(component.evidence(excess, variance, mixture.greatest));
        }
        mixture.evidence()
    }

    /// The same packet, learned from (online EM, Cappé and Moulines 2009); it came after this part of the memory.
    pub(super) fn learn(&mut self, part: f64, excess: f64, variance: f64) {
        let shares = self.shares(excess, variance);
        let (nodes, bursts) = shares.split_at(NODES.len());
        self.packets += 1.0;
        let gain = (self.packets + HEAD_START).powf(-SETTLING).max(part);
        for (((_, usual), burst), share) in BURSTS.iter().zip(&mut self.bursts).zip(bursts) {
            *burst = (*burst + gain * (share - *burst)).clamp(FEWEST_BURSTS * usual, MOST_BURSTS);
        }
        let ordinary: f64 = nodes.iter().sum();
        let moment = |of: &dyn Fn(f64) -> f64| -> f64 {
            self.components.iter().zip(nodes).map(|(component, share)| share * of(component.log_scale)).sum()
        };
        let (mean, variance) = (self.mean, self.width * self.width);
        let off = moment(&|log| log - mean);
        let square = moment(&|log| (log - mean) * (log - mean));
        self.mean = (mean + gain * off).clamp(SCALES.0.ln(), SCALES.1.ln());
        let variance = variance + gain * (square - ordinary * variance);
        self.width = variance.max(0.0).sqrt().clamp(LEAST_WIDTH, GREATEST_WIDTH);
        self.spread();
    }

    /// How likely each component is to have made this packet; they sum to one.
    fn shares(&self, excess: f64, variance: f64) -> [f64; SIZE] {
        let mut logs = [f64::NEG_INFINITY; SIZE];
        let mut greatest = f64::NEG_INFINITY;
        for (log, component) in logs.iter_mut().zip(&self.components).rev() {
            *log = component.evidence(excess, variance, greatest).log_likelihood;
            greatest = greatest.max(*log);
        }
        let shares = logs.map(|log| (log - greatest).exp());
        let total: f64 = shares.iter().sum();
        shares.map(|share| share / total)
    }

    /// The components that follow from the parameters.
    fn spread(&mut self) {
        let (wait, blur) = self.kind.shape();
        let ordinary = 1.0 - self.bursts.iter().sum::<f64>();
        let nodes = NODES.iter().map(|(node, weight)| (self.mean + node * self.width, ordinary * weight));
        let bursts =
            BURSTS.iter().zip(&self.bursts).map(|((times, _), weight)| (self.mean + times.ln(), *weight));
        for (component, (log_scale, weight)) in self.components.iter_mut().zip(nodes.chain(bursts)) {
            let scale = log_scale.exp();
            let (rate, normalisation) =
                if wait > 0.0 { (1.0 / (wait * scale), -log_scale) } else { (0.0, -LN_SQRT_TAU) };
            let (blur, log_weight) = ((blur * scale).powi(2), weight.ln() + normalisation);
            *component = Component { rate, blur, log_weight, log_scale };
        }
    }
}

impl Component {
    /// Its weight included. Nothing that counts beside another as likely as `greatest` (ln) is left out.
    fn evidence(&self, excess: f64, variance: f64, greatest: f64) -> Evidence {
        let variance = variance + self.blur;
        let precision = 1.0 / variance;
        let square = 0.5 * excess * excess * precision;
        if self.rate <= 0.0 {
            return Evidence {
                log_likelihood: self.log_weight - square - 0.5 * variance.ln(),
                slope: excess * precision,
                curvature: -precision,
            };
        }
        // One and the same, written so that nothing cancels on either side.
        let early = excess < self.rate * variance;
        let rest = if early { -square } else { self.rate * (0.5 * self.rate * variance - excess) };
        if self.log_weight + rest < greatest - NEGLIGIBLE {
            return Evidence { log_likelihood: f64::NEG_INFINITY, slope: 0.0, curvature: 0.0 };
        }
        let sigma = variance.sqrt();
        let s = excess / sigma - self.rate * sigma;
        let (scaled, ratio) = tail(s);
        Evidence {
            log_likelihood: self.log_weight + scaled + rest,
            slope: self.rate - ratio / sigma,
            curvature: -ratio * (s + ratio) * precision,
        }
    }
}

/// Sums over components, scaled by the greatest likelihood so far.
struct Mixture {
    greatest: f64,
    total: f64,
    slope: f64,
    square: f64,
}

impl Mixture {
    const NOTHING: Self = Self { greatest: f64::NEG_INFINITY, total: 0.0, slope: 0.0, square: 0.0 };

    fn add(&mut self, evidence: Evidence) {
        let Evidence { log_likelihood, slope, curvature } = evidence;
        if log_likelihood < self.greatest - NEGLIGIBLE {
            return;
        }
        if log_likelihood > self.greatest {
            let scale = (self.greatest - log_likelihood).exp();
            self.total *= scale;
            self.slope *= scale;
            self.square *= scale;
            self.greatest = log_likelihood;
        }
        let share = (log_likelihood - self.greatest).exp();
        self.total += share;
        self.slope += share * slope;
        self.square += share * (slope * slope + curvature);
    }

    fn evidence(self) -> Evidence {
        let slope = self.slope / self.total;
        Evidence {
            log_likelihood: self.greatest + self.total.ln(),
            slope,
            curvature: self.square / self.total - slope * slope,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discipline::tests::random::Random;

    /// Of packets whose expectation is known to a microsecond.
    const VARIANCE: f64 = 1e-12;

    fn learned(kind: Kind, mut wait: impl FnMut(&mut Random) -> f64) -> Law {
        let (mut law, mut random) = (Law::new(kind, 0.5e-3), Random::new(3));
        for _ in 0..600 {
            law.learn(0.003, wait(&mut random), VARIANCE);
        }
        law
    }

    #[track_caller]
    fn check_derivatives(kind: Kind, excess: f64, variance: f64) {
        let law = Law::new(kind, 1e-3);
        let step = 1e-4 * variance.sqrt();
        // A greater expectation is a smaller excess.
        let at = |moved: f64| law.evidence(excess - moved, variance);
        let (before, middle, after) = (at(-step), at(0.0), at(step));
        let slope = (after.log_likelihood - before.log_likelihood) / (2.0 * step);
        let curvature = (after.slope - before.slope) / (2.0 * step);
        let scale = 1.0 / variance.sqrt();
        assert!((middle.slope - slope).abs() < 1e-3 * scale, "{} {slope}", middle.slope);
        assert!(
            (middle.curvature - curvature).abs() < 1e-3 * scale * scale,
            "{} {curvature}",
            middle.curvature
        );
    }

    #[test]
    fn slope_and_curvature_are_the_derivatives_of_the_likelihood() {
        for kind in [Kind::Edge, Kind::Blurred, Kind::Smooth] {
            for excess in [-2e-4, -1e-6, 0.0, 3e-4, 5e-3] {
                for variance in [1e-10, 1e-8, 1e-6] {
                    check_derivatives(kind, excess, variance);
                }
            }
        }
    }

    #[test]
    fn a_packet_that_waited_says_less_than_one_that_did_not() {
        let law = Law::new(Kind::Edge, 1e-3);
        let (early, late) = (law.evidence(0.0, 1e-8), law.evidence(3e-3, 1e-8));
        assert!(early.curvature < 30.0 * late.curvature, "{early:?} {late:?}");
    }

    #[test]
    fn the_scale_of_queues_is_learned_and_that_they_are_all_alike() {
        let law = learned(Kind::Edge, |random| 2e-3 * random.exponential());
        assert!((law.mean.exp() / 2e-3 - 1.0).abs() < 0.35 && law.width < 0.6, "{law:?}");
    }

    #[test]
    fn heavy_tails_are_learned() {
        let wait =
            |random: &mut Random| 1e-3 * random.exponential() * random.exponential() * random.exponential();
        let law = learned(Kind::Edge, wait);
        assert!(law.width > 1.2, "{law:?}");
    }

    #[test]
    fn what_bursts_do_hardly_moves_the_scale_of_the_others() {
        let wait = |random: &mut Random| {
            let scale = if random.uniform() < 0.1 { 0.1 } else { 1e-3 };
            scale * random.exponential()
        };
        let law = learned(Kind::Edge, wait);
        assert!(law.bursts.iter().sum::<f64>() > 0.04 && (0.5e-3..2e-3).contains(&law.mean.exp()), "{law:?}");
    }

    #[test]
    fn the_spread_of_stamps_is_learned() {
        let law = learned(Kind::Smooth, |random| 2e-3 * random.normal());
        assert!((law.mean.exp() / 2e-3 - 1.0).abs() < 0.3, "{law:?}");
    }

    #[test]
    fn whatever_comes_the_law_stays_one() {
        for kind in [Kind::Edge, Kind::Blurred, Kind::Smooth] {
            let mut random = Random::new(4);
            let mut law = Law::new(kind, 1e-3);
            for _ in 0..2000 {
                let size = 10_f64.powf(24.0 * random.uniform() - 15.0);
                let excess = if random.uniform() < 0.5 { size } else { -size };
                law.learn(1e-3, excess, 10_f64.powf(20.0 * random.uniform() - 18.0));
                let found = law.evidence(excess, VARIANCE);
                let share = |component: &Component| {
                    let unscaled = if component.rate > 0.0 { component.log_scale } else { LN_SQRT_TAU };
                    (component.log_weight + unscaled).exp()
                };
                let sum: f64 = law.components.iter().map(share).sum();
                assert!((sum - 1.0).abs() < 1e-9 && law.mean.is_finite() && law.width.is_finite(), "{law:?}");
                assert!(found.slope.is_finite() && found.curvature.is_finite(), "{excess} {found:?} {law:?}");
            }
        }
    }
}
