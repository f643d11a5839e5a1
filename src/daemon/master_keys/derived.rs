//! Keys that several servers derive from one secret by time (`shared-secret-path`), without a word between them. Turns forward only,
//! and only by a clock that is right.

use super::{InForce, Publisher, RETRY, store, time_at};
use crate::config::KeysetConfig;
use crate::daemon::secret_file;
use crate::daemon::startup_error::StartupError;
use crate::nts::{Fingerprint, Ratchet, RatchetState, SharedSecret, clear_stack, epoch_at};
use crate::server::SystemVariables;
use crate::time::ClockTime;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep};

/// The ratchet with what turns it.
#[derive(Debug)]
pub(super) struct DerivedKeys {
    /// At the oldest epoch that can be gone back to: what is stored, or where the secret begins.
    oldest: Ratchet,
    /// The last epoch whose key sealed, as it is stored; `None` while nothing is stored.
    stored: Option<u64>,
    /// The epoch whose key seals now.
    sealing: u64,
    fingerprint: Fingerprint,
    stale: u64,
    secret: PathBuf,
    state: PathBuf,
    /// Since when the clock has been more than one epoch past what is stored.
    ahead_since: Option<Instant>,
    /// When to write the state again after a failure, which people know of.
    retry: Option<Instant>,
    /// People know that the clock is beyond every epoch that can be reached.
    told_unreachable: bool,
}

/// A clock that is epochs ahead at once, after a long sleep or because it was set wrong, is believed for good after so long: what is
/// forgotten then does not come back, and without the secret the server would be out of the fleet.
const SETTLED: Duration = Duration::from_secs(3600);
/// So many steps take about five seconds; an interval of a day has not as many in ten thousand years.
const MOST_STEPS: u64 = 5_000_000;

impl DerivedKeys {
    /// From the state, or else from the secret.
    ///
    /// # Errors
    /// 78: neither is there, one cannot be used, the state cannot be written, or epochs are too short to be reached.
    pub(super) fn open(
        secret: &Path,
        state: &Path,
        config: &KeysetConfig,
        now: ClockTime,
    ) -> Result<(Self, InForce), StartupError> {
        let this = Self::read(secret, state, config, now)?;
        secret_file::check_replaceable(state).map_err(|error| cannot_store(state, &error))?;
        let in_force = this.in_force().ok_or_else(|| StartupError::other("derived keys make no set"))?;
        Ok((this, in_force))
    }

    /// The same without keys and without a trace on the disk.
    fn read(
        secret: &Path,
        state: &Path,
        config: &KeysetConfig,
        now: ClockTime,
    ) -> Result<Self, StartupError> {
        let interval = config.interval.to_std().as_secs().max(1);
        let found = load_state(state)?;
        let start = load_secret(secret, interval, found.is_some())?;
        let (start, stored) = choose(found, start, interval, secret, state)?;
        let RatchetState { oldest, sealing, fingerprint } = start;
        let mut this = Self {
            sealing,
            stored: stored.then_some(sealing),
            oldest,
            fingerprint,
            stale: u64::try_from(config.stale_keys).unwrap_or(u64::MAX),
            secret: secret.to_owned(),
            state: state.to_owned(),
            ahead_since: None,
            retry: None,
            told_unreachable: false,
        };
        if this.stored.is_none() {
            // The clock may still be wrong, but nothing is forgotten by it.
            this.sealing = this.reachable(epoch_at(now, interval).unwrap_or_default()).ok_or_else(|| {
                StartupError::configuration(format!(
                    "key-rotation-interval = {interval} is too short for shared-secret-path: every epoch since 2026 is gone through; \
                     3600 or more is reasonable"
                ))
            })?;
        }
        Ok(this)
    }

    /// Turns with the clock, for ever.
    pub(super) async fn run(
        mut self,
        publisher: &Publisher,
        now: impl Fn() -> ClockTime,
        mut variables: watch::Receiver<Arc<SystemVariables>>,
    ) {
        loop {
            let synchronized = variables.borrow_and_update().is_synchronized();
            let time = now();
            if synchronized {
                if let Some(in_force) = self.turn(time) {
                    publisher.publish(in_force);
                }
                self.keep().await;
                clear_stack();
            }
            tokio::select! {
                () = sleep(self.next_look(time)) => {}
                () = changed(&mut variables) => {}
            }
        }
    }

