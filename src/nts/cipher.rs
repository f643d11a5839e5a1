//! One key ready to seal and open with. Chooses no nonce.
//!
//! On the wire a sealed text is what its RFC calls the ciphertext: in the SIV modes the tag comes first (RFC 5297 §2.6), in GCM-SIV
//! last (RFC 8452 §4).

use super::siv::{Authentication, BLOCK_LEN, apply_keystream};
use super::{Algorithm, Key};
use aes::{Aes128Enc, Aes256Enc};
use aes_gcm_siv::aead::AeadInOut;
use aes_gcm_siv::{Aes128GcmSiv, KeyInit};
use std::fmt;

/// What sealing adds, bytes; the same for all algorithms.
pub const TAG_LEN: usize = BLOCK_LEN;
/// The longest of [`Algorithm::nonce_len`].
pub const LONGEST_NONCE: usize = 16;

/// A key's schedule.
pub struct Cipher(Schedule);

#[expect(
    clippy::large_enum_variant,
    reason = "made for each packet on the stack; a box would be an allocation"
)]
enum Schedule {
    /// With the second half of the key: the schedule of counter mode is made where there is a text, and a request has none.
    Siv128(Authentication<Aes128Enc>, [u8; 16]),
    Siv256(Authentication<Aes256Enc>, [u8; 32]),
    GcmSiv(Aes128GcmSiv),
}

impl Cipher {
    /// `None` never happens for a [`Key`], whose length is its algorithm's.
    #[inline]
    pub fn new(key: &Key) -> Option<Self> {
        let bytes = key.bytes();
        Some(Self(match key.algorithm() {
            Algorithm::AesSivCmac256 => {
                let (first, second) = bytes.split_first_chunk::<16>()?;
                Schedule::Siv128(Authentication::new(first.into()), second.try_into().ok()?)
            }
            Algorithm::AesSivCmac512 => {
                let (first, second) = bytes.split_first_chunk::<32>()?;
                Schedule::Siv256(Authentication::new(first.into()), second.try_into().ok()?)
            }
            Algorithm::Aes128GcmSiv => Schedule::GcmSiv(Aes128GcmSiv::new_from_slice(bytes).ok()?),
        }))
    }

    /// Seals `text` into `to`; how many bytes it has there, [`TAG_LEN`] more. `None` if there is no room, or the nonce has not the
    /// algorithm's length.
    pub fn seal(&mut self, nonce: &[u8], associated: &[u8], text: &[u8], to: &mut [u8]) -> Option<usize> {
        let to = to.get_mut(..text.len().checked_add(TAG_LEN)?)?;
        let length = to.len();
        let headers = [associated, nonce];
        match &self.0 {
            Schedule::Siv128(siv, key) => siv.seal(headers, text, to, |tag, text| {
                apply_keystream(&Aes128Enc::new(key.into()), tag, text);
            })?,
            Schedule::Siv256(siv, key) => siv.seal(headers, text, to, |tag, text| {
                apply_keystream(&Aes256Enc::new(key.into()), tag, text);
            })?,
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
        let headers = [associated, nonce];
        let opened = match &self.0 {
            Schedule::Siv128(siv, key) => siv.open(headers, sealed, text, |tag, text| {
                apply_keystream(&Aes128Enc::new(key.into()), tag, text);
            }),
            Schedule::Siv256(siv, key) => siv.open(headers, sealed, text, |tag, text| {
                apply_keystream(&Aes256Enc::new(key.into()), tag, text);
            }),
            Schedule::GcmSiv(siv) => {
                let (sealed, tag) = sealed.split_at_checked(length)?;
                let (nonce, tag) = (nonce.try_into().ok()?, tag.try_into().ok()?);
                text.copy_from_slice(sealed);
                siv.decrypt_inout_detached(&nonce, associated, (&mut *text).into(), &tag).ok()
            }
        };
        if opened.is_none() {
            text.fill(0);
        }
        opened.map(|()| length)
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

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.trim_matches('-').as_bytes().chunks(2);
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn the_examples_of_rfc_8452_come_out() {
        let lines = include_str!("../../tests/vectors/aes-128-gcm-siv.txt").lines();
        let mut count = 0;
        for line in lines.filter(|line| !line.starts_with('#')) {
            let words: Vec<Vec<u8>> = line.split(' ').map(bytes).collect();
            let [key, nonce, associated, text, result] = words.as_slice() else { panic!("{line}") };
            let key = Key::new(Algorithm::Aes128GcmSiv, key).unwrap();
            let mut sealed = vec![0; text.len() + TAG_LEN];
            let length = Cipher::new(&key).unwrap().seal(nonce, associated, text, &mut sealed);
            assert_eq!((length, &sealed), (Some(result.len()), result), "{line}");
            count += 1;
        }
        assert_eq!(count, 24);
    }

    #[test]
    fn a_nonce_of_another_length_than_gcm_siv_has_is_refused() {
        let key = Key::new(Algorithm::Aes128GcmSiv, &[1; 16]).unwrap();
        let mut cipher = Cipher::new(&key).unwrap();
        for length in (0..32).filter(|length| *length != 12) {
            assert_eq!(cipher.seal(&vec![0; length], &[], b"text", &mut [0; 64]), None);
            assert_eq!(cipher.open(&vec![0; length], &[], &[0; 32], &mut [0; 64]), None);
        }
    }
}
