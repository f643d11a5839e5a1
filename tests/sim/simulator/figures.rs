//! One run of a table's scenario, and its figures. Medians over seeds are the reader's.

use super::honesty::{Excuses, Honesty, LOOK};
use super::recorder::{Recorder, WINDOW, quantile, rms};
use super::scenario::{Scenario, configuration};
use super::world::World;
use ntpd_rs::config::PollLimits;
use ntpd_rs::time::Poll;

/// How often the client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PollMode {
    /// Fixed 64 s.
    P6,
    /// Its own choice between 64 and 1024 s.
    Def,
    /// Fixed 16 s.
    P4,
}

impl PollMode {
    /// All, in the order of the tables.
    pub(crate) const ALL: [Self; 3] = [Self::P6, Self::Def, Self::P4];

    /// As on the command line and in the golden files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P6 => "p6",
            Self::Def => "def",
            Self::P4 => "p4",
        }
    }

    /// For people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::P6 => "fixed 64 s",
            Self::Def => "own choice, 64 to 1024 s",
            Self::P4 => "fixed 16 s",
        }
    }

    /// In seconds.
    pub(crate) fn shortest_interval(self, scenario: &Scenario) -> f64 {
        self.limits_in(scenario).min.interval().seconds()
    }

    /// Those that this changes: what has a poll of its own is in the first table alone.
    pub(crate) fn scenarios(self, all: &[Scenario]) -> Vec<Scenario> {
        all.iter().filter(|scenario| self == Self::P6 || scenario.poll.is_none()).cloned().collect()
    }

    /// As the client is told, unless the scenario has its own.
    pub(crate) fn limits_in(self, scenario: &Scenario) -> PollLimits {
        scenario.poll.unwrap_or(self.limits())
    }

    /// As the client is told.
    pub(crate) const fn limits(self) -> PollLimits {
        let (min, max) = match self {
            Self::P6 => (6, 6),
            Self::Def => (6, 10),
            Self::P4 => (4, 4),
        };
        PollLimits { min: Poll::new(min), max: Poll::new(max), initial: Poll::new(min) }
    }
}

/// What one run comes to. Times in seconds; errors are clock minus true time over the window 10 000 to 40 000 s.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) rms: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) max: f64,
    /// Signed.
    pub(crate) mean: f64,
    /// From the client's start until below 1 ms for ten minutes.
    pub(crate) to_1ms: f64,
    /// The same for 100 µs.
    pub(crate) to_100us: f64,
    /// Before an event at 20 000 s.
    pub(crate) pre: f64,
    /// Long after it.
    pub(crate) tail: f64,
    /// Root mean square without the minutes after disturbances.
    pub(crate) calm: f64,
    /// From the event until below 1 ms for ten minutes.
    pub(crate) recovery: f64,
    /// Requests sent.
    pub(crate) packets: f64,
    /// Root mean square of rate minus 1.
    pub(crate) frequency_rms: f64,
    pub(crate) steps: f64,
    /// Largest rate correction asked for, s/s.
    pub(crate) largest_rate: f64,
    /// Root mean square of the error over `esterror`: 1 when the client's claims are honest.
    pub(crate) boldness: f64,
    /// Seconds in which the kernel said "synchronized" and its `maxerror` was not true, and could have been.
    pub(crate) broken_bounds: f64,
    /// The same after an external step that could not be known yet.
    pub(crate) excused_bounds: f64,
    /// Looks at which the client's own bound was not true, and could have been.
    pub(crate) broken_claims: f64,
    /// Share of the seconds in which the error was within twice the `esterror`.
    pub(crate) within_estimates: f64,
    /// The client's own bound over the least that could be true, in the middle.
    pub(crate) tightness: f64,
    /// `esterror` in the middle over the error.
    pub(crate) caution: f64,
}

