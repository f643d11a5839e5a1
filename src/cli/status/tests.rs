//! The page, line by line, and every state's first line.

use super::*;
use crate::snapshot::example::{later, snapshot, with_nts};
use crate::snapshot::{Snapshot, SyncState};
use crate::time::{Leap, Span};
use crate::verdict::Verdict;
use std::sync::Arc;

fn page(change: impl FnOnce(&mut Snapshot)) -> String {
    let mut snapshot = snapshot();
    change(&mut snapshot);
    show(&State::new(&snapshot, later(&snapshot, 0)), Format::Plain, Look::PIPE).unwrap()
}

/// On a terminal of so many columns, with these variables.
fn on_terminal(columns: usize, variables: &[(&str, &str)]) -> String {
    let snapshot = with_nts(snapshot());
    plain::page(&State::new(&snapshot, later(&snapshot, 0)), look::tests::terminal(columns, variables))
}

const PAGE: &str = "\
The clock is right: synchronized to within 6.95 ms, 3 of 3 sources agree.
It is 12.3 µs behind, ± 45.6 µs.

Offset      +12.3 µs ± 45.6 µs        Frequency        -12.345 ± 0.012 ppm
Stratum     2                         Reference        192.0.2.1
Root delay  12.3 ms                   Root dispersion  800 µs
Leap        no leap second            Poll             64 s
Steps       1                         Agreeing sources 3, needed: 3

  Source             Verdict        Str Poll Reach    Offset ± Error       Delay
* ntp1.example.org:… system-peer      1   64   377  -13.7 µs ± 52.0 µs   12.3 ms
    ntp1.example.org:123; 192.0.2.1:123; jitter 31.0 µs (queues); next ±61.0 µs;
    interleaved: 14 of 16 replies
x a-very-long-name.… falseticker      1   64    17   -1.00 s ± 250 µs     130 ms
    a-very-long-name.of-some-pool.example.net:123;
    [2001:db8:1234:5678:9abc:def0:1234:5678]:123; jitter 800 µs (heavy tails of
    replies, route longer by 5.00 ms); next ±300 µs; discarded: wrong-origin 3,
    rate-kiss 1
    not used: it disagrees with the others; by its time the clock is 1.00 s
    ahead
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
const NTS: [&str; 10] = [
    "    NTS: AEAD_AES_SIV_CMAC_256, 7 cookies, keys 300 s old, certificate good for",
    "    40 days; interleaved: 14 of 16 replies",
    "    replies, route longer by 5.00 ms); next ±300 µs; NTS: AEAD_AES_SIV_CMAC_256,",
    "    1 cookie, keys 300 s old, provisional until the clock is right; discarded:",
    "    wrong-origin 3, rate-kiss 1",
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
    assert!(page.ends_with(&format!("\n{}\n", NTS[6..].join("\n"))), "{page}");
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
    for (state, first, second) in [
        (SyncState::Synchronized, "The clock is right: synchronized to within", "12.3 µs behind, ± 45.6 µs"),
        (
            SyncState::Holdover,
            "The clock is not synchronized: the sources are lost, and",
            "by itself, at most 6.95",
        ),
        (SyncState::Waiting, "The clock is not synchronized: waiting for measurements;", ""),
        (
            SyncState::NoQuorum,
            "The clock is not synchronized: 3 source(s) agree and 4 must;",
            "minimum-agreeing",
        ),
        (SyncState::TooFewSources, "The clock is not synchronized: 4 sources must agree", "minimum-agreeing"),
        (
            SyncState::OrphanParent,
            "The clock is not synchronized: there is no source",
            "stratum 2 (orphan-stratum)",
        ),
        (SyncState::OrphanChild, "The clock is not synchronized: there is no source", "12.3 µs behind"),
        (SyncState::NoSources, "The clock is not synchronized: no sources are configured.", "[[source]]"),
    ] {
        let page = page(|snapshot| {
            snapshot.system.state = state;
            snapshot.system.minimum_agreeing_sources = 4;
        });
        let (head, _) = page.split_once("\n\n").unwrap();
        assert!(head.starts_with(first), "{head}");
        assert!(head.replace('\n', " ").contains(second), "{head}");
    }
}

#[test]
fn where_a_required_source_is_lacking_more_sources_are_no_remedy() {
    for state in [SyncState::NoQuorum, SyncState::Holdover] {
        let page = page(|snapshot| {
            snapshot.system.state = state;
            snapshot.sources[0].verdict = Verdict::NoRequired;
        });
        let (head, _) = page.split_once("\n\n").unwrap();
        let head = head.replace('\n', " ");
        assert!(head.contains(": none of the sources that are marked `require` agrees"), "{page}");
        assert!(head.contains("Remedy: see why the sources marked `require` are not used"), "{page}");
        assert!(!head.contains("minimum-agreeing") && !head.contains("are lost"), "{page}");
    }
}

