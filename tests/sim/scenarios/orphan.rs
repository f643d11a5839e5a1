//! An isolated network: whole daemons that ask each other and elect one. What an election does by itself is `discipline::orphan`'s.

use crate::group::{Group, address, proper_address};
use ntpd_rs::engine::{Event, Notice};
use ntpd_rs::packet::ReferenceId;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{ClockTime, Leap, LeapTable, Span};
use ntpd_rs::verdict::Verdict;

/// Three computers seconds apart; the second has the smallest address.
const THREE: [(u8, f64); 3] = [(30, 2.0), (10, -3.0), (20, 0.5)];
/// Longer than anything in an election takes.
const LONG: f64 = 1800.0;

fn group(proper_for: Option<u8>) -> Group {
    Group::new(&THREE, proper_for, 1, |_, _| {})
}

fn states(group: &Group) -> Vec<SyncState> {
    group.daemons.iter().map(|daemon| daemon.snapshot().system.state).collect()
}

fn stratums(group: &Group) -> Vec<u8> {
    group.daemons.iter().map(|daemon| daemon.served().stratum).collect()
}

/// The only parent is the one with this index, and the others are together with it.
#[track_caller]
fn check_parent(group: &Group, parent: usize, children: &[usize]) {
    let expected = |state| (state, if state == SyncState::OrphanParent { 10 } else { 11 });
    for (who, state) in [(parent, SyncState::OrphanParent)]
        .into_iter()
        .chain(children.iter().map(|child| (*child, SyncState::OrphanChild)))
    {
        let daemon = &group.daemons[who];
        let found = (daemon.snapshot().system.state, daemon.served().stratum);
        assert_eq!(found, expected(state), "{who}: {:#?}", daemon.snapshot());
    }
    for child in children {
        let apart = group.daemons[*child].host.error() - group.daemons[parent].host.error();
        assert!(apart.abs() < 1e-3, "{child} is {apart} s apart from {parent}");
    }
}

#[track_caller]
fn check_proper(group: &Group) {
    for daemon in &group.daemons {
        let state = daemon.snapshot().system.state;
        assert_eq!(state, SyncState::Synchronized, "{:#?}", daemon.snapshot());
        assert!(daemon.host.error().abs() < 1e-3, "{}", daemon.host.error());
    }
}

#[test]
fn without_any_other_source_the_smallest_keeps_the_time_of_all() {
    let mut group = group(None);
    group.run_for(290.0);
    assert_eq!(stratums(&group), [16; 3], "a proper source may still come");
    group.run_for(LONG);
    check_parent(&group, 1, &[0, 2]);
    assert_eq!(group.daemons[1].snapshot().system.steps, 0, "its clock is left alone");
    let frequency = group.daemons[1].host.frequency();
    assert_eq!(frequency.to_kernel(), 0, "and runs on by itself: {frequency:?}");
}

#[test]
fn only_one_at_a_time_served_the_groups_stratum_even_at_the_start() {
    let mut group = group(None);
    for _ in 0..1800 {
        group.run_for(1.0);
        let parents = stratums(&group).iter().filter(|stratum| **stratum == 10).count();
        assert!(parents <= 1, "{:?} at {}", stratums(&group), group.t());
    }
}

#[test]
fn what_a_parent_serves_is_usable_by_any_client_for_ever() {
    let mut group = group(None);
    group.run_for(86_400.0);
    check_parent(&group, 1, &[0, 2]);
    let served = group.daemons[1].served();
    assert_eq!(
        (served.leap, served.reference_id),
        (Leap::NoWarning, ReferenceId::from_bytes([127, 127, 1, 1]))
    );
    let dispersion = served.root_dispersion_at(served.updated + Span::from_secs(86_400));
    assert!(dispersion < Span::from_micros(1), "{dispersion:?}");
    let child = group.daemons[0].served();
    assert_eq!(child.reference_id, ReferenceId::from_address(address(10).ip()));
    assert!(child.root_dispersion < Span::from_millis(1), "{child:?}");
    assert_eq!(group.daemons[1].host.status().leap, Leap::Unsynchronized, "its kernel knows better");
    assert_eq!(group.daemons[0].host.status().leap, Leap::NoWarning);
}

