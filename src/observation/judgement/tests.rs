//! What is right and what is not, and the line that says it.

use super::*;
use crate::snapshot::Snapshot;
use crate::snapshot::example::{later, snapshot};
use crate::time::{Leap, Span};

/// The example's bound is half of 12.3 ms and 800 µs.
fn judged(max_error: Option<f64>, change: impl FnOnce(&mut Snapshot)) -> Judgement {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    State::new(&snapshot, later(&snapshot, 0)).judge(max_error)
}

#[track_caller]
fn check(judgement: Judgement, is_right: bool, line: &str) {
    assert_eq!(judgement, Judgement { is_right, line: line.to_owned() });
}

#[test]
fn a_synchronized_clock_is_right_and_the_line_says_how_well() {
    let line = "synchronized to within 6.95 ms, 3 of 3 sources agree";
    check(judged(None, |_| ()), true, line);
    check(judged(Some(0.007), |_| ()), true, line);
    let one = judged(None, |snapshot| snapshot.system.agreeing_sources = 1);
    check(one, true, "synchronized to within 6.95 ms, 1 of 3 sources agrees");
}

#[test]
fn a_bound_above_the_limit_is_not_good_enough() {
    let line =
        "not good enough: synchronized to within 6.95 ms, and 6.90 ms is the limit, 3 of 3 sources agree";
    check(judged(Some(0.0069), |_| ()), false, line);
}

#[test]
fn the_bound_grows_with_the_age_of_the_last_measurement() {
    let snapshot = snapshot();
    let after = |seconds| State::new(&snapshot, later(&snapshot, seconds)).judge(Some(0.007)).is_right;
    // 15 ppm: another 50 µs are gone after 3.4 s.
    assert_eq!([after(3), after(4)], [true, false]);
}

#[test]
fn a_clock_too_uncertain_for_any_client_is_not_right_even_without_a_limit() {
    let judgement = judged(None, |snapshot| {
        snapshot.system.controls_clock = false;
        snapshot.system.leap = Leap::Unsynchronized;
        snapshot.system.root_dispersion = Span::from_secs(2);
    });
    let line =
        "not synchronized: the clock may be 2.01 s off, 3 of 3 sources agree; measured, not controlled";
    check(judgement, false, line);
}

#[test]
fn a_clock_that_others_keep_right_is_right_and_the_line_says_that_it_is_only_measured() {
    let judgement = judged(Some(0.1), |snapshot| snapshot.system.controls_clock = false);
    check(judgement, true, "synchronized to within 6.95 ms, 3 of 3 sources agree; measured, not controlled");
}

#[test]
fn every_other_state_is_not_right_whatever_the_bound_and_the_line_says_why() {
    let sources = "; sources: waiting 1, falseticker 1, system-peer 1";
    for (state, why) in [
        (
            SyncState::Holdover,
            format!("the sources are lost, and the clock runs on by itself, at most 6.95 ms off{sources}"),
        ),
        (SyncState::Waiting, format!("waiting for measurements{sources}")),
        (SyncState::NoQuorum, format!("3 source(s) agree and 4 must{sources}")),
        (SyncState::TooFewSources, "4 sources must agree, and there are fewer".to_owned()),
        (SyncState::NoSources, "no sources are configured".to_owned()),
        (
            SyncState::OrphanParent,
            "there is no source of time, and this clock is the isolated network's".to_owned(),
        ),
        (
            SyncState::OrphanChild,
            "there is no source of time, and the clock follows the server that the isolated network has elected"
                .to_owned(),
        ),
    ] {
        let judgement = judged(Some(1000.0), |snapshot| {
            snapshot.system.state = state;
            snapshot.system.minimum_agreeing_sources = 4;
        });
        check(judgement, false, &format!("not synchronized: {why}"));
    }
}
