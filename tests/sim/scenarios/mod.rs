//! How the client behaves, in virtual time: each test is a sentence about one computer and its network.

mod bootstrap;
mod commands;
mod determinism;
mod disturbance;
mod hostile;
mod interleaved;
mod key_rotation;
mod leap;
mod names;
mod orphan;
mod paths;
mod quiet;
mod selection;
mod smear;
mod start;
mod status;
mod steps;

use crate::simulator::link::Jitter;
use crate::simulator::scenario::{Scenario, SiteSpec, configuration};
use crate::simulator::world::World;
use ntpd_rs::config::{Config, PollLimits, Synchronization};
use ntpd_rs::snapshot::Source;
use ntpd_rs::time::{Poll, Span};

/// Every 64 s at most and at least.
const EVERY_64_SECONDS: PollLimits =
    PollLimits { min: Poll::new(6), max: Poll::new(6), initial: Poll::new(6) };

/// A server in the same house.
fn near() -> SiteSpec {
    SiteSpec::new(100e-6, Jitter::Exponential(20e-6))
}

/// A server somewhere.
fn far() -> SiteSpec {
    SiteSpec::new(10e-3, Jitter::Exponential(1e-3))
}

/// These servers, and a clock that is wrong by this much at first (seconds, positive is ahead) and 50 ppm fast.
fn scenario(servers: Vec<SiteSpec>, error: f64) -> Scenario {
    let mut scenario = Scenario::new("a test", servers);
    scenario.error = Span::from_seconds(error);
    scenario.oscillator.frequency = 50e-6;
    scenario
}

/// Its world, polled every 64 s.
fn world(scenario: &Scenario, seed: u64) -> World {
    World::new(scenario, configuration(scenario, EVERY_64_SECONDS), seed)
}

/// Its world with something in `[synchronization]` changed.
fn world_with(scenario: &Scenario, change: impl FnOnce(&mut Synchronization)) -> World {
    let mut config: Config = configuration(scenario, EVERY_64_SECONDS);
    change(&mut config.synchronization);
    World::new(scenario, config, 1)
}

/// What the outside sees of the source with this index.
fn source(world: &World, index: usize) -> Source {
    world.snapshot().sources.into_iter().nth(index).unwrap()
}
