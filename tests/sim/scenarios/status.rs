//! What the client says of its own quality: bounds that are true, and no claim that outlives its sources.

use super::{EVERY_64_SECONDS, far, near, scenario, world};
use crate::simulator::scenario::configuration;
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{ClockTime, Leap, Span};

fn silence(world: &mut World) {
    for site in &mut world.sites {
        site.server.spec.behaviour = Behaviour::Silent;
    }
}

#[test]
fn without_its_servers_the_dispersion_grows_and_the_claim_is_given_up() {
    let mut world = world(&scenario(vec![near(), near(), near()], 2.0), 1);
    world.run_for(3600.0);
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    silence(&mut world);
    world.run_for(64.0);
    let mut last = world.snapshot().system.root_dispersion;
    for _ in 0..200 {
        world.run_for(64.0);
        let dispersion = world.snapshot().system.root_dispersion;
        assert!(dispersion > last, "{dispersion:?} after {last:?}");
        last = dispersion;
    }
    assert_eq!(world.snapshot().system.state, SyncState::Holdover);
    assert_eq!(world.snapshot().system.agreeing_sources, 0);
    world.run_for(24.0 * 3600.0);
    let snapshot = world.snapshot();
    assert_eq!((snapshot.system.leap, snapshot.system.stratum), (Leap::Unsynchronized, 16));
    assert_eq!(world.host.status().leap, Leap::Unsynchronized, "the kernel says so too");
    assert!(world.host.recorder.broken_bounds.is_empty());
}

#[test]
fn servers_that_come_back_are_followed_again() {
    let mut world = world(&scenario(vec![near(), near(), near()], 2.0), 1);
    world.run_for(3600.0);
    silence(&mut world);
    world.run_for(48.0 * 3600.0);
    for site in &mut world.sites {
        site.server.spec.behaviour = Behaviour::Honest;
    }
    world.run_for(1200.0);
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    assert_eq!(world.host.status().leap, Leap::NoWarning);
    assert!(world.host.error().abs() < 200e-6, "{}", world.host.error());
}

/// The last day of 2026, at noon.
fn last_day_of_the_year() -> World {
    let mut scenario = scenario(vec![near(), near(), near()], 0.0);
    scenario.epoch = ClockTime::from_unix_secs(1_798_718_400);
    world(&scenario, 1)
}

#[test]
fn a_leap_second_announced_weeks_ahead_does_not_come_at_the_next_midnight() {
    let mut world = world(&scenario(vec![near(), near(), near()], 0.0), 1);
    for site in &mut world.sites {
        site.server.spec.leap = Leap::AddSecond;
    }
    world.run_for(3600.0);
    assert_eq!((world.host.status().leap, world.snapshot().system.leap), (Leap::NoWarning, Leap::NoWarning));
}

#[test]
fn a_leap_second_is_announced_by_a_majority_alone_and_cleared_when_nobody_announces() {
    let mut world = last_day_of_the_year();
    world.run_for(1000.0);
    assert_eq!(world.host.status().leap, Leap::NoWarning);
    let announce = |world: &mut World, leaps: [Leap; 3]| {
        for (site, leap) in world.sites.iter_mut().zip(leaps) {
            site.server.spec.leap = leap;
        }
        world.run_for(200.0);
        (world.host.status().leap, world.snapshot().system.leap)
    };
    use Leap::{AddSecond, DeleteSecond, NoWarning};
    assert_eq!(announce(&mut world, [AddSecond, NoWarning, NoWarning]), (NoWarning, NoWarning));
    assert_eq!(announce(&mut world, [AddSecond, AddSecond, NoWarning]), (AddSecond, AddSecond));
    assert_eq!(announce(&mut world, [NoWarning, NoWarning, NoWarning]), (NoWarning, NoWarning));
    assert_eq!(announce(&mut world, [DeleteSecond; 3]), (DeleteSecond, DeleteSecond));
    assert_eq!(announce(&mut world, [NoWarning; 3]), (NoWarning, NoWarning));
}

#[test]
fn a_leap_second_passes_without_an_error() {
    let mut world = last_day_of_the_year();
    for site in &mut world.sites {
        site.server.spec.leap = Leap::AddSecond;
    }
    world.run_for(3600.0);
    assert_eq!(world.host.status().leap, Leap::AddSecond);
    let steps = world.snapshot().system.steps;
    world.leap_second();
    for site in &mut world.sites {
        site.server.spec.leap = Leap::NoWarning;
    }
    world.run_for(3600.0);
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
    assert_eq!((world.host.status().leap, world.snapshot().system.steps), (Leap::NoWarning, steps));
}

#[test]
fn the_maximum_error_is_as_tight_as_the_path_allows() {
    for (site, delay) in [(near(), 200e-6), (far(), 20e-3)] {
        let mut world = world(&scenario(vec![site.clone(), site.clone(), site], 0.0), 1);
        world.run_for(10_000.0);
        for _ in 0..50 {
            world.run_for(100.0);
            let status = world.host.status();
            // Half the delay, the noise, and what the kernel adds between two updates.
            let most = delay / 2.0 * 1.5 + 20e-3;
            assert!(status.maximum_error.seconds() < most, "{:?}", status.maximum_error);
            assert!(status.estimated_error.seconds() < delay / 10.0, "{:?}", status.estimated_error);
            assert!(
                world.host.error().abs() < 6.0 * status.estimated_error.seconds(),
                "{}",
                world.host.error()
            );
        }
    }
}

#[test]
fn a_daemon_that_may_not_touch_the_clock_measures_it() {
    let scenario = scenario(vec![near(), near(), near()], 0.25);
    let mut config = configuration(&scenario, EVERY_64_SECONDS);
    config.clock_control = ntpd_rs::config::ClockControl::No;
    let mut world = World::without_control(&scenario, config, 1);
    world.run_for(4000.0);
    let system = world.snapshot().system;
    assert_eq!((system.state, system.steps), (SyncState::Synchronized, 0));
    assert_eq!((world.host.frequency().to_kernel(), world.host.status().leap), (0, Leap::Unsynchronized));
    let missed = system.offset + Span::from_seconds(world.host.error());
    assert!(missed.seconds().abs() < 100e-6, "{missed:?}");
}
