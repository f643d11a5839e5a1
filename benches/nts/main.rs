//! What the cryptography of one NTS request costs a server, whole and in its parts, without packets around it. See `--help`.
//!
//! `cargo bench --bench nts` prints a table; under `cargo test` one short round only shows that everything opens. No time is
//! ever asserted: it would fail on a busy machine.

mod request;
#[path = "../rounds/mod.rs"]
mod rounds;

use ntpd_rs::nts::Algorithm;
use ntpd_rs::sys::clock::monotonic;
use request::{Part, Server};
use rounds::{Options, figures};
use std::fmt::Write;
use std::process::ExitCode;

const HELP: &str = "\
cargo bench --bench nts [-- OPTIONS]

Nanoseconds of CPU for the cryptography of one NTS request with one cookie, for each algorithm: opening the cookie, verifying
the request, sealing the next cookie and the reply. Reading and writing the packet around it is not here.

  --rounds N    of every part in turn; the figures are medians over them (default 15)
  --requests N  in a round (default 50000)
  --only TEXT   algorithms with this in their name
  --help        this";

fn main() -> ExitCode {
    rounds::main("nts", HELP, Options { rounds: 15, requests: 50_000, only: String::new() }, table)
}

fn table(options: &Options) -> Result<String, String> {
    let mut text = format!("ns, median of {} rounds (least to most)\n\n", options.rounds);
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.name().contains(&options.only)) {
        let mut server = Server::new(algorithm).ok_or_else(|| format!("no server for {algorithm}"))?;
        for part in Part::ALL {
            let rounds: Option<Vec<f64>> =
                (0..options.rounds).map(|_| round(&mut server, part, options.requests)).collect();
            let mut nanos = rounds.ok_or_else(|| format!("{algorithm}: {part:?} failed"))?;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:24}{:24} {}", algorithm.name(), part.name(), figures(&mut nanos));
        }
    }
    Ok(text)
}

/// Nanoseconds each; `None` if something did not open.
fn round(server: &mut Server, part: Part, requests: u32) -> Option<f64> {
    let begin = monotonic();
    for _ in 0..requests {
        server.work(part)?;
    }
    Some((monotonic() - begin).seconds() * 1e9 / f64::from(requests))
}
