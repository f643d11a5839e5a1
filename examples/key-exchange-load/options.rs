//! The command line. Connects to nobody.

use clap::{Parser, ValueEnum};
use ntpd_rs::nts::Algorithm;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;

/// Exchange NTS keys with a server over and over, each time from the beginning, and check every answer.
///
/// Every exchange is a connection with a full handshake of TLS 1.3: nothing is resumed.
#[derive(Debug, Clone, Parser)]
#[command(name = "key-exchange-load")]
pub(crate) struct Options {
    /// The key exchange server
    #[arg(value_name = "HOST:PORT")]
    pub(crate) server: String,
    /// Who signed its certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// The one key exchange of TLS that is offered
    #[arg(long, default_value = "x25519", value_name = "GROUP")]
    pub(crate) group: Group,
    /// The number of the one AEAD algorithm that is offered: 15, 17 or 30
    #[arg(long, default_value = "15", value_name = "N", value_parser = algorithm)]
    pub(crate) algorithm: Algorithm,
    /// So many at once, each in a thread of its own
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
    /// Begin new exchanges for so long
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS", conflicts_with = "count")]
    pub(crate) seconds: f64,
    /// Make so many exchanges instead
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Before anything else, try once in a while until an exchange succeeds, for this long at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<f64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The server is elsewhere, and it is mine
    #[arg(long)]
    pub(crate) my_server: bool,
}

/// Groups by their common names (RFC 8446 §4.2.7, draft-ietf-tls-ecdhe-mlkem).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    X25519,
    /// X25519MLKEM768
    Hybrid,
    /// secp256r1
    P256,
}

impl Options {
    /// What clap cannot check.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (name, value) in [("--seconds", self.seconds), ("--wait", self.wait.unwrap_or(1.0))] {
            if !(value.is_finite() && value > 0.0) {
                return Err(format!("{name} must be a positive number"));
            }
        }
        if self.my_server || self.is_here()? {
            return Ok(());
        }
        Err("the server is not on this machine; --my-server permits it".to_owned())
    }

    /// Whether nothing can leave this machine.
    fn is_here(&self) -> Result<bool, String> {
        let found = self.server.to_socket_addrs().map_err(|error| format!("{}: {error}", self.server))?;
        let is_own = |at: SocketAddr| at.ip().is_loopback() || UdpSocket::bind((at.ip(), 0)).is_ok();
        Ok(found.into_iter().all(is_own))
    }
}

impl Group {
    /// Our cryptography with this group alone.
    pub(crate) fn provider(self) -> CryptoProvider {
        let group = match self {
            Self::X25519 => kx_group::X25519,
            Self::Hybrid => kx_group::X25519MLKEM768,
            Self::P256 => kx_group::SECP256R1,
        };
        CryptoProvider { kx_groups: vec![group], ..default_provider() }
    }
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    let known = text.parse().ok().and_then(Algorithm::from_id);
    known.ok_or_else(|| "15, 17 and 30 are known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_needs_permission_and_times_are_positive() {
        let parse = |arguments: &[&str]| {
            let command = ["key-exchange-load", "--ca=ca.pem"];
            Options::parse_from(command.iter().chain(arguments)).check().is_ok()
        };
        assert!(parse(&["127.0.0.1:4460"]));
        assert!(parse(&["[::1]:4460", "--group=hybrid", "--algorithm=30", "--count=5"]));
        assert!(!parse(&["192.0.2.1:4460"]));
        assert!(parse(&["192.0.2.1:4460", "--my-server"]));
        assert!(!parse(&["127.0.0.1:4460", "--seconds=0"]));
        assert!(!parse(&["127.0.0.1:4460", "--wait=NaN"]));
        assert!(!parse(&["127.0.0.1"]));
    }
}
