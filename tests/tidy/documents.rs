//! Documents against the program: every key, flag, verdict and discard is documented, and every documented flag
//! exists. Links and commands are `texts`' subject, configurations `tests/config`'s.

use crate::{documents, texts};
use ntpd_rs::metrics::{self, Kind, Metric};
use ntpd_rs::snapshot::KeyExchangeEnd;
use ntpd_rs::verdict::{Discard, Refusal, Verdict};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

fn read(path: &str) -> String {
    fs::read_to_string(crate::root().join(path)).unwrap()
}

fn is_key(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// What stands between backticks, outside fenced blocks.
fn code_spans(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).collect::<String>();
    prose.split('`').skip(1).step_by(2).flat_map(|span| span.split(", ").map(str::to_owned)).collect()
}

#[test]
fn every_key_of_the_schema_is_documented() {
    let spans = code_spans(&read("docs/configuration.md"));
    let schema = read("src/config/keys.rs");
    let tables = schema.split("mod tests").next().unwrap();
    let keys: BTreeSet<&str> = tables.split('"').skip(1).step_by(2).filter(|word| is_key(word)).collect();
    assert!(keys.len() > 60, "the schema was not found: {keys:?}");
    let sections = ["source", "source-defaults", "server", "nts-ke-server", "keyset", "synchronization"];
    let more = ["algorithm", "observability", "control", "clock", "min", "max", "forward", "backward"];
    let lists = ["filter", "action"];
    let is_shown = |key: &str| {
        spans.contains(key)
            || [sections.as_slice(), &more, &lists].concat().contains(&key)
                && spans
                    .iter()
                    .any(|span| span.contains(&format!("[{key}]")) || span.contains(&format!("{key} =")))
            || spans.iter().any(|span| span.ends_with(&format!(".{key}]")))
    };
    crate::check(
        keys.into_iter()
            .filter(|key| !is_shown(key))
            .map(|key| format!("`{key}` is not documented"))
            .collect(),
    );
}

#[test]
fn every_verdict_discard_refusal_and_end_is_documented() {
    let text = read("docs/operation.md");
    let words: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split(", "))
        .collect();
    let names = Verdict::ALL.map(Verdict::name).into_iter().chain(Discard::ALL.map(Discard::name));
    let names =
        names.chain(Refusal::ALL.map(Refusal::name)).chain(KeyExchangeEnd::ALL.map(KeyExchangeEnd::name));
    crate::check(
        names.filter(|name| !words.contains(name)).map(|name| format!("{name} is not documented")).collect(),
    );
}

/// The first cells of the rows of `docs/metrics.md`.
fn documented_metrics() -> Vec<[String; 3]> {
    let text = read("docs/metrics.md");
    let rows = text.lines().filter(|line| line.starts_with("| `ntp_"));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.replace('`', "").trim().to_owned());
        [(); 3].map(|()| cells.next().unwrap())
    })
    .collect()
}

#[test]
fn every_metric_is_documented_with_its_kind_and_labels_and_every_documented_one_exists() {
    let kind = |metric: &Metric| match metric.kind() {
        Kind::Gauge => "gauge".to_owned(),
        Kind::Counter => "counter".to_owned(),
    };
    let there = metrics::all().map(|metric| [metric.name(), kind(metric), metric.labels().join(", ")]);
    let there: BTreeSet<[String; 3]> = there.collect();
    let shown: BTreeSet<[String; 3]> = documented_metrics().into_iter().collect();
    let missing = there.difference(&shown).map(|row| format!("docs/metrics.md has no row of {row:?}"));
    let unknown = shown.difference(&there).map(|row| format!("docs/metrics.md: there is no {row:?}"));
    crate::check(missing.chain(unknown).collect());
}

/// Words of a text that look like names of metrics.
fn metrics_named(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'));
    let first = ["ntp_uptime", "ntp_system_", "ntp_source_", "ntp_server_", "ntp_key_exchange_"];
    words.filter(move |word| first.iter().any(|first| word.starts_with(first)) && !word.ends_with('_'))
}

