//! The bench's command line. Runs nothing.

use crate::simulator::catalogue;
use crate::simulator::figures::PollMode;
use crate::simulator::scenario::Scenario;
use std::ops::Range;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
cargo bench --bench accuracy [-- OPTIONS]

Root mean square error of the clock in virtual time, per scenario, beside other clients' reference figures.

  --seeds N        runs of each scenario (default 40); figures are medians over them
  --first-seed K   of those runs (default 1000: whoever tunes a constant does so on others, from 1 on)
  --scenario NAME  this scenario only; may be given again
  --poll MODE      p6 (fixed 64 s), def (own choice, 64 to 1024 s) or p4 (fixed 16 s); may be given again; default all
  --random N       instead of tables, so many random scenarios (from seed 1000 on, or --first-seed)
  --plot DIR       instead of tables, pictures (SVG) of the error over time in the run of the first seed, beside the regression client's
  --curves FILE    of another client for them: lines of: scenario client second error (in seconds)
  --random-seed K  what happened in this one of them
  --quick          8 seeds, p6 only
  --alone          without the regression client, which takes as long as ours: for whoever tunes
  --promise WHICH  exit by the floor that no change may go below (default), or by the goals, which are printed in any case
  --trace SEED     instead of tables, what happened in this run: notices, and error, maxerror and rate every 16 s
  --help           this

The regression client (regr.) is one of the classical kind, made for this bench after chrony's documentation: docs/testing.md.

Exit code 1 when a row breaks its promise. The floor: worse than chrony at 64 s, not below 1 ms within 10 s (lan) or 60 s (inet1) of
start, a slew above 500 ppm, or a maximum error that was none.";

/// Whose promises are to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// What the present filter keeps: checked by CI.
    Floor,
    /// What is asked of the next one.
    Goal,
}

/// What to run.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) seeds: Range<u64>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) modes: Vec<PollMode>,
    /// Without the regression client.
    pub(crate) alone: bool,
    /// What the exit code is about.
    pub(crate) promise: Promise,
    /// Random scenarios instead.
    pub(crate) random: bool,
    /// Pictures instead, into this folder.
    pub(crate) plot: Option<PathBuf>,
    /// With another client's curves from here.
    pub(crate) curves: Option<PathBuf>,
    /// Tell what happened in this one of them.
    pub(crate) random_seed: Option<u64>,
    /// Tell what happened in the run of this seed.
    pub(crate) trace: Option<u64>,
    /// Under `cargo test`: only show that it runs.
    pub(crate) smoke: bool,
}

impl Options {
    /// `None` when help is wanted.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut given = Self {
            seeds: 0..0,
            scenarios: Vec::new(),
            modes: Vec::new(),
            alone: false,
            promise: Promise::Floor,
            random: false,
            plot: None,
            curves: None,
            random_seed: None,
            trace: None,
            smoke: true,
        };
        let (mut seeds, mut first) = (40, 1000);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                // What cargo bench itself adds.
                "--bench" => given.smoke = false,
                "--seeds" => seeds = number("--seeds", &value()?)?,
                "--first-seed" => first = number("--first-seed", &value()?)?,
                "--scenario" => given.scenarios.push(scenario(&value()?)?),
                "--poll" => given.modes.push(mode(&value()?)?),
                "--quick" => (seeds, given.modes) = (8, vec![PollMode::P6]),
                "--random" => (seeds, given.random) = (number("--random", &value()?)?, true),
                "--random-seed" => given.random_seed = Some(number("--random-seed", &value()?)?),
                "--plot" => given.plot = Some(value()?.into()),
                "--curves" => given.curves = Some(value()?.into()),
                "--alone" => given.alone = true,
                "--promise" => given.promise = promise(&value()?)?,
                "--trace" => given.trace = Some(number("--trace", &value()?)?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {argument}")),
            }
        }
        given.seeds = first..first + seeds;
        Ok(Some(given.complete()))
    }

    fn complete(mut self) -> Self {
        if self.modes.is_empty() {
            self.modes = PollMode::ALL.to_vec();
        }
        if self.smoke {
            self.seeds = 1..2;
            self.scenarios = catalogue::all().into_iter().take(1).collect();
        } else if self.scenarios.is_empty() {
            self.scenarios = catalogue::every();
        }
        self
    }
}

fn number(option: &str, text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{option}: {text} is no positive number"))
}

fn promise(which: &str) -> Result<Promise, String> {
    match which {
        "floor" => Ok(Promise::Floor),
        "goal" => Ok(Promise::Goal),
        _ => Err(format!("--promise: {which} is neither floor nor goal")),
    }
}

fn scenario(name: &str) -> Result<Scenario, String> {
    catalogue::find(name).ok_or_else(|| {
        let names: Vec<&str> = catalogue::every().iter().map(|scenario| scenario.name).collect();
        format!("no scenario {name}; there are {}", names.join(" "))
    })
}

fn mode(name: &str) -> Result<PollMode, String> {
    PollMode::ALL
        .into_iter()
        .find(|mode| mode.name() == name)
        .ok_or_else(|| format!("--poll: {name} is none of p6, def, p4"))
}
