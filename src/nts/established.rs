//! What one key exchange is asked for and what it brings, as the engine sees it. The exchange itself is the daemon's.

use super::{Algorithm, ServerName, Session};
use crate::time::ClockTime;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A key exchange to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequest {
    /// Name or literal address of the key exchange server.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Roots that are trusted beside the system's (PEM).
    pub certificate_authority: Option<PathBuf>,
    /// Look for `_ntske._tcp` service records of the name first.
    pub enable_srv_resolution: bool,
    /// What is offered, the preferred first; at least one.
    pub algorithms: Vec<Algorithm>,
    /// Servers of the same pool that are asked already: others are wanted.
    pub denied: Vec<NtpServer>,
    /// Which time certificates are judged by.
    pub certificate_time: CertificateTime,
}

/// Which time certificates are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateTime {
    /// The clock's.
    Clock(ClockTime),
    /// The clock is known to be wrong: every period of validity that ends after this is accepted for now, and told in
    /// [`Established::validity`], to be compared with the time that is measured.
    Unknown {
        /// No true time is before it.
        not_before: ClockTime,
    },
}

/// A key exchange that succeeded.
#[derive(Debug)]
pub struct Established {
    /// Keys and cookies.
    pub session: Session,
    /// Where the NTP server is asked, in the resolver's order; at least one.
    pub servers: Vec<SocketAddr>,
    /// How they were found.
    pub origin: Origin,
    /// The part of time in which every certificate of the chain was or is valid.
    pub validity: Validity,
    /// As the request said.
    pub certificate_time: CertificateTime,
}

/// An NTP server that there are keys for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtpServer {
    /// Where it is asked.
    pub address: SocketAddr,
    /// How it was found.
    pub origin: Origin,
}

/// How a key exchange led to an NTP server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// What the key exchange called it, byte by byte (RFC 8915 §4.1.7); it named none, without.
    pub name: Option<ServerName>,
    /// The target of a service record that keys were exchanged with; the configured host, without.
    pub target: Option<String>,
}

/// A session that outlives a restart.
#[derive(Debug)]
pub struct SavedSession {
    /// The key exchange server, as [`KeyRequest::host`].
    pub host: String,
    /// As [`KeyRequest::port`].
    pub port: u16,
    /// Its NTP server.
    pub server: NtpServer,
    /// Keys and unused cookies.
    pub session: Session,
}

/// When certificates are valid, both ends included (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From here.
    pub not_before: ClockTime,
    /// To here.
    pub not_after: ClockTime,
}

impl Validity {
    /// Whether they are valid then.
    pub fn contains(&self, time: ClockTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }
}
