//! The tables, their geometric means, and which row breaks its promise. Runs nothing.

use crate::promises::Judged;
use crate::runs::Row;
use crate::simulator::figures::PollMode;
use crate::simulator::reference::Reference;
use crate::table::{Table, number, whole};
use std::ops::Range;

/// Seconds from start until below 1 ms, where it is promised.
const PROMISED_TIMES: [(&str, f64); 2] = [("lan", 10.0), ("inet1", 60.0)];
const MICROSECONDS: f64 = 1e6;

/// Everything about one poll mode, as text.
pub(crate) fn report(mode: PollMode, seeds: &Range<u64>, rows: &[Row]) -> String {
    let mut text = format!(
        "Poll: {}. Seeds {} to {}; error in us, median (90th percentile); times in s from the client's start.\n\
         linear, limit: the best of any linear client, and of any client, at that interval. regr.: the regression client (--help).\n\
         e/est: error over what the client says of it. out: % of seconds beyond twice its esterror. est/e: esterror over error. wide: its bound over the least true one.\n\n{}\n",
        mode.title(),
        seeds.start,
        seeds.end - 1,
        tables(mode, rows)
    );
    for (who, others) in [("chrony", CHRONY), ("ntpd-rs 1.9", NTPD_RS)] {
        let ratios: Vec<f64> =
            rows.iter().map(|row| ratio(row, |r| others(r, mode))).filter(|r| r.is_finite()).collect();
        if !ratios.is_empty() {
            let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
            text += &format!("Geometric mean against {who}: {mean:.2} ({} scenarios)\n", ratios.len());
        }
    }
    let broken: Vec<String> =
        rows.iter().filter_map(|row| Some(format!("{}: {}", row.name, broken_promise(mode, row)?))).collect();
    text += &match broken.len() {
        0 => "Every promise kept.\n".to_owned(),
        _ => format!("Promises broken:\n  {}\n", broken.join("\n  ")),
    };
    text
}

/// The goals, and whether they are reached.
pub(crate) fn judged(judged: &[Judged]) -> String {
    let line =
        |judged: &Judged| format!("  {:6}  {}\n", if judged.kept { "kept" } else { "BROKEN" }, judged.what);
    format!("Goals:\n{}", judged.iter().map(line).collect::<String>())
}

/// What is promised of this row and not so, if anything.
pub(crate) fn broken_promise(mode: PollMode, row: &Row) -> Option<String> {
    let mut broken = Vec::new();
    if mode == PollMode::P6 {
        let ratio = ratio(row, |r| r.chrony_p6);
        if ratio > 1.0 {
            broken.push(format!("{ratio:.2} of chrony's error"));
        }
        let time = row.median(|f| f.to_1ms);
        if let Some((_, promised)) = PROMISED_TIMES.iter().find(|(name, _)| *name == row.name)
            && time > *promised
        {
            broken.push(format!("{} s to 1 ms (worst: seed {})", whole(time), row.worst_seed(|f| f.to_1ms)));
        }
    }
    let rate = row.worst(|f| f.largest_rate) * MICROSECONDS;
    if rate > 500.0 {
        broken.push(format!("a rate correction of {rate:.0} ppm"));
    }
    let seconds = row.worst(|f| f.broken_bounds);
    if seconds > 0.0 {
        broken.push(format!(
            "an error above maxerror for {seconds:.0} s (seed {})",
            row.worst_seed(|f| f.broken_bounds)
        ));
    }
    (!broken.is_empty()).then(|| broken.join(", "))
}

type Others = fn(&Reference, PollMode) -> f64;

const CHRONY: Others = |reference, mode| match mode {
    PollMode::P6 => reference.chrony_p6,
    PollMode::Def => reference.chrony_def.0,
    PollMode::P4 => f64::NAN,
};

const NTPD_RS: Others = |reference, mode| match mode {
    PollMode::P6 => reference.ntpd_rs_p6,
    PollMode::Def => reference.ntpd_rs_def.0,
    PollMode::P4 => f64::NAN,
};

/// Our error over another's; NaN where there is none.
fn ratio(row: &Row, other: impl Fn(&Reference) -> f64) -> f64 {
    row.median(row.error()) * MICROSECONDS / row.reference.map_or(f64::NAN, other)
}

fn of(row: &Row, figure: impl Fn(&Reference) -> f64) -> f64 {
    row.reference.map_or(f64::NAN, figure)
}

fn ours(row: &Row) -> String {
    let error = row.error();
    format!("{} ({})", number(row.median(&error) * MICROSECONDS), number(row.p90(&error) * MICROSECONDS))
}

fn with_packets((error, packets): (f64, f64)) -> String {
    if error.is_nan() { "-".to_owned() } else { format!("{} ({})", number(error), whole(packets)) }
}

