//! The accuracy table: the real client core in virtual time over every scenario, beside what others reached. See `--help`.
//!
//! `cargo bench --bench accuracy` prints it; under `cargo test` one short run of each poll mode only shows that it works.

#[allow(dead_code, reason = "the simulator's tests use the other half")]
#[path = "../../tests/sim/simulator/mod.rs"]
mod simulator;

mod options;
mod promises;
mod regression;
mod report;
mod runs;
mod table;
mod trace;

use options::{HELP, Options, Promise};
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("accuracy: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if let Some(seed) = options.trace {
        return tell(&options, seed);
    }
    let mut kept = true;
    for mode in &options.modes {
        let scenarios = mode.scenarios(&options.scenarios);
        let rows = runs::run(&scenarios, *mode, &options.seeds);
        println!("{}", report::report(*mode, &options.seeds, &rows));
        let judged = promises::judge(*mode, &rows);
        println!("{}", report::judged(&judged));
        kept &= match options.promise {
            Promise::Today => rows.iter().all(|row| report::broken_promise(*mode, row).is_none()),
            Promise::Issue => judged.iter().all(|judged| judged.kept),
        };
    }
    if options.smoke || kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(options: &Options, seed: u64) -> ExitCode {
    let mut out = std::io::stdout().lock();
    for scenario in &options.scenarios {
        for mode in &options.modes {
            // Whoever reads may have seen enough.
            if trace::write(&mut out, scenario, *mode, seed).is_err() {
                return ExitCode::SUCCESS;
            }
        }
    }
    ExitCode::SUCCESS
}
