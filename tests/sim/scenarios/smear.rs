//! A client that follows servers which smear a leap second: it goes with them and knows of none.

use super::{near, scenario, source};
use crate::simulator::scenario::configuration;
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::config::{LeapSmear, PollLimits, SmearShape};
use ntpd_rs::packet::ReferenceId;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{ClockTime, Leap, Poll, Span};
use std::f64::consts::PI;

/// 2027-01-01 00:00 UTC, 50 000 s after the beginning: a day of a month that a leap second may end.
const MIDNIGHT: ClockTime = ClockTime::from_unix_secs(1_798_761_600);
const BEFORE: f64 = 50_000.0;

/// Three such servers in the house, which announce that a second will be inserted, and a client that asks as often as it likes, or
/// every two minutes at least where the window is short, as the manual says.
fn smeared(shape: SmearShape, window: i64) -> World {
    let mut servers = vec![near(), near(), near()];
    for site in &mut servers {
        site.server.behaviour = Behaviour::Smear(LeapSmear { shape, window: Span::from_secs(window) });
        site.server.leap = Leap::AddSecond;
    }
    let mut scenario = scenario(servers, 0.01);
    scenario.epoch = MIDNIGHT - Span::from_seconds(BEFORE);
    let usual = PollLimits::default();
    let limits = if window < 43_200 { PollLimits { max: Poll::new(7), ..usual } } else { usual };
    World::new(&scenario, configuration(&scenario, limits), 1)
}

/// The kernels of the servers insert it; nobody announces it any more. The client's does not: it was never told.
fn insert(world: &mut World) {
    world.host.leap_second();
    for site in &mut world.sites {
        site.server.spec.leap = Leap::NoWarning;
    }
}

/// The client's clock minus the smeared time, computed anew from the definition.
fn error(world: &World, shape: SmearShape, window: f64) -> f64 {
    let t = world.host.t();
    let elapsed = ((t - (BEFORE - window / 2.0)) / (window + 1.0)).clamp(0.0, 1.0);
    let behind = match shape {
        SmearShape::Linear => elapsed,
        SmearShape::Cosine => 0.5 - 0.5 * (PI * elapsed).cos(),
    };
    let steady = MIDNIGHT + Span::from_seconds(t - BEFORE);
    (world.host.now().clock - steady).seconds() + behind
}

/// From an hour after its start to half an hour after the window the client's clock is never farther from the smeared time.
#[track_caller]
fn check_follows(shape: SmearShape, window: i64, limit: f64) -> World {
    let mut world = smeared(shape, window);
    let (mut worst, mut inside): (f64, f64) = (0.0, 0.0);
    let half = window as f64 / 2.0;
    let mut until = |world: &mut World, end: f64| {
        while world.host.t() < end {
            world.run_until(end.min(world.host.t() + 10.0));
            let error = error(world, shape, window as f64).abs();
            worst = worst.max(error);
            // Away from the ends, where a line's rate changes at once.
            if (world.host.t() - BEFORE).abs() < half / 2.0 {
                inside = inside.max(error);
            }
        }
    };
    world.run_until(3600.0);
    until(&mut world, BEFORE);
    insert(&mut world);
    until(&mut world, BEFORE + half + 1800.0);
    assert!(worst < limit, "{shape:?} over {window} s: {worst}");
    assert!(inside < 200e-6, "{shape:?} over {window} s: {inside}");
    assert_eq!(world.snapshot().system.steps, 1, "the first correction only");
    world
}

#[test]
fn a_linear_smear_is_followed_without_a_step() {
    // Its rate changes at once, and nobody knows before the next poll: by 11.6 ppm after 512 s, by 69 ppm after 128 s.
    for (window, limit) in [(86_400, 6e-3), (14_400, 9e-3)] {
        let world = check_follows(SmearShape::Linear, window, limit);
        assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    }
}

#[test]
fn a_client_notices_nothing_of_a_cosine() {
    for (window, limit) in [(86_400, 100e-6), (14_400, 500e-6), (7200, 2e-3)] {
        let world = check_follows(SmearShape::Cosine, window, limit);
        assert!(!world.told(3600.0, |notice| notice.is_warning()), "{:?}", world.notices);
    }
}

#[test]
fn a_client_sees_what_is_smeared_and_no_leap_second() {
    let mut world = smeared(SmearShape::Linear, 86_400);
    world.run_until(6000.0);
    assert_eq!(source(&world, 0).reference_id.map(ReferenceId::bytes), Some([127, 127, 1, 1]));
    world.run_until(BEFORE - 1.0);
    assert_eq!(source(&world, 0).reference_id, Some(ReferenceId::SMEARED));
    assert_eq!(world.snapshot().system.leap, Leap::NoWarning);
    world.run_until(BEFORE);
    insert(&mut world);
    world.run_until(BEFORE + 44_000.0);
    assert_eq!(source(&world, 0).reference_id.map(ReferenceId::bytes), Some([127, 127, 1, 1]));
    assert_eq!(world.snapshot().system.leap, Leap::NoWarning);
}
