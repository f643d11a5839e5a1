//! Tests of the served time: through both leap seconds, without a jump, and exact at both ends.

use super::*;
use crate::packet::ReferenceId;
use crate::time::{Mono, Now};
use proptest::prelude::*;

/// 2017-01-01 00:00 UTC.
const MIDNIGHT: ClockTime = ClockTime::from_unix_secs(1_483_228_800);
const NOON_TO_NOON: LeapSmear = LeapSmear { shape: SmearShape::Linear, window: Span::from_secs(86_400) };
const EVERY: [(SmearShape, Leap); 4] = [
    (SmearShape::Linear, Leap::AddSecond),
    (SmearShape::Linear, Leap::DeleteSecond),
    (SmearShape::Cosine, Leap::AddSecond),
    (SmearShape::Cosine, Leap::DeleteSecond),
];

/// A kernel's clocks when steady time is so long after midnight.
fn clocks(leap: Leap, after_midnight: Span) -> Now {
    let stepped = match leap {
        Leap::AddSecond if after_midnight >= Span::ZERO => Span::from_secs(-1),
        Leap::DeleteSecond if after_midnight >= Span::from_secs(-1) => Span::from_secs(1),
        _ => Span::ZERO,
    };
    Now {
        mono: Mono::from_nanos(1_000_000_000_000_000) + after_midnight,
        clock: MIDNIGHT + after_midnight + stepped,
    }
}

fn variables(now: Now, leap_second: LeapSecond) -> SystemVariables {
    SystemVariables {
        leap: Leap::AddSecond,
        stratum: 2,
        precision: -20,
        root_delay: Span::from_millis(20),
        root_dispersion: Span::from_millis(3),
        dispersion_rate: 15e-6,
        reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
        reference_timestamp: Some(now.clock - Span::from_secs(3)),
        updated: now.clock,
        leap_second: Some(leap_second),
    }
}

/// A smearing server that published the leap second at these times after midnight, the first before it.
fn smear(config: LeapSmear, leap: Leap, published: &[Span]) -> Smear {
    let known = published.iter().fold(None, |known, at| LeapSecond::next(known, leap, clocks(leap, *at)));
    let now = clocks(leap, *published.last().expect("it was"));
    prepare(Some(config), variables(now, known.expect("it is announced"))).1.expect("it is smeared")
}

fn request(leap: Leap, received: Span, transmit: Span) -> Request<'static> {
    let from = "192.0.2.7:123".parse().unwrap();
    let (received, now) = (clocks(leap, received).clock, clocks(leap, transmit));
    Request { bytes: &[], from, received, transmit: now.clock, mono: now.mono }
}

/// What is served so long after midnight by steady time, against midnight.
fn served(smear: &mut Smear, leap: Leap, after_midnight: Span) -> Span {
    smear.times(&request(leap, after_midnight, after_midnight)).transmit - MIDNIGHT
}

fn begin(leap: Leap, config: LeapSmear) -> (Span, Span) {
    let length = config.window + Span::from_secs(if leap == Leap::AddSecond { 1 } else { -1 });
    (-(config.window / 2), length)
}

#[test]
fn from_noon_to_noon_each_second_is_longer_by_11_6_millionths() {
    let mut smear = smear(NOON_TO_NOON, Leap::AddSecond, &[Span::from_secs(-80_000)]);
    let mut at = |after: i64| served(&mut smear, Leap::AddSecond, Span::from_secs(after)).seconds();
    let near = |a: f64, b: f64| (a - b).abs() < 1.5e-9;
    assert!(near(at(-43_200), -43_200.0));
    assert!(near(at(-43_199), -43_199.0 - 1.0 / 86_401.0));
    assert!(near(at(0), -43_200.0 / 86_401.0), "half a second, at the beginning of the leap second");
    assert!(near(at(1), 1.0 - 43_201.0 / 86_401.0));
    assert!(near(at(43_201), 43_200.0));
    assert!(near(at(50_000), 49_999.0));
}