#[test]
fn every_metric_that_a_document_or_a_dashboard_names_exists() {
    let known: BTreeSet<String> = metrics::all().map(Metric::name).collect();
    let texts =
        crate::files("docs", &|name| [".md", ".json", ".yml", ".yaml"].iter().any(|end| name.ends_with(end)));
    let unknown = texts.iter().flat_map(|(path, text)| {
        let unknown = metrics_named(text).filter(|name| !known.contains(*name));
        unknown.map(move |name| format!("{path}: there is no metric {name}"))
    });
    crate::check(unknown.collect());
}

/// Flags of our programs that a line of shell uses, with the program.
fn flags(line: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let program = words.iter().position(|word| word.ends_with("ntp-daemon") || word.ends_with("ntp-ctl"));
    let Some(at) = program.filter(|at| words[..*at].iter().all(|word| ["sudo", "$", "#"].contains(word)))
    else {
        return Vec::new();
    };
    let name = words[at].rsplit('/').next().unwrap().to_owned();
    let subcommand = words[at + 1..].iter().find(|word| !word.starts_with('-') && name == "ntp-ctl");
    let program = subcommand.map_or(name.clone(), |word| format!("{name} {word}"));
    let used = words[at + 1..].iter().filter(|word| word.starts_with('-'));
    used.map(|flag| (program.clone(), (*flag).to_owned())).collect()
}

/// The flags that a program's `--help` names.
fn help(program: &str) -> String {
    let mut words = program.split(' ');
    let path = match words.next() {
        Some("ntp-ctl") => env!("CARGO_BIN_EXE_ntp-ctl"),
        _ => env!("CARGO_BIN_EXE_ntp-daemon"),
    };
    let output = Command::new(path).args(words).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn names_flag(help: &str, flag: &str) -> bool {
    help.split(|c: char| c.is_whitespace() || ",[]=".contains(c)).any(|word| word == flag)
}

#[test]
fn every_flag_in_documents_exists() {
    let mut complaints = Vec::new();
    for (path, text) in documents() {
        for (program, flag) in texts::shell_lines(&text).iter().flat_map(|line| flags(line)) {
            if !names_flag(&help(&program), &flag) {
                complaints.push(format!("{path}: {program} has no {flag}"));
            }
        }
    }
    // The tables of the manual name these flags without their programs.
    let tables = ["ntp-daemon", "ntp-ctl source add", "ntp-ctl source prefer", "ntp-ctl log-level"];
    let help = tables.map(help).concat();
    let operation = read("docs/operation.md");
    let table = code_spans(&operation).into_iter().filter(|span| span.starts_with('-'));
    for flag in table.filter_map(|span| span.split(' ').next().map(str::to_owned)) {
        if !names_flag(&help, &flag) && !operation.contains(&format!("ntp-ctl status {flag}")) {
            complaints.push(format!("docs/operation.md: no program has {flag}"));
        }
    }
    crate::check(complaints);
}

#[test]
fn every_flag_of_the_daemon_is_documented() {
    let help = help("ntp-daemon");
    let spans = code_spans(&read("docs/operation.md"));
    let documented = |flag: &str| spans.iter().any(|span| span.split(' ').next() == Some(flag));
    let flags = help
        .split_whitespace()
        .map(|word| word.trim_end_matches([',', ':', '.']))
        .filter(|word| word.starts_with("--"));
    let flags: BTreeSet<&str> = flags.filter(|flag| !["--help", "--version"].contains(flag)).collect();
    assert!(flags.len() > 3, "the flags were not found: {help}");
    crate::check(
        flags.into_iter().filter(|f| !documented(f)).map(|f| format!("{f} is not documented")).collect(),
    );
}

#[test]
fn flags_are_found_in_lines_of_shell() {
    assert_eq!(flags("sudo ntp-daemon -c a --no-clock-control").len(), 2);
    assert_eq!(flags("ntp-ctl status -f json"), [("ntp-ctl status".to_owned(), "-f".to_owned())]);
    assert_eq!(flags("sudo install -m 755 target/release/ntp-daemon /usr/local/bin/").len(), 0);
    assert!(names_flag("  -c, --config <FILE>  x", "-c") && names_flag("  --config=<F>", "--config"));
    assert!(!names_flag("  --configure", "--config"));
}
