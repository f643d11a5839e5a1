//! Every verdict, and that selection keeps still.

use super::lab::{LAN, Lab, Site, WAN};
use crate::discipline::State;
use crate::time::{Leap, Poll};
use crate::verdict::{Marks, SourceId, Verdict};

const NONE: Marks = Marks { prefer: false, noselect: false, trust: false, require: false };
const PREFER: Marks = Marks { prefer: true, ..NONE };
const NOSELECT: Marks = Marks { noselect: true, ..NONE };

fn quorum_of(needed: usize) -> Lab {
    Lab::with(0.0, 10.0, |settings| settings.synchronization.minimum_agreeing_sources = needed)
}

#[test]
fn a_source_that_nobody_knows_waits() {
    assert_eq!(Lab::new(0.0, 0.0).verdict(SourceId(7)), Verdict::Waiting);
}

#[test]
fn a_source_waits_until_its_third_measurement() {
    let mut lab = Lab::new(0.0, 0.0);
    let id = lab.add(LAN);
    lab.poll(2, 2.0);
    assert_eq!((lab.verdict(id), lab.system().state), (Verdict::Waiting, State::Waiting));
    lab.poll(1, 2.0);
    assert_eq!((lab.verdict(id), lab.system().state), (Verdict::SystemPeer, State::Synchronized));
}

#[test]
fn of_sources_that_agree_one_is_the_system_peer() {
    let mut lab = quorum_of(3);
    let ids = [lab.add(WAN), lab.add(Site { delay: 0.01, ..WAN }), lab.add(WAN)];
    lab.settle();
    assert_eq!(
        ids.map(|id| lab.verdict(id)),
        [Verdict::Truechimer, Verdict::SystemPeer, Verdict::Truechimer]
    );
    assert_eq!((lab.system().peer, lab.system().agreeing), (Some(ids[1]), 3));
}

#[test]
fn one_wrong_source_among_four_is_a_falseticker_and_moves_nothing() {
    for wrong in [0.3, -0.3] {
        let mut lab = quorum_of(3);
        let ids = [lab.add(LAN), lab.add(LAN.wrong_by(wrong)), lab.add(LAN), lab.add(LAN)];
        lab.settle();
        assert_eq!(lab.verdict(ids[1]), Verdict::Falseticker);
        assert_eq!(lab.system().agreeing, 3);
        assert!(lab.error().abs() < 50e-6, "{}", lab.error());
    }
}

#[test]
fn two_different_liars_among_five_are_falsetickers() {
    let mut lab = quorum_of(3);
    let ids = [0.0, 0.0, 0.0, 0.1, -0.035].map(|error| lab.add(WAN.wrong_by(error)));
    lab.settle();
    assert_eq!([ids[3], ids[4]].map(|id| lab.verdict(id)), [Verdict::Falseticker; 2]);
    assert!(lab.error().abs() < 1e-3, "{}", lab.error());
}

#[test]
fn fewer_agreeing_sources_than_needed_are_no_quorum_and_the_clock_is_not_touched() {
    let mut lab = quorum_of(3);
    let ids = [lab.add(LAN), lab.add(LAN)];
    lab.settle();
    assert_eq!(ids.map(|id| lab.verdict(id)), [Verdict::NoQuorum; 2]);
    assert_eq!((lab.system().state, lab.system().leap), (State::NoQuorum, Leap::Unsynchronized));
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
}

#[test]
fn of_two_that_disagree_nobody_can_say_which_is_right() {
    let mut lab = quorum_of(1);
    let ids = [lab.add(LAN), lab.add(LAN.wrong_by(0.5))];
    lab.settle();
    assert_eq!(ids.map(|id| lab.verdict(id)), [Verdict::NoQuorum; 2]);
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
}

#[test]
fn a_source_that_does_not_answer_is_unreachable_until_it_does() {
    let mut lab = quorum_of(1);
    let id = lab.add(LAN);
    lab.settle();
    lab.discipline.set_reachable(id, false, false);
    lab.update();
    assert_eq!((lab.verdict(id), lab.system().state), (Verdict::Unreachable, State::Holdover));
    lab.exchange(id);
    assert_eq!((lab.verdict(id), lab.system().state), (Verdict::SystemPeer, State::Synchronized));
}

#[test]
fn a_source_that_told_us_to_stop_is_demobilized() {
    let mut lab = quorum_of(1);
    let id = lab.add(LAN);
    lab.settle();
    lab.discipline.set_reachable(id, false, true);
    lab.update();
    assert_eq!(lab.verdict(id), Verdict::Demobilized);
}

#[test]
fn a_server_without_time_is_unsynchronized() {
    let bad =
        [Site { leap: Leap::Unsynchronized, ..LAN }, Site { stratum: 16, ..LAN }, Site { stratum: 0, ..LAN }];
    for site in bad {
        let mut lab = quorum_of(1);
        let id = lab.add(site);
        lab.settle();
        assert_eq!(lab.verdict(id), Verdict::Unsynchronized);
        assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
    }
}

