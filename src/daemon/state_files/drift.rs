//! The oscillator's correction in a file of two numbers. When it is written is not decided here.

use crate::discipline::Drift;
use crate::time::Frequency;
use std::path::PathBuf;

/// `frequency uncertainty`, ppm.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct DriftFile(PathBuf);

impl DriftFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What an earlier run kept. A file that makes no sense is told of once and not used.
    pub(in crate::daemon) fn load(&self) -> Option<Drift> {
        let text = super::read(&self.0)?;
        let drift = parse(&text);
        if drift.is_none() {
            tracing::warn!("{}: this is no drift file; starting without it", self.0.display());
        }
        drift
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(in crate::daemon) fn save(&self, drift: &Drift) -> Result<(), String> {
        let text = format!("{:.6} {:.6}\n", drift.frequency.ppm(), drift.uncertainty.ppm());
        super::save(&self.0, text.as_bytes(), 0o644)
    }
}

/// What follows the two numbers is for later versions.
fn parse(text: &str) -> Option<Drift> {
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    let (frequency, uncertainty) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let sound = frequency.abs() <= 500.0 && uncertainty > 0.0 && uncertainty <= 500.0;
    sound.then(|| Drift {
        frequency: Frequency::from_ppm(frequency),
        uncertainty: Frequency::from_ppm(uncertainty),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::state_directory;
    use super::*;
    use std::fs;

    #[test]
    fn what_is_saved_is_loaded_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).drift();
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
        let file = state_directory(directory.path()).drift();
        for text in ["", "x y", "1.0", "900 1", "1 0", "NaN NaN", "1 -1"] {
            fs::write(directory.path().join("drift"), text).unwrap();
            assert_eq!(file.load(), None, "{text}");
        }
    }
}
