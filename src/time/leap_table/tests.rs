//! The table of 2025 with its own hash, tables made here, and everything that is none.

use super::*;
use proptest::prelude::*;

/// Of July 2025, with its own hash.
const OF_2025: &str = include_str!("../../../tests/vectors/leap-seconds.list");

const END_OF_2016: ClockTime = ClockTime::from_unix_secs(1_483_228_800);

/// A table as the IERS would write it: updated, expires (seconds since 1970), and the entries.
pub(crate) fn text(updated: i64, expires: i64, entries: &[(i64, u16)]) -> String {
    let ntp = |seconds: i64| seconds + UNIX_EPOCH_IN_NTP_SECONDS;
    let mut hash = Sha1::new();
    hash.update(format!("{}{}", ntp(updated), ntp(expires)));
    let mut lines = format!("#$ {}\n#@ {}\n", ntp(updated), ntp(expires));
    for (since, offset) in entries {
        hash.update(format!("{}{offset}", ntp(*since)));
        lines += &format!("{} {offset}\n", ntp(*since));
    }
    let hash: [u8; 20] = hash.finalize().into();
    let words = hash.chunks(4).map(|word| format!("{:x}", u32::from_be_bytes(word.try_into().unwrap())));
    lines + "#h " + &words.collect::<Vec<_>>().join(" ") + "\n"
}

fn at(unix_seconds: i64) -> ClockTime {
    ClockTime::from_unix_secs(unix_seconds)
}

#[track_caller]
fn check_refused(text: &str, line: usize, message: &str) {
    let error = LeapTable::parse(text).unwrap_err();
    assert_eq!(error.line, line, "{error}");
    assert!(error.message.contains(message) && error.message.contains("; "), "{error}");
}

#[test]
fn the_published_table_is_read_and_its_hash_is_right() {
    let table = LeapTable::parse(OF_2025).unwrap();
    assert_eq!(Date::of(table.updated()).to_string(), "2025-07-07");
    assert_eq!(Date::of(table.expires()).to_string(), "2026-06-28");
    assert_eq!(table.tai_offset(at(0)), None);
    assert_eq!(table.tai_offset(at(63_072_000)), Some(10));
    assert_eq!(table.tai_offset(END_OF_2016 - Span::from_nanos(1)), Some(36));
    assert_eq!(table.tai_offset(END_OF_2016), Some(37));
    assert_eq!(table.tai_offset(at(4_000_000_000)), Some(37), "expired, and the best that is known");
}

#[test]
fn windows_line_ends_are_read_too() {
    assert_eq!(LeapTable::parse(&OF_2025.replace('\n', "\r\n")), LeapTable::parse(OF_2025));
}

#[test]
fn a_leap_second_is_told_on_the_day_that_it_ends_and_on_no_other() {
    let table = LeapTable::parse(OF_2025).unwrap();
    let day = Span::from_secs(86_400);
    assert_eq!(table.end_of_day(END_OF_2016 - Span::from_nanos(1)), Some(Leap::AddSecond));
    assert_eq!(table.end_of_day(END_OF_2016 - day), Some(Leap::AddSecond));
    assert_eq!(table.end_of_day(END_OF_2016 - day - Span::from_nanos(1)), Some(Leap::NoWarning));
    assert_eq!(table.end_of_day(END_OF_2016), Some(Leap::NoWarning));
}

#[test]
fn a_second_may_be_left_out_too() {
    let table = text(1_600_000_000, 2_000_000_000, &[(63_072_000, 10), (END_OF_2016.unix_secs(), 9)]);
    let table = LeapTable::parse(&table).unwrap();
    assert_eq!(table.end_of_day(END_OF_2016 - Span::from_secs(1)), Some(Leap::DeleteSecond));
}

#[test]
fn nothing_is_claimed_after_the_expiry_or_before_the_first_entry() {
    let table = LeapTable::parse(OF_2025).unwrap();
    assert_eq!(table.end_of_day(table.expires() - Span::from_nanos(1)), Some(Leap::NoWarning));
    assert_eq!(table.end_of_day(table.expires()), None);
    assert_eq!(table.end_of_day(at(0)), None);
}

#[test]
fn a_digit_that_was_changed_is_found_by_the_hash() {
    let edited = OF_2025.replace("3644697600      36", "3652646400      36");
    check_refused(&edited, 33, "does not fit its entries");
    check_refused(&OF_2025.replace("3991593600", "4991593600"), 33, "does not fit its entries");
}

#[test]
fn a_table_that_is_cut_off_is_none() {
    let without = |start: &str| {
        let lines = OF_2025.lines().filter(|line| !line.starts_with(start));
        lines.collect::<Vec<_>>().join("\n")
    };
    check_refused("", 1, "without a line that begins with #$");
    check_refused(&without("#$"), 32, "#$");
    check_refused(&without("#@"), 32, "#@");
    check_refused(&without("#h"), 31, "#h");
    check_refused("#$ 3960835200\n#@ 3991593600\n#h 0 0 0 0 0\n", 3, "without an entry");
}

#[test]
fn lines_that_make_no_sense_are_named() {
    check_refused("<!DOCTYPE html>\n", 1, "`<!DOCTYPE html>` is no entry");
    check_refused("\n2272060800\n", 2, "no entry");
    check_refused("2272060800 ten\n", 1, "no entry");
    check_refused("2272060800 -10\n", 1, "no entry");
    check_refused("x 10\n", 1, "no entry");
    check_refused("7900000000 10\n", 1, "no time");
    check_refused("99999999999999999999 10\n", 1, "no time");
    check_refused("2272060800 65536\n", 1, "no number of seconds");
    check_refused("2272060801 10\n", 1, "not the beginning of a month");
    check_refused("2272147200 10\n", 1, "not the beginning of a month");
    check_refused("2287785600 11\n2272060800 10\n", 2, "not after");
    check_refused("2272060800 10\n2287785600 12\n", 2, "from 10 to 12");
    check_refused("#$ soon\n", 1, "no time");
    check_refused("#@ 3991593600\n#@ 3991593600\n", 2, "a second line");
    check_refused("#h 49db2447 571e5e1b\n", 1, "five hexadecimal words");
    check_refused("#h 49db24471 0 0 0 0\n", 1, "five hexadecimal words");
    check_refused(&text(2_000_000_000, 1_600_000_000, &[(63_072_000, 10)]), 4, "before its last update");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([#$@h0-9 \\n]|\\PC){0,300}") {
        if let Err(error) = LeapTable::parse(&text) {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count().max(1));
        }
    }
}
