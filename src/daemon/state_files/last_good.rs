//! A time that was right once: no later time is before it. When it is written is not decided here.
//!
//! It tells a clock that lost its date, and so cannot judge certificates, from one that may be right. Only the daemon's own word counts:
//! the file's time stamp may come from a backup or an image. What a false time in it could do is bounded: it is written only while the
//! clock is synchronized, again at every synchronization, earlier or later, and one from too far ahead is not used.

use crate::time::{ClockTime, Date, Span};
use std::path::PathBuf;

/// `unix-seconds date`, and `moved` at the end of a time that the clock was only moved to. The date is for people.
#[derive(Debug, Clone)]
pub(in crate::daemon) struct LastGoodFile(PathBuf);

/// No true time is before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::daemon) struct LastGood {
    pub(in crate::daemon) time: ClockTime,
    /// A clock was moved to it, and is not known to have been right since.
    pub(in crate::daemon) was_moved_to: bool,
}

/// A program that is older should have been replaced; a time from later is more probably a lie that was believed once.
const LONGEST_USE: Span = Span::from_secs(20 * 365 * 86_400);

impl LastGoodFile {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// A time that has been, which is not before `built`, when this program was written. A file that makes no sense is told of once and
    /// not used.
    pub(in crate::daemon) fn load(&self, built: ClockTime) -> LastGood {
        let without = LastGood { time: built, was_moved_to: false };
        let Some(text) = super::read(&self.0) else { return without };
        let mut words = text.split_whitespace();
        let seconds = words.next().and_then(|seconds| seconds.parse().ok());
        match seconds.map(ClockTime::from_unix_secs) {
            Some(time) if time <= built + LONGEST_USE => {
                LastGood { time: time.max(built), was_moved_to: words.next_back() == Some(MOVED) }
            }
            Some(time) => {
                let (path, date) = (self.0.display(), Date::of(time));
                tracing::warn!("{path}: {date} is too far ahead to be believed; starting without it");
                without
            }
            None => {
                tracing::warn!("{}: this is no time; starting without it", self.0.display());
                without
            }
        }
    }

    /// Replaces the file as a whole.
    ///
    /// # Errors
    /// What went wrong, for people.
    pub(in crate::daemon) fn save(&self, time: ClockTime) -> Result<(), String> {
        self.write(time, "")
    }

    /// As [`Self::save`], for a clock that was moved there: the next start must not take it for a right one.
    pub(in crate::daemon) fn save_moved(&self, time: ClockTime) -> Result<(), String> {
        self.write(time, MOVED)
    }

    fn write(&self, time: ClockTime, mark: &str) -> Result<(), String> {
        let text = format!("{} {} {mark}", time.unix_secs(), Date::of(time));
        super::save(&self.0, format!("{}\n", text.trim_end()).as_bytes(), 0o644)
    }
}

const MOVED: &str = "moved";

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
        assert_eq!(file.load(BUILT).time, BUILT);
        let later = BUILT + Span::from_secs(1000);
        file.save(later).unwrap();
        assert_eq!(file.load(BUILT).time, later);
        assert_eq!(fs::read_to_string(directory.path().join("clock")).unwrap(), "1793492200 2026-11-01\n");
        assert!(!file.load(BUILT).was_moved_to);
        file.save_moved(later).unwrap();
        assert_eq!(file.load(BUILT), LastGood { time: later, was_moved_to: true });
        file.save(BUILT - Span::from_secs(1000)).unwrap();
        assert_eq!(file.load(BUILT).time, BUILT);
    }

    #[test]
    fn a_file_that_makes_no_sense_or_comes_from_too_far_ahead_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let file = state_directory(directory.path()).last_good();
        for text in ["", "soon", "1e9", "9999999999 2286-11-20", "99999999999999999999"] {
            fs::write(directory.path().join("clock"), text).unwrap();
            assert_eq!(file.load(BUILT).time, BUILT, "{text}");
        }
    }
}
