//! Sources that are marked `trust` or `require`: whose word counts, and without whom there is no time.

use super::lab::{LAN, Lab};
use crate::discipline::State;
use crate::time::Leap;
use crate::verdict::{Marks, SourceId, Verdict};

const NONE: Marks = Marks { prefer: false, noselect: false, trust: false, require: false };
const TRUST: Marks = Marks { trust: true, ..NONE };
const REQUIRE: Marks = Marks { require: true, ..NONE };

fn quorum_of(needed: usize) -> Lab {
    Lab::with(0.0, 10.0, |settings| settings.synchronization.minimum_agreeing_sources = needed)
}

#[test]
fn a_trusted_pair_goes_before_a_majority_that_disagrees() {
    let mut lab = quorum_of(2);
    let trusted = [0; 2].map(|_| lab.add_as(LAN, TRUST));
    let others = [0; 3].map(|_| lab.add(LAN.wrong_by(0.3)));
    lab.settle();
    assert!(trusted.iter().all(|id| lab.verdict(*id).is_used()), "{trusted:?}");
    assert_eq!(others.map(|id| lab.verdict(id)), [Verdict::Falseticker; 3]);
    assert!(lab.error().abs() < 50e-6, "{}", lab.error());
}

#[test]
fn without_the_mark_the_same_majority_is_followed() {
    let mut lab = quorum_of(2);
    let pair = [0; 2].map(|_| lab.add(LAN));
    let majority = [0; 3].map(|_| lab.add(LAN.wrong_by(0.3)));
    lab.settle();
    assert_eq!(pair.map(|id| lab.verdict(id)), [Verdict::Falseticker; 2]);
    assert!(majority.iter().all(|id| lab.verdict(*id).is_used()));
    assert!((lab.error() - 0.3).abs() < 50e-6, "{}", lab.error());
}

#[test]
fn trusted_sources_that_contradict_each_other_leave_nobody_to_follow() {
    let mut lab = quorum_of(1);
    for error in [0.0, 0.3] {
        lab.add_as(LAN.wrong_by(error), TRUST);
    }
    lab.add(LAN);
    lab.settle();
    assert_eq!(lab.system().state, State::NoQuorum);
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
}

#[test]
fn the_word_of_one_that_is_trusted_counts_only_while_it_answers() {
    let mut lab = quorum_of(1);
    let trusted = lab.add_as(LAN, TRUST);
    let others = [0; 3].map(|_| lab.add(LAN.wrong_by(0.3)));
    lab.settle();
    assert!(lab.error().abs() < 50e-6, "{}", lab.error());
    lab.discipline.set_reachable(trusted, false, false);
    lab.poll_only(&others, 20, 64.0);
    assert!(others.iter().all(|id| lab.verdict(*id).is_used()));
    assert!((lab.error() - 0.3).abs() < 1e-3, "{}", lab.error());
}

/// Two sources that agree, and one that is required and has this error.
fn with_required(error: f64) -> (Lab, [SourceId; 2], SourceId) {
    let mut lab = quorum_of(2);
    let others = [0; 2].map(|_| lab.add(LAN));
    let required = lab.add_as(LAN.wrong_by(error), REQUIRE);
    lab.discipline.set_required(true);
    (lab, others, required)
}

#[test]
fn there_is_no_time_until_a_required_source_agrees() {
    let (mut lab, others, _) = with_required(0.0);
    lab.poll_only(&others, 10, 2.0);
    assert_eq!(others.map(|id| lab.verdict(id)), [Verdict::NoRequired; 2]);
    assert_eq!((lab.system().state, lab.system().leap), (State::NoQuorum, Leap::Unsynchronized));
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
    lab.settle();
    assert_eq!(lab.system().state, State::Synchronized);
}

#[test]
fn a_required_source_that_disagrees_is_as_good_as_none() {
    let (mut lab, others, required) = with_required(0.3);
    lab.settle();
    assert_eq!(lab.verdict(required), Verdict::Falseticker);
    assert_eq!(others.map(|id| lab.verdict(id)), [Verdict::NoRequired; 2]);
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
}

#[test]
fn a_required_source_that_is_lost_leaves_the_clock_to_itself_until_nothing_is_required() {
    let (mut lab, others, required) = with_required(0.0);
    lab.settle();
    lab.discipline.set_reachable(required, false, false);
    lab.poll_only(&others, 2, 64.0);
    assert_eq!(lab.system().state, State::Holdover);
    assert_eq!(others.map(|id| lab.verdict(id)), [Verdict::NoRequired; 2]);
    lab.discipline.set_required(false);
    lab.update();
    assert_eq!(lab.system().state, State::Synchronized);
}
