//! What is kept across restarts: the drift file. Read at start, written whole or not at all.

use super::startup_error::StartupError;
use crate::config::{ClockControl, Config, DEFAULT_STATE_DIRECTORY};
use crate::discipline::Drift;
use crate::time::Frequency;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The oscillator's correction in a file of two numbers, ppm.
#[derive(Debug, Clone)]
pub(super) struct DriftFile {
    path: PathBuf,
}

impl DriftFile {
    /// In the configured directory, which must be writable; else in systemd's; else in the default one, if that is there and ours.
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
            Ok(()) => Ok(Some(Self { path: directory.join("drift") })),
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

    /// What an earlier run kept. A file that makes no sense is told of once and not used.
    pub(super) fn load(&self) -> Option<Drift> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{}: cannot be read: {error}; starting without it", self.path.display());
                return None;
            }
        };
        let drift = parse(&text);
        if drift.is_none() {
            tracing::warn!("{}: this is no drift file; starting without it", self.path.display());
        }
        drift
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(super) fn save(&self, drift: &Drift) -> Result<(), String> {
        let text = format!("{:.6} {:.6}\n", drift.frequency.ppm(), drift.uncertainty.ppm());
        write_atomically(&self.path, text.as_bytes())
            .map_err(|error| format!("{}: cannot be written: {error}", self.path.display()))
    }
}

/// `frequency uncertainty`, ppm; what follows is for later versions.
fn parse(text: &str) -> Option<Drift> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let (frequency, uncertainty) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let sound = frequency.abs() <= 500.0 && uncertainty > 0.0 && uncertainty <= 500.0;
    sound.then(|| Drift {
        frequency: Frequency::from_ppm(frequency),
        uncertainty: Frequency::from_ppm(uncertainty),
    })
}

fn check_writable(directory: &Path) -> io::Result<()> {
    let probe = directory.join(".ntpd-rs-probe");
    File::create(&probe)?;
    fs::remove_file(&probe)
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // Only after this does the new name outlive a power cut.
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift_file(directory: &Path) -> DriftFile {
        let config = Config { state_directory: Some(directory.to_owned()), ..Config::default() };
        DriftFile::open(&config, None).unwrap().unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = drift_file(directory.path());
        assert_eq!(file.load(), None);
        file.save(&Drift {
            frequency: Frequency::from_ppm(-12.345_678),
            uncertainty: Frequency::from_ppm(0.02),
        })
        .unwrap();
        let loaded = file.load().unwrap();
        assert!((loaded.frequency.ppm() + 12.345_678).abs() < 1e-9);
        assert!((loaded.uncertainty.ppm() - 0.02).abs() < 1e-9);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_that_makes_no_sense_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = drift_file(directory.path());
        for text in ["", "x y", "1.0", "900 1", "1 0", "NaN NaN", "1 -1"] {
            fs::write(&file.path, text).unwrap();
            assert_eq!(file.load(), None, "{text}");
        }
    }

    #[test]
    fn a_configured_directory_that_cannot_be_written_is_an_error_and_the_default_one_is_not() {
        let config = Config { state_directory: Some("/proc/none".into()), ..Config::default() };
        let error = DriftFile::open(&config, None).unwrap_err();
        assert_eq!(error.exit_code.code(), 78);
        assert!(error.message.contains("/proc/none"), "{error}");
        let error = DriftFile::open(&Config::default(), Some("/proc/one:/proc/two".into())).unwrap_err();
        assert!(error.message.contains("/proc/one cannot"), "{error}");
    }
}
