//! The page, line by line, and every state's first line.

use super::*;
use crate::snapshot::example::{later, snapshot, with_nts};
use crate::snapshot::{Snapshot, SyncState};
use crate::time::Span;
use std::sync::Arc;

fn page(change: impl FnOnce(&mut Snapshot)) -> String {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    show(&State::new(&snapshot, later(&snapshot, 0)), Format::Plain).unwrap()
}

const PAGE: &str = "\
The clock is right: 12.3 µs behind, ± 45.6 µs, at most 6.95 ms off.

Offset      +12.3 µs ± 45.6 µs        Frequency        -12.345 ± 0.012 ppm
Stratum     2                         Reference        192.0.2.1
Root delay  12.3 ms                   Root dispersion  800 µs
Leap        no leap second            Poll             64 s
Steps       1                         Agreeing sources 3, needed: 3

  Source             Verdict        Str Poll Reach    Offset ± Error       Delay
* ntp1.example.org:… system-peer      1   64   377  -13.7 µs ± 52.0 µs   12.3 ms
    ntp1.example.org:123; 192.0.2.1:123; interleaved: 14 of 16 replies
x a-very-long-name.… falseticker      1   64    17   -1.00 s ± 250 µs     130 ms
    a-very-long-name.of-some-pool.example.net:123;
    [2001:db8:1234:5678:9abc:def0:1234:5678]:123; discarded: wrong-origin 3,
    rate-kiss 1
  ntp3.example.org:… waiting          -   64     0         - ± -               -
    ntp3.example.org:123
    cannot resolve ntp3.example.org: name not known

Serving [::]:123 with 2 workers
    8 requests; 3 answered (v3 1, v4 2); 1 in interleaved mode; 2 clients in the
    last hour
    refused: malformed 1, wrong-mode 1, denied 2, rate-limited 1; kisses sent:
    denied 1, rate-limited 1; dropped by the kernel: 5
";

#[test]
fn the_page_shows_the_clock_every_source_and_every_server() {
    assert_eq!(page(|_| ()), PAGE);
}

/// What is new on the page with NTS.
const NTS: [&str; 9] = [
    "    ntp1.example.org:123; 192.0.2.1:123; NTS: AEAD_AES_SIV_CMAC_256, 7 cookies,",
    "    keys 300 s old, certificate good for 40 days; interleaved: 14 of 16 replies",
    "    [2001:db8:1234:5678:9abc:def0:1234:5678]:123; NTS: AEAD_AES_SIV_CMAC_256, 1",
    "    cookie, keys 300 s old, provisional until the clock is right; discarded:",
    "    8 requests; 3 answered (v3 1, v4 2); 1 in interleaved mode; 5 with NTS, 2 of",
    "Key exchange at [::]:4460",
    "    completed 3, tls-failed 1; 1 open now; certificate good for 60 days",
    "",
    "Cookies of 8 master keys are accepted, and the present one is 3600 s old",
];

