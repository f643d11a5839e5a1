//! What is kept across restarts: where, and how it is written, whole or not at all. What the files say is in the files beside this one.
//!
//! | file | holds |
//! |---|---|
//! | `drift` | the oscillator's correction |
//! | `sessions` | keys and cookies of sources with NTS |
//! | `last_good` | a time that has been |

mod drift;
mod last_good;
mod sessions;

use super::secret_file;
use super::startup_error::StartupError;
use crate::config::{ClockControl, Config, DEFAULT_STATE_DIRECTORY};
pub(super) use drift::DriftFile;
pub(super) use last_good::{LastGood, LastGoodFile};
pub(super) use sessions::SessionsFile;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A directory that can be written.
#[derive(Debug, Clone)]
pub(super) struct StateDirectory(PathBuf);

impl StateDirectory {
    /// The configured directory, which must be writable; else systemd's; else the default one, if that is there and ours.
    ///
    /// # Errors
    /// The configured directory cannot be used.
    pub(super) fn open(
        config: &Config,
        from_systemd: Option<OsString>,
    ) -> Result<Option<Self>, StartupError> {
        // systemd gives a list separated by colons, ours first.
        let from_systemd =
            from_systemd.and_then(|list| list.to_str().map(|l| l.split(':').next().map(PathBuf::from))?);
        let demanded = config.state_directory.clone().or(from_systemd);
        if demanded.is_none() && config.clock_control == ClockControl::No {
            return Ok(None);
        }
        let directory = demanded.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_STATE_DIRECTORY));
        // As systemd's StateDirectory would; what goes wrong is told by the check.
        let _ = fs::create_dir(&directory);
        match check_writable(&directory) {
            Ok(()) => Ok(Some(Self(directory))),
            Err(error) if demanded.is_some() => Err(StartupError::configuration(format!(
                "the state directory {} cannot be written: {error}; create it for the daemon's user, or change state-directory in [clock]",
                directory.display()
            ))),
            Err(error) => {
                tracing::warn!(
                    "Nothing is kept across restarts: the state directory {} cannot be written: {error}; create it, or set state-directory in [clock]",
                    directory.display()
                );
                Ok(None)
            }
        }
    }

    pub(super) fn drift(&self) -> DriftFile {
        DriftFile::new(self.0.join("drift"))
    }

    pub(super) fn sessions(&self) -> SessionsFile {
        SessionsFile::new(self.0.join("nts-sessions"))
    }

    pub(super) fn last_good(&self) -> LastGoodFile {
        LastGoodFile::new(self.0.join("clock"))
    }
}

fn check_writable(directory: &Path) -> io::Result<()> {
    let probe = directory.join(".ntpd-rs-probe");
    File::create(&probe)?;
    fs::remove_file(&probe)
}

/// A bound, not a measure: 256 sessions with eight cookies each have some 500 kB.
const LONGEST: usize = 1 << 20;

/// `None` without a file. One that cannot be read is told of once and not used.
fn read(path: &Path) -> Option<Zeroizing<String>> {
    match secret_file::read(path, LONGEST).and_then(|(bytes, _)| text(&bytes)) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!("{}: cannot be read: {error}; starting without it", path.display());
            None
        }
    }
}

fn text(bytes: &[u8]) -> io::Result<Zeroizing<String>> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    if bytes.len() > LONGEST {
        return Err(wrong("it is too long"));
    }
    let text = str::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// Replaces the file as a whole.
///
/// # Errors
/// What went wrong, for people.
fn save(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    secret_file::write_whole(path, bytes, mode)
        .map_err(|error| format!("{}: cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn state_directory(directory: &Path) -> StateDirectory {
        let config = Config { state_directory: Some(directory.to_owned()), ..Config::default() };
        StateDirectory::open(&config, None).unwrap().unwrap()
    }

    #[test]
    fn a_configured_directory_that_cannot_be_written_is_an_error_and_the_default_one_is_not() {
        let config = Config { state_directory: Some("/proc/none".into()), ..Config::default() };
        let error = StateDirectory::open(&config, None).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
        assert!(error.message.contains("/proc/none"), "{error}");
        let error = StateDirectory::open(&Config::default(), Some("/proc/one:/proc/two".into())).unwrap_err();
        assert!(error.message.contains("/proc/one cannot"), "{error}");
    }

    #[test]
    fn what_is_no_file_of_text_or_too_long_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(read(&path).is_none());
        assert!(read(folder.path()).is_none());
        fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert!(read(&path).is_none());
        fs::write(&path, vec![b' '; (1 << 20) + 1]).unwrap();
        assert!(read(&path).is_none());
        fs::write(&path, "good").unwrap();
        assert_eq!(read(&path).unwrap().as_str(), "good");
    }
}
