//! The table of leap seconds that the IERS publishes and tzdata distributes (`leap-seconds.list`). Reads no file.

use super::{ClockTime, Date, Leap, Span};
use sha1::{Digest, Sha1};
use std::fmt;

/// Every leap second so far, those announced, and how long nothing will be added to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeapTable {
    /// In the order of time; never empty.
    entries: Vec<Entry>,
    updated: ClockTime,
    expires: ClockTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    since: ClockTime,
    /// TAI − UTC, seconds.
    tai_offset: u16,
}

/// Why a text is no such table, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeapTableError {
    /// From 1.
    pub line: usize,
    /// What is wrong; what to do.
    pub message: String,
}

impl LeapTable {
    /// Reads `#$` (last update), `#@` (expiry), the entries and `#h` (their SHA-1); other lines that begin with `#` are comments.
    ///
    /// # Errors
    /// The first line that is wrong. A table that is incomplete is none: half of one would deny a leap second.
    pub fn parse(text: &str) -> Result<Self, LeapTableError> {
        let mut draft = Draft::default();
        let mut last = 1;
        for (line, text) in (1..).zip(text.lines()) {
            draft.take(text).map_err(|message| LeapTableError { line, message })?;
            last = line;
        }
        draft.finish().map_err(|message| LeapTableError { line: last, message })
    }

    /// TAI − UTC at `time`, seconds; nothing before 1972. After the expiry it is the last one known.
    pub fn tai_offset(&self, time: ClockTime) -> Option<u16> {
        self.entries.iter().rev().find(|entry| entry.since <= time).map(|entry| entry.tai_offset)
    }

    /// What happens at the end of the UTC day that `time` belongs to. Nothing is claimed once the table has expired, nor of days
    /// before its first entry.
    pub fn end_of_day(&self, time: ClockTime) -> Option<Leap> {
        if self.is_expired(time) {
            return None;
        }
        let today = self.tai_offset(time)?;
        let tomorrow = self.tai_offset(Date::next_midnight(time))?;
        Some(match tomorrow.cmp(&today) {
            std::cmp::Ordering::Equal => Leap::NoWarning,
            std::cmp::Ordering::Greater => Leap::AddSecond,
            std::cmp::Ordering::Less => Leap::DeleteSecond,
        })
    }

    /// Whether leap seconds may have been announced at `time` that it does not know.
    pub fn is_expired(&self, time: ClockTime) -> bool {
        time >= self.expires
    }

    /// From then on it claims nothing.
    pub const fn expires(&self) -> ClockTime {
        self.expires
    }

    /// When it was last changed.
    pub const fn updated(&self) -> ClockTime {
        self.updated
    }
}

/// What has been read so far.
#[derive(Default)]
struct Draft {
    entries: Vec<Entry>,
    updated: Option<ClockTime>,
    expires: Option<ClockTime>,
    claimed: Option<[u8; 20]>,
    hash: Sha1,
}

impl Draft {
    fn take(&mut self, line: &str) -> Result<(), String> {
        if let Some(rest) = line.strip_prefix("#$") {
            set_once(&mut self.updated, self.hash.time(rest)?, "#$ (last update)")
        } else if let Some(rest) = line.strip_prefix("#@") {
            set_once(&mut self.expires, self.hash.time(rest)?, "#@ (expiry)")
        } else if let Some(rest) = line.strip_prefix("#h") {
            set_once(&mut self.claimed, claimed_hash(rest)?, "#h (hash)")
        } else {
            let data = line.split('#').next().unwrap_or_default().trim();
            if data.is_empty() { Ok(()) } else { self.entry(data) }
        }
    }

