//! The other side of a source with NTS (RFC 8915 §5.7), for the targets that have one. Decides nothing.

use ntpd_rs::nts::field::{Authenticator, FieldType, Fields, write_authenticator, write_field};
use ntpd_rs::nts::{Cipher, SessionKeys, TAG_LEN};
use ntpd_rs::packet::{Header, Packet};

/// The header with the request's unique identifier, protected by nothing; `None` for a request without NTS.
pub fn unprotected(request: &[u8], header: &[u8; Header::LEN]) -> Option<Vec<u8>> {
    let packet = Packet::parse(request).ok()?;
    let identifier = Fields::find(request, &packet).ok()?.unique_identifier?;
    let mut bytes = header.to_vec();
    bytes.resize(Header::LEN + 4 + identifier.len(), 0);
    write_field(&mut bytes[Header::LEN..], FieldType::UniqueIdentifier, identifier.len())?
        .copy_from_slice(identifier);
    Some(bytes)
}

/// The same as a server with these keys sends it, with `text` under the seal.
pub fn sealed(
    request: &[u8],
    header: &[u8; Header::LEN],
    keys: &SessionKeys,
    text: &[u8],
) -> Option<Vec<u8>> {
    let mut bytes = unprotected(request, header)?;
    let (at, nonce) = (bytes.len(), vec![3; keys.algorithm().nonce_len()]);
    bytes.resize(at + Authenticator::field_len(nonce.len(), text.len() + TAG_LEN), 0);
    let (associated, rest) = bytes.split_at_mut(at);
    let place = write_authenticator(rest, &nonce, text.len() + TAG_LEN)?;
    Cipher::new(&keys.s2c)?.seal(&nonce, associated, text, place)?;
    Some(bytes)
}

/// Cookies of 100 bytes, as they stand under a seal: each of this byte.
pub fn cookies(bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in bytes {
        let at = text.len();
        text.resize(at + 104, 0);
        write_field(&mut text[at..], FieldType::Cookie, 100).expect("there is room").fill(byte);
    }
    text
}
