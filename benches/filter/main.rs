//! What one measurement costs from the filter to the clock's correction, and what a source costs in memory. See `--help`.
//!
//! `cargo bench --bench filter` prints a table; under `cargo test` one short round only shows that it works. No time is ever
//! asserted: it would fail on a busy machine.

#[allow(unsafe_code, reason = "the allocator that counts is sys's own, which tests use as well")]
#[path = "../../src/sys/allocations.rs"]
mod allocations;
mod lab;
#[allow(dead_code, reason = "the simulator uses the rest")]
#[path = "../../tests/sim/simulator/random.rs"]
mod random;
#[path = "../rounds/mod.rs"]
mod rounds;

use lab::{Cost, Lab};
use rounds::{Options, figures};
use std::fmt::Write;
use std::process::ExitCode;

const HELP: &str = "\
cargo bench --bench filter [-- OPTIONS]

Nanoseconds for one measurement through the discipline: filter, selection, combination, steering. One to sixteen servers, 64 s apart,
in virtual time. Beside it the most of one measurement, allocations each, and bytes that a source holds when it was measured long.

  --rounds N    of every case in turn; the figures are medians over them (default 9)
  --requests N  measurements of each source in a round (default 2000)
  --only TEXT   cases with this in their name
  --help        this";

/// Measurements of each source before any is counted: buffers have grown by then.
const WARM_UP: u32 = 300;

const CASES: [(&str, u32); 3] = [("1 source", 1), ("4 sources", 4), ("16 sources", 16)];

/// Sources are kept together in blocks, so that one more may cost nothing, or a block.
const FEW: u32 = 11;
const MANY: u32 = 111;

fn main() -> ExitCode {
    rounds::main("filter", HELP, Options { rounds: 9, requests: 2000, only: String::new() }, table)
}

fn table(options: &Options) -> Result<String, String> {
    let mut text = format!(
        "ns for a measurement, median of {} rounds (least to most); most for one; allocations for each\n\n",
        options.rounds
    );
    for (name, sources) in CASES.into_iter().filter(|(name, _)| name.contains(&options.only)) {
        let rounds: Vec<Cost> =
            (0..options.rounds).map(|seed| round(seed, sources, options.requests)).collect();
        let mut nanos: Vec<f64> = rounds.iter().map(Cost::nanos).collect();
        let most = rounds.iter().map(|cost| cost.most_nanos).fold(0.0, f64::max);
        let allocations = rounds.iter().map(Cost::allocations).fold(0.0, f64::max);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:12} {}  {most:9.0}  {allocations:6.2}", figures(&mut nanos));
    }
    let (few, many) = (held(FEW), held(MANY));
    let each = (many - few) / i64::from(MANY - FEW);
    let _ =
        writeln!(text, "\n{each} bytes on the heap for each source, when there are many; {few} for {FEW}");
    let _ = writeln!(text, "{} bytes for the discipline itself", Lab::own_bytes());
    Ok(text)
}

fn round(seed: u32, sources: u32, measurements: u32) -> Cost {
    let mut lab = Lab::new(u64::from(seed), sources);
    lab.measure(WARM_UP);
    lab.measure(measurements)
}

/// Bytes that a discipline with so many sources holds on the heap.
fn held(sources: u32) -> i64 {
    let before = allocations::held_by_this_thread();
    let mut lab = Lab::new(1, sources);
    lab.measure(WARM_UP);
    let held = allocations::held_by_this_thread() - before;
    drop(lab);
    held
}
