//! The goals that the tables are held against, line by line: kept or broken. Runs nothing and prints nothing.

use crate::runs::Row;
use crate::simulator::figures::PollMode;
use crate::simulator::reference::Reference;

/// One thing that is asked.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) kept: bool,
    pub(crate) what: String,
}

/// The rows that may be so many times worse than the limit of any client.
const LIMITS: [(&str, f64); 7] = [
    ("lan", 1.4),
    ("lan_w8", 1.4),
    ("wifi", 1.4),
    ("inet1", 1.6),
    ("inet1_w8", 1.6),
    ("asymjit", 1.6),
    ("inet1_w10", 2.3),
];
/// Seconds from start until below 1 ms.
const TIMES: [(&str, f64); 2] = [("lan", 10.0), ("inet1", 60.0)];
/// Seconds until below 1 ms again.
const RECOVERY: f64 = 100.0;
/// The regression client counts if it is this near to chrony on so many rows.
const NEAR: f64 = 0.15;
const NEAR_ROWS: usize = 10;
/// Jitter from which chrony's packets are compared, seconds.
const MUCH_JITTER: f64 = 1e-3;
const MICROSECONDS: f64 = 1e6;

/// Everything that is asked of these rows and can be judged by them.
pub(crate) fn judge(mode: PollMode, rows: &[Row]) -> Vec<Judged> {
    let mut judged = match mode {
        PollMode::P6 => fixed_64(rows),
        PollMode::Def => own_choice(rows),
        PollMode::P4 => Vec::new(),
    };
    judged.extend(honest(rows));
    judged
}

fn fixed_64(rows: &[Row]) -> Vec<Judged> {
    let chrony = |r: &Reference| r.chrony_p6;
    let mut judged = Vec::new();
    judged.extend(mean(rows, chrony, "chrony's", 0.55));
    judged.extend(all(rows, "median over chrony's", 1.0, |row| against(row, chrony, 0.5)));
    judged.extend(all(rows, "90th percentile over chrony's", 1.1, |row| against(row, chrony, 0.9)));
    for (name, most) in LIMITS {
        let ratio = named(rows, name).map(|row| against(row, |r| r.optimum.1, 0.5));
        judged.extend(ratio.map(|ratio| at_most(&format!("{name} over the limit"), ratio, most)));
    }
    judged.extend(regression(rows));
    for (name, most) in TIMES {
        let row = named(rows, name);
        let what =
            |row: &Row| format!("{name}: seconds to 1 ms (90th percentile {:.0})", row.p90(|f| f.to_1ms));
        judged.extend(row.map(|row| at_most(&what(row), row.median(|f| f.to_1ms), most)));
    }
    let step = named(rows, "step50");
    let again =
        |row: &Row| format!("step50: seconds to 1 ms again (90th percentile {:.0})", row.p90(|f| f.recovery));
    judged.extend(step.map(|row| at_most(&again(row), row.median(|f| f.recovery), RECOVERY)));
    judged
}

fn own_choice(rows: &[Row]) -> Vec<Judged> {
    let packets = |row: &Row| row.median(|f| f.packets);
    let chrony = |row: &Row| {
        let compared = row.reference.filter(|_| row.jitter >= MUCH_JITTER);
        packets(row) / compared.map_or(f64::NAN, |r| r.chrony_def.1)
    };
    let earlier = |row: &Row| packets(row) / row.reference.map_or(f64::NAN, |r| r.ntpd_rs_def.1);
    let mut judged = Vec::new();
    judged.extend(mean(rows, |r| r.chrony_def.0, "chrony's", 0.6));
    judged.extend(all(rows, "packets over chrony's where jitter is 1 ms and more", 1.5, chrony));
    judged.extend(all(rows, "packets over ntpd-rs 1.9's", 1.0, earlier));
    judged
}

