//! Tests of what is remembered of a leap second, with a kernel's clock that steps when it should, late, or not at all.

use super::*;

/// 2017-01-01 00:00 UTC: a second was inserted before it.
const MIDNIGHT: ClockTime = ClockTime::from_unix_secs(1_483_228_800);
const SECOND: Span = Span::from_secs(1);

/// Both clocks when steady time is so long after midnight. The clock has moved by `stepped` against it.
fn now(after_midnight: f64, stepped: f64) -> Now {
    let after = Span::from_seconds(after_midnight);
    Now {
        mono: Mono::from_nanos(0) + Span::from_secs(900_000) + after,
        clock: clock(after_midnight, stepped),
    }
}

fn clock(after_midnight: f64, stepped: f64) -> ClockTime {
    MIDNIGHT + Span::from_seconds(after_midnight + stepped)
}

/// A leap second announced six hours before it, with both clocks read again at these times.
fn followed(leap: Leap, readings: &[(f64, f64)]) -> Option<LeapSecond> {
    let first = LeapSecond::next(None, leap, now(-21_600.0, 0.0));
    readings.iter().fold(first, |known, (after, stepped)| {
        LeapSecond::next(known, Leap::NoWarning, now(*after, *stepped))
    })
}

/// Steady time so long after midnight is found from what the clock shows.
#[track_caller]
fn check_found(known: &LeapSecond, after_midnight: f64, stepped: f64) {
    let now = now(after_midnight, stepped);
    let found = known.steady(now.clock, known.expected(now.mono));
    assert_eq!(found - MIDNIGHT, Span::from_seconds(after_midnight), "{stepped} s");
}

#[test]
fn the_end_of_the_day_of_the_announcement_is_its_place() {
    for hour in [-24.0, -12.5, -1.0] {
        let known = LeapSecond::next(None, Leap::AddSecond, now(hour * 3600.0, 0.0)).unwrap();
        assert_eq!((known.midnight(), known.shift()), (MIDNIGHT, SECOND));
    }
    let known = LeapSecond::next(None, Leap::DeleteSecond, now(-1.5, 0.0)).unwrap();
    assert_eq!((known.midnight(), known.shift()), (MIDNIGHT, -SECOND));
    for silent in [Leap::NoWarning, Leap::Unsynchronized] {
        assert_eq!(LeapSecond::next(None, silent, now(-3600.0, 0.0)), None);
    }
}

#[test]
fn the_second_that_is_shown_twice_is_told_apart() {
    let known = followed(Leap::AddSecond, &[]).unwrap();
    for (after, stepped) in [(-1.0, 0.0), (-0.001, 0.0), (0.0, -1.0), (0.5, -1.0), (0.999, -1.0), (1.0, -1.0)]
    {
        check_found(&known, after, stepped);
        let again = followed(Leap::AddSecond, &[(-600.0, 0.0), (after, stepped)]).unwrap();
        check_found(&again, after, stepped);
    }
}

#[test]
fn the_second_that_is_left_out_is_followed() {
    let known = followed(Leap::DeleteSecond, &[]).unwrap();
    for (after, stepped) in [(-1.001, 0.0), (-1.0, 1.0), (0.0, 1.0), (7200.0, 1.0)] {
        check_found(&known, after, stepped);
        check_found(&followed(Leap::DeleteSecond, &[(after, stepped)]).unwrap(), after, stepped);
    }
}

#[test]
fn a_clock_that_is_stepped_late_is_followed() {
    let known = followed(Leap::AddSecond, &[(-1.0, 0.0), (30.0, 0.0), (200.0, 0.0)]).unwrap();
    check_found(&known, 250.0, 0.0);
    check_found(&known, 251.0, -1.0);
}

#[test]
fn a_correction_of_the_clock_is_none_of_the_leap_second() {
    let known = followed(Leap::AddSecond, &[(-60.0, 0.0)]).unwrap();
    // What is steady is the clock as it is corrected.
    for (before, after) in [((-50.0, 0.4), -49.6), ((60.0, -1.4), 59.6), ((60.0, 20.0), 81.0)] {
        let now = now(before.0, before.1);
        let found = known.steady(now.clock, known.expected(now.mono));
        assert_eq!(found - MIDNIGHT, Span::from_seconds(after));
    }
}

