//! What happens to a clock from outside: sleep, foreign hands, pauses, new routes. Time is right again at once.

use super::{far, near, scenario, world};
use crate::simulator::world::World;
use ntpd_rs::engine::Notice;
use ntpd_rs::time::Span;

/// A computer that was right for an hour.
fn settled() -> World {
    let mut world = world(&scenario(vec![near(), near(), near()], 2.0), 1);
    world.run_for(3600.0);
    assert!(world.host.error().abs() < 50e-6);
    world
}

/// From `seconds` after now on the clock is right to a fifth of a millisecond for an hour.
#[track_caller]
fn check_right_after(world: &mut World, seconds: f64) {
    let since = world.host.t() + seconds;
    world.run_for(3600.0);
    assert!(world.stopped.is_none(), "{:?}", world.stopped);
    assert!(world.worst_since(since) < 200e-6, "{}", world.worst_since(since));
    assert!(world.worst_since(since + 600.0) < 50e-6, "{}", world.worst_since(since + 600.0));
}

#[test]
fn a_clock_set_by_somebody_else_is_right_again_at_once() {
    for by in [10.0, -10.0, 0.1, -0.1, 300.0, -300.0] {
        let mut world = settled();
        let since = world.host.t();
        world.set_clock(Span::from_seconds(by));
        assert!(world.told(since, |notice| matches!(notice, Notice::ForeignStep(_))));
        check_right_after(&mut world, 20.0);
    }
}

#[test]
fn after_sleep_the_clock_is_right_again_at_once() {
    for (seconds, error) in [(60.0, 0.3), (8.0 * 3600.0, -1.2), (3600.0, 0.0)] {
        let mut world = settled();
        let since = world.host.t();
        world.sleep(seconds, Span::from_seconds(error));
        assert!(world.told(since, |notice| matches!(notice, Notice::Slept(_))));
        check_right_after(&mut world, 20.0);
    }
}

#[test]
fn after_sleep_another_temperature_is_learned_soon() {
    let mut scenario = scenario(vec![near(), near(), near()], 0.0);
    scenario.oscillator.step = Some((3e-6, 5000));
    let mut world = world(&scenario, 1);
    world.run_for(3600.0);
    world.sleep(3600.0, Span::from_millis(-700));
    check_right_after(&mut world, 20.0);
}

#[test]
fn a_paused_machine_is_found_out_by_a_measurement_and_confirmed_by_a_burst() {
    let mut world = settled();
    let packets = world.packets;
    world.pause(300.0);
    assert!(world.host.error() < -299.0);
    // A poll, and what a burst takes.
    check_right_after(&mut world, 90.0);
    let polls = 3 * 3600 / 64;
    assert!(world.packets - packets < polls + 60, "{}", world.packets - packets);
    assert!(world.told(3600.0, |notice| matches!(notice, Notice::Stepped(_))));
}

#[test]
fn a_jump_nobody_tells_of_is_corrected_after_the_next_poll() {
    for by in [0.05, -0.05, 5.0, -5.0] {
        let mut world = settled();
        world.host.shift(Span::from_seconds(by));
        check_right_after(&mut world, 120.0);
    }
}

#[test]
fn a_longer_way_back_is_not_taken_for_a_jump() {
    let mut scenario = scenario(vec![far()], 0.1);
    scenario.servers[0].down.route.push((4000.0, 5e-3));
    let mut world = world(&scenario, 1);
    world.run_for(8000.0);
    assert_eq!(world.snapshot().system.steps, 1, "the first correction only");
    // Half of it cannot be told from an error of the clock.
    assert!(world.worst_since(1000.0) < 3e-3, "{}", world.worst_since(1000.0));
    assert!(world.host.recorder.broken_bounds.is_empty());
}

#[test]
fn a_laptop_that_goes_from_network_to_network_stays_right() {
    let mut world = settled();
    for _ in 0..5 {
        world.network = false;
        world.run_for(900.0);
        world.network = true;
        world.tell(ntpd_rs::engine::Event::NetworkChanged);
        world.run_for(300.0);
    }
    assert!(world.worst_since(3600.0) < 500e-6, "{}", world.worst_since(3600.0));
    assert_eq!(world.snapshot().system.steps, 1);
}
