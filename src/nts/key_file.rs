//! The file of master keys (`key-storage-path`, `shared-keys-path`), as ntpd-rs 1.x writes it: bytes and values. No file is opened here.
//!
//! Big-endian: when the newest key was made (u64, unix seconds), the identifier of the first key (u32), the place of the key that seals
//! (u32), how many keys there are (u32), and the keys of 64 bytes each, the oldest first.

use super::{Algorithm, Key, MasterKey};
use std::fmt;
use zeroize::Zeroizing;

/// What such a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// When the newest key was made, unix seconds by the clock of who made it.
    pub made: u64,
    /// The oldest first, with consecutive identifiers.
    pub keys: Vec<MasterKey>,
    /// The place of the key that new cookies are sealed with.
    pub primary: usize,
}

/// Where a file is wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFileError {
    /// Bytes from its beginning.
    pub offset: usize,
    /// What is wrong there.
    pub problem: KeyFileProblem,
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFileProblem {
    /// It ends before its first key.
    NoHead,
    /// It says that it has no key.
    NoKeys,
    /// It says that it has more keys than [`KeyFile::MOST_KEYS`].
    TooManyKeys(u32),
    /// The key that seals is none of them.
    Primary {
        /// Its place.
        primary: u32,
        /// Of the keys.
        count: u32,
    },
    /// It ends within this key, counted from 1, of so many.
    CutOff {
        /// The key.
        key: usize,
        /// Of the keys.
        count: u32,
    },
    /// This key, counted from 1, is all zeros, as the blocks of a file are that was never written to the disk.
    ZeroKey(usize),
    /// So many bytes follow the last key.
    TooLong(usize),
}

const HEAD_LEN: usize = 20;
const KEY_LEN: usize = 64;
const PRIMARY_AT: usize = 12;
const COUNT_AT: usize = 16;

impl KeyFile {
    /// The largest `stale-key-count` and some more: nobody needs as many, and each is expanded in every thread.
    pub const MOST_KEYS: usize = 1024;
    /// Of the longest file, bytes.
    pub const LONGEST: usize = HEAD_LEN + Self::MOST_KEYS * KEY_LEN;

    /// Reads a whole file.
    ///
    /// # Errors
    /// The first inconsistency.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFileError> {
        let error = |offset, problem| KeyFileError { offset, problem };
        let no_head = error(bytes.len(), KeyFileProblem::NoHead);
        let (head, rest) = bytes.split_first_chunk::<HEAD_LEN>().ok_or(no_head)?;
        let (made, rest_of_head) = head.split_first_chunk::<8>().ok_or(no_head)?;
        let ([first, primary, count], []) = rest_of_head.as_chunks::<4>() else { return Err(no_head) };
        let [first, primary, count] = [first, primary, count].map(|number| u32::from_be_bytes(*number));
        let most = u32::try_from(Self::MOST_KEYS).unwrap_or(u32::MAX);
        match count {
            0 => return Err(error(COUNT_AT, KeyFileProblem::NoKeys)),
            count if count > most => return Err(error(COUNT_AT, KeyFileProblem::TooManyKeys(count))),
            count if primary >= count => {
                return Err(error(PRIMARY_AT, KeyFileProblem::Primary { primary, count }));
            }
            _ => {}
        }
        let (keys, remainder) = rest.as_chunks::<KEY_LEN>();
        let expected = usize::try_from(count).unwrap_or(usize::MAX);
        let Some((keys, beyond)) = keys.split_at_checked(expected) else {
            let problem = KeyFileProblem::CutOff { key: keys.len() + 1, count };
            return Err(error(bytes.len(), problem));
        };
        let beyond = beyond.as_flattened().len() + remainder.len();
        if beyond > 0 {
            return Err(error(bytes.len() - beyond, KeyFileProblem::TooLong(beyond)));
        }
        let key = |(place, bytes): (usize, &[u8; KEY_LEN])| {
            let zero = error(HEAD_LEN + place * KEY_LEN, KeyFileProblem::ZeroKey(place + 1));
            let key = Key::new(Algorithm::AesSivCmac512, bytes).filter(|_| *bytes != [0; KEY_LEN]);
            let id = first.wrapping_add(u32::try_from(place).unwrap_or_default());
            Ok(MasterKey { id, key: key.ok_or(zero)? })
        };
        // With room for all of them: a vector that grows leaves keys behind that nobody erases.
        let mut masters = Vec::with_capacity(keys.len());
        for place in keys.iter().enumerate() {
            masters.push(key(place)?);
        }
        Ok(Self {
            made: u64::from_be_bytes(*made),
            keys: masters,
            primary: usize::try_from(primary).unwrap_or_default(),
        })
    }

    /// With one key alone.
    pub fn of_one(key: MasterKey, made: u64) -> Self {
        Self { made, keys: vec![key], primary: 0 }
    }

    /// With a new key that seals from now on, and at most `stale` of the others: the last ones.
    #[must_use]
    pub fn rotated(&self, key: Key, stale: usize, made: u64) -> Self {
        let id = self.keys.last().map_or(0, |last| last.id.wrapping_add(1));
        let kept = self.keys.get(self.keys.len().saturating_sub(stale)..).unwrap_or_default();
        let keys: Vec<MasterKey> = kept.iter().cloned().chain([MasterKey { id, key }]).collect();
        Self { made, primary: keys.len() - 1, keys }
    }

    /// Without the keys that are older than the last `stale` before the one that seals.
    #[must_use]
    pub fn trimmed(mut self, stale: usize) -> Self {
        let first = self.primary.saturating_sub(stale);
        // Copied, for what moves within a vector stays where it was as well, and nobody erases that.
        self.keys = self.keys.get(first..).unwrap_or_default().to_vec();
        self.primary -= first;
        self
    }

    /// The bytes of the file. Without keys they are no file that can be read again.
    pub fn emit(&self) -> Zeroizing<Vec<u8>> {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
        // Never filled beyond its room, so that no copy of a key stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD_LEN + self.keys.len() * KEY_LEN));
        bytes.extend(self.made.to_be_bytes());
        bytes.extend(self.keys.first().map_or(0, |key| key.id).to_be_bytes());
        bytes.extend(number(self.primary));
        bytes.extend(number(self.keys.len()));
        for key in &self.keys {
            bytes.extend_from_slice(key.key.bytes());
        }
        bytes
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.problem)
    }
}

impl fmt::Display for KeyFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHead => {
                write!(f, "the file ends before its first key ({HEAD_LEN} bytes come before that)")
            }
            Self::NoKeys => f.write_str("the file says that it holds no key"),
            Self::TooManyKeys(count) => {
                write!(f, "the file says that it holds {count} keys; {} are the most", KeyFile::MOST_KEYS)
            }
            Self::Primary { primary, count } => {
                write!(f, "the key that seals is said to be number {primary}, counted from 0, of {count}")
            }
            Self::CutOff { key, count } => write!(f, "the file ends within key {key} of {count}"),
            Self::ZeroKey(key) => write!(f, "key {key} is all zeros"),
            Self::TooLong(bytes) => write!(f, "{bytes} bytes more than the keys take"),
        }
    }
}

impl std::error::Error for KeyFileError {}

#[cfg(test)]
mod tests;
