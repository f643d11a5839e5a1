//! The master keys of our server over time (`[keyset]`): made, rotated, stored, followed or derived. What they seal is `crate::nts`'s.
//!
//! | file | holds |
//! |---|---|
//! | `own` | keys that this server makes itself |
//! | `shared` | keys that somebody else writes for several servers |
//! | `derived` | keys that several servers derive from one secret |

mod derived;
mod own;
mod shared;

pub(super) use derived::{check_secret, check_state};
pub(super) use own::check as check_own;
pub(super) use shared::check as check_shared;

use super::secret_file;
use super::startup_error::StartupError;
use crate::config::{Config, KeyOrigin};
use crate::nts::{KeySet, MasterKey};
use crate::server::SystemVariables;
use crate::snapshot::MasterKeys;
use crate::sys;
use crate::time::ClockTime;
use derived::DerivedKeys;
use own::OwnKeys;
use shared::SharedKeys;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// Who changes the keys, alone.
#[derive(Debug)]
pub(super) struct KeyKeeper {
    publisher: Publisher,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Own(OwnKeys),
    Shared(SharedKeys),
    Derived(DerivedKeys),
}

/// The keys of a moment.
#[derive(Debug)]
struct InForce {
    set: KeySet,
    /// Since when the primary one seals, by the local clock, where that is known.
    since: Option<ClockTime>,
}

/// Tells everybody of the keys.
#[derive(Debug)]
struct Publisher {
    keys: watch::Sender<Arc<KeySet>>,
    report: Arc<MasterKeys>,
}

/// Between attempts to write a file: a full disk is not emptied sooner.
const RETRY: Duration = Duration::from_secs(60);

impl KeyKeeper {
    /// None where nobody has cookies of ours: without `[[nts-ke-server]]`, unless others give out cookies that we are to honour.
    ///
    /// # Errors
    /// A file of keys that cannot be used (78), with what is wrong in it and what to do.
    pub(super) fn open(config: &Config) -> Result<Option<Self>, StartupError> {
        Self::open_at(config, sys::clock::realtime())
    }

    fn open_at(config: &Config, now: ClockTime) -> Result<Option<Self>, StartupError> {
        let keyset = &config.keyset;
        let (origin, in_force) = match &keyset.origin {
            KeyOrigin::Own { .. } if config.key_exchange_servers.is_empty() => return Ok(None),
            KeyOrigin::Own { storage } => {
                let (keys, in_force) = OwnKeys::open(storage.as_deref(), keyset, now)?;
                (Origin::Own(keys), in_force)
            }
            KeyOrigin::Shared { path } => {
                let (keys, in_force) = SharedKeys::open(path, now)?;
                (Origin::Shared(keys), in_force)
            }
            KeyOrigin::Derived { secret, state } => {
                let (keys, in_force) = DerivedKeys::open(secret, state, keyset, now)?;
                (Origin::Derived(keys), in_force)
            }
        };
        Ok(Some(Self { publisher: Publisher::new(in_force), origin }))
    }

    /// For whoever seals or opens cookies.
    pub(super) fn keys(&self) -> watch::Receiver<Arc<KeySet>> {
        self.publisher.keys.subscribe()
    }

    /// For snapshots.
    pub(super) fn report(&self) -> Arc<MasterKeys> {
        Arc::clone(&self.publisher.report)
    }

    /// Changes the keys when their time has come, or their file has changed, or `files` says so (SIGHUP).
    pub(super) async fn run(
        self,
        now: impl Fn() -> ClockTime,
        variables: watch::Receiver<Arc<SystemVariables>>,
        files: watch::Receiver<()>,
        stop: CancellationToken,
    ) {
        let Self { publisher, origin } = self;
        let change = async {
            match origin {
                Origin::Own(keys) => keys.run(&publisher, now, variables).await,
                Origin::Shared(keys) => keys.run(&publisher, now, files).await,
                Origin::Derived(keys) => keys.run(&publisher, now, variables).await,
            }
        };
        tokio::select! {
            () = change => {}
            () = stop.cancelled() => {}
        }
    }
}

impl InForce {
    fn new(keys: Vec<MasterKey>, primary: usize, since: Option<ClockTime>) -> Option<Self> {
        Some(Self { set: KeySet::new(keys, primary)?, since })
    }
}

impl Publisher {
    fn new(first: InForce) -> Self {
        let this = Self { keys: watch::Sender::new(Arc::new(first.set)), report: Arc::default() };
        this.report.set(accepted(&this.keys.borrow()), first.since);
        this
    }

    fn publish(&self, in_force: InForce) {
        self.report.set(accepted(&in_force.set), in_force.since);
        self.keys.send_replace(Arc::new(in_force.set));
    }
}

fn accepted(set: &KeySet) -> u64 {
    u64::try_from(set.keys().count()).unwrap_or(u64::MAX)
}

/// Replaces a file on a thread of its own: a disk may take seconds.
async fn store(path: &Path, bytes: Zeroizing<Vec<u8>>) -> io::Result<()> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || secret_file::replace(&path, &bytes)).await?
}

/// Until our time may be used; the clock can be believed then.
async fn synchronized(variables: &mut watch::Receiver<Arc<SystemVariables>>) {
    if variables.wait_for(|variables| variables.is_synchronized()).await.is_err() {
        // Everything ends.
        std::future::pending().await
    }
}

/// Unix seconds, none of them negative.
fn unix_secs(time: ClockTime) -> u64 {
    u64::try_from(time.unix_secs()).unwrap_or_default()
}

/// The local clock's time at so many unix seconds; `None` far outside of what it shows.
fn time_at(unix_secs: u64) -> Option<ClockTime> {
    let seconds = i64::try_from(unix_secs).ok().filter(|seconds| *seconds < i64::MAX / 1_000_000_000)?;
    Some(ClockTime::from_unix_secs(seconds))
}

#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod tests;
