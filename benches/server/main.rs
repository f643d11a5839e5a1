//! What the responder itself costs a request, without socket or kernel, in every way that a request can go. See `--help`.
//!
//! `cargo bench --bench server` prints a table; under `cargo test` one short round of each case only shows that it goes
//! the way it says. No time is ever asserted: it would fail on a busy machine.

mod cases;
mod measure;
mod nts;

use std::process::ExitCode;

const HELP: &str = "\
cargo bench --bench server [-- OPTIONS]

Nanoseconds of CPU for one request in the responder: reading it, deciding, remembering the client, writing the reply.
The system calls around it, which cost more than twenty times as much, are measured by benches/compare-servers.

  --rounds N    of every case in turn; the figures are medians over them (default 15)
  --requests N  in a round (default 100000)
  --only TEXT   cases with this in their name
  --help        this";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("server: {problem}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let mut cases = cases::all();
    cases.retain(|case| case.name.contains(&options.only));
    match measure::table(&cases, options.rounds, options.requests) {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("server: {wrong}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    rounds: u32,
    /// In a round.
    requests: u32,
    only: String,
}

/// `None` when help is wanted.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { rounds: 15, requests: 100_000, only: String::new() };
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
        options = Options { rounds: 1, requests: 1_000, ..options };
    }
    Ok(Some(options))
}

fn number(option: &str, text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{option}: {text} is no positive number"))
}
