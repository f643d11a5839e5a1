//! How the clock moves: bounded, without ringing, and no more than is worth it.

use super::lab::{LAN, Lab, Site, WAN};
use crate::discipline::Decision;
use crate::time::{Adjustment, Frequency};

#[test]
fn the_rate_never_passes_its_limit_even_in_a_slew() {
    for (crystal, jump) in [(-480.0, -8e-3), (480.0, 8e-3), (-480.0, 8e-3)] {
        let mut lab = Lab::new(0.0, crystal);
        lab.add(LAN);
        lab.poll(60, 64.0);
        lab.jump(jump);
        lab.poll(60, 64.0);
        let largest = lab.frequencies().iter().map(|f| f.ppm().abs()).fold(0.0, f64::max);
        assert!(largest <= 495.001, "{largest}");
        assert!(lab.error().abs() < 1e-4, "{crystal} {jump} {}", lab.error());
    }
}

#[test]
fn an_oscillator_beyond_the_limit_is_corrected_as_far_as_allowed() {
    let mut lab = Lab::with(0.0, 20.0, |settings| settings.algorithm.maximum_frequency_steer = 10e-6);
    lab.add(LAN);
    lab.settle();
    assert!(lab.frequencies().iter().all(|frequency| frequency.ppm().abs() <= 10.001));
}

#[test]
fn a_slew_is_monotonic_and_ends_in_time() {
    let mut lab = Lab::new(0.0, 15.0);
    lab.add(LAN);
    lab.settle();
    lab.jump(-0.008);
    lab.poll(4, 2.0);
    let mut last = lab.error();
    let mut seconds = 0;
    while lab.system().slew_remaining.is_some() {
        lab.pass(1.0);
        assert!(lab.error() > last - 1e-7 && lab.error() < 20e-6, "{last} {}", lab.error());
        last = lab.error();
        seconds += 1;
        assert!(seconds < 60);
    }
    assert!(last.abs() < 20e-6, "{last}");
}

#[test]
fn corrections_do_not_ring() {
    for jump in [0.009, -0.009] {
        let mut lab = Lab::new(0.0, 15.0);
        lab.add(LAN);
        lab.settle();
        lab.jump(jump);
        lab.poll(4, 2.0);
        let mut opposite: f64 = 0.0;
        for _ in 0..2000 {
            lab.pass(1.0);
            opposite = opposite.max(-lab.error() * jump.signum());
        }
        assert!(opposite < 0.01 * jump.abs(), "overshoots by {opposite}");
    }
}

#[test]
fn a_frequency_step_is_followed_without_ringing() {
    let mut lab = Lab::new(0.0, 15.0);
    lab.add(LAN);
    lab.poll(100, 64.0);
    lab.crystal += 2e-6;
    let mut worst: f64 = 0.0;
    for _ in 0..30 {
        lab.poll(1, 64.0);
        worst = worst.max(lab.error().abs());
    }
    assert!(worst < 600e-6, "{worst}");
    assert!(lab.error().abs() < 30e-6, "{}", lab.error());
}

#[test]
fn a_steady_clock_is_left_alone() {
    let mut lab = Lab::new(0.0, 15.0);
    lab.add(Site { jitter: 20e-6, ..LAN });
    lab.poll(200, 64.0);
    lab.decisions.clear();
    lab.poll(100, 64.0);
    assert!(lab.frequencies().len() < 120, "{} writes in 100 polls", lab.frequencies().len());
    // And without a measurement, nothing at all once the slew is over.
    lab.pass(20.0);
    lab.decisions.clear();
    lab.pass(1000.0);
    assert!(lab.frequencies().is_empty(), "{:?}", lab.frequencies());
}

#[test]
fn every_rate_is_one_that_the_kernel_can_have() {
    let mut lab = Lab::new(0.02, 33.3);
    lab.add(WAN);
    lab.settle();
    assert!(!lab.frequencies().is_empty());
    for frequency in lab.frequencies() {
        let nearest = Frequency::from_kernel(frequency.to_kernel());
        assert!((frequency - nearest).ratio().abs() < 1e-18, "{frequency:?}");
    }
}

#[test]
fn the_frequency_is_found_and_kept_for_the_next_start() {
    let mut lab = Lab::new(0.1, 42.0);
    lab.add(WAN);
    lab.poll(6, 2.0);
    assert!(lab.discipline.drift().is_none(), "twelve seconds say nothing about it");
    lab.poll(100, 64.0);
    let drift = lab.discipline.drift().unwrap();
    assert!((drift.frequency.ppm() + 42.0).abs() < 0.2, "{drift:?}");

    let mut again = Lab::with_all(0.0, 42.0, Some(drift), true, |_| {});
    again.update();
    assert_eq!(again.decisions, [Decision::Adjust(Adjustment::Frequency(again.kernel_frequency()))]);
    again.add(WAN);
    again.pass(1000.0);
    assert!(again.error().abs() < 1e-3, "the clock keeps time before the first answer");
    again.poll(6, 2.0);
    again.pass(1000.0);
    assert!(again.error().abs() < 2e-3, "{}", again.error());
}

#[test]
fn a_slew_in_progress_ends_when_somebody_sets_the_clock() {
    let mut lab = Lab::with(0.3, 10.0, |settings| settings.synchronization.step_limit = Some(1));
    lab.add(LAN);
    lab.settle();
    lab.jump(0.5);
    lab.poll(4, 2.0);
    assert!(lab.system().slew_remaining.is_some());
    lab.discipline.restart(lab.now());
    lab.update();
    assert!(lab.system().slew_remaining.is_none());
    assert!((lab.kernel_frequency().ppm() + 10.0).abs() < 5.0, "{:?}", lab.kernel_frequency());
}

#[test]
fn one_wild_measurement_is_a_surprise_and_moves_nothing() {
    let mut lab = Lab::new(0.0, 10.0);
    let id = lab.add(LAN);
    lab.settle();
    lab.decisions.clear();
    let before = lab.error();
    lab.site(id).error = 0.5;
    assert!(lab.exchange(id));
    lab.site(id).error = 0.0;
    lab.pass(64.0);
    assert!(!lab.exchange(id));
    assert!((lab.error() - before).abs() < 50e-6 && lab.steps().is_empty());
}

#[test]
fn the_last_correction_is_told_and_there_is_none_without_control() {
    let mut lab = Lab::with_all(0.25, 15.0, None, true, |_| {});
    lab.add(LAN);
    assert_eq!(lab.system().last_correction, None);
    lab.settle();
    lab.jump(0.008);
    lab.poll(4, 2.0);
    lab.pass(100.0);
    let (at, offset) = lab.system().last_correction.unwrap();
    assert!(lab.now().mono - at >= crate::time::Span::from_secs(100), "{at:?}");
    assert!(offset.seconds().abs() < 0.009, "{offset:?}");
    let mut measured = Lab::with_all(0.25, 15.0, None, false, |_| {});
    measured.add(LAN);
    measured.settle();
    assert_eq!(measured.system().last_correction, None);
}
