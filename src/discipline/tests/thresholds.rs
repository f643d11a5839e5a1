//! Steps: when they are made, when slewed instead, and when the daemon rather ends. Both directions.

use super::lab::{LAN, Lab, WAN};
use crate::config::StepLimits;
use crate::discipline::{Decision, Settings, State};
use crate::time::Span;

fn limited(error: f64, change: impl FnOnce(&mut Settings)) -> Lab {
    let mut lab = Lab::with(error, 10.0, change);
    lab.add(LAN);
    lab
}

fn both(seconds: i64) -> StepLimits {
    StepLimits { forward: Some(Span::from_secs(seconds)), backward: Some(Span::from_secs(seconds)) }
}

#[test]
fn the_first_correction_may_be_a_step_of_any_size() {
    for error in [-3e8, -40.0, 40.0, 3000.0, -0.004, 0.004] {
        let mut lab = limited(error, |_| {});
        lab.poll(6, 2.0);
        assert_eq!(lab.steps().len(), 1, "{error}");
        assert!((lab.steps()[0].seconds() + error).abs() < 1e-3, "{error} {:?}", lab.steps());
        assert!(lab.error().abs() < 1e-3, "{error} {}", lab.error());
    }
}

#[test]
fn a_first_offset_within_its_own_uncertainty_is_not_stepped() {
    let mut lab = Lab::new(100e-6, 0.0);
    lab.add(WAN);
    lab.poll(6, 2.0);
    assert!(lab.steps().is_empty(), "{:?}", lab.steps());
}

#[test]
fn later_offsets_are_stepped_from_step_threshold_on_and_slewed_below() {
    for (jump, stepped) in [(0.012, true), (-0.012, true), (0.008, false), (-0.008, false)] {
        let mut lab = limited(0.1, |_| {});
        lab.settle();
        lab.jump(jump);
        lab.poll(8, 16.0);
        assert_eq!(lab.steps().len(), 1 + usize::from(stepped), "{jump} {:?}", lab.steps());
        lab.poll(4, 16.0);
        assert!(lab.error().abs() < 1e-4, "{jump} {}", lab.error());
    }
}

#[test]
fn a_first_offset_beyond_the_startup_threshold_panics() {
    let two_days = 2.0 * 86_400.0;
    // Ahead: the clock would go backward, by default at most a day; forward there is no limit.
    for (error, panics) in [(two_days, true), (-two_days, false)] {
        let mut lab = limited(error, |_| {});
        lab.poll(6, 2.0);
        assert_eq!(lab.panic().is_some(), panics, "{error}");
    }
    let mut lab = limited(-20.0, |settings| settings.synchronization.startup_step_panic = both(10));
    lab.poll(6, 2.0);
    assert!(lab.panic().unwrap().contains("startup-step-panic-threshold"));
}

#[test]
fn a_later_offset_beyond_the_single_step_threshold_panics() {
    for jump in [-1100.0, 1100.0] {
        let mut lab = limited(0.1, |_| {});
        lab.settle();
        lab.jump(jump);
        lab.poll(4, 16.0);
        assert!(lab.panic().unwrap().contains("single-step-panic-threshold"), "{jump}");
        assert_eq!(lab.steps().len(), 1, "{:?}", lab.decisions);
    }
}

#[test]
fn directions_have_thresholds_of_their_own() {
    let limits = StepLimits { forward: Some(Span::from_secs(5)), backward: None };
    for (jump, panics) in [(-10.0, true), (10.0, false)] {
        let mut lab = limited(0.0, |settings| settings.synchronization.single_step_panic = limits);
        lab.settle();
        lab.jump(jump);
        lab.poll(4, 16.0);
        assert_eq!(lab.panic().is_some(), panics, "{jump}");
    }
}

#[test]
fn a_panic_comes_alone_and_nothing_is_applied() {
    let mut lab = limited(0.1, |_| {});
    lab.settle();
    lab.jump(2000.0);
    lab.decisions.clear();
    while lab.panic().is_none() {
        lab.decisions.clear();
        lab.poll(1, 2.0);
    }
    let panic = lab.decisions.iter().position(|decision| matches!(decision, Decision::Panic(_))).unwrap();
    assert_eq!(panic, 0, "{:?}", lab.decisions);
    assert!(lab.steps().is_empty() && lab.error() > 1999.0);
}

