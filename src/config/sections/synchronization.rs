//! `[synchronization]` and its `algorithm`. What the thresholds do is `discipline`'s.

use crate::config::keys;
use crate::config::reader::{Item, Section};
use crate::config::{Algorithm, NtsBootstrap, StepLimits, Synchronization};
use crate::packet::ReferenceId;
use crate::time::Span;
use toml::de::DeValue;

const MOST_SOURCES: i64 = 1000;
/// There must be proper servers below it.
const LOWEST_ORPHANS: i64 = 2;
/// Children serve one more, and 16 is no time.
const HIGHEST_ORPHANS: i64 = 14;
/// A day, in seconds.
const LONGEST_WAIT: i64 = 86_400;
/// The kernel's limit of rate corrections (`MAXFREQ`, 500 ppm).
const KERNEL_LIMIT: f64 = 500e-6;

/// Reads `[synchronization]`.
pub(in crate::config) fn read(section: &Section<'_>) -> Synchronization {
    let defaults = Synchronization::default();
    let number = |key, range| section.integer(key, range);
    Synchronization {
        minimum_agreeing_sources: number("minimum-agreeing-sources", 1..=MOST_SOURCES)
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(defaults.minimum_agreeing_sources),
        single_step_panic: step_limits(section, "single-step-panic-threshold")
            .unwrap_or(defaults.single_step_panic),
        startup_step_panic: step_limits(section, "startup-step-panic-threshold")
            .unwrap_or(defaults.startup_step_panic),
        // 0 is off here, as in 1.x; as a single step's limit it forbids every step.
        accumulated_step_panic: section
            .get("accumulated-step-panic-threshold")
            .and_then(|item| threshold(&item))
            .flatten()
            .filter(|limit| *limit > Span::ZERO),
        local_stratum: number("local-stratum", 1..=16)
            .and_then(|stratum| u8::try_from(stratum).ok())
            .unwrap_or(defaults.local_stratum),
        orphan_stratum: orphan_stratum(section),
        orphan_wait: number("orphan-wait", 0..=LONGEST_WAIT).map_or(defaults.orphan_wait, Span::from_secs),
        reference_id: section
            .get("reference-id")
            .and_then(|item| reference_id(&item))
            .unwrap_or(defaults.reference_id),
        step_limit: number("step-limit", 0..=i64::from(u32::MAX)).and_then(|n| u32::try_from(n).ok()),
        warn_on_jump: section.boolean("warn-on-jump", defaults.warn_on_jump),
        leap_seconds_file: section.path("leap-seconds-file"),
        use_link_servers: section.boolean("use-link-servers", defaults.use_link_servers),
        nts_bootstrap: nts_bootstrap(section).unwrap_or_default(),
    }
}

/// One number for both ways, or a table with a number for each; a way that is not named has no limit, as in 1.x.
fn step_limits(section: &Section<'_>, key: &'static str) -> Option<StepLimits> {
    let item = section.get(key)?;
    if !matches!(item.value, DeValue::Table(_)) {
        let both = threshold(&item)?;
        return Some(StepLimits { forward: both, backward: both });
    }
    let table = item.section(&keys::STEP_THRESHOLD)?;
    let way = |key| table.get(key).map_or(Some(None), |item| threshold(&item));
    let (forward, backward) = (way("forward"), way("backward"));
    Some(StepLimits { forward: forward?, backward: backward? })
}

/// Seconds, or no limit (`Some(None)`).
#[expect(clippy::option_option, reason = "wrong, unlimited and limited are three different things")]
fn threshold(item: &Item<'_>) -> Option<Option<Span>> {
    let wanted = "a number of seconds, not negative, or \"inf\"";
    match item.value {
        DeValue::String(text) if text == "inf" => return Some(None),
        DeValue::String(text) => {
            item.refuse(&format!("is \"{text}\""), &format!("write {wanted}"));
            return None;
        }
        _ => {}
    }
    if item.any_number() == Some(f64::INFINITY) {
        return Some(None);
    }
    let seconds = item.number(wanted, |seconds| seconds >= 0.0)?;
    Some(Some(Span::from_seconds(seconds)))
}

/// Not together with a local clock that is always right: whoever has that is nobody's child.
fn orphan_stratum(section: &Section<'_>) -> Option<u8> {
    let item = section.get("orphan-stratum")?;
    let stratum = item.integer(LOWEST_ORPHANS..=HIGHEST_ORPHANS)?;
    let local = section.get("local-stratum").is_some_and(|local| !is_integer(&local, 16));
    if local {
        item.refuse("does not go with `local-stratum`", "remove one of them");
        return None;
    }
    u8::try_from(stratum).ok()
}

fn is_integer(item: &Item<'_>, wanted: i64) -> bool {
    matches!(item.value, DeValue::Integer(written)
        if i64::from_str_radix(written.as_str(), written.radix()) == Ok(wanted))
}

