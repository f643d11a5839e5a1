//! A server that answers every request with a `DENY` kiss: a client should give it up after several, and look elsewhere.

use clap::Parser;
use ntpd_rs::testserver::{self, Behaviour, Options};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Answer every NTP request with a DENY kiss.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:123", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    testserver::run(arguments.listen, Options { behaviour: Behaviour::Deny, ..Options::default() })
}
