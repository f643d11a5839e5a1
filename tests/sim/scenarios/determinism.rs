//! The same seed gives the same run, to the last bit.

use crate::simulator::catalogue;
use crate::simulator::figures::PollMode;
use crate::simulator::scenario::configuration;
use crate::simulator::world::World;

/// Errors of the clock, requests and notices of an hour.
fn story(name: &str, seed: u64) -> (Vec<u64>, u64, Vec<String>) {
    let scenario = catalogue::find(name).unwrap();
    let mut world = World::new(&scenario, configuration(&scenario, PollMode::Def.limits()), seed);
    world.run_until(3600.0);
    let errors = world.host.recorder.errors(0..usize::MAX).iter().map(|error| error.to_bits()).collect();
    (errors, world.packets, world.notices.iter().map(|(t, notice)| format!("{t} {notice}")).collect())
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    for name in ["lan4", "false5", "loss30", "bursty"] {
        assert_eq!(story(name, 1), story(name, 1), "{name}");
        assert_ne!(story(name, 1).0, story(name, 2).0, "{name}");
    }
}
