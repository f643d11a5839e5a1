//! The command line. Sends nothing.

use clap::{Parser, ValueEnum};
use ntpd_rs::nts::Algorithm;
use ntpd_rs::time::Span;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Ask an NTP server for the time, very often, and check every reply.
///
/// Without --rate a closed loop: as many requests as --outstanding says are on their way at any time. With --rate an open loop.
/// With --nts protected requests, each of which is made once and sent again and again.
/// With --flood requests that nobody waits for, and --honest clients beside them that ask once a second each.
#[derive(Debug, Clone, Parser)]
#[command(name = "ntp-load")]
pub(crate) struct Options {
    /// The server
    pub(crate) server: SocketAddr,
    /// Seconds to measure
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    pub(crate) seconds: f64,
    /// Seconds of load before
    #[arg(long, default_value_t = 0.3, value_name = "SECONDS")]
    pub(crate) warm_up: f64,
    /// Before anything else, ask once in a while until the server answers, for this long at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<f64>,
    /// Requests a second, whether or not they are answered
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<f64>,
    /// Sockets, each with a port of its own
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) sockets: u16,
    /// Closed loop: requests on their way, for each socket
    #[arg(long, default_value_t = 16, value_name = "N")]
    pub(crate) outstanding: u16,
    /// Distinct source addresses, taken in turn; 0 leaves the choice to the kernel
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) addresses: u32,
    /// The first of them; all have to be local (127.0.0.0/8, or `ip route add local 10.128.0.0/9 dev lo`)
    #[arg(long, default_value = "127.1.0.1", value_name = "ADDRESS")]
    pub(crate) first_address: Ipv4Addr,
    /// Seconds after which a request counts as lost
    #[arg(long, default_value_t = 0.2, value_name = "SECONDS")]
    pub(crate) timeout: f64,
    /// Version in the requests
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    pub(crate) ntp_version: u8,
    /// Ask with NTS: the key exchange server, asked once for each socket
    #[arg(long, value_name = "HOST:PORT", requires = "ca", conflicts_with = "flood")]
    pub(crate) nts: Option<String>,
    /// With --nts: who signed its certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "nts")]
    pub(crate) ca: Option<PathBuf>,
    /// With --nts: the number of the algorithm, 15, 17 or 30
    #[arg(long, default_value = "15", value_name = "N", value_parser = algorithm)]
    pub(crate) nts_algorithm: Algorithm,
    /// With --nts: more cookies to ask for with each request
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=7))]
    pub(crate) placeholders: u8,
    /// The server's process, whose CPU time is to be reported
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// Flood the server with this, at --rate or as fast as can be
    #[arg(long, value_name = "KIND")]
    pub(crate) flood: Option<Flood>,
    /// With --flood: honest clients, each asking once a second from an address of its own
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) honest: u32,
    /// The first address of the honest clients
    #[arg(long, default_value = "127.200.0.1", value_name = "ADDRESS")]
    pub(crate) first_honest: Ipv4Addr,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The server is elsewhere, and it is mine
    #[arg(long)]
    pub(crate) my_server: bool,
}

/// What to flood with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flood {
    /// Well-formed requests, from --addresses in turn
    Requests,
    /// Random bytes of random length
    Garbage,
}

impl Options {
    /// What clap cannot check.
    pub(crate) fn check(&self) -> Result<(), String> {
        let positive = |name: &str, value: f64| match value {
            value if value.is_finite() && value > 0.0 => Ok(()),
            _ => Err(format!("{name} must be a positive number")),
        };
        positive("--seconds", self.seconds)?;
        positive("--timeout", self.timeout)?;
        positive("--rate", self.rate.unwrap_or(1.0))?;
        positive("--wait", self.wait.unwrap_or(1.0))?;
        positive("--sockets", self.sockets.into())?;
        positive("--outstanding", self.outstanding.into())?;
        if !(self.warm_up.is_finite() && self.warm_up >= 0.0) {
            return Err("--warm-up must be zero or a positive number".to_owned());
        }
        if self.addresses > 0 && self.server.is_ipv6() {
            return Err("--addresses are IPv4 addresses, and the server's is not".to_owned());
        }
        if self.nts.is_some() && self.ntp_version != 4 {
            return Err("NTS needs --ntp-version 4".to_owned());
        }
        if !self.my_server && !is_here(self.server.ip()) {
            return Err("the server is not on this machine; --my-server permits it".to_owned());
        }
        Ok(())
    }

    pub(crate) fn timeout_span(&self) -> Span {
        Span::from_seconds(self.timeout)
    }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let known = text.parse().ok().and_then(Algorithm::from_id);
    known.ok_or_else(|| "15, 17 and 30 are known".to_owned())
}

/// Whether packets to it cannot leave: a loopback address, or one that this machine has.
fn is_here(address: IpAddr) -> bool {
    address.is_loopback() || std::net::UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_needs_permission() {
        let parse =
            |arguments: &[&str]| Options::parse_from(["ntp-load"].iter().chain(arguments)).check().is_ok();
        assert!(parse(&["127.0.0.1:123"]));
        assert!(!parse(&["192.0.2.1:123"]));
        assert!(parse(&["192.0.2.1:123", "--my-server"]));
        assert!(!parse(&["127.0.0.1:123", "--seconds", "0"]));
        assert!(!parse(&["[::1]:123", "--addresses", "2"]));
        assert!(parse(&[
            "127.0.0.1:123",
            "--nts",
            "localhost:4460",
            "--ca",
            "ca.pem",
            "--nts-algorithm",
            "30"
        ]));
    }
}
