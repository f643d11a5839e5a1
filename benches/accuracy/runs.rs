//! All seeds of all scenarios, on every core; medians over the seeds. Prints nothing.

use crate::regression;
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
    /// The usual jitter of its worst direction, seconds.
    pub(crate) jitter: f64,
    first_seed: u64,
    runs: Vec<Figures>,
    /// The same seeds with the regression client; none without it.
    regression: Vec<Figures>,
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

    /// The same of the regression client.
    pub(crate) fn regression(&self, figure: impl Fn(&Figures) -> f64) -> f64 {
        quantile(&mut self.regression.iter().map(figure).collect::<Vec<f64>>(), 0.5)
    }

    /// The value of one figure below which this share of the seeds is.
    pub(crate) fn quantile(&self, share: f64, figure: impl Fn(&Figures) -> f64) -> f64 {
        quantile(&mut self.runs.iter().map(figure).collect::<Vec<f64>>(), share)
    }

    /// What the reference tables compare, seconds.
    pub(crate) fn error(&self) -> impl Fn(&Figures) -> f64 + use<> {
        let name = self.name;
        move |figures| figures.headline(name)
    }
}

/// These seeds of each scenario, with the regression client or without; rows in the scenarios' order.
pub(crate) fn run(scenarios: &[Scenario], mode: PollMode, seeds: &Range<u64>, beside: bool) -> Vec<Row> {
    let jobs: Vec<(&Scenario, u64)> =
        scenarios.iter().flat_map(|scenario| seeds.clone().map(move |seed| (scenario, seed))).collect();
    let run = |&(scenario, seed): &(&Scenario, u64)| {
        let regression = beside.then(|| regression::run(scenario, mode, seed));
        (Figures::run(scenario, mode, seed), regression)
    };
    let mut done = on_every_core(&jobs, run).into_iter();
    let row = |scenario: &Scenario| {
        let (runs, regression): (Vec<_>, Vec<_>) = done.by_ref().take(seeds.clone().count()).unzip();
        Row {
            name: scenario.name,
            reference: reference::find(scenario.name),
            linear: limit::linear(scenario, mode.shortest_interval(scenario)),
            jitter: scenario.links().map(|link| link.jitter.usual()).fold(0.0, f64::max),
            first_seed: seeds.start,
            runs,
            regression: regression.into_iter().flatten().collect(),
        }
    };
    scenarios.iter().map(row).collect()
}

/// What `work` makes of each job, in the order of the jobs.
pub(crate) fn on_every_core<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return done };
            done.push((index, work(job)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(some)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
            .collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