    /// The clock is right and says this: the keys, if there are other ones now.
    pub(super) fn turn(&mut self, time: ClockTime) -> Option<InForce> {
        let Some(sealing) = self.reachable(epoch_at(time, self.oldest.interval())?) else {
            if !std::mem::replace(&mut self.told_unreachable, true) {
                tracing::error!(
                    "NTS: the clock is so far ahead that the master keys of that time are not derived; those of before stay"
                );
            }
            return None;
        };
        self.told_unreachable = false;
        let is_ahead = self.stored.is_some_and(|stored| sealing > stored + 1);
        self.ahead_since = is_ahead.then(|| self.ahead_since.unwrap_or_else(Instant::now));
        if sealing == self.sealing {
            return None;
        }
        self.sealing = sealing;
        tracing::debug!("NTS: the master key of epoch {sealing} seals from now on");
        self.in_force()
    }

    /// Writes the state if it is time to, and forgets what is older.
    async fn keep(&mut self) {
        let settled = self.ahead_since.is_none_or(|since| since.elapsed() >= SETTLED);
        let is_due = self.stored.is_none_or(|stored| self.sealing > stored) && settled;
        if !is_due || self.retry.is_some_and(|retry| Instant::now() < retry) {
            return;
        }
        let mut oldest = self.oldest.clone();
        if oldest.advance(self.sealing.saturating_sub(self.stale)).is_none() {
            return;
        }
        let state = RatchetState { oldest, sealing: self.sealing, fingerprint: self.fingerprint };
        match store(&self.state, state.emit()).await {
            Ok(()) => self.stored(state),
            Err(error) => {
                if self.retry.is_none() {
                    let error = cannot_store(&self.state, &error);
                    tracing::warn!("{error}; old keys stay on the disk until then, and this is tried again");
                }
                self.retry = Some(Instant::now() + RETRY);
            }
        }
    }

    fn stored(&mut self, state: RatchetState) {
        if self.stored.is_none() {
            tracing::info!(
                "{}: holds the derived master keys from now on; {} is needed no more: remove it from this server, and nobody who takes \
                 the server over can open older cookies",
                self.state.display(),
                self.secret.display()
            );
        }
        (self.oldest, self.stored) = (state.oldest, Some(state.sealing));
        (self.ahead_since, self.retry) = (None, None);
    }

    /// This epoch, or the first later one that there is a way to. `None` if the way is too long.
    fn reachable(&self, epoch: u64) -> Option<u64> {
        let epoch = epoch.max(self.stored.unwrap_or_default()).max(self.oldest.epoch());
        (epoch - self.oldest.epoch() <= MOST_STEPS).then_some(epoch)
    }

    /// From the oldest key that is accepted to the next epoch's, for servers whose clocks are a little ahead.
    fn in_force(&self) -> Option<InForce> {
        let mut oldest = self.oldest.clone();
        oldest.advance(self.sealing.saturating_sub(self.stale))?;
        let keys = oldest.keys(self.sealing.checked_add(1)?)?;
        let primary = usize::try_from(self.sealing - oldest.epoch()).ok()?;
        InForce::new(keys, primary, time_at(self.sealing.checked_mul(oldest.interval())?))
    }

    /// Until the next epoch begins, or the state is to be written again; hourly, for clocks that are set.
    fn next_look(&self, time: ClockTime) -> Duration {
        let interval = self.oldest.interval();
        let into =
            u64::try_from(time.unix_secs()).unwrap_or_default().checked_rem(interval).unwrap_or_default();
        // A little later: timers have milliseconds, and a second has begun that is not over.
        let next = Duration::from_secs(interval - into).min(SETTLED) + Duration::from_millis(10);
        let retry = self.retry.map(|retry| retry.saturating_duration_since(Instant::now()));
        retry.filter(|wait| !wait.is_zero()).map_or(next, |wait| next.min(wait))
    }
}

/// Whether a stored state can be used, if there is one.
///
/// # Errors
/// As `open`'s.
pub(in crate::daemon) fn check_state(state: &Path) -> Result<(), StartupError> {
    load_state(state).map(drop)
}

