//! A client with NTS, honest or not: makes requests of any fields and opens replies. Proves nothing itself.

use crate::nts::field::{
    Authenticator, FIELD_HEADER_LEN, FieldType, Fields, Opened, padded, write_authenticator, write_field,
};
use crate::nts::{Algorithm, Cipher, Key, KeySet, MasterKey, SessionKeys, TAG_LEN};
use crate::packet::{Header, Packet};

/// Master keys with these identifiers; the last one seals.
pub(crate) fn key_set(ids: &[u32]) -> KeySet {
    let master = |id: &u32| {
        let byte = id.to_be_bytes()[3];
        MasterKey { id: *id, key: Key::new(Algorithm::AesSivCmac512, &[byte; 64]).unwrap() }
    };
    KeySet::new(ids.iter().map(master).collect(), ids.len() - 1).unwrap()
}

/// Keys that some exchange gave.
pub(crate) fn session_keys(algorithm: Algorithm) -> SessionKeys {
    let length = algorithm.key_len();
    SessionKeys::new(algorithm, &vec![0xC5; length], &vec![0x5C; length]).unwrap()
}

/// What a request consists of; each part can be made wrong.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) header: Header,
    pub(crate) keys: SessionKeys,
    /// Before the authenticator.
    pub(crate) fields: Vec<(FieldType, Vec<u8>)>,
    /// The text that is sealed.
    pub(crate) text: Vec<u8>,
    pub(crate) nonce: Vec<u8>,
    /// Zeros after the sealed text.
    pub(crate) more: usize,
}

/// Of a good request.
pub(crate) const IDENTIFIER: [u8; 32] = [0x1D; 32];

impl Draft {
    /// A good request, with so many placeholders.
    pub(crate) fn new(header: Header, set: &mut KeySet, algorithm: Algorithm, placeholders: usize) -> Self {
        let keys = session_keys(algorithm);
        let cookie = cookie(set, &keys);
        let length = cookie.len();
        let mut fields =
            vec![(FieldType::UniqueIdentifier, IDENTIFIER.to_vec()), (FieldType::Cookie, cookie)];
        fields.extend((0..placeholders).map(|_| (FieldType::CookiePlaceholder, vec![0; length])));
        Self { header, keys, fields, text: Vec::new(), nonce: vec![7; algorithm.nonce_len()], more: 0 }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.emit().to_vec();
        for (kind, value) in &self.fields {
            bytes.extend(field(*kind, value));
        }
        bytes.extend(self.authenticator(&bytes));
        bytes
    }

    fn authenticator(&self, associated: &[u8]) -> Vec<u8> {
        let sealed_len = self.text.len() + TAG_LEN;
        let length = Authenticator::field_len(self.nonce.len(), sealed_len);
        let mut bytes = vec![0; length + self.more];
        let to = write_authenticator(&mut bytes, &self.nonce, sealed_len).unwrap();
        let mut cipher = Cipher::new(&self.keys.c2s).unwrap();
        // An algorithm that does not take this nonce leaves the room as it is.
        let _ = cipher.seal(&self.nonce, associated, &self.text, to);
        let whole = u16::try_from(length + self.more).unwrap();
        bytes[2..4].copy_from_slice(&whole.to_be_bytes());
        bytes
    }
}

pub(crate) fn field(kind: FieldType, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; FIELD_HEADER_LEN + padded(value.len())];
    write_field(&mut bytes, kind, value.len()).unwrap()[..value.len()].copy_from_slice(value);
    bytes
}

pub(crate) fn cookie(set: &mut KeySet, keys: &SessionKeys) -> Vec<u8> {
    let mut cookie = vec![0; KeySet::cookie_len(keys.algorithm())];
    set.seal(keys, [9; 16], &mut cookie).unwrap();
    cookie
}

/// A reply, opened with the session's key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) header: Header,
    pub(crate) identifier: Option<Vec<u8>>,
    pub(crate) cookies: Vec<Vec<u8>>,
}

/// None for a reply that is not protected by this key.
pub(crate) fn open(reply: &[u8], key: &Key) -> Option<Opening> {
    let packet = Packet::parse(reply).expect("a reply is well-formed");
    let fields = Fields::find(reply, &packet).expect("and so are its fields");
    let Authenticator { associated, nonce, sealed, .. } = fields.authenticator?;
    assert_eq!((fields.cookies, fields.placeholders, packet.mac), (0, 0, None));
    assert_eq!(nonce.len(), key.algorithm().nonce_len());
    assert_eq!(associated.len() + Authenticator::field_len(nonce.len(), sealed.len()), reply.len());
    let mut text = vec![0; sealed.len()];
    let length = Cipher::new(key).unwrap().open(nonce, associated, sealed, &mut text)?;
    let cookies = Opened::new(&text[..length]).map(|field| {
        let field = field.expect("what is sealed is well-formed");
        assert_eq!(field.field_type, FieldType::Cookie.id());
        field.value.to_vec()
    });
    let identifier = fields.unique_identifier.map(<[u8]>::to_vec);
    Some(Opening { header: packet.header, identifier, cookies: cookies.collect() })
}
