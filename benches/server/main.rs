//! What the responder itself costs a request, without socket or kernel, in every way that a request can go. See `--help`.
//!
//! `cargo bench --bench server` prints a table; under `cargo test` one short round of each case only shows that it goes
//! the way it says. No time is ever asserted: it would fail on a busy machine.

mod cases;
mod measure;
mod nts;
#[path = "../rounds/mod.rs"]
mod rounds;

use rounds::Options;
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
    rounds::main("server", HELP, Options { rounds: 15, requests: 100_000, only: String::new() }, |options| {
        let mut cases = cases::all();
        cases.retain(|case| case.name.contains(&options.only));
        measure::table(&cases, options.rounds, options.requests)
    })
}
