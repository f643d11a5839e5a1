//! Secret keys, erased when dropped and never printed. Nothing is sealed here.

use super::Algorithm;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A key of one algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    algorithm: Algorithm,
    /// Zero after the key's length.
    bytes: [u8; LONGEST],
}

/// Of AES-SIV-CMAC-512.
const LONGEST: usize = 64;

impl Key {
    /// `None` if the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let mut key = Self { algorithm, bytes: [0; LONGEST] };
        if bytes.len() != algorithm.key_len() {
            return None;
        }
        key.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(key)
    }

    /// What it is a key of.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The secret, [`Algorithm::key_len`] bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.algorithm.key_len()).unwrap_or_default()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // As a slice: one write where an array is one for each byte.
        self.bytes.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Key {}

/// Overwrites what calls that have returned left on this thread's stack: where a key was moved or computed, a copy stays behind that nothing
/// else erases. To be called right after them, by who called them.
#[inline(never)]
pub fn clear_stack() {
    let mut room = [0_u8; DEEPEST];
    room.as_mut_slice().zeroize();
    zeroize::optimization_barrier(&room);
}

/// That calls which handle keys go, bytes, with as much again for builds that do not optimize.
const DEEPEST: usize = 64 * 1024;

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.algorithm)
    }
}

/// The two keys of one client (RFC 8915 §5.1), both of one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionKeys {
    /// For what the client sends.
    pub c2s: Key,
    /// For what the server sends.
    pub s2c: Key,
}

impl SessionKeys {
    /// `None` unless both have the algorithm's length.
    pub fn new(algorithm: Algorithm, c2s: &[u8], s2c: &[u8]) -> Option<Self> {
        Some(Self { c2s: Key::new(algorithm, c2s)?, s2c: Key::new(algorithm, s2c)? })
    }

    /// Of both.
    pub const fn algorithm(&self) -> Algorithm {
        self.c2s.algorithm()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_algorithms_length_or_is_none() {
        for algorithm in Algorithm::ALL {
            let bytes = [7; 65];
            for length in 0..=65 {
                let key = Key::new(algorithm, &bytes[..length]);
                assert_eq!(key.is_some(), length == algorithm.key_len());
                assert!(key.is_none_or(|key| key.bytes() == &bytes[..length]));
            }
        }
    }

    #[test]
    fn a_key_is_never_printed() {
        let key = Key::new(Algorithm::AesSivCmac256, &[171; 32]).unwrap();
        assert_eq!(format!("{key:?}"), "Key(AEAD_AES_SIV_CMAC_256)");
    }
}
