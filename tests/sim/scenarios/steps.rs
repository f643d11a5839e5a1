//! How far the clock may be moved: panic thresholds in both directions, and the limit on steps.

use super::{near, scenario, world_with};
use crate::simulator::world::World;
use ntpd_rs::config::{StepLimits, Synchronization};
use ntpd_rs::engine::Notice;
use ntpd_rs::time::Span;

fn house(error: f64, change: impl FnOnce(&mut Synchronization)) -> World {
    world_with(&scenario(vec![near(), near(), near()], error), change)
}

fn limits(forward: i64, backward: i64) -> StepLimits {
    StepLimits { forward: Some(Span::from_secs(forward)), backward: Some(Span::from_secs(backward)) }
}

/// `offset` is what the clock lacks: positive when it is behind.
#[track_caller]
fn check_start(offset: f64, panics: bool) {
    let mut world = house(-offset, |s| s.startup_step_panic = limits(100, 10));
    world.run_for(300.0);
    assert_eq!(world.stopped.is_some(), panics, "{offset} s: {:?}", world.stopped);
    let strayed = 300.0 * 60e-6;
    let expected = if panics { offset.abs() } else { 0.0 };
    assert!((world.host.error().abs() - expected).abs() < strayed, "{offset} s: {}", world.host.error());
}

#[test]
fn the_startup_threshold_holds_in_both_directions() {
    check_start(99.0, false);
    check_start(101.0, true);
    check_start(-9.0, false);
    check_start(-11.0, true);
}

#[track_caller]
fn check_later(offset: f64, panics: bool) {
    let mut world = house(0.01, |s| s.single_step_panic = limits(100, 10));
    world.run_for(2000.0);
    world.host.shift(Span::from_seconds(-offset));
    world.run_for(1000.0);
    assert_eq!(world.stopped.is_some(), panics, "{offset} s: {:?}", world.stopped);
    let expected = if panics { offset.abs() } else { 0.0 };
    assert!((world.host.error().abs() - expected).abs() < 5e-3, "{offset} s: {}", world.host.error());
}

#[test]
fn the_threshold_of_a_single_step_holds_in_both_directions() {
    check_later(99.0, false);
    check_later(101.0, true);
    check_later(-9.0, false);
    check_later(-11.0, true);
}

#[test]
fn many_small_steps_add_up_to_a_panic() {
    let mut world = house(5.0, |s| s.accumulated_step_panic = Some(Span::from_secs(1)));
    world.run_for(1000.0);
    let mut shifts = 0;
    while world.stopped.is_none() && shifts < 10 {
        shifts += 1;
        // To and fro: magnitudes count.
        world.host.shift(Span::from_millis(if shifts % 2 == 0 { 300 } else { -300 }));
        world.run_for(1000.0);
    }
    assert_eq!(shifts, 4, "three steps of 0.3 s are allowed, and the first correction does not count");
    assert_eq!(world.snapshot().system.steps, 4);
}

#[test]
fn after_the_allowed_steps_an_offset_is_slewed_and_said_to_be() {
    let mut world = house(2.0, |s| s.step_limit = Some(1));
    world.run_for(2000.0);
    assert_eq!(world.snapshot().system.steps, 1);
    let shifted = world.host.t();
    world.host.shift(Span::from_millis(500));
    world.run_for(300.0);
    assert!(world.told(shifted, |notice| matches!(notice, Notice::Slewing { .. })));
    let remaining = world.snapshot().system.slew_remaining.unwrap().seconds();
    // 0.5 s at the default 200 ppm.
    assert!((1800.0..2500.0).contains(&remaining), "{remaining}");
    world.run_for(remaining + 300.0);
    assert_eq!(world.snapshot().system.steps, 1);
    assert!(world.host.error().abs() < 100e-6, "{}", world.host.error());
    assert!(world.host.recorder.largest_rate <= 500e-6);
}