/// Whether there is somewhere to begin, with a state that can be used or is not there.
///
/// # Errors
/// As `open`'s.
pub(in crate::daemon) fn check_secret(
    secret: &Path,
    state: &Path,
    config: &KeysetConfig,
    now: ClockTime,
) -> Result<(), StartupError> {
    DerivedKeys::read(secret, state, config, now).map(drop)
}

/// Where to begin, and whether that is stored.
fn choose(
    found: Option<RatchetState>,
    start: Option<RatchetState>,
    interval: u64,
    secret: &Path,
    state: &Path,
) -> Result<(RatchetState, bool), StartupError> {
    let (secret, state) = (secret.display(), state.display());
    match (found, start) {
        (None, None) => Err(StartupError::configuration(format!(
            "there is neither {secret} nor {state}; put the secret that your servers share into the first (shared-secret-path)"
        ))),
        (None, Some(start)) => Ok((start, false)),
        (Some(found), start) if found.oldest.interval() == interval => {
            match start.filter(|start| start.fingerprint != found.fingerprint) {
                Some(start) => {
                    tracing::warn!(
                        "{state}: belongs to another secret than the one in {secret}: starting anew from that one"
                    );
                    Ok((start, false))
                }
                None => Ok((found, true)),
            }
        }
        (Some(_), Some(start)) => {
            tracing::warn!("{state}: belongs to another key-rotation-interval: starting anew from {secret}");
            Ok((start, false))
        }
        (Some(found), None) => Err(StartupError::configuration(format!(
            "{state}: belongs to key-rotation-interval = {}, and not to {interval}; set it back in [keyset], or put the secret back into \
             {secret} to start anew",
            found.oldest.interval()
        ))),
    }
}

fn load_state(path: &Path) -> Result<Option<RatchetState>, StartupError> {
    let name = path.display();
    match secret_file::read(path, RatchetState::LEN) {
        Ok((bytes, _)) => RatchetState::parse(&bytes).map(Some).map_err(|error| {
            StartupError::configuration(format!(
                "{name}: this is no state of derived keys (key-storage-path): {error}; remove it, and put the secret back into \
                 shared-secret-path to start anew"
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StartupError::configuration(format!(
            "{name}: the state of derived keys cannot be read: {error}; give the daemon's user the right to, or name another file in \
             key-storage-path"
        ))),
    }
}

/// Where the secret leads; `None` if it is not there, or is not needed and cannot be read.
fn load_secret(path: &Path, interval: u64, has_state: bool) -> Result<Option<RatchetState>, StartupError> {
    let name = path.display();
    let (bytes, _) = match secret_file::read(path, LONGEST_SECRET) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if has_state => {
            tracing::warn!(
                "{name}: cannot be read: {error}; going on with the stored state, whatever the secret is now"
            );
            return Ok(None);
        }
        Err(error) => {
            return Err(StartupError::configuration(format!(
                "{name}: the shared secret cannot be read: {error}; give the daemon's user the right to"
            )));
        }
    };
    if bytes.len() > LONGEST_SECRET {
        return Err(StartupError::configuration(format!(
            "{name}: has more than {LONGEST_SECRET} bytes: this is no shared secret; 32 random bytes are enough"
        )));
    }
    let secret = SharedSecret::new(&bytes).map_err(|length| {
        StartupError::configuration(format!(
            "{name}: at byte {length}: the shared secret ends; it must have {} bytes or more, all of them random, for instance from \
             `openssl rand -hex 32`",
            SharedSecret::SHORTEST
        ))
    })?;
    secret_file::warn_if_public(path);
    let oldest = Ratchet::new(&secret, interval)
        .ok_or_else(|| StartupError::other("no keys can be derived from the shared secret"))?;
    Ok(Some(RatchetState { sealing: oldest.epoch(), oldest, fingerprint: secret.fingerprint() }))
}

/// More than anybody's.
const LONGEST_SECRET: usize = 65_536;

fn cannot_store(path: &Path, error: &io::Error) -> StartupError {
    StartupError::configuration(format!(
        "{}: the state of derived keys cannot be written: {error}; its directory must exist and the daemon's user must be able to write \
         there",
        path.display()
    ))
}

async fn changed(variables: &mut watch::Receiver<Arc<SystemVariables>>) {
    if variables.changed().await.is_err() {
        // Everything ends.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
