//! Values of the example snapshot: what is told of the clock and of each source.

use super::super::view::example::with_view;
use super::*;
use crate::snapshot::Snapshot;

fn get(name: &str, change: impl FnOnce(&mut Snapshot)) -> Value {
    with_view(change, |view| (OBJECT.interface.property(name).unwrap().get)(view))
}

#[track_caller]
fn check_seconds(name: &str, wanted: f64) {
    let Value::F64(value) = get(name, |_| {}) else { panic!("{name} is no double") };
    assert!((value - wanted).abs() < 1e-12, "{name}: {value}, not {wanted}");
}

#[test]
fn the_clock_is_told_with_what_has_grown_since_the_snapshot() {
    for (name, value) in [
        ("NTPSynchronized", Value::new(true)),
        ("State", Value::new("synchronized")),
        ("TimeUSec", Value::new(1_800_000_010_000_000_u64)),
        ("Stratum", Value::new(2_u32)),
        ("ReferenceId", Value::new("192.0.2.1")),
        ("LeapStatus", Value::new("no-warning")),
        ("AgreeingSources", Value::new(3_u32)),
    ] {
        assert_eq!(get(name, |_| {}), value, "{name}");
    }
    check_seconds("Offset", 12_345e-9);
    check_seconds("EstimatedError", 45_600e-9);
    check_seconds("RootDelay", 12_300e-6);
    check_seconds("RootDispersion", 800e-6 + 10.0 * 15e-6);
    check_seconds("MaximumError", 6_150e-6 + 950e-6);
    check_seconds("Frequency", -12.345);
}

#[test]
fn a_daemon_that_can_steer_and_has_too_few_sources_does_not() {
    let too_few = |snapshot: &mut Snapshot| {
        snapshot.system.state = SyncState::TooFewSources;
        snapshot.system.leap = Leap::Unsynchronized;
    };
    assert_eq!(get("CanNTP", too_few), Value::new(true));
    assert_eq!(get("NTP", too_few), Value::new(false));
    assert_eq!(get("NTPSynchronized", too_few), Value::new(false));
    let measures_only = |snapshot: &mut Snapshot| snapshot.system.controls_clock = false;
    assert_eq!(get("CanNTP", measures_only), Value::new(false));
    assert_eq!(get("NTP", measures_only), Value::new(false));
    assert_eq!(get("NTP", |_| {}), Value::new(true));
}

#[test]
fn every_source_is_a_row_with_its_verdict() {
    let rows: Vec<Row> =
        with_view(|_| {}, |view| view.snapshot.sources.iter().map(|source| row(source, view)).collect());
    let (name, address, origin, verdict, reach, stratum, poll, ..) = &rows[0];
    assert_eq!((name.as_str(), address.as_str()), ("ntp1.example.org:123", "192.0.2.1:123"));
    assert_eq!((origin.as_str(), verdict.as_str()), ("configuration", "system-peer"));
    assert_eq!((*reach, *stratum, *poll), (0o377, 1, 64_000_000));
    let ages: Vec<String> = rows.iter().map(|row| format!("{:.3}", row.11)).collect();
    assert_eq!(ages, ["30.000", "30.000", "-1.000"]);
    assert!(rows[2].12.contains("cannot resolve"), "{}", rows[2].12);
}
