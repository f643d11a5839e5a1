//! Anything as a cookie: one is opened only if a key of the set sealed it, gives back what was sealed, and has one right length; and a
//! set never seals what it does not open.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::nts::{Algorithm, Key, KeySet, MasterKey, SessionKeys};

fuzz_target!(|input: &[u8]| {
    let (head, rest) = input.split_at(input.len().min(40));
    let byte = |at: usize| head.get(at).copied().unwrap_or_default();
    let first = u32::from_be_bytes([byte(0), byte(1), byte(2), byte(3)]);
    let count = u32::from(byte(4) % 4) + 1;
    let key = |fill: u8| Key::new(Algorithm::AesSivCmac512, &[fill; 64]).unwrap();
    let keys = (0..count).map(|at| MasterKey { id: first.wrapping_add(at), key: key(at as u8) }).collect();
    let mut set = KeySet::new(keys, usize::from(byte(5)) % count as usize).unwrap();
    let algorithm = Algorithm::ALL[usize::from(byte(6)) % 3];
    let length = algorithm.key_len();
    let session = SessionKeys::new(algorithm, &vec![byte(7); length], &vec![byte(8); length]).unwrap();

    // Nobody finds a tag of 16 bytes.
    assert_eq!(set.open(rest), None);
    let mut forged = rest.to_vec();
    if let Some(id) = forged.first_chunk_mut() {
        *id = first.to_be_bytes();
        assert_eq!(set.open(&forged), None);
    }

    let mut cookie = [0; KeySet::LONGEST_COOKIE + 4];
    let room = usize::from(byte(9));
    let sealed = set.seal(&session, [byte(10); 16], &mut cookie[..room.min(KeySet::LONGEST_COOKIE)]);
    assert_eq!(sealed.is_some(), room >= KeySet::cookie_len(algorithm));
    let length = set.seal(&session, [byte(10); 16], &mut cookie).unwrap();
    assert_eq!(length, KeySet::cookie_len(algorithm));
    assert_eq!(set.clone().open(&cookie[..length]), Some(session));
    for (place, flip) in rest.chunks_exact(2).map(|pair| (usize::from(pair[0]) % length, pair[1])) {
        let mut other = cookie;
        other[place] ^= flip;
        assert_eq!(set.open(&other[..length]).is_some(), flip == 0);
    }
    assert_eq!(set.open(&cookie[..length - 1]), None);
    assert_eq!(set.open(&cookie[..length + 4]), None);
});