fn reference_id(item: &Item<'_>) -> Option<ReferenceId> {
    let text = item.text("one to four ASCII characters in quotes, like \"GPS\"")?;
    let id = ReferenceId::from_ascii(text);
    if id.is_none() {
        item.refuse(&format!("is \"{text}\""), "write one to four printable ASCII characters, like \"GPS\"");
    }
    id
}

fn nts_bootstrap(section: &Section<'_>) -> Option<NtsBootstrap> {
    let item = section.get("nts-bootstrap")?;
    match item.value {
        DeValue::Boolean(true) => Some(NtsBootstrap::Yes),
        DeValue::Boolean(false) => Some(NtsBootstrap::No),
        DeValue::String(word) if word == "auto" => Some(NtsBootstrap::Auto),
        _ => {
            item.refuse("is something else than true, false or \"auto\"", "write one of these three");
            None
        }
    }
}

/// The numbers a knob may be set to.
#[derive(Clone, Copy)]
enum Range {
    /// 0 to 1.
    Probability,
    /// 0 or more.
    NotNegative,
    /// More than 0.
    Positive,
    /// More than 0, and not more than the kernel can do.
    Rate,
    /// A whole number from 1.
    Count,
}

/// The knobs that our algorithm has no use for.
const UNUSED: [(&str, Range); 16] = [
    ("precision-low-probability", Range::Probability),
    ("precision-high-probability", Range::Probability),
    ("precision-hysteresis", Range::Count),
    ("precision-minimum-weight", Range::Probability),
    ("poll-interval-low-weight", Range::Probability),
    ("poll-interval-high-weight", Range::Probability),
    ("poll-interval-hysteresis", Range::Count),
    ("poll-interval-step-threshold", Range::Probability),
    ("delay-outlier-threshold", Range::NotNegative),
    ("range-statistical-weight", Range::NotNegative),
    ("range-delay-weight", Range::Probability),
    ("steer-offset-threshold", Range::NotNegative),
    ("steer-offset-leftover", Range::NotNegative),
    ("steer-frequency-threshold", Range::NotNegative),
    ("steer-frequency-leftover", Range::NotNegative),
    ("meddling-threshold", Range::Positive),
];

/// Reads `[synchronization.algorithm]`.
pub(in crate::config) fn algorithm(section: &Section<'_>) -> Algorithm {
    warn_of_unused(section);
    let defaults = Algorithm::default();
    let number = |key, range, default| section.get(key).and_then(|i| knob(&i, range)).unwrap_or(default);
    Algorithm {
        step_threshold: number("step-threshold", Range::NotNegative, defaults.step_threshold),
        slew_maximum_frequency_offset: number(
            "slew-maximum-frequency-offset",
            Range::Rate,
            defaults.slew_maximum_frequency_offset,
        ),
        slew_minimum_duration: number(
            "slew-minimum-duration",
            Range::Positive,
            defaults.slew_minimum_duration,
        ),
        maximum_frequency_steer: number(
            "maximum-frequency-steer",
            Range::Rate,
            defaults.maximum_frequency_steer,
        ),
        initial_frequency_uncertainty: number(
            "initial-frequency-uncertainty",
            Range::Positive,
            defaults.initial_frequency_uncertainty,
        ),
        initial_wander: number("initial-wander", Range::Positive, defaults.initial_wander),
        maximum_source_uncertainty: number(
            "maximum-source-uncertainty",
            Range::Positive,
            defaults.maximum_source_uncertainty,
        ),
        ignore_server_dispersion: section
            .boolean("ignore-server-dispersion", defaults.ignore_server_dispersion),
    }
}

fn warn_of_unused(section: &Section<'_>) {
    let given = |(key, range): &(&'static str, Range)| {
        let item = section.get(key)?;
        knob(&item, *range).map(|_| item)
    };
    let unused: Vec<_> = UNUSED.iter().filter_map(given).collect();
    let Some(first) = unused.iter().map(|item| item.key_start).min() else { return };
    let names: Vec<_> = unused.iter().map(|item| format!("`{}`", item.name)).collect();
    section
        .report
        .warning(first, format!("{} have no effect: this algorithm has no such knob", names.join(", ")));
}

fn knob(item: &Item<'_>, range: Range) -> Option<f64> {
    match range {
        Range::Probability => item.number("a number from 0 to 1", |v| (0.0..=1.0).contains(&v)),
        Range::NotNegative => item.number("a number, not negative", |v| v >= 0.0),
        Range::Positive => item.number("a number above 0", |v| v > 0.0),
        Range::Rate => item.number("a rate above 0 and not above 500e-6", |v| v > 0.0 && v <= KERNEL_LIMIT),
        Range::Count => {
            item.integer(1..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok()).map(f64::from)
        }
    }
}

/// Whether a knob is accepted without effect.
#[cfg(test)]
pub(in crate::config) fn is_unused(key: &str) -> bool {
    UNUSED.iter().any(|(unused, _)| *unused == key)
}