#[test]
fn many_small_steps_add_up_to_a_panic_and_the_first_is_not_counted() {
    for direction in [1.0, -1.0] {
        let mut lab = limited(direction * 50.0, |settings| {
            settings.synchronization.accumulated_step_panic = Some(Span::from_secs(3));
        });
        lab.settle();
        for _ in 0..2 {
            lab.jump(direction);
            lab.poll(4, 16.0);
        }
        assert!(lab.panic().is_none());
        assert!((lab.system().accumulated_steps.seconds() - 2.0).abs() < 1e-3);
        lab.jump(direction * 1.1);
        lab.poll(4, 16.0);
        assert!(lab.panic().unwrap().contains("accumulated-step-panic-threshold"));
        assert_eq!(lab.system().steps, 3);
    }
}

#[test]
fn beyond_step_limit_offsets_are_slewed_and_it_is_told_how_long() {
    for jump in [0.05, -0.05] {
        let mut lab = limited(0.3, |settings| settings.synchronization.step_limit = Some(1));
        lab.settle();
        assert_eq!(lab.steps().len(), 1);
        lab.jump(jump);
        lab.poll(4, 8.0);
        let told: Vec<&Decision> =
            lab.decisions.iter().filter(|decision| matches!(decision, Decision::Slewing { .. })).collect();
        let [Decision::Slewing { offset, duration }] = told[..] else { panic!("{told:?}") };
        assert!(
            (offset.seconds() + jump).abs() < 1e-3 && (duration.seconds() - 250.0).abs() < 10.0,
            "{told:?}"
        );
        assert!(lab.system().slew_remaining.unwrap() > Span::from_secs(200));
        lab.poll(6, 64.0);
        assert!(lab.error().abs() < 1e-4 && lab.steps().len() == 1, "{}", lab.error());
    }
}

#[test]
fn with_a_step_limit_of_zero_nothing_is_ever_stepped() {
    let mut lab = limited(0.02, |settings| settings.synchronization.step_limit = Some(0));
    lab.settle();
    assert!(lab.steps().is_empty() && lab.error().abs() < 1e-4);
}

#[test]
fn a_forced_step_is_made_whatever_its_size() {
    let mut lab = limited(0.3, |settings| settings.synchronization.step_limit = Some(1));
    lab.settle();
    lab.jump(0.004);
    lab.poll(2, 2.0);
    lab.discipline.force_step();
    lab.poll(4, 2.0);
    assert_eq!(lab.steps().len(), 2, "{:?}", lab.steps());
    assert!(lab.error().abs() < 1e-4, "{}", lab.error());
}

#[test]
fn a_forced_step_still_heeds_the_panic_threshold() {
    let mut lab = limited(0.3, |_| {});
    lab.settle();
    lab.jump(2000.0);
    lab.discipline.force_step();
    lab.poll(4, 2.0);
    assert!(lab.panic().is_some());
}

#[test]
fn a_clock_that_somebody_set_is_right_again_after_a_burst_even_beyond_step_limit() {
    for jump in [3.0, -3.0] {
        let mut lab = limited(0.3, |settings| settings.synchronization.step_limit = Some(1));
        lab.settle();
        let rate = lab.kernel_frequency();
        lab.jump(jump);
        lab.discipline.restart(lab.now());
        assert_eq!(lab.system().state, State::Waiting);
        lab.poll(4, 2.0);
        assert!(lab.error().abs() < 1e-4, "{jump} {}", lab.error());
        assert!((lab.kernel_frequency() - rate).ppm().abs() < 5.0, "the frequency is kept");
    }
}

#[test]
fn without_clock_control_nothing_is_decided_and_the_offset_is_still_true() {
    let mut lab = Lab::with_all(5000.0, 30.0, None, false, |_| {});
    lab.add(LAN);
    lab.settle();
    assert!(lab.decisions.is_empty(), "{:?}", lab.decisions);
    let system = lab.system();
    assert!((system.offset.seconds() + lab.error()).abs() < 1e-4, "{system:?}");
    assert!((system.wanted_frequency.ppm() + 30.0).abs() < 1.0, "{system:?}");
    assert_eq!(system.state, State::Synchronized);
}
