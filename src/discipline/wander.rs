//! The oscillator's wander, learned: a bank of beliefs that assume different wander, weighted by how well each predicts. Knows no law of jitter but by its evidence.

use super::belief::{Belief, mix};

/// Random-walk frequency noise that the models assume, s/s per √s: an oven at the low end, a laptop in the sun at the high end.
/// Too small a least value costs nothing but time; too small a greatest one would lose an oscillator that changes its frequency at once.
const WANDERS: [f64; MODELS] = [1e-10, 3.2e-10, 1e-9, 3.2e-9, 1e-8, 3.2e-8, 1e-7, 3.2e-7];
const MODELS: usize = 8;

/// How surely the wander is as expected before anything is measured: one standard deviation, in decades. Less follows an unusual
/// oscillator late, more takes jitter for wander at first.
const PRIOR_DECADES: f64 = 0.9;

/// Seconds after which an oscillator may have changed its character. Shorter forgets what was learned, longer reacts later to a change of temperature.
const MEMORY: f64 = 20_000.0;

/// The interacting multiple model filter (Blom and Bar-Shalom 1988) over one state and several wanders.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    models: [Model; MODELS],
    /// All of them together, after the last update.
    common: Belief,
    /// s/s per √s.
    wander: f64,
}

#[derive(Debug, Clone, Copy)]
struct Model {
    wander: f64,
    prior: f64,
    weight: f64,
    belief: Belief,
}

impl Bank {
    /// All models start with the same knowledge; those near the `expected` wander (s/s per √s) are likelier.
    pub(super) fn new(belief: Belief, expected: f64) -> Self {
        let likely =
            |wander: f64| (-0.5 * ((wander / expected).log10() / PRIOR_DECADES).powi(2)).exp().max(1e-6);
        let sum: f64 = WANDERS.iter().map(|wander| likely(*wander)).sum();
        let models = WANDERS.map(|wander| {
            let prior = likely(wander) / sum;
            Model { wander, prior, weight: prior, belief }
        });
        let mut bank = Self { models, common: belief, wander: expected };
        bank.sum_up();
        bank
    }

    /// The best single belief, `dt` seconds after the last update; its variance includes the models' disagreement.
    pub(super) fn predict(&self, dt: f64) -> Belief {
        // A prediction is linear in means, covariances and the square of the wander: that of the mixture is the mixture of those of all.
        self.common.predict(dt, self.wander)
    }

    /// `dt` seconds pass and something is measured, which each model judges by its own belief: what is believed then, and ln of how
    /// likely that was. Returns that of all.
    pub(super) fn update(&mut self, dt: f64, judge: impl Fn(&Belief) -> (Belief, f64)) -> f64 {
        self.interact(dt);
        let mut greatest = f64::NEG_INFINITY;
        let mut likelihoods = [0.0; MODELS];
        for (model, likelihood) in self.models.iter_mut().zip(&mut likelihoods) {
            (model.belief, *likelihood) = judge(&model.belief.predict(dt, model.wander));
            greatest = greatest.max(*likelihood);
        }
        let (mut likely, mut sum) = (0.0, 0.0);
        for (model, likelihood) in self.models.iter_mut().zip(likelihoods) {
            let weight = model.weight * (likelihood - greatest).exp();
            likely += weight;
            model.weight = weight.max(1e-6);
            sum += model.weight;
        }
        for model in &mut self.models {
            model.weight /= sum;
        }
        self.sum_up();
        greatest + likely.ln()
    }

    /// The oscillator's wander as believed now, s/s per √s.
    pub(super) const fn wander(&self) -> f64 {
        self.wander
    }

    fn sum_up(&mut self) {
        self.common = mix(self.models.iter().map(|model| (model.weight, model.belief)));
        self.wander =
            self.models.iter().map(|model| model.weight * model.wander * model.wander).sum::<f64>().sqrt();
    }

    /// Each model goes on from what all models know, in proportion to how likely the oscillator came from there.
    fn interact(&mut self, dt: f64) {
        let stay = (-dt.max(0.0) / MEMORY).exp();
        for model in &mut self.models {
            let arriving = (1.0 - stay) * model.prior;
            let staying = stay * model.weight;
            model.belief = model.belief.blend(&self.common, arriving / (staying + arriving));
            model.weight = staying + arriving;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discipline::line::Line;
    use crate::discipline::tests::random::Random;

    /// A bank that saw an oscillator with this wander through stamps good to 10 µs, at 600 polls of 64 s.
    fn watched(wander: f64) -> Bank {
        let mut bank = Bank::new(Belief::of(Line::new(0.0, 1e-10, 0.0, 1e-12)), 1e-9);
        let (mut random, mut offset, mut frequency) = (Random::new(2), 0.0, 0.0);
        for _ in 0..600 {
            for _ in 0..64 {
                frequency += wander * random.normal();
                offset += frequency;
            }
            let measured = offset + 10e-6 * random.normal();
            bank.update(64.0, |belief| belief.measure(measured, 1e-10));
        }
        bank
    }

    #[test]
    fn a_restless_oscillator_is_recognised() {
        let wander = watched(2e-8).wander();
        assert!((7e-9..6e-8).contains(&wander), "{wander}");
    }

    #[test]
    fn a_calm_oscillator_is_recognised() {
        let wander = watched(1e-10).wander();
        assert!(wander < 1.5e-9, "{wander}");
    }

    #[test]
    fn before_measuring_it_is_what_is_expected() {
        let line = Belief::of(Line::new(0.0, 1e-10, 0.0, 1e-12));
        assert!(Bank::new(line, 1e-8).wander() > 1.5 * Bank::new(line, 1e-9).wander());
    }

    #[test]
    fn the_weights_stay_a_distribution() {
        let bank = watched(1e-4);
        let sum: f64 = bank.models.iter().map(|model| model.weight).sum();
        assert!((sum - 1.0).abs() < 1e-9 && bank.predict(64.0).line.is_sound());
    }
}
