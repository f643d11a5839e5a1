//! Keys that this server makes itself: rotated by the monotonic clock, stored if there is a place for them. Derives nothing.

use super::{InForce, Publisher, RETRY, store, synchronized, time_at, unix_secs};
use crate::config::KeysetConfig;
use crate::daemon::random::random;
use crate::daemon::secret_file;
use crate::daemon::startup_error::StartupError;
use crate::nts::{Algorithm, Key, KeyFile, MasterKey, clear_stack};
use crate::server::SystemVariables;
use crate::time::ClockTime;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

/// The keys with what changes them.
#[derive(Debug)]
pub(super) struct OwnKeys {
    file: KeyFile,
    storage: Option<PathBuf>,
    stale: usize,
    interval: Duration,
    /// When the newest key was made, if that was in this run: until then a clock that is wrong says nothing of its age.
    made: Option<Instant>,
}

impl OwnKeys {
    /// Those that are stored, or a fresh one.
    ///
    /// # Errors
    /// 78: what is stored cannot be used, or nothing can be stored there.
    pub(super) fn open(
        storage: Option<&Path>,
        config: &KeysetConfig,
        now: ClockTime,
    ) -> Result<(Self, InForce), StartupError> {
        let stored = storage.map_or(Ok(None), load)?;
        let made = stored.is_none().then(Instant::now);
        let file = match stored {
            Some(file) => file.trimmed(config.stale_keys),
            None => KeyFile::of_one(
                MasterKey { id: u32::from_be_bytes(random()?), key: new_key()? },
                unix_secs(now),
            ),
        };
        let this = Self {
            file,
            storage: storage.map(Path::to_owned),
            stale: config.stale_keys,
            // A timer that never fires would be one as well.
            interval: config.interval.to_std().max(Duration::from_secs(1)),
            made,
        };
        if let Some(path) = storage {
            secret_file::replace(path, &this.file.emit()).map_err(|error| cannot_store(path, &error))?;
        }
        let in_force = in_force(&this.file).ok_or_else(no_set)?;
        Ok((this, in_force))
    }

    /// Rotates for ever.
    pub(super) async fn run(
        mut self,
        publisher: &Publisher,
        now: impl Fn() -> ClockTime,
        mut variables: watch::Receiver<Arc<SystemVariables>>,
    ) {
        let started = self.made.unwrap_or_else(Instant::now);
        // How old a stored key is, and what time to store with a fresh one, is known once the clock is right.
        let is_known = timeout(self.interval, synchronized(&mut variables)).await.is_ok();
        let mut due = started + self.interval;
        if is_known {
            due = self.catch_up(publisher, now()).await;
        }
        loop {
            sleep_until(due).await;
            self.rotate(1, publisher, unix_secs(now())).await;
            due = Instant::now() + self.interval;
        }
    }

    /// The clock is right for the first time: makes up for the rotations that were due while we were off; when the next one is.
    async fn catch_up(&mut self, publisher: &Publisher, now: ClockTime) -> Instant {
        let (interval, now) = (self.interval.as_secs().max(1), unix_secs(now));
        if let Some(made) = self.made {
            self.file.made = now.saturating_sub(made.elapsed().as_secs());
            if let Err(error) = self.store(&self.file).await {
                tracing::warn!("{error}; the next rotation is tried all the same");
            }
            return made + self.interval;
        }
        // What is stored may be from a clock that was ahead: then it is as if from now.
        let age = now.saturating_sub(self.file.made);
        let rotations = usize::try_from(age / interval).unwrap_or(usize::MAX).min(self.stale + 1);
        if rotations > 0 {
            tracing::info!("NTS: the newest master key is {age} s old; rotating {rotations} times");
            // Later ones stay where they would have been.
            self.rotate(rotations, publisher, now - age % interval).await;
        }
        Instant::now() + Duration::from_secs(interval - age % interval)
    }

    /// So many rotations at once. Nothing new is used before it is stored: a restart would lose the clients that have cookies by it.
    async fn rotate(&mut self, times: usize, publisher: &Publisher, made: u64) {
        let mut told = false;
        loop {
            match self.rotated(times, made).await {
                Ok((file, in_force)) => {
                    self.file = file;
                    publisher.publish(in_force);
                    clear_stack();
                    let id = publisher.keys.borrow().keys().last().map_or(0, |key| key.id);
                    tracing::debug!("NTS: master key {id:08x} seals from now on");
                    return;
                }
                Err(error) if told => tracing::debug!("{error}"),
                Err(error) => tracing::warn!(
                    "{error}; the master key of before stays in use, and this is tried again every {} s",
                    RETRY.as_secs()
                ),
            }
            told = true;
            sleep(RETRY).await;
        }
    }

    async fn rotated(&self, times: usize, made: u64) -> Result<(KeyFile, InForce), String> {
        let mut file = self.file.clone();
        for _ in 0..times {
            file = file.rotated(new_key().map_err(|error| error.message)?, self.stale, made);
        }
        self.store(&file).await?;
        let in_force = in_force(&file).ok_or_else(|| no_set().message)?;
        Ok((file, in_force))
    }

    async fn store(&self, file: &KeyFile) -> Result<(), String> {
        let Some(path) = &self.storage else { return Ok(()) };
        store(path, file.emit()).await.map_err(|error| cannot_store(path, &error).message)
    }
}

/// `None` if nothing is stored yet.
fn load(path: &Path) -> Result<Option<KeyFile>, StartupError> {
    let name = path.display();
    let remedy = "put back a good copy; or remove it, and clients make one more key exchange";
    match secret_file::read(path, KeyFile::LONGEST) {
        Ok((bytes, _)) => {
            secret_file::warn_if_public(path);
            KeyFile::parse(&bytes).map(Some).map_err(|error| {
                StartupError::configuration(format!(
                    "{name}: this is no file of master keys: {error}; {remedy}"
                ))
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::info!("{name}: no master keys are stored here yet; starting with a fresh one");
            Ok(None)
        }
        Err(error) => Err(StartupError::configuration(format!(
            "{name}: stored master keys cannot be read: {error}; give the daemon's user the right to, or name another file in \
             key-storage-path"
        ))),
    }
}

/// Whether stored keys can be used, if there are any.
///
/// # Errors
/// As `open`'s.
pub(in crate::daemon) fn check(path: &Path) -> Result<(), StartupError> {
    load(path).map(drop)
}

fn cannot_store(path: &Path, error: &io::Error) -> StartupError {
    StartupError::configuration(format!(
        "{}: master keys cannot be stored: {error}; its directory must exist and the daemon's user must be able to write there",
        path.display()
    ))
}

fn in_force(file: &KeyFile) -> Option<InForce> {
    InForce::new(file.keys.clone(), file.primary, time_at(file.made))
}

fn no_set() -> StartupError {
    StartupError::other("master keys make no set: this is a defect of the program")
}

fn new_key() -> Result<Key, StartupError> {
    let bytes = zeroize::Zeroizing::new(random::<64>()?);
    Key::new(Algorithm::AesSivCmac512, bytes.as_slice()).ok_or_else(no_set)
}

#[cfg(test)]
mod tests;