#[test]
fn a_source_far_from_the_primary_one_is_too_distant() {
    let mut lab = quorum_of(1);
    let id = lab.add(Site { root_dispersion: 2.0, ..LAN });
    lab.settle();
    assert_eq!(lab.verdict(id), Verdict::TooDistant);
}

#[test]
fn dispersion_that_is_to_be_ignored_is() {
    let mut lab = Lab::with(0.0, 0.0, |settings| settings.algorithm.ignore_server_dispersion = true);
    let id = lab.add(Site { root_dispersion: 2.0, ..LAN });
    lab.settle();
    assert_eq!(lab.verdict(id), Verdict::SystemPeer);
}

#[test]
fn a_source_less_certain_than_maximum_source_uncertainty_is_too_distant() {
    let mut lab = Lab::with(0.0, 0.0, |settings| settings.algorithm.maximum_source_uncertainty = 1e-6);
    let id = lab.add(WAN);
    lab.settle();
    assert_eq!(lab.verdict(id), Verdict::TooDistant);
}

#[test]
fn a_noselect_source_is_measured_and_never_used() {
    let mut lab = quorum_of(1);
    let good = lab.add(LAN);
    let watched = lab.add_as(LAN.wrong_by(0.2), NOSELECT);
    lab.settle();
    assert_eq!((lab.verdict(good), lab.verdict(watched)), (Verdict::SystemPeer, Verdict::NotSelectable));
    let estimate = lab.discipline.estimate(watched, Poll::new(6), lab.now()).unwrap();
    assert!((estimate.offset.seconds() - 0.2).abs() < 1e-4, "{estimate:?}");
    assert!(lab.error().abs() < 1e-4);
}

#[test]
fn beside_a_preferred_source_the_others_only_vote() {
    let mut lab = quorum_of(3);
    let ids = [lab.add(WAN), lab.add_as(WAN.wrong_by(2e-3), PREFER), lab.add(WAN)];
    lab.settle();
    assert_eq!(ids.map(|id| lab.verdict(id)), [Verdict::Outlier, Verdict::SystemPeer, Verdict::Outlier]);
    assert!((lab.error() - 2e-3).abs() < 0.5e-3, "{}", lab.error());
}

#[test]
fn a_preferred_falseticker_is_no_help() {
    let mut lab = quorum_of(3);
    let ids = [lab.add(WAN), lab.add_as(WAN.wrong_by(1.0), PREFER), lab.add(WAN), lab.add(WAN)];
    lab.settle();
    assert_eq!(lab.verdict(ids[1]), Verdict::Falseticker);
    assert!(lab.error().abs() < 1e-3, "{}", lab.error());
}

#[test]
fn a_distant_source_beside_a_near_one_is_an_outlier() {
    let mut lab = quorum_of(1);
    let (near, far) = (lab.add(LAN), lab.add(Site { delay: 0.2, jitter: 5e-3, ..LAN }));
    lab.settle();
    assert_eq!((lab.verdict(near), lab.verdict(far)), (Verdict::SystemPeer, Verdict::Outlier));
}

#[test]
fn a_source_at_the_edge_of_agreement_does_not_flap() {
    let mut lab = quorum_of(3);
    lab.add(LAN);
    lab.add(LAN);
    let third = lab.add(LAN);
    lab.add(LAN);
    lab.settle();
    let mut changes = 0;
    let mut last = lab.verdict(third);
    for round in 0..200 {
        // Two of these bounds meet at 200 µs; this swings around there by a tenth of them.
        lab.site(third).error = 200e-6 + if round % 2 == 0 { 10e-6 } else { -10e-6 };
        lab.poll(1, 64.0);
        changes += usize::from(lab.verdict(third) != last);
        last = lab.verdict(third);
    }
    assert!(changes <= 3, "{changes} changes");
}

#[test]
fn the_system_peer_does_not_change_among_equals() {
    let mut lab = quorum_of(1);
    for _ in 0..4 {
        lab.add(WAN);
    }
    lab.settle();
    let first = lab.system().peer;
    for _ in 0..50 {
        lab.poll(1, 64.0);
        assert_eq!(lab.system().peer, first);
    }
}

#[test]
fn a_majority_that_steps_together_is_followed() {
    let mut lab = quorum_of(3);
    let ids = [0; 4].map(|_| lab.add(LAN));
    lab.settle();
    for id in ids {
        lab.site(id).error = 0.2;
    }
    lab.poll(8, 64.0);
    assert!((lab.error() - 0.2).abs() < 1e-3, "{}", lab.error());
}

#[test]
fn a_source_that_is_removed_is_forgotten() {
    let mut lab = quorum_of(1);
    let id = lab.add(LAN);
    lab.settle();
    lab.discipline.remove(id);
    lab.update();
    assert_eq!((lab.verdict(id), lab.system().state), (Verdict::Waiting, State::Holdover));
    assert!(lab.discipline.estimate(id, Poll::new(6), lab.now()).is_none());
}
