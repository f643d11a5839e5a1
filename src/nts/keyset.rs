//! A server's master keys, and the cookies that they seal (RFC 8915 §6). When keys change is not decided here.

use super::siv::{Authentication, apply_keystream};
use super::{Algorithm, Key, SessionKeys, TAG_LEN};
use aes::Aes256Enc;
use aes::cipher::KeyInit;
use std::collections::BTreeSet;
use std::fmt;
use zeroize::Zeroize;

/// One master key with the name that its cookies bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// In front of every cookie; not secret.
    pub id: u32,
    /// Of AES-SIV-CMAC-512.
    pub key: Key,
}

/// Every master key whose cookies are accepted, and the one that new cookies are sealed with. Never empty.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<(MasterKey, Schedule)>,
    /// Of the keys, side by side: a cookie of nobody's must not cost a walk through a thousand schedules.
    ids: Vec<u32>,
    primary: usize,
}

/// Both halves of a master key, ready for any number of cookies.
struct Schedule {
    siv: Authentication<Aes256Enc>,
    counter: Aes256Enc,
}

/// Key identifier and nonce before the sealed keys.
const ID_LEN: usize = 4;
const NONCE_LEN: usize = 16;
/// The algorithm's number, and zeros that make the length a multiple of four.
const PLAIN_HEADER_LEN: usize = 4;
const LONGEST_PLAIN: usize = PLAIN_HEADER_LEN + 2 * 64;

/// What a cookie holds; erased as a slice, which is one write where an array is one for each byte.
struct Plain([u8; LONGEST_PLAIN]);

impl Drop for Plain {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl KeySet {
    /// Of the longest cookie.
    pub const LONGEST_COOKIE: usize = ID_LEN + NONCE_LEN + TAG_LEN + LONGEST_PLAIN;

    /// `None` without keys, if `primary` is none of them, if two have the same id, or if one is of another algorithm.
    pub fn new(keys: Vec<MasterKey>, primary: usize) -> Option<Self> {
        let ids: Vec<u32> = keys.iter().map(|key| key.id).collect();
        let distinct: BTreeSet<u32> = ids.iter().copied().collect();
        let sound = primary < keys.len() && distinct.len() == keys.len();
        Some(Self { keys: Self::ready(keys.iter())?, ids, primary }).filter(|_| sound)
    }

    /// Copies with room for all of them from the first: a vector that grows, or is moved out of, leaves keys behind that nobody erases.
    fn ready<'a>(
        masters: impl ExactSizeIterator<Item = &'a MasterKey>,
    ) -> Option<Vec<(MasterKey, Schedule)>> {
        let mut keys = Vec::with_capacity(masters.len());
        for master in masters {
            keys.push((master.clone(), Schedule::new(&master.key)?));
        }
        Some(keys)
    }

    /// The keys, in the order in which they were made.
    pub fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.keys.iter().map(|(key, _)| key)
    }

    /// The place of the key that new cookies are sealed with.
    pub const fn primary(&self) -> usize {
        self.primary
    }

    /// Of the cookies for this algorithm, bytes: a multiple of four, as the length of an extension field.
    pub const fn cookie_len(algorithm: Algorithm) -> usize {
        ID_LEN + NONCE_LEN + TAG_LEN + PLAIN_HEADER_LEN + 2 * algorithm.key_len()
    }

    /// Writes a fresh cookie for these keys; how many bytes it has. `nonce` must be random. `None` if there is no room.
    pub fn seal(&mut self, keys: &SessionKeys, nonce: [u8; 16], to: &mut [u8]) -> Option<usize> {
        let (master, schedule) = self.keys.get(self.primary)?;
        let algorithm = keys.algorithm();
        let mut plain = Plain([0; LONGEST_PLAIN]);
        let (header, secrets) = plain.0.split_at_mut_checked(PLAIN_HEADER_LEN)?;
        header.get_mut(..2)?.copy_from_slice(&algorithm.id().to_be_bytes());
        let (s2c, rest) = secrets.split_at_mut_checked(algorithm.key_len())?;
        s2c.copy_from_slice(keys.s2c.bytes());
        rest.get_mut(..algorithm.key_len())?.copy_from_slice(keys.c2s.bytes());
        let plain = plain.0.get(..PLAIN_HEADER_LEN + 2 * algorithm.key_len())?;
        let (id, rest) = to.split_at_mut_checked(ID_LEN)?;
        let (place, sealed) = rest.split_at_mut_checked(NONCE_LEN)?;
        let sealed = sealed.get_mut(..plain.len() + TAG_LEN)?;
        schedule.seal(&nonce, plain, sealed)?;
        id.copy_from_slice(&master.id.to_be_bytes());
        place.copy_from_slice(&nonce);
        Some(ID_LEN + NONCE_LEN + sealed.len())
    }

    /// The keys in a cookie; `None` if no key of the set sealed it. Bytes of padding after it (RFC 7822 §3) are not allowed: ours has none.
    pub fn open(&mut self, cookie: &[u8]) -> Option<SessionKeys> {
        let (id, rest) = cookie.split_first_chunk::<ID_LEN>()?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let id = u32::from_be_bytes(*id);
        let (_, schedule) = self.keys.get(self.ids.iter().position(|known| *known == id)?)?;
        let mut plain = Plain([0; LONGEST_PLAIN]);
        let plain = plain.0.get_mut(..sealed.len().checked_sub(TAG_LEN)?)?;
        schedule.open(nonce, sealed, plain)?;
        let ([a, b, _, _], secrets) = plain.split_first_chunk::<PLAIN_HEADER_LEN>()?;
        let algorithm = Algorithm::from_id(u16::from_be_bytes([*a, *b]))?;
        let (s2c, c2s) = secrets.split_at_checked(algorithm.key_len())?;
        SessionKeys::new(algorithm, c2s, s2c)
    }
}

