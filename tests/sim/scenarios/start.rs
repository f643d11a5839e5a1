//! The first minutes: from any error to the right time, in one step.

use super::{far, near, scenario, source, world};
use ntpd_rs::command::Command;
use ntpd_rs::engine::{Event, Notice};
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{Adjustment, ClockTime, Frequency, Span};

#[track_caller]
fn check_stepped_once(error: f64) {
    for seed in 1..=5 {
        let mut world = world(&scenario(vec![near(), near(), near()], error), seed);
        world.run_for(30.0);
        assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
        world.run_for(5000.0);
        assert_eq!(world.snapshot().system.steps, 1, "{error} s off, seed {seed}");
        assert!(world.worst_since(40.0) < 1e-3, "{error} s off, seed {seed}: {}", world.worst_since(40.0));
        assert!(
            world.worst_since(1000.0) < 50e-6,
            "{error} s off, seed {seed}: {}",
            world.worst_since(1000.0)
        );
    }
}

#[test]
fn a_clock_two_seconds_off_is_stepped_once_and_does_not_oscillate() {
    check_stepped_once(2.0);
    check_stepped_once(-2.0);
}

#[test]
fn a_clock_an_hour_off_is_stepped_once_and_does_not_oscillate() {
    check_stepped_once(3600.0);
    check_stepped_once(-3600.0);
}

#[test]
fn a_clock_far_from_its_servers_is_right_within_minutes() {
    for seed in 1..=5 {
        let mut world = world(&scenario(vec![far(), far(), far(), far()], -2.0), seed);
        world.run_for(3000.0);
        assert_eq!(world.snapshot().system.steps, 1, "seed {seed}");
        assert!(world.worst_since(130.0) < 2e-3, "seed {seed}: {}", world.worst_since(130.0));
        assert!(world.worst_since(1000.0) < 1e-3, "seed {seed}: {}", world.worst_since(1000.0));
    }
}

#[test]
fn a_clock_that_is_right_already_is_not_stepped() {
    for seed in 1..=5 {
        let mut world = world(&scenario(vec![far(), far(), far()], -500e-6), seed);
        world.run_for(3000.0);
        assert_eq!(world.snapshot().system.steps, 0, "seed {seed}");
    }
}

#[test]
fn a_clock_that_lost_its_date_finds_it_in_either_era() {
    // 2026, and after the rollover of 2036.
    for true_time in [1_793_491_200, 2_240_000_000] {
        let mut scenario = scenario(vec![near(), near(), near()], 0.0);
        scenario.epoch = ClockTime::from_unix_secs(true_time);
        scenario.error = Span::from_secs(-true_time);
        let mut world = world(&scenario, 1);
        world.run_for(600.0);
        assert_eq!(world.snapshot().system.steps, 1);
        assert!(world.worst_since(40.0) < 1e-3, "{}", world.worst_since(40.0));
    }
}

#[test]
fn the_rollover_of_2036_goes_unnoticed() {
    let mut scenario = scenario(vec![near(), near(), near()], 0.5);
    // 2036-02-07 06:28:16 UTC is second 0 of era 1 (RFC 5905 §6, figure 4).
    scenario.epoch = ClockTime::from_unix_secs(2_085_978_496 - 2000);
    let mut world = world(&scenario, 1);
    world.run_for(4000.0);
    assert_eq!(world.snapshot().system.steps, 1);
    assert!(world.worst_since(1000.0) < 50e-6, "{}", world.worst_since(1000.0));
    let discards: u64 = (0..3).flat_map(|index| source(&world, index).discards).map(|(_, count)| count).sum();
    assert_eq!(discards, 0);
}

#[test]
fn a_network_that_comes_late_is_waited_for() {
    let mut world = world(&scenario(vec![near(), near(), near()], 2.0), 1);
    world.network = false;
    world.run_for(1000.0);
    assert_eq!(world.snapshot().system.state, SyncState::Waiting);
    assert_eq!((world.packets, world.snapshot().system.steps), (0, 0));
    world.network = true;
    world.tell(Event::NetworkChanged);
    world.run_for(20.0);
    assert!(world.host.error().abs() < 1e-3, "{}", world.host.error());
}

#[test]
fn a_network_that_comes_back_untold_is_found() {
    let mut world = world(&scenario(vec![near(), near(), near()], 2.0), 1);
    world.network = false;
    world.run_for(3600.0);
    world.network = true;
    world.run_for(120.0);
    assert!(world.host.error().abs() < 1e-3, "{}", world.host.error());
}

#[test]
fn a_restarted_daemon_goes_on_with_the_frequency_it_had_learned() {
    let mut world = world(&scenario(vec![near(), near(), near()], 0.0), 1);
    world.run_for(10_000.0);
    let drift = world.drift().unwrap();
    assert!((drift.frequency.ppm() + 50.0).abs() < 0.5, "{drift:?}");
    // A reboot: the kernel has forgotten, and the clock has strayed.
    world.host.apply(Adjustment::Frequency(Frequency::ZERO));
    world.host.jump(Span::from_millis(500));
    let restart = world.host.t();
    world.restart(Some(drift));
    world.run_for(3000.0);
    assert!(world.worst_since(restart + 20.0) < 200e-6, "{}", world.worst_since(restart + 20.0));
    assert!(!world.told(restart + 30.0, |notice| matches!(notice, Notice::Stepped(_))));
}

#[test]
fn force_sync_steps_what_would_have_been_slewed() {
    let mut world = world(&scenario(vec![near(), near(), near()], 0.0), 1);
    world.run_for(2000.0);
    world.host.shift(Span::from_millis(5));
    assert_eq!(world.ask(Command::ForceSync), Ok(()));
    let forced = world.host.t();
    world.run_for(20.0);
    assert!(world.told(forced, |notice| matches!(notice, Notice::Stepped(_))));
    assert!(world.host.error().abs() < 100e-6, "{}", world.host.error());
}
