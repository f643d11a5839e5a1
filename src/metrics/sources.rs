//! Per source: what is measured, what selection says of it, what came back from it, and its keys.

use super::system::{interval, leap};
use super::{Metric, Row, Value, counter, flag, gauge, number};
use crate::observation::{Source, SourceNts, State};
use crate::path_model::PathModel;

/// A source that is replaced gets a new `id`; what it follows is not told: it could say something else in every reply.
const LABELS: &[&str] = &["name", "address", "id"];

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "ntp_source_verdict",
        &["name", "address", "id", "verdict"],
        "What selection says of the source",
        |s| named(s, |source| source.verdict.name()),
    ),
    gauge(
        "ntp_source_origin",
        &["name", "address", "id", "origin"],
        "Who says that the source is to be asked",
        |s| named(s, |source| source.origin.name()),
    ),
    gauge("ntp_source_offset_seconds", LABELS, "Positive when our clock is behind the source", |s| {
        measured(s, |source| source.offset)
    }),
    gauge("ntp_source_uncertainty_seconds", LABELS, "One standard deviation of the offset", |s| {
        measured(s, |source| source.uncertainty)
    }),
    gauge("ntp_source_delay_seconds", LABELS, "Round trip to the source", |s| {
        measured(s, |source| source.delay)
    }),
    gauge("ntp_source_jitter_seconds", LABELS, "One standard deviation of single offsets", |s| {
        measured(s, |source| source.jitter)
    }),
    gauge(
        "ntp_source_predicted_error_seconds",
        LABELS,
        "One standard deviation of the offset when the next poll is due",
        |s| learned(s, |path| path.predicted_error),
    ),
    gauge(
        "ntp_source_jitter_kind",
        &["name", "address", "id", "kind"],
        "How the delays of the path vary",
        |s| described(s, |path| path.jitter_kind.name()),
    ),
    gauge(
        "ntp_source_waiting",
        &["name", "address", "id", "packets"],
        "Which packets the path keeps waiting more",
        |s| described(s, |path| path.waiting.name()),
    ),
    gauge(
        "ntp_source_asymmetry_seconds",
        LABELS,
        "Added to offsets because the route became longer one way, positive when replies take longer",
        |s| learned(s, |path| path.asymmetry),
    ),
    gauge(
        "ntp_source_wander",
        LABELS,
        "How fast our oscillator's frequency wanders as the source shows it, s/s per square root of a second",
        |s| learned(s, |path| path.wander),
    ),
    gauge("ntp_source_root_delay_seconds", LABELS, "Root delay that the source reports", |s| {
        measured(s, |source| source.remote_delay)
    }),
    gauge("ntp_source_root_dispersion_seconds", LABELS, "Root dispersion that the source reports", |s| {
        measured(s, |source| source.remote_uncertainty)
    }),
    gauge("ntp_source_stratum", LABELS, "Stratum of the source", |s| {
        each(s, |source| source.stratum.map(f64::from))
    }),
    gauge(
        "ntp_source_leap_indicator",
        LABELS,
        "What the source announces: 0 none, 1 leap second inserted, 2 deleted, 4 not synchronized",
        |s| each(s, |source| source.leap_indicator.map(leap)),
    ),
    gauge("ntp_source_poll_interval_seconds", LABELS, "Time between polls of the source", |s| {
        each(s, |source| Some(interval(source.poll_interval)))
    }),
    gauge("ntp_source_reach", LABELS, "The last eight polls as bits, the latest lowest", |s| {
        each(s, |source| Some(f64::from(source.reach)))
    }),
    gauge("ntp_source_unanswered_polls", LABELS, "Polls since the last usable reply", |s| {
        each(s, |source| Some(f64::from(source.unanswered_polls)))
    }),
    gauge("ntp_source_last_update_age_seconds", LABELS, "Time since the last usable reply", |s| {
        each(s, |source| source.last_update_seconds_ago)
    }),
    counter("ntp_source_requests", LABELS, "Requests sent", |s| counted(s, |source| source.requests)),
    counter("ntp_source_replies", LABELS, "Usable replies", |s| counted(s, |source| source.replies)),
    counter("ntp_source_interleaved_replies", LABELS, "Usable replies in interleaved mode", |s| {
        counted(s, |source| source.interleaved)
    }),
    counter(
        "ntp_source_discards",
        &["name", "address", "id", "reason"],
        "Replies that were not used",
        discards,
    ),
    gauge("ntp_source_nts_cookies_available", LABELS, "Unused NTS cookies", |s| {
        each(s, |source| source.nts_cookies.map(number))
    }),
    gauge(
        "ntp_source_nts_keys_age_seconds",
        LABELS,
        "Time since keys were exchanged, or taken over from an earlier run",
        |s| keys(s, |nts| Some(nts.keys_age)),
    ),
    gauge(
        "ntp_source_nts_certificate_remaining_seconds",
        LABELS,
        "How long the key exchange server's certificates are still good, negative once they have ended",
        |s| keys(s, |nts| nts.certificate_remaining),
    ),
    gauge(
        "ntp_source_nts_provisional",
        LABELS,
        "Whether certificates could not be judged by the clock yet",
        |s| keys(s, |nts| Some(flag(nts.provisional))),
    ),
];

fn labels(source: &Source) -> Vec<String> {
    vec![source.name.clone(), source.address.clone(), source.id.to_string()]
}

fn each(state: &State, value: fn(&Source) -> Option<f64>) -> Vec<Row> {
    let row = |source| Some((labels(source), Value::Number(value(source)?)));
    state.sources.iter().filter_map(row).collect()
}

/// A source without a measurement has no such numbers.
fn measured(state: &State, value: fn(&Source) -> f64) -> Vec<Row> {
    let sources = state.sources.iter().filter(|source| source.measured);
    sources.map(|source| (labels(source), Value::Number(value(source)))).collect()
}

/// What the filters have learned.
fn learned(state: &State, value: fn(&PathModel) -> f64) -> Vec<Row> {
    let row = |source: &Source| Some((labels(source), Value::Number(value(source.path.as_ref()?))));
    state.sources.iter().filter_map(row).collect()
}

/// The same in words: 1 for the one that is true.
fn described(state: &State, word: fn(&PathModel) -> &'static str) -> Vec<Row> {
    let row = |source: &Source| Some((with(labels(source), word(source.path.as_ref()?)), Value::Number(1.0)));
    state.sources.iter().filter_map(row).collect()
}

fn counted(state: &State, count: fn(&Source) -> u64) -> Vec<Row> {
    state.sources.iter().map(|source| (labels(source), Value::Count(count(source)))).collect()
}

/// 1 for the word that is true.
fn named(state: &State, word: fn(&Source) -> &'static str) -> Vec<Row> {
    let row = |source| (with(labels(source), word(source)), Value::Number(1.0));
    state.sources.iter().map(row).collect()
}

fn discards(state: &State) -> Vec<Row> {
    let of = |source: &Source| {
        let row = |(reason, count): (&crate::verdict::Discard, &u64)| {
            (with(labels(source), reason.name()), Value::Count(*count))
        };
        source.discards.iter().map(row).collect::<Vec<_>>()
    };
    state.sources.iter().flat_map(of).collect()
}

/// Of sources that have keys.
fn keys(state: &State, value: fn(&SourceNts) -> Option<f64>) -> Vec<Row> {
    let row = |source: &Source| Some((labels(source), Value::Number(value(source.nts.as_ref()?)?)));
    state.sources.iter().filter_map(row).collect()
}

fn with(mut labels: Vec<String>, one_more: &str) -> Vec<String> {
    labels.push(one_more.to_owned());
    labels
}
