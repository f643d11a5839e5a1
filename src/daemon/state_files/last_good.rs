//! A time that was right once: no later time is before it. When it is written is not decided here.
//!
//! It tells a clock that lost its date, and so cannot judge certificates, from one that may be right. Only the daemon's own word counts:
//! the file's time stamp may come from a backup or an image. What a false time in it could do is bounded: it is written only while the
//! clock is synchronized, again at every synchronization, earlier or later, and one from too far ahead is not used.

use crate::time::{ClockTime, Date, Span};
use std::path::PathBuf;

/// `unix-seconds date`; the date is for people.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct LastGoodFile(PathBuf);

/// A program that is older should have been replaced; a time from later is more probably a lie that was believed once.
const LONGEST_USE: Span = Span::from_secs(20 * 365 * 86_400);

impl LastGoodFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// A time that has been, which is not before `built`, when this program was written. A file that makes no sense is told of once and
    /// not used.
    pub(in crate::daemon) fn load(&self, built: ClockTime) -> ClockTime {
        let Some(text) = super::read(&self.0) else { return built };
        let seconds = text.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
        match seconds.map(ClockTime::from_unix_secs) {
            Some(time) if time <= built + LONGEST_USE => time.max(built),
            Some(time) => {
                let (path, date) = (self.0.display(), Date::of(time));
                tracing::warn!("{path}: {date} is too far ahead to be believed; starting without it");
                built
            }
            None => {
                tracing::warn!("{}: this is no time; starting without it", self.0.display());
                built
            }
        }
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(in crate::daemon) fn save(&self, time: ClockTime) -> Result<(), String> {
        super::save(&self.0, format!("{} {}\n", time.unix_secs(), Date::of(time)).as_bytes(), 0o644)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::state_directory;
    use super::*;
    use std::fs;

    const BUILT: ClockTime = ClockTime::from_unix_secs(1_793_491_200);

    #[test]
    fn the_later_of_what_is_saved_and_the_programs_own_time_counts() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).last_good();
        assert_eq!(file.load(BUILT), BUILT);
        let later = BUILT + Span::from_secs(1000);
        file.save(later).unwrap();
        assert_eq!(file.load(BUILT), later);
        assert_eq!(fs::read_to_string(directory.path().join("clock")).unwrap(), "1793492200 2026-11-01\n");
        file.save(BUILT - Span::from_secs(1000)).unwrap();
        assert_eq!(file.load(BUILT), BUILT);
    }

    #[test]
    fn a_file_that_makes_no_sense_or_comes_from_too_far_ahead_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).last_good();
        for text in ["", "soon", "1e9", "9999999999 2286-11-20", "99999999999999999999"] {
            fs::write(directory.path().join("clock"), text).unwrap();
            assert_eq!(file.load(BUILT), BUILT, "{text}");
        }
    }
}
