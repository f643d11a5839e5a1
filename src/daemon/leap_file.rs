//! The file of leap seconds (`leap-seconds-file`): read at start, and again when it changes. What it means is the engine's to decide.

use super::secret_file::{self, Version};
use super::startup_error::StartupError;
use crate::time::{Date, LeapTable};
use std::path::{Path, PathBuf};
use tokio::time::{Duration, Instant, sleep_until};

/// Where the table comes from, and what was last read there.
#[derive(Debug)]
pub(super) struct LeapFile {
    path: PathBuf,
    seen: Option<Version>,
    table: Option<LeapTable>,
    /// Why it was of no use when it was last read; told once.
    problem: Option<String>,
    next_check: Instant,
}

/// A leap second is published half a year ahead, so this is soon enough; looking costs one system call.
const CHECK_INTERVAL: Duration = Duration::from_secs(3600);
/// The published file has 5 kB.
const LONGEST: usize = 1 << 20;

/// Reads a table.
///
/// # Errors
/// `file: …` or `file:line: …`, with what to do.
pub(crate) fn read(path: &Path) -> Result<LeapTable, String> {
    read_version(path).map(|(table, _)| table)
}

fn read_version(path: &Path) -> Result<(LeapTable, Version), String> {
    let name = path.display();
    let (bytes, version) = secret_file::read(path, LONGEST).map_err(|error| {
        format!(
            "{name}: cannot be read: {error}; install tzdata, name its leap-seconds.list in leap-seconds-file, or remove that setting"
        )
    })?;
    let text = str::from_utf8(&bytes).ok().filter(|_| bytes.len() <= LONGEST);
    let text = text.ok_or_else(|| {
        format!(
            "{name}: is no table of leap seconds; name the leap-seconds.list of tzdata in leap-seconds-file"
        )
    })?;
    let table = LeapTable::parse(text).map_err(|error| format!("{name}:{error}"))?;
    Ok((table, version))
}

impl LeapFile {
    /// Read for the first time.
    ///
    /// # Errors
    /// Exit code 78 where there is no table.
    pub(super) fn open(path: &Path) -> Result<Self, StartupError> {
        let mut this = Self::later(path);
        this.read_again();
        this.problem.take().map_or(Ok(this), |problem| Err(StartupError::configuration(problem)))
    }

    /// To be read by the next `look`.
    pub(super) fn later(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: None, table: None, problem: None, next_check: Instant::now() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The last good table that was read here.
    pub(super) const fn table(&self) -> Option<&LeapTable> {
        self.table.as_ref()
    }

    /// When it is time to look at the file again.
    pub(super) async fn check_is_due(file: Option<&Self>) {
        match file {
            Some(file) => sleep_until(file.next_check).await,
            None => std::future::pending().await,
        }
    }

    /// Reads the file again if it has changed: the table, if there is another one now. A file that is of no use is told of, and changes
    /// nothing.
    pub(super) fn look(&mut self) -> Option<LeapTable> {
        self.next_check = Instant::now() + CHECK_INTERVAL;
        let version = Version::at(&self.path);
        if version.is_some() && version == self.seen {
            return None;
        }
        let (table, problem) = (self.table.clone(), self.problem.take());
        self.read_again();
        self.seen = self.seen.or(version);
        if let Some(new) = self.problem.as_ref().filter(|new| problem.as_ref() != Some(*new)) {
            tracing::warn!("{new} (the table of before, if there is one, stays in force)");
        }
        self.table.clone().filter(|new| table.as_ref() != Some(new))
    }

    fn read_again(&mut self) {
        self.next_check = Instant::now() + CHECK_INTERVAL;
        match read_version(&self.path) {
            Ok((table, version)) => {
                let (updated, expires) = (Date::of(table.updated()), Date::of(table.expires()));
                let path = self.path.display();
                tracing::info!("Leap seconds: {path}, updated {updated}, good until {expires}");
                (self.table, self.seen, self.problem) = (Some(table), Some(version), None);
            }
            Err(problem) => (self.seen, self.problem) = (None, Some(problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = include_str!("../../tests/vectors/leap-seconds.list");

    /// The same without its last entry, with a hash that fits.
    fn older() -> String {
        let without = GOOD.lines().filter(|line| !line.starts_with("3692217600") && !line.starts_with("#h"));
        let hash = "#h d0d5f853 6f008096 567091eb ba8fcf81 e1ef9318";
        without.chain([hash]).map(|line| format!("{line}\n")).collect()
    }

    fn replace(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, path).unwrap();
    }

    #[test]
    fn a_file_that_changed_is_read_again_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leap-seconds.list");
        fs::write(&path, older()).unwrap();
        let mut file = LeapFile::open(&path).unwrap();
        let old = file.table().cloned().unwrap();
        assert_eq!(file.look(), None, "nothing has changed");
        for bad in ["", "<html>"] {
            replace(&path, bad);
            assert_eq!(file.look(), None);
            assert!(file.problem.is_some());
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(file.look(), None);
        assert_eq!(file.table(), Some(&old));
        fs::write(&path, older()).unwrap();
        assert_eq!(file.look(), None, "the same table");
        replace(&path, GOOD);
        let new = file.look().unwrap();
        assert_eq!((&new, file.table()), (&read(&path).unwrap(), Some(&new)));
        assert_ne!(new, old);
        assert_eq!(file.look(), None);
    }

    #[test]
    fn what_is_no_table_is_refused_at_start_with_78_its_place_and_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let refused = |text: &[u8], message: &str| {
            fs::write(&path, text).unwrap();
            let error = LeapFile::open(&path).unwrap_err();
            assert_eq!(error.exit_code.code(), 78);
            assert!(error.message.contains(message) && error.message.contains("; "), "{error}");
        };
        refused(b"\n<html>\n", "list:2: `<html>` is no entry");
        refused(&[0xFF, 0xFE], "is no table");
        refused(&vec![b'#'; (1 << 20) + 1], "is no table");
        fs::remove_file(&path).unwrap();
        assert!(LeapFile::open(&path).unwrap_err().message.contains("cannot be read"));
        assert!(LeapFile::open(folder.path()).unwrap_err().message.contains("no regular file"));
    }
}
