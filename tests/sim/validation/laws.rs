//! Oscillator, noise and links against their closed forms.

use crate::simulator::host::Host;
use crate::simulator::link::{Jitter, Link, LinkSpec};
use crate::simulator::oscillator::{Oscillator, OscillatorSpec};
use crate::simulator::random::Stream;
use crate::simulator::recorder::Recorder;
use ntpd_rs::time::{Adjustment, ClockTime, Frequency, Span};

fn free_run(spec: OscillatorSpec, seed: u64, end: f64) -> Host {
    let oscillator = Oscillator::new(spec, Stream::new(seed, "oscillator"));
    let mut host = Host::new(ClockTime::from_unix_secs(1_800_000_000), Span::ZERO, oscillator);
    host.advance(end);
    host
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[track_caller]
fn check_near(what: &str, value: f64, expected: f64, share: f64) {
    assert!(
        (value / expected - 1.0).abs() < share,
        "{what}: {value:e}, expected {expected:e} within {share}"
    );
}

#[test]
fn a_clock_left_alone_strays_as_the_closed_form_says() {
    let t = 1000.0_f64;
    let spec = OscillatorSpec { wander: 1e-9, white: 3e-8, ..OscillatorSpec::default() };
    let errors: Vec<f64> = (0..2000).map(|seed| free_run(spec, seed, t).error()).collect();
    let (mean, deviation) = moments(&errors);
    let expected = (spec.wander.powi(2) * t.powi(3) / 3.0 + spec.white.powi(2) * t).sqrt();
    // 2000 runs know a standard deviation to 1.6 %, and the mean to that deviation over √2000.
    check_near("deviation", deviation, expected, 0.05);
    assert!((mean - spec.frequency * t).abs() < 4.0 * expected / 2000_f64.sqrt(), "mean {mean:e}");
}

#[test]
fn temperature_moves_the_clock_by_the_integral_of_its_sine() {
    let spec = OscillatorSpec {
        wander: 0.0,
        frequency: 0.0,
        sine: Some((1e-7, 3600.0)),
        ..OscillatorSpec::default()
    };
    // Over half a period: 2 · amplitude · period / 2π.
    check_near(
        "half a period",
        free_run(spec, 1, 1800.0).error(),
        1e-7 * 3600.0 / std::f64::consts::PI,
        0.001,
    );
    assert!(free_run(spec, 1, 3600.0).error().abs() < 1e-6);
}

#[test]
fn the_kernel_keeps_frequencies_in_its_own_unit_and_within_500_ppm() {
    let mut host =
        free_run(OscillatorSpec { frequency: 0.0, wander: 0.0, ..OscillatorSpec::default() }, 1, 10.0);
    for (wanted, kept) in [(1.0 / 65536.0 * 0.4, 0.0), (1.0 / 65536.0 * 0.6, 1.0 / 65536.0), (700.0, 500.0)] {
        let applied = host.apply(Adjustment::Frequency(Frequency::from_ppm(wanted)));
        assert_eq!(applied.adjustment, Adjustment::Frequency(Frequency::from_ppm(kept)));
    }
    let before = host.error();
    host.advance(20.0);
    check_near("ten seconds at 500 ppm", host.error() - before, 5e-3, 1e-9);
}

#[test]
fn steps_move_the_clock_and_not_the_monotonic_clock() {
    let mut host = free_run(OscillatorSpec::default(), 1, 10.5);
    let before = host.now();
    host.apply(Adjustment::Step(Span::from_secs(-1_000_000_000)));
    let after = host.now();
    assert_eq!(after.clock - before.clock, Span::from_secs(-1_000_000_000));
    assert_eq!(after.mono, before.mono);
}

#[test]
fn a_timer_is_due_when_the_monotonic_clock_says_so() {
    let mut host = free_run(OscillatorSpec { frequency: 300e-6, ..OscillatorSpec::default() }, 1, 10.0);
    let due = host.now().mono + Span::from_millis(900);
    host.advance(host.when(due));
    assert_eq!(host.now().mono, due);
    check_near("true time", host.t() - 10.0, 0.9 / 1.0003, 1e-7);
}

#[test]
fn every_law_of_jitter_has_its_mean_and_deviation() {
    let bursty = Jitter::Bursty { idle: 1e-4, depth: 5e-3, quiet_seconds: 600.0, busy_seconds: 300.0 };
    for (jitter, mean) in [
        (Jitter::Exponential(1e-3), 1e-3),
        (Jitter::Heavy(1e-3), 1e-3),
        (Jitter::Gaussian(1e-3), 0.0),
        (Jitter::Gamma(4, 2e-3), 2e-3),
        (Jitter::Gamma(2, 2e-3), 2e-3),
        (bursty, 1e-4 + 1.25e-3),
    ] {
        let deviation = jitter.variance().sqrt();
        let mut link = Link::new(LinkSpec::new(0.01, jitter), 7, "0 up");
        let delays: Vec<f64> = (0..200_000).map(|k| link.carry(f64::from(k) * 64.0).unwrap()).collect();
        let (m, d) = moments(&delays);
        assert!((m - 0.01 - mean).abs() < 0.05 * deviation, "{jitter:?}: mean {m:e}");
        check_near(&format!("{jitter:?}"), d, deviation, 0.05);
    }
}

#[test]
fn a_queue_is_there_however_often_one_asks() {
    let jitter = Jitter::Bursty { idle: 0.0, depth: 1.0, quiet_seconds: 100.0, busy_seconds: 100.0 };
    let queued = |interval: f64| -> Vec<bool> {
        let mut link = Link::new(LinkSpec::new(0.0, jitter), 3, "0 up");
        let mut seen = Vec::new();
        for k in 0..10_000 {
            let t = f64::from(k);
            if k % 64 == 0 {
                seen.push(link.carry(t).unwrap() > 0.0);
            } else if t % interval == 0.0 {
                link.carry(t);
            }
        }
        seen
    };
    assert_eq!(queued(64.0), queued(1.0));
    assert!(queued(64.0).contains(&true) && queued(64.0).contains(&false));
}

#[test]
fn a_full_buffer_fills_and_empties_in_seconds() {
    let jitter =
        Jitter::Bloat { idle: 0.0, depth: 50e-3, quiet_seconds: 300.0, busy_seconds: 30.0, memory: 5.0 };
    let mut link = Link::new(LinkSpec::new(0.0, jitter), 3, "0 up");
    let delays: Vec<f64> = (0..400_000).map(|k| link.carry(f64::from(k)).unwrap()).collect();
    let (deepest, step) = delays.windows(2).fold((0.0_f64, 0.0_f64), |(deepest, step), pair| {
        (deepest.max(pair[1]), step.max((pair[1] - pair[0]).abs()))
    });
    assert!((45e-3..=50e-3).contains(&deepest), "{deepest}");
    assert!(step < 50e-3 * (1.0 - (-0.2_f64).exp()) * 1.001, "{step}");
    // Three quarters of the depth on average, for a busy eleventh of the time.
    check_near("mean", moments(&delays).0, 0.75 * 50e-3 / 11.0, 0.1);
}

#[test]
fn loss_and_outages_take_their_share() {
    let mut spec = LinkSpec::new(0.01, Jitter::Exponential(1e-3));
    spec.loss = 0.3;
    spec.outages.push((100.0, 200.0));
    let mut link = Link::new(spec, 1, "0 down");
    let arrived = (0..100_000).filter(|_| link.carry(50.0).is_some()).count();
    check_near("arrived", arrived as f64, 70_000.0, 0.02);
    assert!((0..100).all(|_| link.carry(199.9).is_none()));
}

#[test]
fn streams_differ_by_name_and_by_seed_and_not_by_run() {
    let first = |seed, name| Stream::new(seed, name).bits();
    assert_eq!(first(1, "0 up"), first(1, "0 up"));
    assert_ne!(first(1, "0 up"), first(1, "0 down"));
    assert_ne!(first(1, "0 up"), first(2, "0 up"));
}

#[test]
fn a_clock_has_settled_when_it_stays_below_the_limit_for_ten_minutes() {
    let mut recorder = Recorder::default();
    for second in 1..=2000 {
        let error = if second < 100 || second == 650 { 2e-3 } else { -5e-4 };
        recorder.sample(error, 0.0);
    }
    assert!((recorder.settles(1e-3, 1) - 651.0).abs() < 0.5);
    assert!((recorder.settles(1e-3, 700) - 700.0).abs() < 0.5);
    assert!(recorder.settles(1e-4, 1).is_infinite());
}