#[test]
fn after_sleep_the_date_decides() {
    let known = followed(Leap::AddSecond, &[(-600.0, 0.0)]).unwrap();
    // The monotonic clock stood still for an hour.
    let asleep = Now { mono: now(-599.0, 0.0).mono, clock: clock(3001.0, -1.0) };
    let known = LeapSecond::next(Some(known), Leap::NoWarning, asleep).unwrap();
    assert_eq!(known.now() - MIDNIGHT, Span::from_secs(3001));
}

#[test]
fn it_is_remembered_until_noon_after_nobody_announces_it_any_more() {
    let readings = [(0.5, -1.0), (3600.0, -1.0), (40_000.0, -1.0), (43_200.9, -1.0)];
    assert!(followed(Leap::AddSecond, &readings).is_some());
    assert_eq!(followed(Leap::AddSecond, &[readings.as_slice(), &[(43_201.0, -1.0)]].concat()), None);
    assert_eq!(followed(Leap::AddSecond, &[(-1.0, 0.0), (90_000.0, -1.0)]), None);
}

#[test]
fn an_announcement_that_is_withdrawn_before_noon_is_forgotten() {
    let known = LeapSecond::next(None, Leap::AddSecond, now(-50_000.0, 0.0));
    assert!(known.is_some());
    assert_eq!(LeapSecond::next(known, Leap::NoWarning, now(-49_000.0, 0.0)), None);
    let other = LeapSecond::next(known, Leap::DeleteSecond, now(-49_000.0, 0.0)).unwrap();
    assert_eq!(other.shift(), -SECOND);
}

#[test]
fn a_majority_that_comes_and_goes_does_not_end_it() {
    let mut known = LeapSecond::next(None, Leap::AddSecond, now(-43_000.0, 0.0));
    for (minute, leap) in
        (1..).zip([Leap::NoWarning, Leap::AddSecond, Leap::Unsynchronized, Leap::DeleteSecond])
    {
        known = LeapSecond::next(known, leap, now(-43_000.0 + 60.0 * f64::from(minute), 0.0));
        assert_eq!(known.map(|known| known.shift()), Some(SECOND));
    }
}

#[test]
fn a_leap_second_that_does_not_come_is_given_up_after_an_hour() {
    assert!(followed(Leap::AddSecond, &[(1.0, 0.0), (3599.0, 0.0)]).is_some());
    assert_eq!(followed(Leap::AddSecond, &[(1.0, 0.0), (3600.0, 0.0)]), None);
    assert_eq!(followed(Leap::DeleteSecond, &[(1.0, 0.0), (3600.0, 0.0)]), None);
}

#[test]
fn a_clock_that_is_set_to_another_day_takes_nothing_along() {
    let known = followed(Leap::AddSecond, &[(-600.0, 0.0)]);
    for day in [-31.0, 31.0] {
        let elsewhere = now(-500.0, day * 86_400.0);
        assert_eq!(LeapSecond::next(known, Leap::NoWarning, elsewhere), None);
        let known = LeapSecond::next(known, Leap::AddSecond, elsewhere).unwrap();
        assert_eq!(known.midnight() - MIDNIGHT, Span::from_seconds(day * 86_400.0));
    }
}

#[test]
fn who_starts_after_it_knows_it_from_the_table() {
    let table = LeapTable::parse(include_str!("../../../tests/vectors/leap-seconds.list")).unwrap();
    let started = now(1000.0, -1.0);
    let passed = LeapSecond::passed(&table, started);
    assert_eq!(passed, followed(Leap::AddSecond, &[(1000.0, -1.0)]));
    assert_eq!(LeapSecond::next(passed, Leap::Unsynchronized, started), passed);
    for elsewhere in [-1000.0, 43_202.0, 86_400.0] {
        assert_eq!(LeapSecond::passed(&table, now(elsewhere, 0.0)), None);
    }
}
