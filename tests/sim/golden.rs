//! Golden figures: what the client reaches on every scenario of the table, so that no change of them goes unseen. Judges nothing by itself.
//!
//! A change that is meant: `UPDATE_GOLDEN=1 cargo test --test sim golden`, then review the diff and say in the commit why it moved.

use crate::simulator::catalogue;
use crate::simulator::figures::{Figures, PollMode};
use std::fmt::Write as _;
use std::path::PathBuf;

/// One run or two of each scenario: a change shows, and a minute is not spent.
const fn seeds(mode: PollMode) -> &'static [u64] {
    match mode {
        PollMode::P6 | PollMode::Def => &[1, 2],
        // Four times the packets.
        PollMode::P4 => &[1],
    }
}

const HEADING: &str = "\
# Golden figures of tests/sim: error of the clock in us over 10000..40000 s (step50:
# rms over 25000..40000), seconds from start to 1 ms, requests, steps.
# To change them on purpose: UPDATE_GOLDEN=1 cargo test --test sim golden
#
# scenario   seed      rms      p95      max     mean   to 1ms  packets  steps
";

/// Three significant digits: rounding hides what a mathematical library may change in the last bit.
fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scale = 10_f64.powf(2.0 - value.abs().log10().floor());
    let rounded = (value * scale).round() / scale;
    match rounded.abs() {
        100.0.. => format!("{rounded:.0}"),
        10.0.. => format!("{rounded:.1}"),
        1.0.. => format!("{rounded:.2}"),
        _ => format!("{rounded:.3}"),
    }
}

fn line(name: &str, seed: u64, figures: &Figures) -> String {
    let us = |seconds: f64| rounded(seconds * 1e6);
    format!(
        "{name:<12} {seed:>4} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6}\n",
        us(figures.headline(name)),
        us(figures.p95),
        us(figures.max),
        us(figures.mean),
        figures.to_1ms,
        figures.packets,
        figures.steps
    )
}

#[track_caller]
fn check(mode: PollMode) {
    let mut found = HEADING.to_owned();
    for scenario in catalogue::all() {
        for seed in seeds(mode) {
            let figures = Figures::run(&scenario, mode, *seed);
            check_promises(scenario.name, *seed, &figures);
            found += &line(scenario.name, *seed, &figures);
        }
    }
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sim/golden/{}.txt", mode.name()));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = difference(&expected, &found);
    assert!(
        difference.is_empty(),
        "{} does not say what was reached (- file, + now):\n{difference}\nIf this is meant: UPDATE_GOLDEN=1 cargo test --test sim golden",
        path.display()
    );
}

/// What no change may alter: no rate above 500 ppm, and a `maxerror` that is true in every second.
#[track_caller]
fn check_promises(name: &str, seed: u64, figures: &Figures) {
    assert!(figures.largest_rate <= 500e-6, "{name} seed {seed}: {:e}", figures.largest_rate);
    // In step50 the clock jumps and nobody tells: the bound cannot be true until the next measurement.
    assert!(
        figures.broken_bounds == 0.0 || name == "step50",
        "{name} seed {seed}: the error was above maxerror for {} s",
        figures.broken_bounds
    );
}

/// The lines that differ, by scenario and seed; empty when none does.
fn difference(expected: &str, found: &str) -> String {
    let key = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for line in found.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        for old in expected.lines().filter(|old| key(old) == key(line)) {
            writeln!(text, "- {old}").unwrap();
        }
        writeln!(text, "+ {line}").unwrap();
    }
    for gone in expected.lines().filter(|old| !found.lines().any(|line| key(line) == key(old))) {
        writeln!(text, "- {gone}").unwrap();
    }
    text
}

#[test]
fn a_difference_names_what_changed_came_and_went() {
    assert_eq!(difference("a 1 5\nb 1 6\n", "a 1 5\nb 1 6\n"), "");
    assert_eq!(difference("a 1 5\nb 1 6\n", "a 1 7\nc 1 6\n"), "- a 1 5\n+ a 1 7\n+ c 1 6\n- b 1 6\n");
}

#[test]
fn figures_are_rounded_to_three_digits() {
    let texts = [0.0, 1.0 / 3.0, 12.345, 123.45, 12_345.0, -4.5678].map(rounded);
    assert_eq!(texts, ["0", "0.333", "12.3", "123", "12300", "-4.57"]);
}

#[test]
fn fixed_64_seconds_reaches_its_golden_figures() {
    check(PollMode::P6);
}

#[test]
fn own_poll_reaches_its_golden_figures() {
    check(PollMode::Def);
}

#[test]
fn fixed_16_seconds_reaches_its_golden_figures() {
    check(PollMode::P4);
}