#[test]
fn at_both_ends_and_beyond_the_clock_itself_is_served() {
    for (shape, leap) in EVERY {
        let config = LeapSmear { shape, window: Span::from_secs(7200) };
        let mut smear = smear(config, leap, &[Span::from_secs(-80_000)]);
        let (begin, length) = begin(leap, config);
        for at in [begin - Span::from_secs(36_000), begin, begin + length, begin + Span::from_secs(50_000)] {
            let clock = clocks(leap, at).clock - MIDNIGHT;
            assert_eq!(served(&mut smear, leap, at), clock, "{shape:?} {leap:?}");
        }
    }
}

#[test]
fn a_deleted_second_is_gained() {
    let mut smear = smear(NOON_TO_NOON, Leap::DeleteSecond, &[Span::from_secs(-80_000)]);
    let at = Span::from_millis(-500);
    assert_eq!(served(&mut smear, Leap::DeleteSecond, at), Span::ZERO, "half a second ahead");
}

#[test]
fn a_cosine_begins_and_ends_gently() {
    let config = LeapSmear { shape: SmearShape::Cosine, ..NOON_TO_NOON };
    let mut smear = smear(config, Leap::AddSecond, &[Span::from_secs(-80_000)]);
    let mut behind = |after: i64| {
        let after = Span::from_secs(after);
        (after - served(&mut smear, Leap::AddSecond, after)).seconds()
    };
    assert!(behind(-43_100) < 4e-6, "a line would have 1.2 ms");
    let rate = behind(1) - behind(0);
    assert!((rate * 1e6 - 18.18).abs() < 0.01, "at the steepest, π/2 times a line's: {rate}");
    assert!(behind(43_101) > 1.0 - 4e-6);
}

#[test]
fn a_request_from_before_the_step_that_is_answered_after_it_stays_in_order() {
    for (leap, step) in [(Leap::AddSecond, Span::ZERO), (Leap::DeleteSecond, Span::from_secs(-1))] {
        for waited in [Span::from_nanos(1), Span::from_micros(30), Span::from_millis(400)] {
            let mut smear = smear(NOON_TO_NOON, leap, &[Span::from_secs(-900)]);
            let (received, transmit) = (step - waited / 2 - Span::from_nanos(1), step + waited / 2);
            let times = smear.times(&request(leap, received, transmit));
            let error = (times.transmit - times.received) - (transmit - received);
            assert!(error.abs() < Span::from_micros(6), "{leap:?} {waited:?}: {error:?}");
        }
    }
}

#[test]
fn within_the_repeated_second_requests_came_shortly_before_their_answers() {
    let mut smear = smear(NOON_TO_NOON, Leap::AddSecond, &[Span::from_secs(-900)]);
    for after in [1, 300, 600, 999] {
        let transmit = Span::from_millis(after);
        let times = smear.times(&request(Leap::AddSecond, transmit - Span::from_micros(900), transmit));
        let error = (times.transmit - times.received) - Span::from_micros(900);
        assert!(error.abs() < Span::from_nanos(15), "{after} ms: {error:?}");
    }
}

#[test]
fn a_stamp_told_later_is_smeared_as_of_its_own_instant() {
    for (leap, step) in [(Leap::AddSecond, Span::ZERO), (Leap::DeleteSecond, Span::from_secs(-1))] {
        let mut smear = smear(NOON_TO_NOON, leap, &[Span::from_secs(-900)]);
        let before = step - Span::from_micros(50);
        let answered = smear.times(&request(leap, before, before));
        let left = smear.recent(clocks(leap, step + Span::from_micros(20)).clock);
        let error = (left - answered.transmit) - Span::from_micros(70);
        assert!(error.abs() < Span::from_nanos(5), "{leap:?}: {error:?}");
    }
}

#[test]
fn only_what_is_smeared_is_marked() {
    let mut smear = smear(NOON_TO_NOON, Leap::AddSecond, &[Span::from_secs(-80_000)]);
    let mut marked = |after: i64| {
        let at = Span::from_secs(after);
        smear.times(&request(Leap::AddSecond, at, at)).smeared
    };
    let expected = [(-43_200, false), (-43_199, true), (0, true), (43_200, true), (43_201, false)];
    assert!(expected.into_iter().all(|(after, expected)| marked(after) == expected));
}

