//! The estimate from both directions of a path: every kind of jitter taken for true, and weighed by how well it foretold. Has no
//! sense of what is odd; the filter has, and starts it anew.

use super::belief::{Belief, mix};
use super::hypothesis::{HYPOTHESES, Hypothesis};
use super::line::Line;
use crate::path_model::{JitterKind, Waiting};

/// Before anything is known, packets wait about this part of the round trip each way.
const USUAL_WAIT: f64 = 0.05;

/// Round trips below this, seconds, are taken for that: jitter needs some scale.
const SHORTEST_DELAY: f64 = 1e-7;

/// ln of the credit below the best one's from which a hypothesis counts for nothing.
const LEAST_CREDIT: f64 = -30.0;

/// All hypotheses of one path.
#[derive(Debug, Clone)]
pub(super) struct Fine {
    hypotheses: [Hypothesis; HYPOTHESES.len()],
    /// All of them together, after the last packets.
    common: Belief,
    /// s/s per √s.
    wander: f64,
}

impl Fine {
    /// From a first line, whose variance is of the sample alone, the least round trip and that of the sample, seconds.
    pub(super) fn new(line: Line, (least, delay): (f64, f64), wander: f64) -> Self {
        let belief = first_belief(line, least, delay);
        let scale = USUAL_WAIT * least.max(SHORTEST_DELAY);
        let hypotheses = HYPOTHESES.map(|each| Hypothesis::new(each, scale, belief, wander));
        let mut fine = Self { hypotheses, common: belief, wander };
        fine.sum_up();
        fine
    }

    /// Another line; what was learned of the jitter stays.
    pub(super) fn restart(&mut self, line: Line, (least, delay): (f64, f64), wander: f64) {
        let belief = first_belief(line, least, delay);
        for hypothesis in &mut self.hypotheses {
            hypothesis.restart(belief, wander);
        }
        self.sum_up();
    }

    /// `dt` seconds pass, and a packet goes each way; `stamps` is the variance of their stamps, s².
    pub(super) fn update(&mut self, dt: f64, legs: [f64; 2], stamps: f64) {
        for hypothesis in &mut self.hypotheses {
            hypothesis.update(dt, legs, stamps);
        }
        self.sum_up();
    }

    /// `dt` seconds after the last packets.
    pub(super) fn predict(&self, dt: f64) -> Line {
        self.common.line.predict(dt, self.wander)
    }

    /// The oscillator's, s/s per √s.
    pub(super) const fn wander(&self) -> f64 {
        self.wander
    }

    /// By the hypothesis that foretold best.
    pub(super) fn kind(&self) -> (JitterKind, Waiting) {
        let best = self.hypotheses.iter().max_by(|a, b| a.credit().total_cmp(&b.credit()));
        best.map(Hypothesis::kind).unwrap_or_default()
    }

    fn sum_up(&mut self) {
        let weighted = || self.weights().into_iter().zip(&self.hypotheses);
        let common = mix(weighted().map(|(weight, each)| (weight, each.predict(0.0))));
        let square: f64 = weighted().map(|(weight, each)| weight * each.wander().powi(2)).sum();
        (self.common, self.wander) = (common, square.sqrt());
    }

    /// How likely each hypothesis is; they sum to one.
    fn weights(&self) -> [f64; HYPOTHESES.len()] {
        let greatest = self.hypotheses.iter().map(Hypothesis::credit).fold(f64::NEG_INFINITY, f64::max);
        let weights =
            self.hypotheses.each_ref().map(|each| (each.credit() - greatest).max(LEAST_CREDIT).exp());
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }
}

/// From the line, the least round trip, and the one that the line is from, seconds.
fn first_belief(line: Line, least: f64, delay: f64) -> Belief {
    let least = least.max(SHORTEST_DELAY);
    let usual = USUAL_WAIT * least;
    // Where all packets take much longer than one once did, that one is not to be trusted for what it says of the others.
    let unlike = (delay / 2.0 - least).max(0.0);
    Belief::new(line, least / 2.0 - usual, usual * usual + unlike * unlike)
}
