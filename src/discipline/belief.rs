//! What is believed of one path and the clock at one instant: offset, frequency and base delay, jointly normal. Knows no jitter.
//!
//! The two directions are taken for equally long where nobody waits: nothing could tell a difference from an offset. But whatever
//! the base delay was thought to be at first stays so, and when one direction becomes longer later, the offset does not follow it.

use super::law::Evidence;
use super::line::{LEAST_OFFSET_VARIANCE, Line};

/// Seconds in which the variance of the base delay doubles. The moments of many one-sided waits make it look better known than it is;
/// less wastes what is known, more clings to what the first packets said.
const FORGETTING: f64 = 6400.0;

/// One packet takes all but this part of the variance at the most.
const LEAST_LEFT: f64 = 1e-6;

/// Mean and covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Belief {
    /// Offset and frequency.
    pub line: Line,
    /// What a packet takes one way that waits nowhere, seconds.
    pub base: f64,
    /// s².
    pub base_variance: f64,
    /// Covariance of base and offset, s².
    pub base_offset: f64,
    /// Covariance of base and frequency, s²/s.
    pub base_frequency: f64,
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From us to the server: its stamps differ by the delay and the offset, T2 − T1.
    Up,
    /// Back: by the delay less the offset, T4 − T3.
    Down,
}

/// What the stamps of a packet that waits nowhere are expected to differ by, and how each part of the belief goes with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectation {
    /// Seconds.
    pub mean: f64,
    /// s².
    pub variance: f64,
    /// Covariances with offset, frequency and base.
    offset: f64,
    frequency: f64,
    base: f64,
}

impl Belief {
    /// A first line, and a base delay with its variance.
    pub(super) const fn new(line: Line, base: f64, base_variance: f64) -> Self {
        Self { line, base, base_variance, base_offset: 0.0, base_frequency: 0.0 }
    }

    /// Where nothing is asked of the path.
    pub(super) const fn of(line: Line) -> Self {
        Self::new(line, 0.0, LEAST_OFFSET_VARIANCE)
    }

    /// With an offset measured with this variance, s², whatever the path; and ln of how likely that was, but for a constant.
    pub(super) fn measure(&self, offset: f64, variance: f64) -> (Self, f64) {
        let total = self.line.offset_variance + variance;
        let innovation = offset - self.line.offset;
        let likely = -0.5 * (innovation * innovation / total + total.ln());
        (Self { line: self.line.update(offset, variance), ..*self }, likely)
    }

    /// The same `dt` seconds later, where the frequency wanders by `wander` (s/s per √s).
    pub(super) fn predict(&self, dt: f64, wander: f64) -> Self {
        Self {
            line: self.line.predict(dt, wander),
            base_offset: self.base_offset + dt * self.base_frequency,
            base_variance: self.base_variance * (1.0 + dt.max(0.0) / FORGETTING),
            ..*self
        }
    }

    pub(super) fn expect(&self, way: Way) -> Expectation {
        let line = &self.line;
        let sign = match way {
            Way::Up => 1.0,
            Way::Down => -1.0,
        };
        let offset = sign * line.offset_variance + self.base_offset;
        let base = sign * self.base_offset + self.base_variance;
        Expectation {
            mean: sign * line.offset + self.base,
            variance: (sign * offset + base).max(LEAST_OFFSET_VARIANCE),
            offset,
            frequency: sign * line.covariance + self.base_frequency,
            base,
        }
    }

    /// With the mean and covariance that the evidence of a packet leaves (assumed density filtering).
    pub(super) fn update(&self, expected: &Expectation, evidence: &Evidence) -> Self {
        let Expectation { offset, frequency, base, variance, .. } = *expected;
        let slope = evidence.slope;
        // Never more uncertain: a likelihood with two humps would say so, but then one of them is an outlier.
        let curvature = evidence.curvature.max((LEAST_LEFT - 1.0) / variance).min(0.0);
        let line = &self.line;
        Self {
            line: Line {
                offset: line.offset + offset * slope,
                frequency: line.frequency + frequency * slope,
                offset_variance: line.offset_variance + offset * offset * curvature,
                covariance: line.covariance + offset * frequency * curvature,
                frequency_variance: line.frequency_variance + frequency * frequency * curvature,
            }
            .floored(),
            base: self.base + base * slope,
            base_variance: (self.base_variance + base * base * curvature).max(LEAST_OFFSET_VARIANCE),
            base_offset: self.base_offset + base * offset * curvature,
            base_frequency: self.base_frequency + base * frequency * curvature,
        }
    }