/// Rows without reference figures, against a client that must be like chrony where it can be compared.
fn regression(rows: &[Row]) -> Vec<Judged> {
    let ratio = |row: &Row| {
        let chrony = row.reference.map_or(f64::NAN, |r| r.chrony_p6);
        row.regression(row.error()) * MICROSECONDS / chrony
    };
    let compared: Vec<f64> = rows.iter().map(ratio).filter(|ratio| ratio.is_finite()).collect();
    let near = compared.iter().filter(|ratio| (**ratio - 1.0).abs() <= NEAR).count();
    let counts = Judged {
        kept: near >= NEAR_ROWS,
        what: format!(
            "the regression client is within 15 % of chrony on {near} of {} rows; it counts from {NEAR_ROWS} on",
            compared.len()
        ),
    };
    let beside = |row: &Row| match row.reference {
        Some(_) => f64::NAN,
        None => row.median(row.error()) / row.regression(row.error()),
    };
    // With a few rows only nothing is said of the client that they are compared with.
    let counts = (compared.len() >= NEAR_ROWS).then_some(counts);
    counts
        .into_iter()
        .chain(all(rows, "extra rows: median over the regression client's", 1.0, beside))
        .collect()
}

fn honest(rows: &[Row]) -> Vec<Judged> {
    let excused: f64 = rows.iter().map(|row| row.worst(|f| f.excused_bounds)).sum();
    let bounds = format!(
        "seconds with an error above maxerror (beside {excused:.0} between an external step and its detection)"
    );
    let mut judged = Vec::new();
    judged.extend(all(rows, &bounds, 0.0, |row| row.worst(|f| f.broken_bounds)));
    judged.extend(all(rows, "looks with an error above the client's own bound", 0.0, |row| {
        row.worst(|f| f.broken_claims)
    }));
    judged.extend(all(rows, "share of seconds beyond twice esterror", 0.1, |row| {
        1.0 - row.median(|f| f.within_estimates)
    }));
    judged.extend(all(rows, "bound over half the true root delay and root dispersion", 1.2, |row| {
        row.median(|f| f.tightness)
    }));
    judged.extend(all(rows, "esterror over error", 3.0, |row| row.median(|f| f.caution)));
    judged
}

fn named<'a>(rows: &'a [Row], name: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.name == name)
}

/// Our error, at this place among the seeds, over another's; NaN where there is none.
fn against(row: &Row, other: impl Fn(&Reference) -> f64, share: f64) -> f64 {
    row.quantile(share, row.error()) * MICROSECONDS / row.reference.map_or(f64::NAN, other)
}

/// Geometric mean over all rows that have such a figure.
fn mean(rows: &[Row], other: impl Fn(&Reference) -> f64, whose: &str, most: f64) -> Option<Judged> {
    let ratios: Vec<f64> =
        rows.iter().map(|row| against(row, &other, 0.5)).filter(|r| r.is_finite()).collect();
    let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let what = format!("geometric mean over {whose}, {} rows", ratios.len());
    (!ratios.is_empty()).then(|| at_most(&what, mean, most))
}

/// No row's ratio is above `most`; the worst is told, and how many are. NaN is a row that is not asked.
fn all(rows: &[Row], what: &str, most: f64, ratio: impl Fn(&Row) -> f64) -> Option<Judged> {
    let mut asked: Vec<(f64, &str)> =
        rows.iter().map(|row| (ratio(row), row.name)).filter(|(ratio, _)| !ratio.is_nan()).collect();
    asked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (worst, name) = asked.first()?;
    let broken: Vec<String> = asked
        .iter()
        .take_while(|(ratio, _)| *ratio > most)
        .map(|(ratio, name)| format!("{name} {ratio:.2}"))
        .collect();
    let told = if broken.is_empty() { format!("worst {name} {worst:.2}") } else { broken.join(", ") };
    let what = format!("{what}: at most {most}, {} rows: {told}", asked.len());
    Some(Judged { kept: broken.is_empty(), what })
}

/// A NaN is no proof, and so breaks the promise.
fn at_most(what: &str, value: f64, most: f64) -> Judged {
    Judged { kept: value <= most, what: format!("{what}: {value:.2}, at most {most}") }
}
