//! A load generator for NTS key exchange servers (RFC 8915 §4): full handshakes, one after another or a few at once. See `--help`.
//!
//! It only ever connects to addresses of this machine, unless told that the server elsewhere is one's own.

mod exchange;
mod options;
mod run;

use clap::Parser;
use options::Options;
use std::process::ExitCode;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(problem) = options.check() {
        eprintln!("key-exchange-load: {problem}");
        return ExitCode::from(2);
    }
    match run::run(&options) {
        Ok(outcome) => {
            println!("{}", if options.json { outcome.json() } else { outcome.text() });
            match outcome.failure {
                None => ExitCode::SUCCESS,
                Some(reason) => {
                    eprintln!("key-exchange-load: {} of them failed, the first: {reason}", outcome.failed);
                    ExitCode::FAILURE
                }
            }
        }
        Err(error) => {
            eprintln!("key-exchange-load: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests;
