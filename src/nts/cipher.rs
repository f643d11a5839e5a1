//! One key ready to seal and open with. Chooses no nonce.
//!
//! On the wire a sealed text is what its RFC calls the ciphertext: in the SIV modes the tag comes first (RFC 5297 §2.6), in GCM-SIV
//! last (RFC 8452 §4).

use super::{Algorithm, Key};
use aes_gcm_siv::Aes128GcmSiv;
use aes_gcm_siv::aead::AeadInOut;
use aes_siv::KeyInit;
use aes_siv::siv::{Aes128Siv, Aes256Siv};
use std::fmt;

/// What sealing adds, bytes; the same for all algorithms.
pub const TAG_LEN: usize = 16;
/// The longest of [`Algorithm::nonce_len`].
pub const LONGEST_NONCE: usize = 16;

/// A key's schedule. Sealing needs it mutable, so it belongs to one thread.
pub struct Cipher(Schedule);

#[expect(
    clippy::large_enum_variant,
    reason = "made for each packet on the stack; a box would be an allocation"
)]
enum Schedule {
    Siv128(Aes128Siv),
    Siv256(Aes256Siv),
    GcmSiv(Aes128GcmSiv),
}

impl Cipher {
    /// `None` never happens for a [`Key`], whose length is its algorithm's.
    pub fn new(key: &Key) -> Option<Self> {
        let bytes = key.bytes();
        Some(Self(match key.algorithm() {
            Algorithm::AesSivCmac256 => Schedule::Siv128(Aes128Siv::new_from_slice(bytes).ok()?),
            Algorithm::AesSivCmac512 => Schedule::Siv256(Aes256Siv::new_from_slice(bytes).ok()?),
            Algorithm::Aes128GcmSiv => Schedule::GcmSiv(Aes128GcmSiv::new_from_slice(bytes).ok()?),
        }))
    }

    /// Seals `text` into `to`; how many bytes it has there, [`TAG_LEN`] more. `None` if there is no room, or the nonce has not the
    /// algorithm's length.
    pub fn seal(&mut self, nonce: &[u8], associated: &[u8], text: &[u8], to: &mut [u8]) -> Option<usize> {
        let to = to.get_mut(..text.len().checked_add(TAG_LEN)?)?;
        let length = to.len();
        match &mut self.0 {
            Schedule::Siv128(siv) => {
                let (tag, sealed) = to.split_at_mut_checked(TAG_LEN)?;
                sealed.copy_from_slice(text);
                tag.copy_from_slice(&siv.encrypt_inout_detached([associated, nonce], sealed.into()).ok()?);
            }
            Schedule::Siv256(siv) => {
                let (tag, sealed) = to.split_at_mut_checked(TAG_LEN)?;
                sealed.copy_from_slice(text);
                tag.copy_from_slice(&siv.encrypt_inout_detached([associated, nonce], sealed.into()).ok()?);
            }
            Schedule::GcmSiv(siv) => {
                let (sealed, tag) = to.split_at_mut_checked(text.len())?;
                sealed.copy_from_slice(text);
                let nonce = nonce.try_into().ok()?;
                tag.copy_from_slice(&siv.encrypt_inout_detached(&nonce, associated, sealed.into()).ok()?);
            }
        }
        Some(length)
    }

    /// Opens `sealed` into `to`; how many bytes the text has there. `None` if it is not authentic, too short, or too long for `to`;
    /// then nothing of it is in `to`.
    pub fn open(&mut self, nonce: &[u8], associated: &[u8], sealed: &[u8], to: &mut [u8]) -> Option<usize> {
        let text = to.get_mut(..sealed.len().checked_sub(TAG_LEN)?)?;
        let length = text.len();
        let opened = match &mut self.0 {
            Schedule::Siv128(siv) => {
                let (tag, sealed) = sealed.split_at_checked(TAG_LEN)?;
                text.copy_from_slice(sealed);
                siv.decrypt_inout_detached([associated, nonce], (&mut *text).into(), &tag.try_into().ok()?)
                    .is_ok()
            }
            Schedule::Siv256(siv) => {
                let (tag, sealed) = sealed.split_at_checked(TAG_LEN)?;
                text.copy_from_slice(sealed);
                siv.decrypt_inout_detached([associated, nonce], (&mut *text).into(), &tag.try_into().ok()?)
                    .is_ok()
            }
            Schedule::GcmSiv(siv) => {
                let (sealed, tag) = sealed.split_at_checked(length)?;
                text.copy_from_slice(sealed);
                let nonce = nonce.try_into().ok()?;
                siv.decrypt_inout_detached(&nonce, associated, (&mut *text).into(), &tag.try_into().ok()?)
                    .is_ok()
            }
        };
        if opened {
            return Some(length);
        }
        text.fill(0);
        None
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        for algorithm in Algorithm::ALL {
            let key = Key::new(algorithm, &vec![3; algorithm.key_len()]).unwrap();
            let mut cipher = Cipher::new(&key).unwrap();
            let nonce = vec![5; algorithm.nonce_len()];
            let (mut sealed, mut text) = ([0; 64], [0; 64]);
            let length = cipher.seal(&nonce, b"header", b"cookies", &mut sealed).unwrap();
            assert_eq!(length, 7 + TAG_LEN);
            assert_eq!(cipher.open(&nonce, b"header", &sealed[..length], &mut text), Some(7));
            assert_eq!(&text[..7], b"cookies");
            for bit in 0..length * 8 {
                let mut other = sealed;
                other[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(cipher.open(&nonce, b"header", &other[..length], &mut text), None);
                assert_eq!(text[..7], [0; 7]);
            }
            assert_eq!(cipher.open(&nonce, b"Header", &sealed[..length], &mut text), None);
            for short in 0..length {
                assert_eq!(cipher.open(&nonce, b"header", &sealed[..short], &mut text), None);
            }
        }
    }
}