    /// The mean and covariance of the mixture of this belief and another one, which has this share of it.
    pub(super) fn blend(&self, other: &Self, share: f64) -> Self {
        let (mine, its) = (&self.line, &other.line);
        let (offset, frequency) = (its.offset - mine.offset, its.frequency - mine.frequency);
        let base = other.base - self.base;
        let between = |a: f64, b: f64, apart: f64| a + share * (b - a + (1.0 - share) * apart);
        Self {
            line: Line {
                offset: mine.offset + share * offset,
                frequency: mine.frequency + share * frequency,
                offset_variance: between(mine.offset_variance, its.offset_variance, offset * offset),
                covariance: between(mine.covariance, its.covariance, offset * frequency),
                frequency_variance: between(
                    mine.frequency_variance,
                    its.frequency_variance,
                    frequency * frequency,
                ),
            },
            base: self.base + share * base,
            base_variance: between(self.base_variance, other.base_variance, base * base),
            base_offset: between(self.base_offset, other.base_offset, base * offset),
            base_frequency: between(self.base_frequency, other.base_frequency, base * frequency),
        }
    }

    /// Whether every number is a number and the variances are positive.
    pub(super) fn is_sound(&self) -> bool {
        let rest = [self.base, self.base_variance, self.base_offset, self.base_frequency];
        self.line.is_sound() && self.base_variance > 0.0 && rest.iter().all(|number| number.is_finite())
    }
}

/// The belief with the mixture's mean and covariance. Weights need not sum to one; without any belief nothing is known.
pub(super) fn mix(beliefs: impl Iterator<Item = (f64, Belief)>) -> Belief {
    let mut sum = 0.0;
    let mut mixed = Belief::new(Line::new(0.0, 0.0, 0.0, 0.0), 0.0, 0.0);
    for (weight, belief) in beliefs {
        sum += weight;
        mixed = mixed.blend(&belief, if sum > 0.0 { weight / sum } else { 0.0 });
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignorant() -> Belief {
        Belief::new(Line::new(0.0, 1e-2, 0.0, 1e-10), 10e-3, 1e-12)
    }

    /// A normal likelihood.
    fn measured(belief: &Belief, way: Way, seconds: f64, variance: f64) -> Belief {
        let expected = belief.expect(way);
        let total = expected.variance + variance;
        let slope = (seconds - expected.mean) / total;
        belief.update(&expected, &Evidence { log_likelihood: 0.0, slope, curvature: -1.0 / total })
    }

    #[test]
    fn a_request_that_takes_long_means_a_clock_that_is_behind_and_a_reply_one_that_is_ahead() {
        let up = measured(&ignorant(), Way::Up, 10e-3 + 1e-3, 1e-10);
        assert!((up.line.offset - 1e-3).abs() < 1e-6, "{up:?}");
        let down = measured(&ignorant(), Way::Down, 10e-3 + 1e-3, 1e-10);
        assert!((down.line.offset + 1e-3).abs() < 1e-6, "{down:?}");
    }

    #[test]
    fn both_ways_together_tell_the_base_delay_from_the_offset() {
        let unknown = Belief { base_variance: 1e-4, ..ignorant() };
        let up = measured(&unknown, Way::Up, 12e-3 + 1e-3, 1e-10);
        let both = measured(&up, Way::Down, 12e-3 - 1e-3, 1e-10);
        assert!((both.line.offset - 1e-3).abs() < 2e-5 && (both.base - 12e-3).abs() < 2e-5, "{both:?}");
    }

    #[test]
    fn it_stays_sound_whatever_the_evidence() {
        for (slope, curvature) in [(1e12, -1e30), (-1e12, 1e30), (0.0, f64::NAN), (1e-9, -1e-9)] {
            let belief = ignorant().predict(64.0, 1e-9);
            let expected = belief.expect(Way::Up);
            let after = belief.update(&expected, &Evidence { log_likelihood: 0.0, slope, curvature });
            assert!(after.is_sound(), "{slope} {curvature}: {after:?}");
        }
    }

    #[test]
    fn a_mixture_of_beliefs_that_differ_is_less_sure_than_each() {
        let other = |offset| Belief { line: Line { offset, ..ignorant().line }, ..ignorant() };
        let mixed = mix([(1.0, other(-0.3)), (3.0, other(0.1))].into_iter());
        assert!(
            mixed.line.offset.abs() < 1e-12 && (mixed.line.offset_variance - 0.04).abs() < 1e-9,
            "{mixed:?}"
        );
    }
}