#[test]
fn verdicts_say_who_is_followed_and_who_is_not() {
    let mut group = group(None);
    group.run_for(LONG);
    let verdict = |who: usize, of: u8| {
        let snapshot = group.daemons[who].snapshot();
        snapshot
            .sources
            .iter()
            .find(|source| source.address == Some(address(of)))
            .map(|source| source.verdict)
    };
    assert_eq!([verdict(0, 10), verdict(0, 20)], [Some(Verdict::SystemPeer), Some(Verdict::Orphan)]);
    assert_eq!([verdict(1, 20), verdict(1, 30)], [Some(Verdict::Loop); 2], "its children follow it");
    let told = |who: usize, kind: fn(&Notice) -> bool| {
        group.daemons[who].notices.iter().filter(|(_, n)| kind(n)).count()
    };
    assert_eq!(told(1, |n| matches!(n, Notice::OrphanParent { stratum: 10 })), 1);
    assert_eq!(told(0, |n| matches!(n, Notice::OrphanChild { .. })), 1);
    assert_eq!(told(0, |n| matches!(n, Notice::TooFewSources { .. })), 0);
}

#[test]
fn a_proper_source_is_followed_however_many_orphans_agree() {
    let mut group = group(Some(0));
    group.run_for(LONG);
    check_proper(&group);
    assert!(group.daemons[0].snapshot().system.system_peer.is_some());
    assert!(
        group
            .daemons
            .iter()
            .all(|d| d.notices.iter().all(|(_, n)| !matches!(n, Notice::OrphanParent { .. })))
    );
}

#[test]
fn losing_the_proper_source_makes_orphans_in_time_and_its_return_ends_that_at_once() {
    let mut group = group(Some(0));
    group.run_for(LONG);
    group.proper_for = None;
    group.run_for(20_000.0);
    check_parent(&group, 1, &[0, 2]);
    let drifted = group.daemons[1].host.error();
    assert!(drifted.abs() < 50e-3, "its clock runs on by what it had learned: {drifted}");
    group.proper_for = Some(0);
    for _ in 0..150 {
        group.run_for(1.0);
        assert!(!stratums(&group).contains(&16), "clients are without time: {:?}", stratums(&group));
    }
    check_proper(&group);
}

#[test]
fn a_leap_second_by_the_parents_table_comes_to_all_at_once() {
    // Noon of the day that ended with one.
    let noon = ClockTime::from_unix_secs(1_483_228_800 - 43_200);
    let mut group = Group::at(noon, &THREE, None, 1, |_, _| {});
    let table = LeapTable::parse(include_str!("../../vectors/leap-seconds.list")).unwrap();
    group.tell(1, Event::LeapTable(Some(table)));
    group.run_for(43_100.0);
    check_parent(&group, 1, &[0, 2]);
    let kernels =
        |group: &Group| group.daemons.iter().map(|daemon| daemon.host.announced()).collect::<Vec<_>>();
    assert_eq!(kernels(&group), [Leap::AddSecond; 3]);
    assert!(
        group.daemons[1].host.status().maximum_error > Span::from_secs(15),
        "the parent's is not synchronized"
    );
    let steps: Vec<_> = group.daemons.iter().map(|daemon| daemon.snapshot().system.steps).collect();
    // The parent's clock decides when: it is 3 s late.
    group.run_for(103.0);
    group.leap_second();
    group.run_for(600.0);
    check_parent(&group, 1, &[0, 2]);
    let after: Vec<_> = group.daemons.iter().map(|daemon| daemon.snapshot().system.steps).collect();
    assert_eq!(after, steps);
    assert_eq!(kernels(&group), [Leap::NoWarning, Leap::Unsynchronized, Leap::NoWarning]);
}

#[test]
fn a_proper_source_that_comes_late_moves_all_clocks_to_true_time() {
    let mut group = group(None);
    group.run_for(86_400.0);
    check_parent(&group, 1, &[0, 2]);
    assert!(group.daemons[0].host.error() < -2.9);
    group.proper_for = Some(0);
    group.run_for(300.0);
    check_proper(&group);
}

