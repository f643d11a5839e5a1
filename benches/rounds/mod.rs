//! What benchmarks that take rounds have in common: options, and figures of the rounds. Measures nothing.

use std::process::ExitCode;

/// How much is measured.
pub(crate) struct Options {
    pub(crate) rounds: u32,
    /// In a round.
    pub(crate) requests: u32,
    /// Only what has this in its name.
    pub(crate) only: String,
}

/// With these options unless the command line says otherwise; under `cargo test` one round of a hundredth.
pub(crate) fn main(
    name: &str,
    help: &str,
    defaults: Options,
    run: impl FnOnce(&Options) -> Result<String, String>,
) -> ExitCode {
    match options(defaults, std::env::args().skip(1)) {
        Ok(Some(options)) => match run(&options) {
            Ok(table) => {
                println!("{table}");
                ExitCode::SUCCESS
            }
            Err(wrong) => {
                eprintln!("{name}: {wrong}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            println!("{help}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{name}: {problem}\n\n{help}");
            ExitCode::from(2)
        }
    }
}

/// `None` when help is wanted.
fn options(
    defaults: Options,
    mut arguments: impl Iterator<Item = String>,
) -> Result<Option<Options>, String> {
    let mut options = defaults;
    let mut smoke = true;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            // What cargo bench itself adds.
            "--bench" => smoke = false,
            "--rounds" => options.rounds = number(&argument, &value()?)?,
            "--requests" => options.requests = number(&argument, &value()?)?,
            "--only" => options.only = value()?,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option {argument}")),
        }
    }
    if smoke {
        options = Options { rounds: 1, requests: options.requests.div_ceil(100), ..options };
    }
    Ok(Some(options))
}

fn number(option: &str, text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{option}: {text} is no positive number"))
}

/// The median, with the least and the most.
pub(crate) fn figures(nanos: &mut [f64]) -> String {
    nanos.sort_by(f64::total_cmp);
    let at = |index: usize| nanos.get(index).copied().unwrap_or(f64::NAN);
    let (median, least, most) = (at(nanos.len() / 2), at(0), at(nanos.len() - 1));
    format!("{median:7.1}  ({least:.1} to {most:.1})")
}
