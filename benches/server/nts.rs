//! A client's side of NTS, for rows of the table: requests of any algorithm, ready made. Measures nothing.

use ntpd_rs::nts::field::{Authenticator, FIELD_HEADER_LEN, FieldType, write_authenticator, write_field};
use ntpd_rs::nts::{Algorithm, Cipher, Key, KeySet, MasterKey, SessionKeys, TAG_LEN};

/// The server's keys: seven that are kept, and the one that new cookies are sealed with.
pub(crate) fn key_set() -> Option<KeySet> {
    let master = |id: u32| {
        let [.., byte] = id.to_be_bytes();
        Some(MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[byte; 64])? })
    };
    KeySet::new((1..=8).map(master).collect::<Option<_>>()?, 7)
}

/// `header` with a unique identifier, a cookie, so many placeholders and an authenticator.
pub(crate) fn request(header: &[u8], algorithm: Algorithm, placeholders: usize) -> Option<Vec<u8>> {
    let length = algorithm.key_len();
    let keys = SessionKeys::new(algorithm, &vec![1; length], &vec![2; length])?;
    let mut cookie = vec![0; KeySet::cookie_len(algorithm)];
    key_set()?.seal(&keys, [3; 16], &mut cookie)?;
    let mut bytes = header.to_vec();
    push(&mut bytes, FieldType::UniqueIdentifier, &[4; 32])?;
    push(&mut bytes, FieldType::Cookie, &cookie)?;
    for _ in 0..placeholders {
        push(&mut bytes, FieldType::CookiePlaceholder, &vec![0; cookie.len()])?;
    }
    let nonce = vec![5; algorithm.nonce_len()];
    let mut field = vec![0; Authenticator::field_len(nonce.len(), TAG_LEN)];
    let sealed = write_authenticator(&mut field, &nonce, TAG_LEN)?;
    Cipher::new(&keys.c2s)?.seal(&nonce, &bytes, &[], sealed)?;
    bytes.extend(field);
    Some(bytes)
}

fn push(bytes: &mut Vec<u8>, kind: FieldType, value: &[u8]) -> Option<()> {
    let begin = bytes.len();
    bytes.resize(begin + FIELD_HEADER_LEN + value.len(), 0);
    write_field(bytes.get_mut(begin..)?, kind, value.len())?.copy_from_slice(value);
    Some(())
}