#[test]
fn a_parent_that_dies_is_replaced_by_the_next_and_nobody_steps() {
    let mut group = group(None);
    group.run_for(2.0 * LONG);
    let steps = |group: &Group, who: usize| group.daemons[who].snapshot().system.steps;
    let before = [0, 2].map(|who| steps(&group, who));
    group.switch(1, false);
    group.run_for(2.0 * LONG);
    check_parent(&group, 2, &[0]);
    assert_eq!([0, 2].map(|who| steps(&group, who)), before);
    group.switch(1, true);
    let error = group.daemons[2].host.error();
    group.run_for(2.0 * LONG);
    check_parent(&group, 1, &[0, 2]);
    let moved = group.daemons[2].host.error() - error;
    assert!(moved.abs() < 0.4, "it learned the group's time before it led: {moved}");
    assert_eq!([0, 2].map(|who| steps(&group, who)), before);
}

#[test]
fn two_parts_keep_a_time_each_and_come_together_when_they_meet() {
    let five = [(50, 1.0), (10, -3.0), (40, 0.5), (20, 5.0), (30, -7.0)];
    let mut group = Group::new(&five, None, 2, |_, _| {});
    for who in [0, 3, 4] {
        group.daemons[who].part = 1;
    }
    group.run_for(LONG);
    check_parent(&group, 1, &[2]);
    check_parent(&group, 3, &[0, 4]);
    assert!(group.spread(0) < 1e-3 && group.spread(1) < 1e-3);
    for daemon in &mut group.daemons {
        daemon.part = 0;
    }
    group.run_for(LONG);
    check_parent(&group, 1, &[0, 2, 3, 4]);
}

#[test]
fn a_parent_whose_clock_is_set_by_hand_takes_all_along() {
    let mut group = group(None);
    group.run_for(LONG);
    group.set_clock(1, Span::from_secs(60));
    group.run_for(600.0);
    check_parent(&group, 1, &[0, 2]);
    assert!((group.daemons[0].host.error() - 57.0).abs() < 1.0, "{}", group.daemons[0].host.error());
}

#[test]
fn who_is_in_no_group_follows_a_parent_like_any_server() {
    let outside = |who: usize, synchronization: &mut ntpd_rs::config::Synchronization| {
        if who == 0 {
            synchronization.orphan_stratum = None;
        }
    };
    let mut group = Group::new(&THREE, None, 1, outside);
    group.run_for(LONG);
    let system = group.daemons[0].snapshot().system;
    assert_eq!((system.state, system.stratum), (SyncState::Synchronized, 11));
    assert_eq!(states(&group)[1..], [SyncState::OrphanParent, SyncState::OrphanChild]);
    assert!(group.spread(0) < 1e-3, "{}", group.spread(0));
}

#[test]
fn a_server_that_alone_has_the_proper_source_is_followed_by_the_whole_group() {
    let mut group = group(None);
    group.run_for(LONG);
    // Only the last of them gets a way out.
    group.daemons[2].part = 1;
    group.proper_for = Some(1);
    group.run_for(600.0);
    assert_eq!(group.daemons[2].snapshot().system.state, SyncState::Synchronized);
    group.daemons[2].part = 0;
    group.proper_for = None;
    group.run_for(120.0);
    // It has lost it again and says truly how good its time still is: better than none.
    check_proper_within(&group, 5e-3);
    assert_ne!(
        group.daemons[2].snapshot().sources.iter().position(|s| s.address == Some(proper_address())),
        None
    );
}

#[track_caller]
fn check_proper_within(group: &Group, bound: f64) {
    for daemon in &group.daemons {
        let state = daemon.snapshot().system.state;
        let proper = matches!(state, SyncState::Synchronized | SyncState::Holdover);
        assert!(
            proper && daemon.host.error().abs() < bound,
            "{}: {:#?}",
            daemon.host.error(),
            daemon.snapshot()
        );
    }
}
