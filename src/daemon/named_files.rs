//! The files that a configuration names, read as the daemon would read them and judged. Starts nothing, and writes nothing.

use super::certificate::{self, Chain};
use super::startup_error::StartupError;
use super::{key_client, leap_file, master_keys, secret_file};
use crate::config::{Diagnostic, KeyOrigin, Loaded, NamedFile, Severity};
use crate::sys;
use crate::time::ClockTime;
use std::fs;
use std::path::Path;

/// What is wrong with them, in the order of the configuration. What this user may not read is no error, for the daemon may be another
/// user: a warning says that it was not checked.
pub(crate) fn judge(loaded: &Loaded) -> Vec<Diagnostic> {
    judge_at(loaded, sys::clock::realtime())
}

fn judge_at(loaded: &Loaded, now: ClockTime) -> Vec<Diagnostic> {
    let mut judge = Judge { loaded, now, found: Vec::new() };
    for file in judge.named("leap-seconds-file") {
        judge.look(file, |path| leap_file::read(path).map(|_| None));
    }
    for file in once(judge.named("certificate-authority"), |file| &file.path) {
        judge.look(file, |path| key_client::roots_of_file(path).map(|_| None));
    }
    // Every [[nts-ke-server]] has one of each.
    let pairs = judge.named("certificate-chain-path").zip(judge.named("private-key-path"));
    for (chain, key) in once(pairs, |(chain, key)| (&chain.path, &key.path)) {
        judge.certificate(chain, key);
    }
    judge.master_keys();
    loaded.sort(&mut judge.found);
    judge.found
}

/// Listeners for IPv4 and IPv6 have one certificate, and sources one authority.
fn once<'a, T: Copy, K: PartialEq>(all: impl Iterator<Item = T> + 'a, key: impl Fn(&T) -> K) -> Vec<T> {
    all.fold(Vec::new(), |mut kept: Vec<T>, one| {
        if kept.iter().all(|other| key(other) != key(&one)) {
            kept.push(one);
        }
        kept
    })
}

struct Judge<'a> {
    loaded: &'a Loaded,
    now: ClockTime,
    found: Vec<Diagnostic>,
}

impl<'a> Judge<'a> {
    fn named(&self, key: &'static str) -> impl Iterator<Item = &'a NamedFile> + use<'a> {
        self.loaded.files.iter().filter(move |file| file.key == key)
    }

    fn tell(&mut self, file: &NamedFile, severity: Severity, message: String) {
        let (name, position) = (file.file.clone(), Some(file.position));
        self.found.push(Diagnostic { severity, file: name, position, message });
    }

    /// Whether the file can be used: `read` says what is wrong with it, or what deserves a warning.
    fn look(&mut self, file: &NamedFile, read: impl FnOnce(&Path) -> Result<Option<String>, String>) -> bool {
        if let Some(error) = secret_file::forbidden(&file.path) {
            let name = file.path.display();
            let message = format!("not checked: {name}: {error}; run this as the daemon's user to check it");
            self.tell(file, Severity::Warning, message);
            return false;
        }
        match read(&file.path) {
            Ok(None) => true,
            Ok(Some(warning)) => {
                self.tell(file, Severity::Warning, warning);
                true
            }
            Err(error) => {
                self.tell(file, Severity::Error, error);
                false
            }
        }
    }

    fn certificate(&mut self, chain_file: &NamedFile, key_file: &NamedFile) {
        let now = self.now;
        let mut chain = None;
        self.look(chain_file, |path| {
            let name = path.display();
            let read = chain.insert(Chain::read(path)?);
            match read.trouble(now) {
                Some(trouble) => Err(format!("{name}: {trouble}")),
                None => Ok(read.ends_soon(now).map(|warning| format!("{name}: {warning}"))),
            }
        });
        self.look(key_file, |path| {
            match chain {
                Some(chain) => chain.with_key(path).map(drop)?,
                None => certificate::read_key(path).map(drop)?,
            }
            Ok(publicity(path))
        });
    }

    fn master_keys(&mut self) {
        let loaded = self.loaded;
        let (config, now) = (&loaded.config, self.now);
        match &config.keyset.origin {
            // Where nobody gets cookies they are not opened.
            KeyOrigin::Own { .. } if config.key_exchange_servers.is_empty() => {}
            KeyOrigin::Own { .. } => {
                for file in self.named("key-storage-path") {
                    self.look(file, |path| checked(path, master_keys::check_own(path)));
                }
            }
            KeyOrigin::Shared { .. } => {
                for file in self.named("shared-keys-path") {
                    self.look(file, |path| checked(path, master_keys::check_shared(path)));
                }
            }
            KeyOrigin::Derived { secret, state } => {
                let mut is_state_good = true;
                for file in self.named("key-storage-path") {
                    is_state_good = self.look(file, |path| checked(path, master_keys::check_state(path)));
                }
                // What the secret is good for depends on the state.
                for file in self.named("shared-secret-path").filter(|_| is_state_good) {
                    let check = master_keys::check_secret(secret, state, &config.keyset, now);
                    self.look(file, |path| check.map(|()| publicity(path)).map_err(|error| error.message));
                }
            }
        }
    }
}

/// Of a file of keys that is written by the daemon, or beside which it may be: both need its directory.
fn checked(path: &Path, result: Result<(), StartupError>) -> Result<Option<String>, String> {
    result.map_err(|error| error.message)?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let missing = directory.filter(|directory| fs::metadata(directory).is_err()).map(|_| {
        let name = path.display();
        format!("{name}: its directory does not exist; it must before the daemon starts, and the daemon's user must be able to write there")
    });
    Ok(missing.or_else(|| publicity(path)))
}

fn publicity(path: &Path) -> Option<String> {
    secret_file::publicity(path).map(|warning| format!("{}: {warning}", path.display()))
}

#[cfg(test)]
mod tests;
