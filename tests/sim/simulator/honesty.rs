//! What the client says of its clock beside what is true: bounds that hold, and are no wider than they must be. Runs nothing by itself.

use super::recorder::quantile;
use super::scenario::Scenario;
use super::world::World;
use ntpd_rs::time::Leap;

/// Seconds between two looks at the client's own claim: no divisor of a poll interval, so that every age of a measurement is seen.
pub(crate) const LOOK: f64 = 17.0;

/// From an external step until it must have been found: until most sites have answered once more, and this many seconds.
const FOUND_WITHIN: f64 = 10.0;

/// The client's own claims over a run.
#[derive(Debug, Default)]
pub(crate) struct Honesty {
    /// When the client's own bound was not true.
    broken: Vec<f64>,
    /// Its bound over the least that could be true: half the true root delay and the server's own dispersion.
    tightness: Vec<f64>,
}

impl Honesty {
    /// Looks at the claim that the client makes now.
    pub(crate) fn look(&mut self, world: &World) {
        let snapshot = world.snapshot();
        let system = &snapshot.system;
        if system.leap == Leap::Unsynchronized {
            return;
        }
        let t = world.host.t();
        let bound = system.root_delay.seconds() / 2.0 + system.root_dispersion.seconds();
        if world.host.error().abs() > bound {
            self.broken.push(t);
        }
        let peer = snapshot.sources.iter().find(|source| Some(source.id) == system.system_peer);
        let site = peer.and_then(|peer| world.sites.iter().find(|site| Some(site.address) == peer.address));
        if let Some(site) = site {
            let server = &site.server.spec;
            let delay = server.root_delay.seconds() + site.up.base_at(t) + site.down.base_at(t);
            self.tightness.push(bound / (delay / 2.0 + server.root_dispersion.seconds()));
        }
    }

    /// Looks at which the bound was not true, without those that are excused.
    pub(crate) fn broken(&self, excuses: &Excuses) -> f64 {
        self.broken.iter().filter(|t| !excuses.cover(**t)).count() as f64
    }

    /// The median of how wide bounds are.
    pub(crate) fn tightness(&self) -> f64 {
        quantile(&mut self.tightness.clone(), 0.5)
    }
}

/// From when until when no bound can be true: the clock was stepped by something else, and the client could not know yet.
#[derive(Debug)]
pub(crate) struct Excuses(Vec<(f64, f64)>);

impl Excuses {
    pub(crate) fn new(world: &World, scenario: &Scenario) -> Self {
        let found = |step: f64| {
            let first = |site| world.answered.iter().find(|(t, answered)| *answered == site && *t >= step);
            let mut answers: Vec<f64> = (0..world.sites.len()).filter_map(first).map(|(t, _)| *t).collect();
            answers.sort_by(f64::total_cmp);
            let majority = answers.get(world.sites.len() / 2).or(answers.last());
            majority.map_or(f64::INFINITY, |t| t + FOUND_WITHIN)
        };
        Self(scenario.shifts().map(|step| (step, found(step))).collect())
    }

    pub(crate) fn cover(&self, t: f64) -> bool {
        self.0.iter().any(|(from, until)| (*from..=*until).contains(&t))
    }
}
