//! What the client says of the paths to its servers: the filter's own view.

use super::EVERY_64_SECONDS;
use crate::simulator::catalogue::find;
use crate::simulator::scenario::configuration;
use crate::simulator::world::World;
use ntpd_rs::path_model::{JitterKind, PathModel, Waiting};

/// Of the first server in a scenario of the accuracy table, half an hour before its end.
fn path(name: &str, seed: u64) -> PathModel {
    let scenario = find(name).unwrap();
    let mut world = World::new(&scenario, configuration(&scenario, EVERY_64_SECONDS), seed);
    world.run_until(scenario.end - 1800.0);
    world.snapshot().sources[0].estimate.unwrap().path
}

#[test]
fn each_kind_of_jitter_is_told_by_its_name_and_so_is_the_direction_that_waits() {
    for (name, kind, waiting) in [
        ("lan", JitterKind::Queues, Waiting::Both),
        ("inet1", JitterKind::Queues, Waiting::Both),
        ("wifi", JitterKind::HeavyTails, Waiting::Both),
        ("bloat", JitterKind::Bursts, Waiting::Both),
        ("gauss", JitterKind::Gaussian, Waiting::Both),
        ("asymjit", JitterKind::Queues, Waiting::Replies),
    ] {
        for seed in 1..4 {
            let path = path(name, seed);
            assert_eq!(
                (path.jitter_kind, path.waiting, path.asymmetry),
                (kind, waiting, 0.0),
                "{name} {seed}"
            );
        }
    }
}

#[test]
fn a_route_that_became_longer_for_replies_is_told_as_asymmetry() {
    for seed in 1..4 {
        let path = path("dst-route", seed);
        assert!((path.asymmetry - 2.5e-3).abs() < 0.3e-3, "{path:?}");
    }
}

#[test]
fn the_wander_of_the_oscillator_is_told_as_it_is() {
    for (name, least, most) in [("lan", 0.3e-9, 4e-9), ("lan_w8", 5e-9, 2e-8), ("lan_w7", 5e-8, 2e-7)] {
        for seed in 1..4 {
            let path = path(name, seed);
            assert!((least..most).contains(&path.wander), "{name} {seed}: {path:?}");
        }
    }
}

#[test]
fn the_error_that_is_predicted_for_the_next_poll_is_of_the_size_that_it_has() {
    for (name, least, most) in [("lan", 2e-6, 12e-6), ("inet1", 15e-6, 90e-6), ("gauss", 80e-6, 300e-6)] {
        for seed in 1..4 {
            let predicted = path(name, seed).predicted_error;
            assert!((least..most).contains(&predicted), "{name} {seed}: {predicted}");
        }
    }
}
