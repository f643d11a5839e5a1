//! Proves the conversions between wire formats and instants, and the eras.

use super::*;
use proptest::prelude::*;

const YEAR_2024: i64 = 1_704_067_200;
const YEAR_2040: i64 = 2_208_988_800;

#[test]
fn first_day_of_2024_has_the_wire_seconds_of_rfc_5905() {
    let stamp = NtpTimestamp::from_clock(ClockTime::from_unix_secs(YEAR_2024));
    assert_eq!(stamp.bits() >> 32, 3_913_056_000);
}

#[test]
fn a_client_in_2040_and_one_in_2024_both_read_a_2040_timestamp_rightly() {
    let truth = ClockTime::from_unix_secs(YEAR_2040);
    let wire = NtpTimestamp::from_clock(truth);
    assert!(wire.bits() >> 32 < 200_000_000, "era 1 has begun");
    assert_eq!(wire.near(truth), truth);
    assert_eq!(wire.near(ClockTime::from_unix_secs(YEAR_2024)), truth);
}

#[test]
fn a_2024_timestamp_read_in_2040_is_in_the_past() {
    let truth = ClockTime::from_unix_secs(YEAR_2024);
    assert_eq!(NtpTimestamp::from_clock(truth).near(ClockTime::from_unix_secs(YEAR_2040)), truth);
}

#[test]
fn short_format_rounds_up_and_saturates() {
    assert_eq!(NtpShort::from_span(Span::from_nanos(1)).bits(), 1);
    assert_eq!(NtpShort::from_span(Span::from_secs(-1)).bits(), 0);
    assert_eq!(NtpShort::from_span(Span::from_secs(70_000)).bits(), u32::MAX);
    assert_eq!(NtpShort::from_bits(0x0001_8000).span(), Span::from_millis(1500));
}

proptest! {
    #[test]
    fn a_timestamp_survives_the_wire_within_a_nanosecond(nanos in -2_000_000_000_000_000_000_i64..7_000_000_000_000_000_000, off in -2_000_000_000_i64..2_000_000_000) {
        let time = ClockTime::from_unix_nanos(nanos);
        let pivot = ClockTime::from_unix_secs(time.unix_secs().saturating_add(off));
        let back = NtpTimestamp::from_clock(time).near(pivot);
        prop_assert!((back - time).abs() <= Span::from_nanos(1));
    }

    #[test]
    fn any_instant_is_the_exact_quotient_rounded(nanos: i64) {
        let exact = ntp_units(ClockTime::from_unix_nanos(nanos)).rem_euclid(ERA);
        prop_assert_eq!(i128::from(NtpTimestamp::from_clock(ClockTime::from_unix_nanos(nanos)).bits()), exact);
    }

    #[test]
    fn no_timestamp_and_no_pivot_panics(bits: u64, pivot: i64) {
        NtpTimestamp::from_bits(bits).near(ClockTime::from_unix_nanos(pivot));
    }
}
