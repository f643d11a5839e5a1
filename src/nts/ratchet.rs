//! Master keys that several servers derive from one secret, one for each epoch (`shared-secret-path`). What time it is, and when an
//! old key is forgotten, is not decided here.
//!
//! Each epoch has a value, which gives the next one (HKDF-SHA-512, RFC 5869) and the epoch's key; neither way leads back. So whoever
//! holds the value of an epoch has the keys from there on, and none before.

mod state;

pub use state::{RatchetState, RatchetStateError};

use super::{Algorithm, Key, MasterKey};
use crate::time::ClockTime;
use hkdf::Hkdf;
use sha2::Sha512;
use std::fmt;
use zeroize::Zeroizing;

/// The value of one epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct Ratchet {
    /// Of an epoch, seconds.
    interval: u64,
    epoch: u64,
    value: Value,
}

type Value = Zeroizing<[u8; VALUE_LEN]>;

const VALUE_LEN: usize = 64;
/// 2026-01-01, when the first epoch begins that has a value.
const ANCHOR: ClockTime = ClockTime::from_unix_secs(1_767_225_600);

const SALT: &[u8] = b"ntpd-rs NTS shared secret";
const FIRST: &[u8] = b"ntpd-rs NTS first epoch";
const NEXT: &[u8] = b"ntpd-rs NTS next epoch";
const KEY: &[u8] = b"ntpd-rs NTS master key";
const FINGERPRINT: &[u8] = b"ntpd-rs NTS fingerprint";

/// A secret of at least [`SharedSecret::SHORTEST`] bytes.
pub struct SharedSecret<'a>(&'a [u8]);

/// Tells secrets apart, and says nothing else of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl<'a> SharedSecret<'a> {
    /// Bytes, without a line's end.
    pub const SHORTEST: usize = 32;

    /// What a file holds, without the end of its last line; or how many bytes that is, if they are too few.
    ///
    /// # Errors
    /// The length, if it is below [`Self::SHORTEST`].
    pub fn new(file: &'a [u8]) -> Result<Self, usize> {
        let secret = file.strip_suffix(b"\n").map_or(file, |line| line.strip_suffix(b"\r").unwrap_or(line));
        if secret.len() < Self::SHORTEST { Err(secret.len()) } else { Ok(Self(secret)) }
    }

    /// The same for the same secret.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = Fingerprint([0; 16]);
        // Fails above 255 hashes only (RFC 5869 §2.3).
        let _ = Hkdf::<Sha512>::new(Some(SALT), self.0).expand(FINGERPRINT, &mut fingerprint.0);
        fingerprint
    }
}

impl fmt::Debug for SharedSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

impl Ratchet {
    /// At the epoch that has 2026-01-01T00:00:00Z in it. `None` if the interval, seconds, is zero.
    pub fn new(secret: &SharedSecret<'_>, interval: u64) -> Option<Self> {
        let epoch = epoch_at(ANCHOR, interval)?;
        let hkdf = Hkdf::<Sha512>::new(Some(SALT), secret.0);
        // Servers with other intervals have other keys.
        let info = [FIRST, &interval.to_be_bytes(), &epoch.to_be_bytes()];
        let mut value = Value::new([0; VALUE_LEN]);
        hkdf.expand_multi_info(&info, value.as_mut_slice()).ok()?;
        Some(Self { interval, epoch, value })
    }

    /// Whose value this is.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Of every epoch, seconds.
    pub const fn interval(&self) -> u64 {
        self.interval
    }

    /// Turns forward to this epoch and forgets the way there; never back. `None`, and unchanged, if the epochs that there are end before.
    pub fn advance(&mut self, epoch: u64) -> Option<()> {
        let mut turned = self.clone();
        while turned.epoch < epoch {
            let next = turned.epoch.checked_add(1)?;
            turned.value = turned.expand(NEXT, next)?;
            turned.epoch = next;
        }
        *self = turned;
        Some(())
    }

    /// The keys from this epoch to `last`, the identifier of each being its epoch's lowest 32 bits.
    pub fn keys(&self, last: u64) -> Option<Vec<MasterKey>> {
        let mut turned = self.clone();
        let mut keys = Vec::new();
        // Room for all of them: a vector that grows leaves keys behind that nobody erases.
        let count = usize::try_from(last.saturating_sub(self.epoch)).ok()?.checked_add(1)?;
        keys.try_reserve_exact(count).ok()?;
        for epoch in self.epoch..=last {
            turned.advance(epoch)?;
            keys.push(turned.key()?);
        }
        Some(keys)
    }

    fn key(&self) -> Option<MasterKey> {
        let [.., a, b, c, d] = self.epoch.to_be_bytes();
        let key = Key::new(Algorithm::AesSivCmac512, self.expand(KEY, self.epoch)?.as_slice())?;
        Some(MasterKey { id: u32::from_be_bytes([a, b, c, d]), key })
    }

    fn expand(&self, purpose: &[u8], epoch: u64) -> Option<Value> {
        let mut value = Value::new([0; VALUE_LEN]);
        let hkdf = Hkdf::<Sha512>::from_prk(self.value.as_slice()).ok()?;
        hkdf.expand_multi_info(&[purpose, &epoch.to_be_bytes()], value.as_mut_slice()).ok()?;
        Some(value)
    }
}

impl fmt::Debug for Ratchet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ratchet(epoch {} of {} s)", self.epoch, self.interval)
    }
}

/// The epoch at this time, counted from 1970; the first one before that. `None` if the interval, seconds, is zero.
pub fn epoch_at(time: ClockTime, interval: u64) -> Option<u64> {
    u64::try_from(time.unix_secs()).unwrap_or(0).checked_div(interval)
}

#[cfg(test)]
mod tests;
