//! Whom to believe: liars are outvoted, and without enough voices the clock is left alone.

use super::{EVERY_64_SECONDS, far, near, scenario, source, world, world_with};
use crate::simulator::scenario::configuration;
use crate::simulator::world::World;
use ntpd_rs::engine::Notice;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::verdict::Verdict;

fn verdicts(world: &World) -> Vec<Verdict> {
    world.snapshot().sources.iter().map(|source| source.verdict).collect()
}

#[test]
fn a_server_that_is_wrong_is_voted_out_and_does_no_harm() {
    for seed in 1..=5 {
        let mut world = world(&scenario(vec![far(), far().wrong_by(0.3), far(), far()], 0.4), seed);
        world.run_for(60.0);
        assert_eq!(verdicts(&world)[1], Verdict::Falseticker, "seed {seed}");
        world.run_for(4000.0);
        assert_eq!(verdicts(&world)[1], Verdict::Falseticker, "seed {seed}");
        assert_eq!(verdicts(&world).iter().filter(|v| v.is_used()).count(), 3, "seed {seed}");
        assert!(world.worst_since(1000.0) < 1e-3, "seed {seed}: {}", world.worst_since(1000.0));
    }
}

#[test]
fn two_of_five_may_be_wrong() {
    let servers = vec![far(), far(), far(), far().wrong_by(0.1), far().wrong_by(-0.035)];
    let mut world = world(&scenario(servers, 0.4), 1);
    world.run_for(4000.0);
    assert_eq!(verdicts(&world)[3..], [Verdict::Falseticker; 2]);
    assert!(world.worst_since(1000.0) < 1e-3, "{}", world.worst_since(1000.0));
}

#[test]
fn a_server_that_drifts_away_is_left_behind() {
    let mut liar = near();
    liar.server.drift = 20e-6;
    let mut world = world(&scenario(vec![near(), near(), liar, near()], 0.0), 1);
    world.run_for(4000.0);
    assert_eq!(verdicts(&world)[2], Verdict::Falseticker);
    assert!(world.worst_since(1000.0) < 1e-3, "{}", world.worst_since(1000.0));
}

#[test]
fn fewer_sources_than_the_quorum_never_set_the_clock() {
    let mut world = world_with(&scenario(vec![near(), near()], 2.0), |s| s.minimum_agreeing_sources = 3);
    world.run_for(4000.0);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::TooFewSources { configured: 2, needed: 3 })));
    let system = world.snapshot().system;
    assert_eq!((system.state, system.steps), (SyncState::TooFewSources, 0));
    assert!((world.host.error() - 2.0).abs() < 0.3 && world.host.frequency().to_kernel() == 0);
    assert_eq!(verdicts(&world), [Verdict::NoQuorum; 2]);
}

#[test]
fn sources_that_disagree_never_set_the_clock() {
    let servers = vec![near(), near().wrong_by(1.0), near().wrong_by(-1.0)];
    let mut world = world(&scenario(servers, 2.0), 1);
    world.run_for(4000.0);
    let system = world.snapshot().system;
    assert_eq!((system.state, system.steps), (SyncState::NoQuorum, 0));
    assert!((world.host.error() - 2.0).abs() < 0.3 && world.host.frequency().to_kernel() == 0);
}

#[test]
fn a_source_marked_noselect_is_measured_and_never_used() {
    let scenario = scenario(vec![near(), near(), near(), near().wrong_by(0.001)], 0.0);
    let mut config = configuration(&scenario, EVERY_64_SECONDS);
    config.sources[3].marks.noselect = true;
    let mut world = World::new(&scenario, config, 1);
    world.run_for(4000.0);
    assert_eq!(verdicts(&world)[3], Verdict::NotSelectable);
    let offset = source(&world, 3).estimate.unwrap().offset.seconds();
    assert!((offset - 0.001).abs() < 100e-6, "{offset}");
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
}

#[test]
fn servers_whose_paths_are_lopsided_pull_the_clock_no_further_than_their_bounds() {
    let servers = vec![far().skewed(2e-3), far().skewed(-1e-3), far().skewed(0.5e-3), far().skewed(-3e-3)];
    let mut world = world(&scenario(servers, 0.0), 1);
    world.run_for(10_000.0);
    assert!(world.worst_since(1000.0) < 3e-3, "{}", world.worst_since(1000.0));
    assert!(world.host.recorder.broken_bounds.is_empty());
}