impl Schedule {
    /// `None` for a key of another algorithm.
    fn new(key: &Key) -> Option<Self> {
        let bytes = Some(key.bytes()).filter(|_| key.algorithm() == Algorithm::AesSivCmac512)?;
        let (first, second) = bytes.split_first_chunk::<32>()?;
        let second: &[u8; 32] = second.try_into().ok()?;
        Some(Self { siv: Authentication::new(first.into()), counter: Aes256Enc::new(second.into()) })
    }

    fn seal(&self, nonce: &[u8], text: &[u8], to: &mut [u8]) -> Option<()> {
        self.siv.seal([nonce], text, to, |tag, text| apply_keystream(&self.counter, tag, text))
    }

    fn open(&self, nonce: &[u8], sealed: &[u8], to: &mut [u8]) -> Option<()> {
        self.siv.open([nonce], sealed, to, |tag, text| apply_keystream(&self.counter, tag, text))
    }
}

impl Drop for Schedule {
    /// Erased, as far as the library lets us: the schedule of no key takes its place.
    fn drop(&mut self) {
        self.siv = Authentication::new((&[0; 32]).into());
        self.counter = Aes256Enc::new((&[0; 32]).into());
        zeroize::optimization_barrier(self);
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedule")
    }
}

impl Clone for KeySet {
    /// Each thread has its own: sealing changes a schedule.
    fn clone(&self) -> Self {
        Self {
            // Each key has made a schedule before.
            keys: Self::ready(self.keys.iter().map(|(master, _)| master)).unwrap_or_default(),
            ids: self.ids.clone(),
            primary: self.primary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(id: u32) -> MasterKey {
        let [.., byte] = id.to_be_bytes();
        MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[byte; 64]).unwrap() }
    }

    #[test]
    fn a_cookie_opens_with_its_own_key_alone_and_gives_the_keys_back() {
        let mut set = KeySet::new(vec![master(8), master(9)], 1).unwrap();
        let mut other = KeySet::new(vec![master(8)], 0).unwrap();
        for algorithm in Algorithm::ALL {
            let length = algorithm.key_len();
            let keys = SessionKeys::new(algorithm, &vec![1; length], &vec![2; length]).unwrap();
            let mut cookie = [0; KeySet::LONGEST_COOKIE];
            let length = set.seal(&keys, [7; 16], &mut cookie).unwrap();
            assert_eq!((length, length % 4), (KeySet::cookie_len(algorithm), 0));
            assert_eq!(set.open(&cookie[..length]), Some(keys));
            assert_eq!(other.open(&cookie[..length]), None);
            for short in 0..length {
                assert_eq!(set.open(&cookie[..short]), None);
            }
        }
    }

    #[test]
    fn a_copy_opens_and_seals_the_same() {
        let mut set = KeySet::new(vec![master(3), master(1), master(2)], 1).unwrap();
        let mut copy = set.clone();
        assert!(copy.keys().eq(set.keys()));
        assert_eq!(copy.primary(), 1);
        let keys = SessionKeys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
        let (mut one, mut two) = ([0; 104], [0; 104]);
        assert_eq!(set.seal(&keys, [7; 16], &mut one), copy.seal(&keys, [7; 16], &mut two));
        assert_eq!((one, &one[..4]), (two, &[0, 0, 0, 1][..]));
        assert_eq!(copy.open(&one), Some(keys));
    }

    #[test]
    fn no_bit_of_a_cookie_may_differ() {
        let mut set = KeySet::new(vec![master(8), master(9)], 0).unwrap();
        let keys = SessionKeys::new(Algorithm::Aes128GcmSiv, &[1; 16], &[2; 16]).unwrap();
        let mut cookie = [0; 72];
        assert_eq!(set.seal(&keys, [7; 16], &mut cookie), Some(72));
        for bit in 0..72 * 8 {
            let mut other = cookie;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(set.open(&other), None, "bit {bit}");
        }
    }

    #[test]
    fn a_cookie_is_sealed_only_where_there_is_room() {
        let mut set = KeySet::new(vec![master(8)], 0).unwrap();
        let keys = SessionKeys::new(Algorithm::AesSivCmac512, &[1; 64], &[2; 64]).unwrap();
        for room in 0..KeySet::LONGEST_COOKIE {
            assert_eq!(set.seal(&keys, [7; 16], &mut vec![0; room]), None);
        }
    }

    #[test]
    fn a_set_that_makes_no_sense_is_none() {
        let other = MasterKey { id: 2, key: Key::new(Algorithm::AesSivCmac256, &[0; 32]).unwrap() };
        assert!(KeySet::new(vec![master(1), other], 0).is_none());
        assert!(KeySet::new(vec![], 0).is_none());
        assert!(KeySet::new(vec![master(1)], 1).is_none());
        assert!(KeySet::new(vec![master(1), master(1)], 0).is_none());
    }
}
