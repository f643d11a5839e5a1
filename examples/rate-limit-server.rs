//! A server that wants 32 s between requests and answers earlier ones with a `RATE` kiss: a client should settle at a
//! poll interval of 32 s or more.

use clap::Parser;
use ntpd_rs::testserver::{self, Behaviour, Options};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Answer NTP requests that come less than 32 s after their client's last one with a RATE kiss, and others with the time.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:123", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    testserver::run(arguments.listen, Options { behaviour: Behaviour::RateLimit, ..Options::default() })
}
