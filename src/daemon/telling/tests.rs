//! Levels, ids and fields of what is told; and the catalog that explains the ids.

use super::*;
use crate::daemon::clock::VirtualClock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, registry};

type Line = (Level, BTreeMap<String, String>);

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

struct Values(BTreeMap<String, String>);

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut values = Values(BTreeMap::new());
        event.record(&mut values);
        self.0.lock().unwrap().push((*event.metadata().level(), values.0));
    }
}

/// The one line that this leaves.
fn line(tell: impl FnOnce()) -> Line {
    let lines = Lines::default();
    with_default(registry().with(lines.clone()), tell);
    let [line] = <[Line; 1]>::try_from(lines.0.lock().unwrap().clone()).unwrap();
    line
}

fn controlled() -> Clock {
    Clock::Virtual(VirtualClock::new(Span::ZERO, Frequency::ZERO))
}

fn told(notice: &Notice) -> Line {
    line(|| tell(notice, false, &controlled()))
}

fn verdict(to: Verdict) -> Notice {
    let (name, address) = ("ntp.example".to_owned(), "192.0.2.1:123".parse().unwrap());
    Notice::VerdictChanged { name, address, from: Verdict::Waiting, to }
}

#[track_caller]
fn check(line: &Line, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(line.1.get(*name).map(String::as_str), Some(*value), "{name} of {line:?}");
    }
}

#[test]
fn a_source_is_told_with_its_name_address_and_verdicts() {
    let line = told(&verdict(Verdict::Truechimer));
    assert_eq!(line.0, Level::INFO);
    check(
        &line,
        &[
            ("journal.message_id", Kind::SourceSelected.message_id()),
            ("ntpd_rs.source", "ntp.example"),
            ("ntpd_rs.address", "192.0.2.1:123"),
            ("ntpd_rs.verdict", "truechimer"),
            ("ntpd_rs.previous_verdict", "waiting"),
            ("message", &verdict(Verdict::Truechimer).to_string()),
        ],
    );
    assert_eq!(line.1.len(), 6, "what is not known is not written: {line:?}");
    let rejected = told(&verdict(Verdict::Falseticker));
    check(&rejected, &[("journal.message_id", Kind::SourceRejected.message_id())]);
}

#[test]
fn a_step_is_told_in_microseconds_and_as_a_warning_where_that_is_wanted() {
    let step = Notice::Stepped(Span::from_micros(-10_284));
    let line = told(&step);
    check(&line, &[("ntpd_rs.offset_usec", "-10284"), ("journal.message_id", Kind::Step.message_id())]);
    assert_eq!(line.0, Level::INFO);
    assert_eq!(self::line(|| tell(&step, true, &controlled())).0, Level::WARN);
}

#[test]
fn the_first_synchronization_of_a_clock_that_is_controlled_is_systemds_own_message_with_three_clocks() {
    let notice = |first| Notice::Synchronized {
        first,
        offset: Span::from_millis(3),
        offset_uncertainty: Span::from_micros(20),
    };
    let line = told(&notice(true));
    check(
        &line,
        &[
            ("journal.message_id", "7c8a41f37b764941a0e1780b1be2f037"),
            ("ntpd_rs.offset_usec", "3000"),
            ("ntpd_rs.uncertainty_usec", "20"),
        ],
    );
    let clock: i64 = line.1["journal.realtime_usec"].parse().unwrap();
    assert!(clock > 1_700_000_000_000_000, "microseconds since 1970: {clock}");
    assert!(line.1["journal.monotonic_usec"].parse::<i64>().unwrap() > 0);
    assert!(line.1["journal.boottime_usec"].parse::<i64>().unwrap() > 0);
    let again = told(&notice(false));
    let measured_only = self::line(|| tell(&notice(true), false, &Clock::None));
    for other in [again, measured_only] {
        assert!(other.1.keys().all(|name| !name.starts_with("journal.")), "{other:?}");
    }
}

#[test]
fn what_goes_wrong_with_nts_is_a_warning_with_its_reason() {
    let line = told(&Notice::KeysNotExchanged { name: "a".to_owned(), reason: "it hung up".to_owned() });
    assert_eq!(line.0, Level::WARN);
    check(
        &line,
        &[
            ("journal.message_id", Kind::NtsFailure.message_id()),
            ("ntpd_rs.source", "a"),
            ("ntpd_rs.reason", "it hung up"),
        ],
    );
}

#[test]
fn a_leap_second_and_a_panic_have_ids_and_other_ends_have_none() {
    let line = told(&Notice::LeapChanged(Leap::AddSecond));
    check(&line, &[("journal.message_id", Kind::LeapAnnounced.message_id()), ("ntpd_rs.leap", "add-second")]);
    let panic = self::line(|| tell_end(&StartupError::panic("too far")));
    assert_eq!(panic.0, Level::ERROR);
    check(&panic, &[("journal.message_id", Kind::Panic.message_id()), ("message", "too far")]);
    let other = self::line(|| tell_end(&StartupError::clock("no right")));
    assert!(!other.1.contains_key("journal.message_id"), "{other:?}");
}

#[test]
fn matters_of_course_are_for_those_who_look_closely() {
    let steer = Notice::FrequencyChanged { current: Frequency::ZERO, desired: Frequency::ZERO };
    assert_eq!(told(&steer).0, Level::DEBUG);
}

const CATALOG: &str = include_str!("../../../systemd/catalog/ntpd-rs.catalog");

const OURS: [Kind; 8] = [
    Kind::Lost,
    Kind::Step,
    Kind::SourceSelected,
    Kind::SourceRejected,
    Kind::SourceUnreachable,
    Kind::LeapAnnounced,
    Kind::Panic,
    Kind::NtsFailure,
];

#[test]
fn the_catalog_explains_our_ids_and_no_others() {
    let ids = CATALOG.lines().filter_map(|line| line.strip_prefix("-- "));
    let explained: Vec<&str> = ids.collect();
    let known: BTreeSet<&str> = OURS.map(Kind::message_id).into();
    assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(explained.len(), known.len(), "each once");
    for id in explained {
        assert!(id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    }
}

/// As `journalctl --update-catalog` reads it: a head of known keys, an empty line, then text.
#[test]
fn every_entry_of_the_catalog_has_a_head_and_a_text() {
    let entries = CATALOG.split("\n-- ").skip(1);
    for entry in entries {
        let (head, text) = entry.split_once("\n\n").unwrap();
        let keys: Vec<&str> = head.lines().skip(1).map(|line| line.split_once(": ").unwrap().0).collect();
        assert_eq!(keys, ["Subject", "Defined-By", "Support", "Documentation"], "{entry}");
        assert!(!text.trim().is_empty(), "{entry}");
    }
}

#[test]
fn the_catalog_names_only_fields_that_there_are() {
    let code = include_str!("../telling.rs");
    for name in CATALOG.split('@').skip(1).step_by(2) {
        let field = name.strip_prefix("NTPD_RS_").map(|rest| format!("ntpd_rs.{} =", rest.to_lowercase()));
        assert!(field.is_some_and(|field| code.contains(&field)), "there is no {name}");
    }
}
