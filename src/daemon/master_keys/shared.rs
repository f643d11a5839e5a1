//! Keys that somebody else writes for several servers (`shared-keys-path`): read at start, and again when the file changes. Writes nothing.

use super::{InForce, Publisher, time_at};
use crate::daemon::secret_file::{self, Version};
use crate::daemon::startup_error::StartupError;
use crate::nts::{KeyFile, clear_stack};
use crate::time::ClockTime;
use std::path::{Path, PathBuf};
use tokio::sync::watch;
use tokio::time::{Duration, sleep};

/// The file and what was last read there.
#[derive(Debug)]
pub(super) struct SharedKeys {
    path: PathBuf,
    file: KeyFile,
    /// Since when the primary key seals, where that is known.
    since: Option<ClockTime>,
    seen: Option<Version>,
    /// What is wrong with the file as it is, and whether people know.
    problem: Option<Problem>,
}

#[derive(Debug)]
struct Problem {
    text: String,
    told: bool,
}

/// Servers that look every few seconds have a new key long before anybody makes it the primary one.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

impl SharedKeys {
    /// Read for the first time.
    ///
    /// # Errors
    /// 78: there is no file, or it is no file of keys.
    pub(super) fn open(path: &Path, now: ClockTime) -> Result<(Self, InForce), StartupError> {
        let (file, seen) = read(path).map_err(StartupError::configuration)?;
        secret_file::warn_if_public(path);
        // Made in the future by somebody whose clock is ahead, or ours is behind: then it is not known when.
        let since = time_at(file.made).filter(|made| *made <= now);
        let in_force = in_force(&file, since).ok_or_else(|| {
            StartupError::configuration(format!("{}: the keys make no set", path.display()))
        })?;
        Ok((Self { path: path.to_owned(), file, since, seen: Some(seen), problem: None }, in_force))
    }

    /// Follows the file for ever.
    pub(super) async fn run(
        mut self,
        publisher: &Publisher,
        now: impl Fn() -> ClockTime,
        mut files: watch::Receiver<()>,
    ) {
        loop {
            let asked = tokio::select! {
                () = sleep(CHECK_INTERVAL) => false,
                () = told(&mut files) => true,
            };
            if let Some(in_force) = self.look(asked, now()) {
                publisher.publish(in_force);
                clear_stack();
            }
        }
    }

    /// The keys, if there are other ones now. A file of no use changes nothing, and is told of once: at once if somebody `asked`, and
    /// otherwise when it is found the same the next time, for it may be half-written.
    pub(super) fn look(&mut self, asked: bool, now: ClockTime) -> Option<InForce> {
        let version = Version::at(&self.path);
        if version.is_some() && version == self.seen && self.problem.is_none() && !asked {
            return None;
        }
        match read(&self.path) {
            Ok((file, seen)) => {
                self.seen = Some(seen);
                if self.problem.take().is_some_and(|problem| problem.told) {
                    tracing::info!("{}: the shared master keys are good again", self.path.display());
                }
                self.change(file, now)
            }
            Err(text) => {
                self.complain(text, asked);
                None
            }
        }
    }

    fn change(&mut self, file: KeyFile, now: ClockTime) -> Option<InForce> {
        let sealing = |file: &KeyFile| file.keys.get(file.primary).cloned();
        if (&file.keys, file.primary) == (&self.file.keys, self.file.primary) {
            return None;
        }
        let moved = sealing(&file) != sealing(&self.file);
        if moved {
            self.since = Some(now);
        }
        tracing::info!(
            "{}: {} shared master keys are accepted from now on, and {} seals",
            self.path.display(),
            file.keys.len(),
            if moved { "another one" } else { "the same one" }
        );
        self.file = file;
        in_force(&self.file, self.since)
    }

    fn complain(&mut self, text: String, asked: bool) {
        let before = self.problem.take().filter(|before| before.text == text);
        let seen_before = before.is_some();
        let mut told = before.is_some_and(|before| before.told);
        if !told && (asked || seen_before) {
            tracing::error!("{text} (the keys of before stay in force)");
            told = true;
        }
        self.problem = Some(Problem { text, told });
    }
}

fn read(path: &Path) -> Result<(KeyFile, Version), String> {
    let name = path.display();
    let (bytes, version) = secret_file::read(path, KeyFile::LONGEST).map_err(|error| {
        format!(
            "{name}: shared master keys cannot be read: {error}; have them written there for the daemon's user, or change \
             shared-keys-path"
        )
    })?;
    let file = KeyFile::parse(&bytes).map_err(|error| {
        format!("{name}: this is no file of master keys: {error}; have the whole file written again")
    })?;
    Ok((file, version))
}

/// Whether the keys can be used.
///
/// # Errors
/// As `open`'s.
pub(in crate::daemon) fn check(path: &Path) -> Result<(), StartupError> {
    read(path).map(drop).map_err(StartupError::configuration)
}

fn in_force(file: &KeyFile, since: Option<ClockTime>) -> Option<InForce> {
    InForce::new(file.keys.clone(), file.primary, since)
}

async fn told(files: &mut watch::Receiver<()>) {
    if files.changed().await.is_err() {
        // Everything ends.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests;