    fn entry(&mut self, data: &str) -> Result<(), String> {
        let wanted = "an entry is NTP seconds and TAI − UTC, like \"3692217600 37\"";
        let is_number = |word: &&str| word.bytes().all(|b| b.is_ascii_digit());
        let numbers: Vec<&str> = data.split_whitespace().filter(is_number).collect();
        let words = data.split_whitespace().count();
        let ([time, offset], 2) = (numbers.as_slice(), words) else {
            return Err(format!("`{}` is no entry: {wanted}; {RESTORE}", shortened(data)));
        };
        let since = self.hash.time(time)?;
        self.hash.update(offset.as_bytes());
        let tai_offset = digits(offset)
            .and_then(|offset| u16::try_from(offset).ok())
            .ok_or_else(|| format!("`{}` is no number of seconds: {wanted}; {RESTORE}", shortened(offset)))?;
        if Date::next_midnight(since - Span::from_nanos(1)) != since || Date::of(since).day != 1 {
            return Err(format!(
                "{time} is not the beginning of a month, as a leap second's end is; {RESTORE}"
            ));
        }
        if let Some(last) = self.entries.last() {
            if last.since >= since {
                return Err(format!("{time} is not after the entry before it; {RESTORE}"));
            }
            if last.tai_offset.abs_diff(tai_offset) != 1 {
                let from = last.tai_offset;
                return Err(format!(
                    "TAI − UTC goes from {from} to {tai_offset}, not by one second; {RESTORE}"
                ));
            }
        }
        self.entries.push(Entry { since, tai_offset });
        Ok(())
    }

    fn finish(self) -> Result<LeapTable, String> {
        let missing = |what: &str| format!("the table ends without {what}; {RESTORE}");
        let updated = self.updated.ok_or_else(|| missing("a line that begins with #$ (last update)"))?;
        let expires = self.expires.ok_or_else(|| missing("a line that begins with #@ (expiry)"))?;
        let claimed = self.claimed.ok_or_else(|| missing("a line that begins with #h (hash)"))?;
        if self.entries.is_empty() {
            return Err(missing("an entry"));
        }
        let hash: [u8; 20] = self.hash.finalize().into();
        if hash != claimed {
            return Err(format!(
                "its hash (#h) does not fit its entries: the file was damaged or edited; {RESTORE}"
            ));
        }
        if expires <= updated {
            return Err(format!("it expires (#@) before its last update (#$); {RESTORE}"));
        }
        Ok(LeapTable { entries: self.entries, updated, expires })
    }
}

/// The digits of every number of the table go into its hash, without the spaces between.
trait Hashed {
    /// Seconds since 1900, to time.
    fn time(&mut self, text: &str) -> Result<ClockTime, String>;
}

impl Hashed for Sha1 {
    fn time(&mut self, text: &str) -> Result<ClockTime, String> {
        let text = text.trim();
        self.update(text.as_bytes());
        let seconds = digits(text).filter(|seconds| *seconds < LATEST);
        let seconds =
            seconds.ok_or_else(|| format!("`{}` is no time in NTP seconds; {RESTORE}", shortened(text)))?;
        Ok(ClockTime::from_unix_secs(seconds - UNIX_EPOCH_IN_NTP_SECONDS))
    }
}

/// Five words of up to eight hexadecimal digits; leading zeros of a word may be missing, as in files of the NIST.
fn claimed_hash(text: &str) -> Result<[u8; 20], String> {
    let wrong = || format!("`{}` is no SHA-1 in five hexadecimal words; {RESTORE}", shortened(text.trim()));
    let words: Vec<&str> = text.split_whitespace().collect();
    let hexadecimal = |word: &&str| word.len() <= 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if words.len() != 5 || !words.iter().all(hexadecimal) {
        return Err(wrong());
    }
    let mut hash = [0; 20];
    for (bytes, word) in hash.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&u32::from_str_radix(word, 16).map_err(|_| wrong())?.to_be_bytes());
    }
    Ok(hash)
}

fn set_once<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("a second line of {what}; {RESTORE}")),
    }
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Of a line that may be anything.
fn shortened(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for LeapTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for LeapTableError {}

const RESTORE: &str = "take the leap-seconds.list of tzdata or of the IERS as it is";
/// From 1900-01-01 to 1970-01-01.
const UNIX_EPOCH_IN_NTP_SECONDS: i64 = 2_208_988_800;
/// The year 2150, which a [`ClockTime`] still holds. The file counts on beyond 2³², without eras.
const LATEST: i64 = 7_900_000_000;

#[cfg(test)]
pub(crate) mod tests;
