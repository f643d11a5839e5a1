//! What the cryptography of one NTS request costs a server, whole and in its parts, without packets around it. See `--help`.
//!
//! `cargo bench --bench nts` prints a table; under `cargo test` one short round only shows that everything opens. No time is
//! ever asserted: it would fail on a busy machine.

mod request;

use ntpd_rs::nts::Algorithm;
use ntpd_rs::sys::clock::monotonic;
use request::{Part, Server};
use std::process::ExitCode;

const HELP: &str = "\
cargo bench --bench nts [-- OPTIONS]

Nanoseconds of CPU for the cryptography of one NTS request with one cookie, for each algorithm: opening the cookie, verifying
the request, sealing the next cookie and the reply. Reading and writing the packet around it is not here.

  --rounds N    of every part in turn; the figures are medians over them (default 15)
  --requests N  in a round (default 50000)
  --help        this";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("nts: {problem}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    println!("ns, median of {} rounds (least to most)\n", options.rounds);
    for algorithm in Algorithm::ALL {
        let Some(mut server) = Server::new(algorithm) else {
            eprintln!("nts: no server for {algorithm}");
            return ExitCode::FAILURE;
        };
        for part in Part::ALL {
            let rounds: Option<Vec<f64>> =
                (0..options.rounds).map(|_| round(&mut server, part, options.requests)).collect();
            let Some(mut nanos) = rounds else {
                eprintln!("nts: {algorithm}: {part:?} failed");
                return ExitCode::FAILURE;
            };
            nanos.sort_by(f64::total_cmp);
            let at = |index: usize| nanos.get(index).copied().unwrap_or(f64::NAN);
            let (median, least, most) = (at(nanos.len() / 2), at(0), at(nanos.len() - 1));
            println!("{:24}{:24} {median:7.1}  ({least:.1} to {most:.1})", algorithm.name(), part.name());
        }
    }
    ExitCode::SUCCESS
}

/// Nanoseconds each; `None` if something did not open.
fn round(server: &mut Server, part: Part, requests: u32) -> Option<f64> {
    let begin = monotonic();
    for _ in 0..requests {
        server.work(part)?;
    }
    Some((monotonic() - begin).seconds() * 1e9 / f64::from(requests))
}

struct Options {
    rounds: u32,
    /// In a round.
    requests: u32,
}

/// `None` when help is wanted.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { rounds: 15, requests: 50_000 };
    let mut smoke = true;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            // What cargo bench itself adds.
            "--bench" => smoke = false,
            "--rounds" => options.rounds = number(&argument, &value()?)?,
            "--requests" => options.requests = number(&argument, &value()?)?,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option {argument}")),
        }
    }
    if smoke {
        options = Options { rounds: 1, requests: 500 };
    }
    Ok(Some(options))
}

fn number(option: &str, text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("{option}: {text} is no positive number"))
}