#[test]
fn nts_is_shown_for_sources_servers_and_key_exchange() {
    let page = page(|snapshot| *snapshot = with_nts(snapshot.clone()));
    for line in NTS {
        assert!(page.lines().any(|l| l == line), "{line} is missing in\n{page}");
    }
    assert!(page.ends_with(&format!("\n{}\n", NTS[5..].join("\n"))), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn no_line_is_longer_than_80_columns_whatever_others_say() {
    let page = page(|snapshot| {
        for source in &mut snapshot.sources {
            source.name = "n".repeat(300);
            source.problem =
                Some(format!("\x1b[31m{} {}", "words of a resolver ".repeat(20), "w".repeat(300)));
        }
        snapshot.system.offset = Span::from_secs(1_000_000_000);
        snapshot.sources[1].estimate.as_mut().unwrap().offset = Span::from_secs(-99_999_999);
    });
    assert!(!page.contains('\x1b'));
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_first_line_says_whether_the_clock_is_right_and_the_next_what_helps() {
    for (state, first, remedy) in [
        (SyncState::Synchronized, "The clock is right: ", ""),
        (SyncState::Holdover, "The sources are lost. The clock runs on by itself, at most 6.95 ms off.", ""),
        (SyncState::Waiting, "The clock is not synchronized: waiting for measurements.", ""),
        (
            SyncState::NoQuorum,
            "The clock is not synchronized: 3 source(s) agree and 4 must.",
            "minimum-agreeing-sources",
        ),
        (
            SyncState::TooFewSources,
            "The clock will not be set: 4 sources must agree",
            "minimum-agreeing-sources",
        ),
        (
            SyncState::OrphanParent,
            "There is no source of time. This clock is the isolated",
            "stratum 2 (orphan-stratum)",
        ),
        (SyncState::OrphanChild, "There is no source of time. The clock is 12.3 µs behind", "orphan-stratum"),
        (SyncState::NoSources, "The clock will not be set: no sources", "[[source]]"),
    ] {
        let page = page(|snapshot| {
            snapshot.system.state = state;
            snapshot.system.minimum_agreeing_sources = 4;
        });
        let mut lines = page.lines();
        assert!(lines.next().unwrap().starts_with(first), "{page}");
        assert!(lines.next().unwrap().contains(remedy), "{page}");
    }
}

#[test]
fn a_clock_that_is_only_measured_is_not_called_right() {
    let page = page(|snapshot| {
        snapshot.system.controls_clock = false;
        snapshot.system.offset = Span::from_secs(-2);
    });
    assert!(page.starts_with("Measured, not controlled: the clock is 2.00 s ahead, ± 45.6 µs.\n"), "{page}");
    assert!(!page.contains("is right"), "{page}");
}

#[test]
fn what_is_not_known_is_not_shown_as_zero() {
    let page = page(|snapshot| snapshot.system.state = SyncState::Waiting);
    assert!(page.contains("\nOffset      unknown "), "{page}");
    assert!(page.contains("\nRoot delay  unknown                   Root dispersion  unknown\n"), "{page}");
}

#[test]
fn an_address_that_is_the_name_is_shown_once() {
    for name in ["192.0.2.1:123", "192.0.2.1"] {
        let page = page(|snapshot| {
            snapshot.sources.truncate(1);
            snapshot.sources[0].name = name.to_owned();
        });
        assert_eq!(page.matches("\n* 192.0.2.1").count(), 1, "{page}");
        assert_eq!(page.matches("\n    192.0.2.1").count(), 0, "{page}");
    }
}

#[test]
fn a_table_of_leap_seconds_says_how_long_it_is_good_and_what_tai_is() {
    for (days, said) in [(100, "good for 100 days "), (-3, "expired 3 days ago")] {
        let page = page(|snapshot| {
            snapshot.system.leap_table_expires = Some(snapshot.clock + Span::from_secs(days * 86_400));
            snapshot.system.tai_offset = Some(37);
        });
        let line = format!("\nLeap table  {said:<26}TAI - UTC        37 s\n");
        assert!(page.contains(&line), "{page}");
    }
}

#[test]
fn a_server_that_nobody_asks_has_nothing_to_tell() {
    let page = page(|snapshot| snapshot.servers[0].workers = vec![Arc::default()]);
    assert!(page.ends_with("\nServing [::]:123 with 1 worker\n    0 requests; none answered\n"), "{page}");
}

#[test]
fn a_slew_says_how_long_it_takes() {
    let page = page(|snapshot| snapshot.system.slew_remaining = Some(Span::from_secs(5000)));
    assert!(page.contains("It is being slewed, for 5000 s more."), "{page}");
}

#[test]
fn json_is_the_whole_state_and_prometheus_the_metrics() {
    let snapshot = snapshot();
    let state = State::new(&snapshot, later(&snapshot, 5));
    let json = show(&state, Format::Json).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    assert!(show(&state, Format::Prometheus).unwrap().contains("ntp_system_stratum 2"));
}

#[test]
fn without_a_daemon_the_message_says_so_and_the_code_is_1() {
    let directory = tempfile::tempdir().unwrap();
    let error = run(None, Some(&directory.path().join("observe")), Format::Plain).unwrap_err();
    assert!(error.message.starts_with("no daemon: there is no observation socket at "), "{error}");
    assert_eq!(error.exit_code.code(), 1);
}
