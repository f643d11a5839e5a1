//! All seeds of all scenarios, on every core; medians over the seeds. Prints nothing.

use crate::simulator::figures::{Figures, PollMode};
use crate::simulator::limit;
use crate::simulator::recorder::quantile;
use crate::simulator::reference::{self, Reference};
use crate::simulator::scenario::Scenario;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One scenario's runs.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) reference: Option<&'static Reference>,
    /// What the best linear client reaches, seconds.
    pub(crate) linear: f64,
    first_seed: u64,
    runs: Vec<Figures>,
}

impl Row {
    /// The median over seeds of one figure.
    pub(crate) fn median(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        self.quantile(0.5, figure)
    }

    /// The 90th percentile over seeds of one figure.
    pub(crate) fn p90(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        self.quantile(0.9, figure)
    }

    /// The worst over seeds of one figure.
    pub(crate) fn worst(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        self.quantile(1.0, figure)
    }

    /// The seed whose figure is the worst: to be looked at with `--trace`.
    pub(crate) fn worst_seed(&self, figure: impl Fn(&Figures) -> f64) -> u64 {
        let worst = self.worst(&figure);
        let seeds = self.first_seed..;
        seeds.zip(&self.runs).find(|(_, run)| figure(run) >= worst).map_or(0, |(seed, _)| seed)
    }

    fn quantile(&self, share: f64, figure: impl Fn(&Figures) -> f64) -> f64 {
        quantile(&mut self.runs.iter().map(figure).collect::<Vec<f64>>(), share)
    }

    /// What the reference tables compare, seconds.
    pub(crate) fn error(&self) -> impl Fn(&Figures) -> f64 + use<> {
        let name = self.name;
        move |figures| figures.headline(name)
    }
}

/// These seeds of each scenario; rows in the scenarios' order.
pub(crate) fn run(scenarios: &[Scenario], mode: PollMode, seeds: &Range<u64>) -> Vec<Row> {
    let jobs: Vec<(usize, u64)> =
        (0..scenarios.len()).flat_map(|index| seeds.clone().map(move |seed| (index, seed))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(scenario) = scenarios.get(*index) {
                done.push((*index, *seed, Figures::run(scenario, mode, *seed)));
            }
        }
        done
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, u64, Figures)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .collect()
    });
    done.sort_by_key(|(index, seed, _)| (*index, *seed));
    let runs_of = |wanted: usize| {
        done.iter().filter(|(index, ..)| *index == wanted).map(|(.., run)| run.clone()).collect()
    };
    let row = |(index, scenario): (usize, &Scenario)| Row {
        name: scenario.name,
        reference: reference::find(scenario.name),
        linear: limit::linear(scenario, mode.shortest_interval(scenario)),
        first_seed: seeds.start,
        runs: runs_of(index),
    };
    scenarios.iter().enumerate().map(row).collect()
}
