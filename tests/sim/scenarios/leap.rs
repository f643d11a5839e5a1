//! Leap seconds by a table: it goes before what servers announce, until it has expired; and the kernel learns TAI from it.

use super::{near, scenario, world};
use crate::simulator::world::World;
use ntpd_rs::engine::{Event, Notice};
use ntpd_rs::time::{ClockTime, Leap, LeapTable, Span};

const TABLE: &str = include_str!("../../vectors/leap-seconds.list");
const NOON: i64 = 43_200;
/// The last day of 2016, which ended with a leap second, at noon.
const LAST_OF_2016: i64 = 1_483_228_800 - NOON;
/// The last of June 2017, which did not.
const LAST_OF_JUNE_2017: i64 = 1_498_867_200 - NOON;
/// The last of June 2026, two days after the table has expired.
const LAST_OF_JUNE_2026: i64 = 1_782_864_000 - NOON;

/// A client with the table that starts then, an hour later; its servers announce `leap`.
fn with_table(noon: i64, leap: Leap) -> World {
    with_table_and(3, noon, leap)
}

fn with_table_and(servers: usize, noon: i64, leap: Leap) -> World {
    let mut scenario = scenario(vec![near(); servers], 0.0);
    scenario.epoch = ClockTime::from_unix_secs(noon);
    scenario.built = scenario.epoch - Span::from_secs(86_400);
    let mut world = world(&scenario, 1);
    world.tell(Event::LeapTable(Some(LeapTable::parse(TABLE).unwrap())));
    for site in &mut world.sites {
        site.server.spec.leap = leap;
    }
    world.run_for(3600.0);
    world
}

#[track_caller]
fn check_announced(world: &World, leap: Leap) {
    assert_eq!((world.host.status().leap, world.snapshot().system.leap), (leap, leap));
}

fn is_told(world: &World, kind: fn(&Notice) -> bool) -> usize {
    world.notices.iter().filter(|(_, notice)| kind(notice)).count()
}

#[test]
fn the_table_alone_announces_a_leap_second_and_it_passes_without_an_error() {
    let mut world = with_table(LAST_OF_2016, Leap::NoWarning);
    check_announced(&world, Leap::AddSecond);
    assert_eq!(world.host.tai_offset(), 36);
    world.run_until(43_200.0);
    let steps = world.snapshot().system.steps;
    world.leap_second();
    world.run_for(3600.0);
    check_announced(&world, Leap::NoWarning);
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
    assert_eq!((world.snapshot().system.steps, world.host.tai_offset()), (steps, 37));
    assert_eq!(world.snapshot().system.tai_offset, Some(37));
}

#[test]
fn what_servers_announce_and_the_table_denies_is_not_believed_and_told_once() {
    let world = with_table(LAST_OF_JUNE_2017, Leap::AddSecond);
    check_announced(&world, Leap::NoWarning);
    assert_eq!(is_told(&world, |notice| matches!(notice, Notice::LeapDenied(Leap::AddSecond))), 1);
}

#[test]
fn an_expired_table_leaves_it_to_the_servers_and_says_so_once() {
    let world = with_table(LAST_OF_JUNE_2026, Leap::AddSecond);
    check_announced(&world, Leap::AddSecond);
    assert_eq!(is_told(&world, |notice| matches!(notice, Notice::LeapTableExpired { .. })), 1);
    assert_eq!(world.host.tai_offset(), 37, "what it knew is still known");
    check_announced(&with_table(LAST_OF_JUNE_2026, Leap::NoWarning), Leap::NoWarning);
}

#[test]
fn the_sign_of_a_leap_second_is_the_tables() {
    let world = with_table(LAST_OF_2016, Leap::DeleteSecond);
    check_announced(&world, Leap::AddSecond);
}

#[test]
fn without_the_table_the_servers_are_asked_again() {
    let mut world = with_table(LAST_OF_2016, Leap::NoWarning);
    check_announced(&world, Leap::AddSecond);
    world.tell(Event::LeapTable(None));
    world.run_for(64.0);
    check_announced(&world, Leap::NoWarning);
    assert_eq!(
        (world.snapshot().system.leap_table_expires, world.snapshot().system.tai_offset),
        (None, None)
    );
}

#[test]
fn a_clock_that_is_not_right_says_nothing_of_tai() {
    let mut scenario = scenario(vec![near(), near(), near()], 0.0);
    scenario.epoch = ClockTime::from_unix_secs(LAST_OF_2016);
    let mut world = world(&scenario, 1);
    world.tell(Event::LeapTable(Some(LeapTable::parse(TABLE).unwrap())));
    assert_eq!(world.host.tai_offset(), 0);
    world.run_for(60.0);
    assert_eq!(world.host.tai_offset(), 36);
}

#[test]
fn a_step_on_the_day_of_a_leap_second_does_not_lose_it() {
    // Among several that contradict it the clock would first be called wrong, and the announcement withdrawn with that.
    let mut world = with_table_and(1, LAST_OF_2016, Leap::NoWarning);
    world.host.shift(Span::from_millis(500));
    world.run_for(1000.0);
    assert_eq!(world.snapshot().system.steps, 2, "the first correction, and this one");
    world.run_until(43_200.0);
    world.leap_second();
    assert!(world.host.error().abs() < 100e-6, "{}", world.host.error());
    assert_eq!(world.host.tai_offset(), 37);
}
