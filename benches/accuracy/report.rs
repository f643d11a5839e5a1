//! The tables, their geometric means, and which row breaks its promise. Runs nothing.

use crate::runs::Row;
use crate::simulator::figures::PollMode;
use crate::simulator::reference::Reference;
use crate::table::{Table, number, whole};
use std::ops::Range;

/// How much worse than ntpd-rs 1.9 a row may be at 64 s: what 40 seeds leave open, and a little.
const TOLERANCE: f64 = 1.10;
/// Seconds from start until below 1 ms, where it is promised.
const PROMISED_TIMES: [(&str, f64); 2] = [("lan", 30.0), ("inet1", 120.0)];
const MICROSECONDS: f64 = 1e6;

/// Everything about one poll mode, as text.
pub(crate) fn report(mode: PollMode, seeds: &Range<u64>, rows: &[Row]) -> String {
    let table = match mode {
        PollMode::P6 => fixed_64(rows),
        PollMode::Def => own_choice(rows),
        PollMode::P4 => fixed_16(rows),
    };
    let mut text = format!(
        "Poll: {}. Seeds {} to {}; error in us, median (90th percentile); times in s from the client's start.\n\
         linear, limit: the best of any linear client, and of any client, at that interval. e/est: error over what the client says of it.\n\n{}\n",
        mode.title(),
        seeds.start,
        seeds.end - 1,
        table.text()
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

/// What is promised of this row and not so, if anything.
pub(crate) fn broken_promise(mode: PollMode, row: &Row) -> Option<String> {
    let mut broken = Vec::new();
    if mode == PollMode::P6 {
        let ratio = ratio(row, |r| r.ntpd_rs_p6);
        if ratio > TOLERANCE {
            broken.push(format!("{ratio:.2} of ntpd-rs 1.9's error"));
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
    if seconds > 0.0 && row.name != "step50" {
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

/// Packets, p95, largest, time to 1 ms, recovery and steps: the end of every line.
fn common(row: &Row) -> Vec<String> {
    let recovery = if row.name == "step50" { row.median(|f| f.recovery) } else { f64::NAN };
    vec![
        whole(row.median(|f| f.packets)),
        number(row.median(|f| f.p95) * MICROSECONDS),
        number(row.median(|f| f.max) * MICROSECONDS),
        number(row.median(|f| f.boldness)),
        number(row.median(|f| f.frequency_rms) * 1e9),
        format!("{} ({})", whole(row.median(|f| f.to_1ms)), whole(row.p90(|f| f.to_1ms))),
        whole(recovery),
        whole(row.worst(|f| f.steps)),
    ]
}

const COMMON: [&str; 8] = ["packets", "p95", "max", "e/est", "rate ppb", "to 1 ms", "again", "steps"];

fn verdict(mode: PollMode, row: &Row) -> String {
    match broken_promise(mode, row) {
        Some(_) => "BROKEN".to_owned(),
        None if row.reference.is_none() => "-".to_owned(),
        None => "kept".to_owned(),
    }
}

fn heading<'a>(own: &[&'a str]) -> Vec<&'a str> {
    [&["scenario", "ours"], own, &COMMON, &["promise"]].concat()
}

fn line(mode: PollMode, row: &Row, own: Vec<String>) -> Vec<String> {
    [vec![row.name.to_owned(), ours(row)], own, common(row), vec![verdict(mode, row)]].concat()
}

fn fixed_64(rows: &[Row]) -> Table {
    let mut table = Table::new(&heading(&["chrony", "1.9", "ntpsec", "linear", "limit", "/chrony", "/1.9"]));
    for row in rows {
        let own = [
            of(row, |r| r.chrony_p6),
            of(row, |r| r.ntpd_rs_p6),
            of(row, |r| r.ntpsec_p6),
            row.linear * MICROSECONDS,
            of(row, |r| r.optimum.1),
            ratio(row, |r| r.chrony_p6),
            ratio(row, |r| r.ntpd_rs_p6),
        ];
        table.push(line(PollMode::P6, row, own.map(number).to_vec()));
    }
    table
}

fn own_choice(rows: &[Row]) -> Table {
    let mut table =
        Table::new(&heading(&["chrony (packets)", "1.9 (packets)", "timesyncd", "/chrony", "/1.9"]));
    for row in rows {
        let own = vec![
            row.reference.map_or_else(|| "-".to_owned(), |r| with_packets(r.chrony_def)),
            row.reference.map_or_else(|| "-".to_owned(), |r| with_packets(r.ntpd_rs_def)),
            number(of(row, |r| r.timesyncd)),
            number(ratio(row, |r| r.chrony_def.0)),
            number(ratio(row, |r| r.ntpd_rs_def.0)),
        ];
        table.push(line(PollMode::Def, row, own));
    }
    table
}

fn fixed_16(rows: &[Row]) -> Table {
    let mut table = Table::new(&heading(&["linear", "limit"]));
    for row in rows {
        table.push(line(
            PollMode::P4,
            row,
            vec![number(row.linear * MICROSECONDS), number(of(row, |r| r.optimum.0))],
        ));
    }
    table
}
