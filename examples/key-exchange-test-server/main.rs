//! A key exchange server that is wrong in the way asked for, with an NTP server that knows its cookies, and somebody on the path to that.

mod certificates;

use certificates::Authority;
use clap::Parser;
use ntpd_rs::testserver::host_clock;
use ntpd_rs::testserver::key_exchange::{
    KeyExchangeBehaviour, KeyExchangeOptions, KeyExchangeServer, Tampering,
};
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Exchange keys (RFC 8915), wrong in the way asked for, and serve the host's time with them. Never touches the host's clock.
#[derive(Debug, Parser)]
struct Arguments {
    /// Address and port to exchange keys on
    #[arg(long, default_value = "127.0.0.1:4460", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// Port for NTP, at the same address
    #[arg(long, default_value_t = 1123, value_name = "PORT")]
    ntp_port: u16,
    /// Write the certificate that clients must trust into this folder, as ca.pem
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// Misbehave: honest, stall-in-tls, expired, thousand-cookies, … (any other word lists them all)
    #[arg(long, default_value_t = KeyExchangeBehaviour::Honest)]
    behaviour: KeyExchangeBehaviour,
    /// Be honest after so many connections
    #[arg(long, value_name = "COUNT")]
    faulty_connections: Option<u64>,
    /// Forge replies: none, nak, truncated, replayed, … (any other word lists them all)
    #[arg(long, default_value_t = Tampering::None)]
    tampering: Tampering,
    /// Forge no more after so many requests
    #[arg(long, value_name = "COUNT")]
    faulty_packets: Option<u64>,
    /// Lose the genuine replies where others are forged, instead of sending them after those
    #[arg(long)]
    withhold: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let authority = Authority::new()?;
    std::fs::write(arguments.folder.join("ca.pem"), authority.pem())?;
    let name = arguments.listen.ip().to_string();
    let options = KeyExchangeOptions {
        behaviour: arguments.behaviour,
        faulty_connections: arguments.faulty_connections,
        shown: authority.identity(&name, arguments.behaviour)?,
        honest: authority.identity(&name, KeyExchangeBehaviour::Honest)?,
        tampering: arguments.tampering,
        faulty_packets: arguments.faulty_packets,
        withhold: arguments.withhold,
    };
    let server = KeyExchangeServer::start(arguments.listen, arguments.ntp_port, &options, host_clock())?;
    println!("listening on {}, NTP on {}", server.address(), server.ntp_address());
    Ok(server.join()?)
}
