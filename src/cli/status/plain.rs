//! The page that `ntp-ctl status` prints for people: no line is longer than 80 columns.

use super::headline::headline;
use super::nts;
use crate::cli::quantity::{magnitude, signed};
use crate::observation::{LeapIndicator, Server, Source, State, System};
use crate::snapshot::SyncState;
use crate::time::Poll;
use crate::verdict::Verdict;
use std::fmt::Display;

const WIDTH: usize = 80;
const NAME: usize = 18;
const INDENT: &str = "    ";

/// The whole page.
pub(in crate::cli) fn page(state: &State) -> String {
    let mut lines = headline(&state.system);
    lines.push(String::new());
    lines.extend(system(&state.system));
    lines.push(String::new());
    if state.sources.is_empty() {
        lines.push("No sources.".to_owned());
    } else {
        lines.push(row([" ", "Source", "Verdict", "Str", "Poll", "Reach", "Offset", "Error", "Delay"]));
        lines.extend(state.sources.iter().flat_map(source));
    }
    if !state.servers.is_empty() {
        lines.push(String::new());
        lines.extend(state.servers.iter().flat_map(server));
    }
    lines.extend(nts::key_exchange(state));
    lines.push(String::new());
    lines.join("\n")
}

fn system(system: &System) -> Vec<String> {
    let pair = |left, value: String, right, other: String| format!("{left:<12}{value:<26}{right:<17}{other}");
    let leap = match system.leap_indicator {
        LeapIndicator::NoWarning => "no leap second",
        LeapIndicator::Leap61 => "a second is inserted today",
        LeapIndicator::Leap59 => "a second is left out today",
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
pub(super) fn remaining_days(seconds: f64) -> String {
    let days = (seconds.abs() / 86_400.0).floor();
    if seconds > 0.0 { format!("good for {days} days") } else { format!("expired {days} days ago") }
}

const fn is_followed(state: SyncState) -> bool {
    matches!(state, SyncState::Synchronized | SyncState::Holdover | SyncState::OrphanChild)
}

fn seconds(log2: i8) -> i64 {
    Poll::new(log2).interval().nanos() / 1_000_000_000
}

fn row(cells: [&str; 9]) -> String {
    let [mark, name, verdict, stratum, poll, reach, offset, error, delay] = cells;
    let numbers = format!("{stratum:>3} {poll:>4} {reach:>5} {offset:>9} ± {error:<8} {delay:>8}");
    format!("{mark} {name:<NAME$} {verdict:<14} {numbers}").trim_end().to_owned()
}

/// One row of numbers; below it what did not fit there: the whole name, the address, what was discarded, what is wrong.
fn source(source: &Source) -> Vec<String> {
    let stratum = source.stratum.map(|stratum| stratum.to_string());
    let measured = |text: String| if source.measured { text } else { "-".to_owned() };
    let mut lines = vec![row([
        mark(source.verdict),
        &shortened(&source.name, NAME),
        source.verdict.name(),
        stratum.as_deref().unwrap_or("-"),
        &seconds(source.poll_interval).to_string(),
        &format!("{:o}", source.reach),
        &measured(signed(source.offset)),
        &measured(magnitude(source.uncertainty)),
        &measured(magnitude(source.delay)),
    ])];
    let whole_name = Some(source.name.clone()).filter(|name| name.chars().count() > NAME);
    let address = Some(source.address.clone()).filter(|a| !a.is_empty() && !is_same(a, &source.name));
    let interleaved = (source.interleaved > 0)
        .then(|| format!("interleaved: {} of {} replies", source.interleaved, source.replies));
    let discards = counted(&source.discards).map(|list| format!("discarded: {list}"));
    let nts = source.nts.as_ref().map(|nts| nts::source(nts, source.nts_cookies.unwrap_or_default()));
    let details: Vec<_> = [whole_name, address, nts, interleaved, discards].into_iter().flatten().collect();
    lines.extend(wrapped(&details.join("; ")));
    lines.extend(source.problem.iter().flat_map(|problem| wrapped(problem)));
    lines
}

/// A name that is an address already says it all; 123 is the port that nobody writes.
fn is_same(address: &str, name: &str) -> bool {
    let bare = address.strip_suffix(":123").unwrap_or(address);
    address == name || bare.trim_matches(['[', ']']) == name
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::SystemPeer => "*",
        Verdict::Truechimer => "+",
        Verdict::Falseticker => "x",
        Verdict::Unreachable | Verdict::Demobilized => "?",
        _ => " ",
    }
}

/// What came of the requests, as far as anything did; below it what people look for when something is wrong.
fn server(server: &Server) -> Vec<String> {
    let stats = &server.stats;
    let workers = if server.workers.len() == 1 { "worker" } else { "workers" };
    let mut lines = vec![format!("Serving {} with {} {workers}", server.address, server.workers.len())];
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
        lines.extend(wrapped(&parts.join("; ")));
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
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Indented lines of at most [`WIDTH`] columns; a longer word stands alone on its line, and is cut.
pub(in crate::cli) fn wrapped(text: &str) -> Vec<String> {
    let width = WIDTH - INDENT.len();
    let mut lines: Vec<String> = Vec::new();
    // Control characters come from names and messages of others: a terminal must not obey them.
    let printable: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    for word in printable.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shortened(word, width)),
        }
    }
    lines.iter().map(|line| format!("{INDENT}{line}")).collect()
}