#[test]
fn where_no_server_answers_the_page_says_what_to_look_at() {
    let page = page(|snapshot| {
        snapshot.system.state = SyncState::Waiting;
        for source in &mut snapshot.sources {
            (source.unanswered_polls, source.problem) = (3, None);
        }
    });
    let words = page.replace('\n', " ");
    assert!(
        words.contains("No server answers. Remedy: see whether there is a network, and UDP port 123"),
        "{page}"
    );
}

#[test]
fn a_clock_that_is_only_measured_is_not_called_right() {
    let page = page(|snapshot| {
        snapshot.system.controls_clock = false;
        snapshot.system.offset = Span::from_secs(-2);
    });
    assert!(page.starts_with("The clock is only measured: synchronized to within "), "{page}");
    assert!(page.contains("\nIt is 2.00 s ahead, ± 45.6 µs.\nThis daemon does not set it: "), "{page}");
    assert!(!page.contains("is right"), "{page}");
}

const XTERM: [(&str, &str); 2] = [("TERM", "xterm"), ("LANG", "C.UTF-8")];

/// Without what only eyes are for.
fn words(page: &str) -> String {
    let mut words = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('\x1b') {
        words += before;
        rest = after.split_once('m').unwrap().1;
    }
    words + rest
}

#[test]
fn a_terminal_shows_the_words_of_the_pipe_with_colours_and_signs() {
    let snapshot = with_nts(snapshot());
    let piped = plain::page(&State::new(&snapshot, later(&snapshot, 0)), Look::PIPE);
    let shown = on_terminal(80, &XTERM);
    assert!(
        shown.starts_with("\x1b[32m✓ The clock is right: ") && shown.contains("\x1b[31m✗ a-very"),
        "{shown}"
    );
    assert!(shown.contains("\x1b[32m★ ntp1.example.org:… system-peer "), "{shown}");
    let ascii = |page: String| page.replace('★', "*").replace('✓', "+").replace('✗', "x");
    let plain = |page: String| page.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut seen = plain(ascii(words(&shown)));
    assert_eq!(seen.remove(0), "+");
    assert_eq!(seen, plain(piped));
}

#[test]
fn a_terminal_without_colours_or_utf8_gets_none() {
    let page = on_terminal(80, &[("TERM", "xterm"), ("NO_COLOR", "1"), ("LANG", "C.UTF-8")]);
    assert!(!page.contains('\x1b') && page.starts_with("✓ The clock is right"), "{page}");
    for variables in [&[("TERM", "dumb"), ("LANG", "C.UTF-8")][..], &[("TERM", "vt100"), ("LANG", "C")]] {
        let page = on_terminal(80, variables);
        assert!(page.is_ascii() && words(&page).starts_with("+ The clock is right"), "{page}");
        assert_eq!(page.contains('\x1b'), variables[0].1 == "vt100", "{page}");
        assert!(page.contains("-13.7 us ~ 52.0 us "), "{page}");
    }
}

#[test]
fn every_width_of_terminal_is_kept_to_and_a_wide_one_shows_whole_names() {
    for columns in 40..=160 {
        let page = on_terminal(columns, &XTERM);
        for line in words(&page).lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        assert!(page.contains("-13.7 µs"), "{columns}");
    }
    let (wide, narrow) = (words(&on_terminal(132, &XTERM)), words(&on_terminal(50, &XTERM)));
    assert!(wide.contains("\n✗ a-very-long-name.of-some-pool.example.net:123 falseticker"), "{wide}");
    assert!(narrow.contains("\n  Source      ") && !narrow.contains("Reach"), "{narrow}");
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
fn a_leap_second_stays_in_its_column() {
    for leap in [Leap::AddSecond, Leap::DeleteSecond] {
        let page = page(|snapshot| snapshot.system.leap = leap);
        assert!(page.contains(" today  "), "{page}");
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
    let json = show(&state, Format::Json, Look::PIPE).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state);
    assert!(show(&state, Format::Prometheus, Look::PIPE).unwrap().contains("ntp_system_stratum 2"));
}

#[test]
fn without_a_daemon_the_message_says_so_and_the_code_is_1() {
    let directory = tempfile::tempdir().unwrap();
    let error = run(None, Some(&directory.path().join("observe")), Format::Plain).unwrap_err();
    assert!(error.message.starts_with("no daemon: there is no observation socket at "), "{error}");
    assert_eq!(error.exit_code.code(), 1);
}
