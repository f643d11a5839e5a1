//! Random scenarios by the hundred: no divergence, no bound broken, and the worst of them listed. Judges, and prints nothing.

use crate::runs::on_every_core;
use crate::simulator::drawn::{self, Drawn};
use crate::simulator::figures::Figures;
use crate::simulator::honesty::{Honesty, LOOK};
use crate::simulator::scenario::configuration;
use crate::simulator::world::World;
use crate::table::{Table, number, whole};
use std::ops::Range;

/// So many are listed.
const LISTED: usize = 10;

/// One run.
#[derive(Debug)]
struct Outcome {
    seed: u64,
    what: String,
    figures: Figures,
    /// The largest error over what the scenario explains, and the second of it.
    worst: (f64, usize),
    stopped: bool,
}

impl Outcome {
    fn diverged(&self) -> bool {
        // A NaN is a divergence too.
        self.stopped || self.worst.0.is_nan() || self.worst.0 > 1.0
    }

    fn broken(&self) -> f64 {
        self.figures.broken_bounds + self.figures.broken_claims
    }
}

/// A report, and whether all is well.
pub(crate) fn run(seeds: &Range<u64>) -> (String, bool) {
    let seeds: Vec<u64> = seeds.clone().collect();
    let outcomes = on_every_core(&seeds, |seed| outcome(*seed));
    let diverged = outcomes.iter().filter(|outcome| outcome.diverged()).count();
    let broken = outcomes.iter().filter(|outcome| outcome.broken() > 0.0).count();
    let excused: f64 = outcomes.iter().map(|outcome| outcome.figures.excused_bounds).sum();
    let verdict = |count: usize| if count == 0 { "kept  " } else { "BROKEN" };
    let mut text = format!(
        "{} random scenarios, seeds {} to {}\n\
         {}  no divergence: the error is above what the scenario explains in {diverged}\n\
         {}  no bound broken: the error is above maxerror in {broken} (beside {excused:.0} s between an external step and its detection)\n",
        seeds.len(),
        seeds.first().copied().unwrap_or_default(),
        seeds.last().copied().unwrap_or_default(),
        verdict(diverged),
        verdict(broken),
    );
    let mut by_error: Vec<&Outcome> = outcomes.iter().collect();
    by_error.sort_by(|a, b| b.worst.0.total_cmp(&a.worst.0));
    text += &format!(
        "\nThe largest errors over what is explained (--random-seed SEED tells the story)\n\n{}",
        list(&by_error)
    );
    by_error.retain(|outcome| outcome.broken() > 0.0);
    by_error.sort_by(|a, b| b.broken().total_cmp(&a.broken()));
    if !by_error.is_empty() {
        text += &format!("\nThe bounds that broke for longest\n\n{}", list(&by_error));
    }
    (text, diverged == 0 && broken == 0)
}

/// The scenario of one seed.
pub(crate) fn drawn(seed: u64) -> Drawn {
    drawn::scenario(seed)
}

fn outcome(seed: u64) -> Outcome {
    let drawn = drawn::scenario(seed);
    let scenario = &drawn.scenario;
    let mut world = World::new(scenario, configuration(scenario, drawn.mode.limits()), seed);
    let mut honesty = Honesty::default();
    while world.host.t() < scenario.end {
        world.run_until((world.host.t() + LOOK).min(scenario.end));
        honesty.look(&world);
    }
    let figures = Figures::of_world(&world, scenario, &honesty);
    let errors = world.host.recorder.errors(1..usize::MAX).iter().copied();
    let over = (1..).zip(errors).filter(|(_, error)| !error.is_nan());
    let over = over.map(|(second, error)| (error.abs() / drawn.explained.at(second as f64), second));
    let worst = over.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NAN, 0));
    Outcome { seed, what: drawn::describe(&drawn), figures, worst, stopped: world.stopped.is_some() }
}

fn list(outcomes: &[&Outcome]) -> String {
    let mut table = Table::ending_in_prose(&[
        "seed",
        "error",
        "at s",
        "rms us",
        "max us",
        "s > maxerror",
        "looks > bound",
        "packets",
        "steps",
        "scenario",
    ]);
    for outcome in outcomes.iter().take(LISTED) {
        let figures = &outcome.figures;
        let (error, second) = outcome.worst;
        table.push(vec![
            outcome.seed.to_string(),
            number(error),
            second.to_string(),
            number(figures.rms * 1e6),
            number(figures.max * 1e6),
            whole(figures.broken_bounds),
            whole(figures.broken_claims),
            whole(figures.packets),
            whole(figures.steps),
            outcome.what.clone(),
        ]);
    }
    table.text()
}
