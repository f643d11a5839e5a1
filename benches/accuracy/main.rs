//! The accuracy table: the real client core in virtual time over every scenario, beside what others reached. See `--help`.
//!
//! `cargo bench --bench accuracy` prints it; under `cargo test` one short run of each poll mode only shows that it works.

#[allow(dead_code, reason = "the simulator's tests use the other half")]
#[path = "../../tests/sim/simulator/mod.rs"]
mod simulator;

mod options;
mod plot;
mod promises;
mod random;
mod regression;
mod report;
mod runs;
mod table;
mod trace;

use options::{HELP, Options, Promise};
use plot::Others;
use std::path::Path;
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
    if let Some(seed) = options.random_seed {
        let drawn = random::drawn(seed);
        return whether_read(trace::write(&mut std::io::stdout().lock(), &drawn.scenario, drawn.mode, seed));
    }
    if options.random {
        let (text, kept) = random::run(&options.seeds);
        println!("{text}");
        return if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(folder) = &options.plot {
        return draw(&options, folder);
    }
    if let Some(seed) = options.trace {
        return tell(&options, seed);
    }
    let mut kept = true;
    for mode in &options.modes {
        let scenarios = mode.scenarios(&options.scenarios);
        let rows = runs::run(&scenarios, *mode, &options.seeds, !options.alone);
        println!("{}", report::report(*mode, &options.seeds, &rows));
        let judged = promises::judge(*mode, &rows);
        println!("{}", report::judged(&judged));
        kept &= match options.promise {
            Promise::Floor => rows.iter().all(|row| report::broken_promise(*mode, row).is_none()),
            Promise::Goal => judged.iter().all(|judged| judged.kept),
        };
    }
    if options.smoke || kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn draw(options: &Options, folder: &Path) -> ExitCode {
    let result = others(options).and_then(|others| {
        for mode in &options.modes {
            for scenario in mode.scenarios(&options.scenarios) {
                plot::write(folder, &scenario, *mode, options.seeds.start, &others)
                    .map_err(|error| format!("{}: {error}", folder.display()))?;
            }
        }
        Ok(())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("accuracy: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn others(options: &Options) -> Result<Others, String> {
    let Some(file) = &options.curves else { return Ok(Others::default()) };
    let named = |problem: String| format!("{}: {problem}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    Others::parse(&text).map_err(named)
}

fn tell(options: &Options, seed: u64) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let all =
        options.scenarios.iter().flat_map(|scenario| options.modes.iter().map(move |mode| (scenario, *mode)));
    whether_read(
        all.into_iter().try_for_each(|(scenario, mode)| trace::write(&mut out, scenario, mode, seed)),
    )
}

/// Whoever reads may have seen enough.
fn whether_read(written: std::io::Result<()>) -> ExitCode {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
