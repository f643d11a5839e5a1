//! One kind of jitter taken for true: the laws of both directions, and the belief that follows. Does not choose between kinds.

use super::belief::{Belief, Way};
use super::law::{Kind, Law};
use super::wander::Bank;
use crate::path_model::{JitterKind, Waiting};

/// Seconds over which laws and credit are forgotten: paths change their character. Shorter learns less, longer learns a change late.
const MEMORY: f64 = 20_000.0;

/// A direction waits more if its usual scale is so many times the other's, in ln: ln 2.
const MORE: f64 = std::f64::consts::LN_2;

/// What the jitter may be like, whether both directions have it alike, and ln of how usual that is. A direction has a law of its own
/// only where it earns it: two laws that are learned apart by chance move the offset.
pub(super) const HYPOTHESES: [(Kind, bool, f64); 6] = [
    (Kind::Edge, true, 0.0),
    (Kind::Edge, false, -4.0),
    (Kind::Blurred, true, -2.0),
    (Kind::Blurred, false, -6.0),
    (Kind::Smooth, true, -2.0),
    (Kind::Smooth, false, -6.0),
];

/// Laws, belief, and how well they foretold.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    usual: f64,
    alike: bool,
    laws: [Law; 2],
    bank: Bank,
    /// ln of its likelihood.
    credit: f64,
}

impl Hypothesis {
    /// One of `HYPOTHESES`. Jitter of about `scale` seconds and this wander (s/s per √s) are expected.
    pub(super) fn new(
        (kind, alike, usual): (Kind, bool, f64),
        scale: f64,
        belief: Belief,
        wander: f64,
    ) -> Self {
        let law = Law::new(kind, scale);
        Self { usual, alike, laws: [law.clone(), law], bank: Bank::new(belief, wander), credit: usual }
    }

    /// `dt` seconds after the last packets.
    pub(super) fn predict(&self, dt: f64) -> Belief {
        self.bank.predict(dt)
    }

    /// The oscillator's, s/s per √s.
    pub(super) fn wander(&self) -> f64 {
        self.bank.wander()
    }

    /// ln of how likely it is, but for a constant.
    pub(super) const fn credit(&self) -> f64 {
        self.credit
    }

    /// Which kind this is, as far as it has learned, and which way packets wait more.
    pub(super) fn kind(&self) -> (JitterKind, Waiting) {
        let [request, reply] = &self.laws;
        let more = request.usual_scale() - reply.usual_scale();
        if self.alike || more.abs() < MORE {
            return (request.jitter_kind(), Waiting::Both);
        }
        if more > 0.0 {
            (request.jitter_kind(), Waiting::Requests)
        } else {
            (reply.jitter_kind(), Waiting::Replies)
        }
    }

    /// The laws stay, and everything else is believed anew.
    pub(super) fn restart(&mut self, belief: Belief, wander: f64) {
        self.bank = Bank::new(belief, wander);
    }

    /// `dt` seconds pass, and a packet goes each way; `stamps` is the variance of their stamps, s².
    pub(super) fn update(&mut self, dt: f64, legs: [f64; 2], stamps: f64) {
        let part = 1.0 - (-dt.max(0.0) / MEMORY).exp();
        let before = self.bank.predict(dt);
        let likely = self.bank.update(dt, |belief| judge(belief, legs, stamps, &self.laws));
        self.credit += likely - part * (self.credit - self.usual);
        self.learn(part, &before, legs, stamps);
    }

    /// By what was expected of each packet before it came.
    fn learn(&mut self, part: f64, before: &Belief, [up, down]: [f64; 2], stamps: f64) {
        let [request, reply] = &mut self.laws;
        let expected = before.expect(Way::Up);
        let (excess, variance) = (up - expected.mean, expected.variance + stamps);
        let after = before.update(&expected, &request.evidence(excess, variance));
        request.learn(part, excess, variance);
        let expected = after.expect(Way::Down);
        let (excess, variance) = (down - expected.mean, expected.variance + stamps);
        if self.alike {
            request.learn(part, excess, variance);
            reply.clone_from(request);
        } else {
            reply.learn(part, excess, variance);
        }
    }
}

/// What is believed after a packet each way, and ln of how likely they were.
fn judge(before: &Belief, legs: [f64; 2], stamps: f64, laws: &[Law; 2]) -> (Belief, f64) {
    let mut after = *before;
    let mut likely = 0.0;
    for ((way, seconds), law) in [Way::Up, Way::Down].into_iter().zip(legs).zip(laws) {
        let expected = after.expect(way);
        let evidence = law.evidence(seconds - expected.mean, expected.variance + stamps);
        likely += evidence.log_likelihood;
        after = after.update(&expected, &evidence);
    }
    (after, likely)
}
