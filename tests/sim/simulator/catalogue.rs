//! The accuracy table's scenarios, by name. Their reference figures are in `reference`.

use super::link::Jitter;
use super::link::Jitter::{Bloat, Bursty, Exponential, Gamma, Gaussian, Heavy};
use super::oscillator::OscillatorSpec;
use super::scenario::{Disturbance, Scenario, SiteSpec};
use ntpd_rs::config::PollLimits;
use ntpd_rs::time::{Poll, Span};

const MILLI: f64 = 1e-3;
const MICRO: f64 = 1e-6;

/// Every scenario: those with reference figures first, and those without golden figures last.
pub(crate) fn every() -> Vec<Scenario> {
    let mut every = all();
    every.extend(extra());
    every
}

/// Those with golden figures.
pub(crate) fn all() -> Vec<Scenario> {
    let mut all = near();
    all.extend(internet());
    all.extend(events());
    all.extend(laws());
    all.extend(additional());
    all
}

/// The scenario of this name.
pub(crate) fn find(name: &str) -> Option<Scenario> {
    every().into_iter().find(|scenario| scenario.name == name)
}

fn one(name: &'static str, base: f64, jitter: Jitter) -> Scenario {
    Scenario::new(name, vec![SiteSpec::new(base, jitter)])
}

fn inet1(name: &'static str) -> Scenario {
    one(name, 10.0 * MILLI, Exponential(MILLI))
}

fn lan(name: &'static str) -> Scenario {
    one(name, 100.0 * MICRO, Exponential(20.0 * MICRO))
}

fn near() -> Vec<Scenario> {
    let four = vec![SiteSpec::new(100.0 * MICRO, Exponential(50.0 * MICRO)); 4];
    vec![lan("lan"), lan("lan_w8").wandering(1e-8), Scenario::new("lan4", four)]
}

fn internet() -> Vec<Scenario> {
    let sites = |bases: &[f64]| -> Vec<SiteSpec> {
        bases.iter().map(|base| SiteSpec::new(base * MILLI, Exponential(MILLI))).collect()
    };
    let mut asymjit = inet1("asymjit");
    for site in &mut asymjit.servers {
        site.up.jitter = Exponential(0.1 * MILLI);
        site.down.jitter = Exponential(2.0 * MILLI);
    }
    let skews = [2.0, -1.0, 0.5, -3.0];
    let skewed = |skew: f64| SiteSpec::new(10.0 * MILLI, Exponential(0.5 * MILLI)).skewed(skew * MILLI);
    let errors = [0.0, 0.0, 0.0, 0.1, -0.035];
    let with_liars = sites(&[5.0, 10.0, 15.0, 10.0, 8.0]).into_iter().zip(errors);
    vec![
        inet1("inet1"),
        inet1("inet1_w8").wandering(1e-8),
        inet1("inet1_w10").wandering(1e-10),
        Scenario::new("inet4", sites(&[5.0, 10.0, 15.0, 25.0])),
        one("wifi", 2.0 * MILLI, Heavy(MILLI)),
        asymjit,
        Scenario::new("asymstat4", skews.into_iter().map(skewed).collect()),
        Scenario::new("false5", with_liars.map(|(site, error)| site.wrong_by(error)).collect()),
    ]
}

fn events() -> Vec<Scenario> {
    let mut loss30 = inet1("loss30");
    loss30.servers = loss30.servers.into_iter().map(|site| site.lossy(0.3)).collect();
    let mut hvac = one("hvac", MILLI, Exponential(0.2 * MILLI)).wandering(1e-10);
    hvac.oscillator.sine = Some((0.1e-6, 3600.0));
    let mut cold = inet1("cold");
    cold.error = Span::from_millis(500);
    cold.oscillator.frequency = 100e-6;
    let step50 = inet1("step50").disturbed(20_000.0, Disturbance::Shift(Span::from_millis(50)));
    let mut fstep1 = inet1("fstep1");
    fstep1.oscillator.step = Some((1e-6, 20_000));
    vec![loss30, hvac, cold, step50, fstep1]
}

/// `inet1` and `lan` with delays that have another law: an algorithm that lives on the sharp edge of the exponential loses here.
fn laws() -> Vec<Scenario> {
    let bursty = Bursty { idle: 0.2 * MILLI, depth: 5.0 * MILLI, quiet_seconds: 600.0, busy_seconds: 300.0 };
    vec![
        one("gauss", 10.0 * MILLI, Gaussian(MILLI)),
        one("gauss_lan", 100.0 * MICRO, Gaussian(20.0 * MICRO)),
        one("gamma", 10.0 * MILLI, Gamma(4, 2.0 * MILLI)),
        one("bursty", 10.0 * MILLI, bursty),
    ]
}

/// Without reference figures.
fn additional() -> Vec<Scenario> {
    let mut holdout = inet1("holdout");
    holdout.servers = holdout.servers.into_iter().map(|site| site.cut(10_000.0, 20_000.0)).collect();
    let mut route = inet1("dst-route");
    for site in &mut route.servers {
        site.down.route.push((20_000.0, 5.0 * MILLI));
    }
    let mut tcxo = inet1("tcxo").wandering(1e-11);
    tcxo.oscillator.white = 1e-10;
    let mut laptop = one("laptop", 2.0 * MILLI, Heavy(MILLI));
    laptop.oscillator = OscillatorSpec { wander: 3e-9, white: 3e-9, ..OscillatorSpec::default() };
    // Ten minutes of every hour without a network.
    for hour in 1..12 {
        let from = f64::from(hour) * 3600.0 - 600.0;
        laptop.servers = laptop.servers.into_iter().map(|site| site.cut(from, from + 600.0)).collect();
    }
    vec![holdout, route, tcxo, laptop]
}

/// Harder, or longer to run: for the bench alone.
fn extra() -> Vec<Scenario> {
    let bloat = Bloat {
        idle: 0.5 * MILLI,
        depth: 50.0 * MILLI,
        quiet_seconds: 300.0,
        busy_seconds: 30.0,
        memory: 5.0,
    };
    let mut sine = one("sine", MILLI, Exponential(0.2 * MILLI)).wandering(1e-10);
    sine.oscillator.sine = Some((1e-6, 3600.0));
    // Ten minutes of every hour asleep; a cheap clock on the board keeps the time meanwhile.
    let mut sleep = one("sleep", 2.0 * MILLI, Heavy(MILLI));
    for hour in 1..12_i32 {
        let error = Span::from_millis(if hour % 2 == 0 { 30 } else { -20 });
        sleep = sleep.disturbed(f64::from(hour) * 3600.0 - 600.0, Disturbance::Sleep(600.0, error));
    }
    let mut lan1s = one("lan1s", 100.0 * MICRO, Exponential(10.0 * MICRO));
    let second = Poll::new(0);
    lan1s.poll = Some(PollLimits { min: second, max: second, initial: second });
    vec![
        one("gamma2", 10.0 * MILLI, Gamma(2, 2.0 * MILLI)),
        one("bloat", 10.0 * MILLI, bloat),
        sine,
        sleep,
        lan("lan_w7").wandering(1e-7),
        inet1("inet1_w7").wandering(1e-7),
        lan1s,
    ]
}