/// Beside reference figures, and without.
fn tables(mode: PollMode, rows: &[Row]) -> String {
    let some = |compared: bool| rows.iter().filter(move |row| row.reference.is_some() == compared);
    let mut text = String::new();
    if some(true).next().is_some() {
        text += &table(mode, some(true), columns(mode)).text();
    }
    if some(false).next().is_some() {
        text += &format!("\nExtra\n{}", table(mode, some(false), EXTRA).text());
    }
    text
}

/// Heading and cell.
type Column = (&'static str, fn(&Row) -> String);

fn table<'a>(mode: PollMode, rows: impl Iterator<Item = &'a Row>, own: &[Column]) -> Table {
    let all = || own.iter().chain(COMMON);
    let mut heading = vec!["scenario", "ours"];
    heading.extend(all().map(|(heading, _)| *heading));
    heading.push("promise");
    let mut table = Table::new(&heading);
    for row in rows {
        let mut line = vec![row.name.to_owned(), ours(row)];
        line.extend(all().map(|(_, cell)| cell(row)));
        line.push(verdict(mode, row));
        table.push(line);
    }
    table
}

const fn columns(mode: PollMode) -> &'static [Column] {
    match mode {
        PollMode::P6 => FIXED_64,
        PollMode::Def => OWN_CHOICE,
        PollMode::P4 => FIXED_16,
    }
}

const FIXED_64: &[Column] = &[
    ("chrony", |row| number(of(row, |r| r.chrony_p6))),
    ("1.9", |row| number(of(row, |r| r.ntpd_rs_p6))),
    ("ntpsec", |row| number(of(row, |r| r.ntpsec_p6))),
    ("regr.", regression),
    ("linear", |row| number(row.linear * MICROSECONDS)),
    ("limit", |row| number(of(row, |r| r.optimum.1))),
    ("/chrony", |row| number(ratio(row, |r| r.chrony_p6))),
    ("/1.9", |row| number(ratio(row, |r| r.ntpd_rs_p6))),
    ("/limit", |row| number(ratio(row, |r| r.optimum.1))),
    ("regr./chrony", |row| number(row.regression(row.error()) * MICROSECONDS / of(row, |r| r.chrony_p6))),
];

const OWN_CHOICE: &[Column] = &[
    ("chrony (packets)", |row| row.reference.map_or_else(|| "-".to_owned(), |r| with_packets(r.chrony_def))),
    ("1.9 (packets)", |row| row.reference.map_or_else(|| "-".to_owned(), |r| with_packets(r.ntpd_rs_def))),
    ("timesyncd", |row| number(of(row, |r| r.timesyncd))),
    ("regr. (packets)", regression_with_packets),
    ("/chrony", |row| number(ratio(row, |r| r.chrony_def.0))),
    ("/1.9", |row| number(ratio(row, |r| r.ntpd_rs_def.0))),
];

const FIXED_16: &[Column] = &[
    ("regr.", regression),
    ("linear", |row| number(row.linear * MICROSECONDS)),
    ("limit", |row| number(of(row, |r| r.optimum.0))),
    ("/limit", |row| number(ratio(row, |r| r.optimum.0))),
];

const EXTRA: &[Column] = &[
    ("regr. (packets)", regression_with_packets),
    ("linear", |row| number(row.linear * MICROSECONDS)),
    ("/regr.", |row| number(row.median(row.error()) / row.regression(row.error()))),
];

/// The end of every line.
const COMMON: &[Column] = &[
    ("packets", |row| whole(row.median(|f| f.packets))),
    ("p95", |row| number(row.median(|f| f.p95) * MICROSECONDS)),
    ("max", |row| number(row.median(|f| f.max) * MICROSECONDS)),
    ("e/est", |row| number(row.median(|f| f.boldness))),
    ("out", |row| number(100.0 * (1.0 - row.median(|f| f.within_estimates)))),
    ("est/e", |row| number(row.median(|f| f.caution))),
    ("wide", |row| number(row.median(|f| f.tightness))),
    ("excused", |row| whole(row.worst(|f| f.excused_bounds))),
    ("rate ppb", |row| number(row.median(|f| f.frequency_rms) * 1e9)),
    ("to 1 ms", |row| format!("{} ({})", whole(row.median(|f| f.to_1ms)), whole(row.p90(|f| f.to_1ms)))),
    ("again", |row| whole(if row.name == "step50" { row.median(|f| f.recovery) } else { f64::NAN })),
    ("steps", |row| whole(row.worst(|f| f.steps))),
];

fn regression(row: &Row) -> String {
    number(row.regression(row.error()) * MICROSECONDS)
}

fn regression_with_packets(row: &Row) -> String {
    with_packets((row.regression(row.error()) * MICROSECONDS, row.regression(|f| f.packets)))
}

fn verdict(mode: PollMode, row: &Row) -> String {
    match broken_promise(mode, row) {
        Some(_) => "BROKEN".to_owned(),
        None if row.reference.is_none() => "-".to_owned(),
        None => "kept".to_owned(),
    }
}