#[test]
fn the_last_correction_is_never_after_the_reply() {
    for (shape, leap) in EVERY {
        let config = LeapSmear { shape, ..NOON_TO_NOON };
        for after in [-43_000, -1, 0, 1, 2, 43_000] {
            let at = Span::from_secs(after);
            let smear = smear(config, leap, &[Span::from_secs(-43_100), at]);
            let now = clocks(leap, at);
            let just =
                SystemVariables { reference_timestamp: Some(now.clock), ..variables(now, smear.leap_second) };
            let (told, smear) = prepare(Some(config), just);
            let times = smear.expect("it is smeared").times(&request(leap, at, at));
            assert!(
                told.reference_timestamp.expect("it was corrected") <= times.transmit,
                "{leap:?} {after}"
            );
            assert_eq!(told.updated, times.transmit);
        }
    }
}

#[test]
fn where_it_is_smeared_it_is_not_announced() {
    let now = clocks(Leap::AddSecond, Span::from_secs(-60_000));
    let known = LeapSecond::next(None, Leap::AddSecond, now).expect("it is announced");
    for leap_second in [Some(known), None] {
        let announced = SystemVariables { leap_second, ..variables(now, known) };
        assert_eq!(prepare(Some(NOON_TO_NOON), announced).0.leap, Leap::NoWarning);
        let unsynchronized = SystemVariables { leap: Leap::Unsynchronized, ..announced };
        assert_eq!(prepare(Some(NOON_TO_NOON), unsynchronized).0.leap, Leap::Unsynchronized);
        let (told, smear) = prepare(None, announced);
        assert_eq!(told, announced);
        assert!(smear.is_none());
    }
}

/// Half of them near a moment at which something begins or ends.
fn instant() -> impl Strategy<Value = Span> {
    let edges = prop::sample::select(vec![-43_200, -3600, -1, 0, 1, 3599, 3601, 43_199, 43_201]);
    let near = (edges, -3_i64..=3, prop::sample::select(vec![1_i64, 1000, 300_000_000]));
    prop_oneof![
        (-60_000_000_000_000_i64..60_000_000_000_000).prop_map(Span::from_nanos),
        near.prop_map(|(edge, steps, size)| Span::from_secs(edge) + Span::from_nanos(steps * size)),
    ]
}

fn config() -> impl Strategy<Value = (LeapSmear, Leap)> {
    let window = prop_oneof![Just(7200_i64), Just(86_400), 7200_i64..86_400];
    (prop::sample::select(EVERY.to_vec()), window)
        .prop_map(|((shape, leap), window)| (LeapSmear { shape, window: Span::from_secs(window) }, leap))
}

proptest! {
    #[test]
    fn the_served_time_never_turns_back_and_never_runs_off(
        (config, leap) in config(), a in instant(), b in instant(), published in instant(),
    ) {
        let (early, late) = (a.min(b), a.max(b));
        // The second reply is from a worker that has heard of the leap second again.
        let announced = Span::from_secs(-61_000);
        let mut first = smear(config, leap, &[announced]);
        let mut second = smear(config, leap, &[announced, published.clamp(early, late).min(Span::from_secs(43_000))]);
        let gone = served(&mut second, leap, late) - served(&mut first, leap, early);
        prop_assert!(gone >= Span::ZERO, "{:?}", gone);
        let steepest = match config.shape { SmearShape::Linear => 1.0, SmearShape::Cosine => PI / 2.0 };
        let most = (late - early).seconds() * steepest / (config.window.seconds() - 1.0) + 3e-9;
        prop_assert!((gone - (late - early)).abs().seconds() <= most, "{:?} in {:?}", gone, late - early);
    }

    #[test]
    fn what_is_gone_at_one_side_of_the_middle_is_left_at_the_other(
        (config, leap) in config(), part in 0_i64..1_000_000,
    ) {
        let mut smear = smear(config, leap, &[Span::from_secs(-61_000)]);
        let (begin, length) = begin(leap, config);
        let from_end = Span::from_nanos(length.nanos() / 1_000_000 * part);
        let mut behind = |at: Span| at - served(&mut smear, leap, at);
        let both = behind(begin + from_end) + behind(begin + length - from_end);
        let shift = length - config.window;
        prop_assert!((both - shift).abs() <= Span::from_nanos(2), "{:?}", both);
    }
}
