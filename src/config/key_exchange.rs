//! NTS as it is configured: what a source exchanges keys with, `[[nts-ke-server]]` and `[keyset]`. Read by `sections`.

use super::HostPort;
use crate::time::Span;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a source of mode `nts` or `nts-pool` gets its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyExchange {
    /// The key exchange server.
    pub address: HostPort,
    /// Roots that are trusted beside the system's (PEM).
    pub certificate_authority: Option<PathBuf>,
    /// Look for `_ntske._tcp` service records of the name first.
    pub enable_srv_resolution: bool,
}

/// Whether NTS may be used to set a clock that is too wrong to judge certificates by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NtsBootstrap {
    /// Where at least three sources with different key exchange servers are configured.
    #[default]
    Auto,
    /// Always, but never by a single source.
    Yes,
    /// Never: somebody else sets such a clock.
    No,
}

/// One `[[nts-ke-server]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyExchangeServerConfig {
    /// Where (TCP).
    pub listen: SocketAddr,
    /// PEM: the server's certificate, then those that lead to a root.
    pub certificate_chain: PathBuf,
    /// PEM.
    pub private_key: PathBuf,
    /// A connection that takes longer is closed.
    pub timeout: Span,
    /// Connections at once.
    pub concurrent_connections: usize,
    /// How many of them may stay open for several requests (pools).
    pub longlived_connections: usize,
    /// The NTP server that clients are sent to; the one they exchanged keys with, without.
    pub ntp_server: Option<String>,
    /// Its port; 123 without.
    pub ntp_port: Option<u16>,
    /// NTP versions that keys are given for.
    pub versions: Vec<u8>,
    /// Who may ask as a pool.
    pub pool_tokens: Vec<String>,
}

/// `[keyset]`: a server's master keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysetConfig {
    /// How many keys before the present one are accepted.
    pub stale_keys: usize,
    /// How long each key seals new cookies.
    pub interval: Span,
    /// Where keys come from.
    pub origin: KeyOrigin,
}

/// Where master keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Each server makes its own.
    Own {
        /// Where they outlive a restart.
        storage: Option<PathBuf>,
    },
    /// `shared-keys-path`: somebody else makes them, writes them there, and gives them to several servers.
    Shared {
        /// In the format of `key-storage-path`.
        path: PathBuf,
    },
    /// `shared-secret-path`: several servers derive the same keys from one secret, by time.
    Derived {
        /// At least 32 bytes; needed until there is a state.
        secret: PathBuf,
        /// `key-storage-path`: the oldest key that is still accepted.
        state: PathBuf,
    },
}

impl KeyExchangeServerConfig {
    /// With everything else at its default.
    pub fn new(listen: SocketAddr, certificate_chain: PathBuf, private_key: PathBuf) -> Self {
        Self {
            listen,
            certificate_chain,
            private_key,
            timeout: Span::from_secs(1),
            concurrent_connections: CONCURRENT_CONNECTIONS,
            longlived_connections: CONCURRENT_CONNECTIONS / LONGLIVED_SHARE,
            ntp_server: None,
            ntp_port: None,
            versions: vec![4],
            pool_tokens: Vec::new(),
        }
    }
}

/// Unless said otherwise.
pub(super) const CONCURRENT_CONNECTIONS: usize = 512;
/// Unless said otherwise, one connection in so many may stay open.
pub(super) const LONGLIVED_SHARE: usize = 10;

impl Default for KeysetConfig {
    /// A day for each key and a week until it is forgotten, as ntpd-rs 1.x.
    fn default() -> Self {
        Self { stale_keys: 7, interval: Span::from_secs(86_400), origin: KeyOrigin::Own { storage: None } }
    }
}
