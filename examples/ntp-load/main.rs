//! A load generator for NTP servers: closed loop, open loop, floods with honest clients beside them. See `--help`.
//!
//! One thread, so that it can be given a CPU of its own (`taskset`); run several for more load. It only ever sends to
//! addresses of this machine, unless told that the server elsewhere is one's own.

mod flight;
mod flood;
mod key_exchange;
mod link;
mod options;
mod random;
mod report;
mod run;
mod sealed;
mod server_process;
mod wire;

use clap::Parser;
use options::Options;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(problem) = options.check() {
        eprintln!("ntp-load: {problem}");
        return ExitCode::from(2);
    }
    match execute(&options) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ntp-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(options: &Options) -> io::Result<String> {
    if let Some(seconds) = options.wait {
        run::wait_for_server(options, seconds)?;
    }
    let outcome = match options.flood {
        Some(_) => flood::run(options)?,
        None => run::run(options)?,
    };
    Ok(if options.json { outcome.json() } else { outcome.text() })
}

#[cfg(test)]
mod tests;
