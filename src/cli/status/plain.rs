//! The page that `ntp-ctl status` prints for people: no line is longer than the terminal is wide, or 80 columns.

use super::headline::headline;
use super::look::{Look, WIDTH};
use super::sources::seconds;
use super::{nts, sources};
use crate::observation::{LeapIndicator, Server, State, System};
use crate::snapshot::SyncState;
use crate::time::quantity::{magnitude, signed};
use std::fmt::Display;

const INDENT: &str = "    ";

/// The whole page.
pub(super) fn page(state: &State, look: Look) -> String {
    let mut lines = first(state, look);
    lines.push(String::new());
    lines.extend(system(&state.system, look.width));
    lines.push(String::new());
    lines.extend(sources::table(&state.sources, look));
    if !state.servers.is_empty() {
        lines.push(String::new());
        lines.extend(state.servers.iter().flat_map(|server| self::server(server, look.width)));
    }
    lines.extend(nts::key_exchange(state, look.width));
    lines.push(String::new());
    look.spelled(lines.join("\n"))
}

/// Whether the clock is right, and below it more about that.
fn first(state: &State, look: Look) -> Vec<String> {
    let (tone, sentences) = headline(state);
    let [first, more @ ..] = sentences.as_slice() else { return Vec::new() };
    let words = format!("{}{first}", look.headline_sign(tone));
    let mut lines: Vec<_> = filled(&words, look.width).iter().map(|line| look.paint(tone, line)).collect();
    lines.extend(more.iter().flat_map(|sentence| filled(sentence, look.width)));
    lines
}

fn system(system: &System, width: usize) -> Vec<String> {
    let pair = |left, value: String, right, other: String| {
        if width < WIDTH {
            return format!("{left:<17}{value}\n{right:<17}{other}");
        }
        format!("{left:<12}{value:<26}{right:<17}{other}")
    };
    let leap = match system.leap_indicator {
        LeapIndicator::NoWarning => "no leap second",
        LeapIndicator::Leap61 => "a second inserted today",
        LeapIndicator::Leap59 => "a second left out today",
        LeapIndicator::Unknown | LeapIndicator::Unsynchronized => "not synchronized",
    };
    // Before the first synchronization these are only places for numbers.
    let known = |text: String| if is_followed(system.state) { text } else { "unknown".to_owned() };
    let error = format!("{} ± {}", signed(system.offset), magnitude(system.offset_uncertainty));
    let frequency = format!("{:+.3} ± {:.3} ppm", system.frequency_ppm, system.frequency_uncertainty_ppm);
    let agreeing = format!("{}, needed: {}", system.agreeing_sources, system.minimum_agreeing_sources);
    let mut lines = vec![
        pair("Offset", known(error), "Frequency", frequency),
        pair("Stratum", system.stratum.to_string(), "Reference", system.reference.clone()),
        pair(
            "Root delay",
            known(magnitude(system.root_delay)),
            "Root dispersion",
            known(magnitude(system.root_dispersion)),
        ),
        pair("Leap", leap.to_owned(), "Poll", format!("{} s", seconds(system.poll_interval))),
        pair("Steps", system.steps.to_string(), "Agreeing sources", agreeing),
    ];
    if let Some(remaining) = system.leap_table_remaining {
        let tai_offset = system.tai_offset.map_or("unknown".to_owned(), |offset| format!("{offset} s"));
        lines.push(pair("Leap table", remaining_days(remaining), "TAI - UTC", tai_offset));
    }
    lines
}

/// Of a table of leap seconds, or a certificate.
pub(in crate::cli) fn remaining_days(seconds: f64) -> String {
    let days = (seconds.abs() / 86_400.0).floor();
    if seconds > 0.0 { format!("good for {days} days") } else { format!("expired {days} days ago") }
}

const fn is_followed(state: SyncState) -> bool {
    matches!(state, SyncState::Synchronized | SyncState::Holdover | SyncState::OrphanChild)
}

/// What came of the requests, as far as anything did; below it what people look for when something is wrong.
fn server(server: &Server, width: usize) -> Vec<String> {
    let stats = &server.stats;
    let workers = if server.workers.len() == 1 { "worker" } else { "workers" };
    let serving = format!("Serving {} with {} {workers}", server.address, server.workers.len());
    let mut lines = filled(&serving, width);
    let versions = server.versions.iter().map(|(version, count)| (format!("v{version}"), count));
    let some = |count: u64| Some(count).filter(|count| *count > 0);
    let answered = [
        Some(format!("{} requests", stats.received_packets)),
        Some(match counted(versions) {
            None => "none answered".to_owned(),
            Some(list) => format!("{} answered ({list})", stats.accepted_packets),
        }),
        some(server.interleaved_packets).map(|count| format!("{count} in interleaved mode")),
        nts::requests(stats),
        some(server.recent_clients).map(|count| match count {
            1 => "1 client in the last hour".to_owned(),
            // Few are told exactly, but for a chance of one in some hundreds.
            2..10 => format!("{count} clients in the last hour"),
            _ => format!("about {count} clients in the last hour"),
        }),
    ];
    let trouble = [
        counted(&server.refused).map(|list| format!("refused: {list}")),
        counted(&server.kisses).map(|list| format!("kisses sent: {list}")),
        some(stats.response_send_errors).map(|count| format!("not sent: {count}")),
        some(server.dropped_packets).map(|count| format!("dropped by the kernel: {count}")),
    ];
    for parts in [answered.as_slice(), trouble.as_slice()] {
        let parts: Vec<_> = parts.iter().flatten().map(String::as_str).collect();
        lines.extend(wrapped(&parts.join("; "), width));
    }
    lines
}

/// `reason 3, other 1`.
pub(in crate::cli) fn counted<R: Display, C: Display>(
    counts: impl IntoIterator<Item = (R, C)>,
) -> Option<String> {
    let list: Vec<_> = counts.into_iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    (!list.is_empty()).then(|| list.join(", "))
}

/// At most `width` characters, with a sign that something was cut off.
pub(in crate::cli) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Control characters come from names and messages of others: a terminal must not obey them.
pub(in crate::cli) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Indented lines of at most `width` columns.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let lines = filled(text, width.saturating_sub(INDENT.len()));
    lines.iter().map(|line| format!("{INDENT}{line}")).collect()
}

/// Lines of at most `width` columns; a longer word stands alone on its line, and is cut.
pub(in crate::cli) fn filled(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in printable(text).split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shortened(word, width)),
        }
    }
    lines
}
