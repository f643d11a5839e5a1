//! What a server keeps of its ratchet across restarts: bytes and values. Whether it is still of use is not decided here.
//!
//! Big-endian: `NTS-RAT1`, the interval (u64, seconds), the oldest epoch (u64), the epoch whose key seals (u64), the secret's
//! fingerprint (16 bytes), the oldest epoch's value (64 bytes), and the first 16 bytes of the SHA-512 of all that.

use super::{Fingerprint, Ratchet, VALUE_LEN, Value};
use sha2::{Digest, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// A ratchet with what must be known of it after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatchetState {
    /// At the oldest epoch whose cookies are accepted.
    pub oldest: Ratchet,
    /// The epoch whose key seals new cookies; not before `oldest`.
    pub sealing: u64,
    /// Of the secret that it began with.
    pub fingerprint: Fingerprint,
}

/// Where a state is wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RatchetStateError {
    /// It has so many bytes, and not [`RatchetState::LEN`].
    Length(usize),
    /// It does not begin as a state does.
    NoState,
    /// Some byte of it has changed.
    Damaged,
    /// Interval or epochs make no sense, although its hash is right.
    Epochs,
}

const MAGIC: [u8; 8] = *b"NTS-RAT1";
const HASH_LEN: usize = 16;
const HASH_AT: usize = 8 + 3 * 8 + 16 + VALUE_LEN;
/// Nobody accepts as many; a wrong number must not make a server derive keys for hours.
const MOST_EPOCHS: u64 = 10_000;

impl RatchetState {
    /// Of every state, bytes.
    pub const LEN: usize = HASH_AT + HASH_LEN;

    /// Reads a whole state.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, RatchetStateError> {
        let not_ours = !bytes.starts_with(&MAGIC);
        let length = RatchetStateError::Length(bytes.len());
        let bytes: &[u8; Self::LEN] =
            bytes.try_into().map_err(|_| if not_ours { RatchetStateError::NoState } else { length })?;
        if not_ours {
            return Err(RatchetStateError::NoState);
        }
        Self::read(bytes).ok_or(RatchetStateError::Damaged)?.sound().ok_or(RatchetStateError::Epochs)
    }

    /// `None` if the hash is not theirs.
    fn read(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let (text, hash) = bytes.split_at_checked(HASH_AT)?;
        if hash != self::hash(text) {
            return None;
        }
        let (_, rest) = text.split_first_chunk::<8>()?;
        let (interval, rest) = rest.split_first_chunk()?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (sealing, rest) = rest.split_first_chunk()?;
        let (fingerprint, value) = rest.split_first_chunk()?;
        let [interval, epoch, sealing] = [interval, epoch, sealing].map(|number| u64::from_be_bytes(*number));
        let value = Value::new(value.try_into().ok()?);
        let oldest = Ratchet { interval, epoch, value };
        Some(Self { oldest, sealing, fingerprint: Fingerprint(*fingerprint) })
    }

    fn sound(self) -> Option<Self> {
        let accepted = self.sealing.checked_sub(self.oldest.epoch)?;
        (self.oldest.interval > 0 && accepted <= MOST_EPOCHS).then_some(self)
    }

    /// Its bytes.
    pub fn emit(&self) -> Zeroizing<Vec<u8>> {
        // Never filled beyond its room, so that no copy of the value stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::LEN));
        bytes.extend(MAGIC);
        for number in [self.oldest.interval, self.oldest.epoch, self.sealing] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.fingerprint.0);
        bytes.extend_from_slice(self.oldest.value.as_slice());
        let hash = hash(&bytes);
        bytes.extend(hash);
        bytes
    }
}

fn hash(bytes: &[u8]) -> [u8; HASH_LEN] {
    let mut first = [0; HASH_LEN];
    for (to, from) in first.iter_mut().zip(Sha512::digest(bytes)) {
        *to = from;
    }
    first
}

impl fmt::Display for RatchetStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) if *length < RatchetState::LEN => {
                write!(
                    f,
                    "at byte {length}: the file ends; it has {} bytes when it is whole",
                    RatchetState::LEN
                )
            }
            Self::Length(length) => {
                let offset = RatchetState::LEN;
                write!(f, "at byte {offset}: {} bytes more than there should be", length - offset)
            }
            Self::NoState => {
                f.write_str("at byte 0: this is no state of keys that were derived from a shared secret")
            }
            Self::Damaged => write!(f, "at byte {HASH_AT}: the hash does not fit: some byte has changed"),
            Self::Epochs => f.write_str("at byte 8: interval and epochs make no sense"),
        }
    }
}

impl std::error::Error for RatchetStateError {}
