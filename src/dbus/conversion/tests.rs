//! Units, and what timedatectl demands of an exchange.

use super::*;
use crate::measurement::ServerVariables;
use crate::packet::ReferenceId;
use crate::snapshot::example::snapshot;
use crate::time::{Leap, Mono, NtpTimestamp};
use zbus::Variant;

/// An exchange at these nanoseconds after a round second.
fn exchange(times: [i64; 4]) -> Measurement {
    let [origin_timestamp, receive_timestamp, transmit_timestamp, destination_timestamp] =
        times.map(|nanos| ClockTime::from_unix_secs(1_800_000_000) + Span::from_nanos(nanos));
    Measurement {
        origin_timestamp,
        receive_timestamp,
        transmit_timestamp,
        destination_timestamp,
        mono: Mono::default(),
        stamp_uncertainty_seconds: 0.0,
        server: ServerVariables {
            leap: Leap::AddSecond,
            version: 4,
            stratum: 2,
            precision: -24,
            root_delay: Span::from_micros(1500),
            root_dispersion: Span::from_nanos(2_400),
            reference_id: ReferenceId::from_bytes([192, 0, 2, 9]),
            reference_timestamp: NtpTimestamp::ZERO,
        },
    }
}

#[test]
fn spans_are_rounded_to_microseconds_and_never_negative() {
    for (nanos, wanted) in
        [(0, 0), (499, 0), (500, 1), (1_499, 1), (-5_000, 0), (i64::MAX, 9_223_372_036_854_776)]
    {
        assert_eq!(micros(Span::from_nanos(nanos)), wanted, "{nanos}");
    }
    assert_eq!(clock_micros(ClockTime::from_unix_secs(5)), 5_000_000);
    assert_eq!(clock_micros(ClockTime::from_unix_secs(-5)), 0);
}

#[test]
fn an_address_is_its_family_and_its_bytes() {
    assert_eq!(address(None), (0, vec![]));
    assert_eq!(address(Some("192.0.2.1:123".parse().unwrap())), (2, vec![192, 0, 2, 1]));
    let (family, bytes) = address(Some("[2001:db8::1]:123".parse().unwrap()));
    assert_eq!((family, bytes.len(), bytes[15]), (10, 16, 1));
}

/// A tuple is compared up to twelve fields only; as a value of the bus it is.
#[track_caller]
fn check_message(message: NtpMessage, wanted: NtpMessage) {
    assert_eq!(Variant::new(message), Variant::new(wanted));
}

#[test]
fn a_source_that_was_not_measured_gives_zeros_and_a_reference_id_of_four_bytes() {
    let mut source = snapshot().sources.remove(0);
    source.measurement = None;
    for message in [ntp_message(None), ntp_message(Some(&source))] {
        check_message(message, (0, 0, 0, 0, 0, 0, 0, vec![0; 4], 0, 0, 0, 0, false, 0, 0));
    }
}

#[test]
fn the_last_exchange_is_told_field_by_field() {
    let mut source = snapshot().sources.remove(0);
    source.measurement = Some(exchange([0, 7_000_000, 7_100_000, 2_000_000]));
    let t = 1_800_000_000_000_000;
    let wanted =
        (1, 4, 4, 2, -24, 1500, 2, vec![192, 0, 2, 9], t, t + 7_000, t + 7_100, t + 2_000, false, 16, 31);
    check_message(ntp_message(Some(&source)), wanted);
}

#[test]
fn no_exchange_is_one_that_timedatectl_refuses() {
    let odd = [0, 1, 499, 500, 501, 999, 1_000, 1_700];
    for (a, b, c, d) in odd
        .into_iter()
        .flat_map(|a| odd.into_iter().flat_map(move |b| odd.into_iter().map(move |c| (a, b, c))))
        .flat_map(|(a, b, c)| odd.into_iter().map(move |d| (a, b, c, d)))
    {
        let exchange = exchange([a, 90_000 + b, 90_000 + b + c, a + d]);
        let [t1, t2, t3, t4] = times(&exchange);
        assert!(t4 >= t1 && t3 >= t2 && t4 - t1 >= t3 - t2, "{a} {b} {c} {d}");
        let exact = exchange.offset().nanos();
        let told = (i64::try_from(t2).unwrap() - i64::try_from(t1).unwrap() + i64::try_from(t3).unwrap()
            - i64::try_from(t4).unwrap())
            * 500;
        // Beyond the rounding only by half of what a negative delay was too short.
        let slack = 1_500 + exchange.delay().nanos().min(0).abs() / 2;
        assert!((told - exact).abs() <= slack, "{a} {b} {c} {d}: {told} for {exact}");
    }
}