impl Figures {
    /// Runs the scenario to its end.
    pub(crate) fn run(scenario: &Scenario, mode: PollMode, seed: u64) -> Self {
        let mut world = World::new(scenario, configuration(scenario, mode.limits_in(scenario)), seed);
        let mut honesty = Honesty::default();
        while world.host.t() < scenario.end {
            world.run_until((world.host.t() + LOOK).min(scenario.end));
            honesty.look(&world);
        }
        Self::of_world(&world, scenario, &honesty)
    }

    /// Of a run that is over.
    pub(crate) fn of_world(world: &World, scenario: &Scenario, honesty: &Honesty) -> Self {
        let recorder = &world.host.recorder;
        let excuses = Excuses::new(world, scenario);
        let excused = |second: &i64| excuses.cover(*second as f64);
        let steps = world.snapshot().system.steps;
        let figures = Self::of_recorder(recorder, scenario, world.packets as f64, steps);
        let all = figures.broken_bounds;
        let excused_bounds = recorder.broken_bounds.iter().filter(|second| excused(second)).count() as f64;
        Self {
            broken_bounds: all - excused_bounds,
            excused_bounds,
            broken_claims: honesty.broken(&excuses),
            within_estimates: recorder.within_estimates(|second| excused(&second)),
            tightness: honesty.tightness(),
            caution: recorder.usual_estimate() / figures.headline(scenario.name),
            ..figures
        }
    }

    /// The figure that reference tables give of this scenario: the error long after the step where there is one. Of sleep without
    /// the minute after each waking, in which it is how wrong the clock on the board was.
    pub(crate) fn headline(&self, scenario: &str) -> f64 {
        match scenario {
            "step50" => self.tail,
            "sleep" => self.calm,
            _ => self.rms,
        }
    }

    /// Of what was recorded, whatever client it was.
    pub(crate) fn of_recorder(recorder: &Recorder, scenario: &Scenario, packets: f64, steps: u32) -> Self {
        let mut magnitudes: Vec<f64> = recorder.awake(WINDOW).map(f64::abs).collect();
        let since_start = |limit| settled(recorder, limit, scenario.start);
        let rates = recorder.rates(WINDOW);
        let square = rates.iter().map(|rate| f64::from(*rate).powi(2)).sum::<f64>() / rates.len() as f64;
        Self {
            rms: recorder.rms(WINDOW),
            p50: quantile(&mut magnitudes, 0.5),
            p95: quantile(&mut magnitudes, 0.95),
            max: recorder.max(WINDOW),
            mean: recorder.awake(WINDOW).sum::<f64>() / magnitudes.len() as f64,
            to_1ms: since_start(1e-3),
            to_100us: since_start(1e-4),
            pre: recorder.rms(10_000..19_990),
            tail: recorder.rms(25_000..40_000),
            calm: calm(recorder, scenario),
            recovery: settled(recorder, 1e-3, 20_001.0),
            packets,
            frequency_rms: square.sqrt(),
            steps: f64::from(steps),
            largest_rate: recorder.largest_rate,
            boldness: recorder.boldness(),
            broken_bounds: recorder.broken_bounds.len() as f64,
            excused_bounds: 0.0,
            broken_claims: 0.0,
            within_estimates: f64::NAN,
            tightness: f64::NAN,
            caution: f64::NAN,
        }
    }
}

/// Seconds from `start` until the error is below `limit` for ten minutes.
fn settled(recorder: &Recorder, limit: f64, start: f64) -> f64 {
    recorder.settles(limit, whole(start)) - start
}

/// Without a minute after each disturbance.
fn calm(recorder: &Recorder, scenario: &Scenario) -> f64 {
    let mut from = WINDOW.start as f64;
    let mut seconds = Vec::new();
    let ends = scenario.disturbances.iter().map(|(t, what)| (*t, what.end(*t)));
    for (begin, end) in ends.chain([(WINDOW.end as f64, f64::INFINITY)]) {
        seconds.extend(recorder.awake(whole(from)..whole(begin)));
        from = from.max(end + 60.0);
    }
    rms(&seconds)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds of a run")]
fn whole(t: f64) -> usize {
    t as usize
}
