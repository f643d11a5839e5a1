//! The extension fields of NTS in NTPv4 packets (RFC 8915 §5.3 to §5.6): found in a packet, and written into one. Opens and believes nothing.

use crate::packet::{Extension, Header, Packet};

/// A field's type, as assigned by IANA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Ties a reply to its request.
    UniqueIdentifier,
    /// A cookie: from the client in the open, from the server inside what is sealed.
    Cookie,
    /// Room in a request for one more cookie in its reply.
    CookiePlaceholder,
    /// Nonce and sealed text, over all that stands before it.
    Authenticator,
}

impl FieldType {
    /// Its number.
    pub const fn id(self) -> u16 {
        match self {
            Self::UniqueIdentifier => 0x0104,
            Self::Cookie => 0x0204,
            Self::CookiePlaceholder => 0x0304,
            Self::Authenticator => 0x0404,
        }
    }

    /// By its number.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0104 => Some(Self::UniqueIdentifier),
            0x0204 => Some(Self::Cookie),
            0x0304 => Some(Self::CookiePlaceholder),
            0x0404 => Some(Self::Authenticator),
            _ => None,
        }
    }
}

/// Type and length in front of every field.
pub const FIELD_HEADER_LEN: usize = 4;
/// The shortest field, type and length included (RFC 7822 §3).
const SHORTEST: usize = 16;
/// The two lengths in front of an authenticator's nonce.
const LENGTHS_LEN: usize = 4;

/// The fields of NTS in one packet. Those after the authenticator are protected by nothing, and not looked at (RFC 8915 §5.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Of the first one; at least 32 bytes where the sender follows the RFC.
    pub unique_identifier: Option<&'a [u8]>,
    /// How many of them there are; a packet has one.
    pub unique_identifiers: usize,
    /// The first one, padding included.
    pub cookie: Option<&'a [u8]>,
    /// How many cookies there are; a request has one.
    pub cookies: usize,
    /// How many placeholders there are whose length is the first cookie's; others mean nothing.
    pub placeholders: usize,
    /// The first one.
    pub authenticator: Option<Authenticator<'a>>,
}

/// What an authenticator field holds (RFC 8915 §5.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticator<'a> {
    /// All bytes of the packet before the field.
    pub associated: &'a [u8],
    /// Without its padding.
    pub nonce: &'a [u8],
    /// Without its padding.
    pub sealed: &'a [u8],
    /// Of nonce and zeros after the sealed text together, bytes: what a request leaves for the nonce of its reply.
    pub nonce_room: usize,
}

impl<'a> Fields<'a> {
    /// Finds them. `bytes` are those that `packet` was parsed from.
    ///
    /// # Errors
    /// [`BadField`] for an authenticator whose lengths lie.
    pub fn find(bytes: &'a [u8], packet: &Packet<'a>) -> Result<Self, BadField> {
        let mut found = Self::default();
        let mut at = Header::LEN;
        let mut has_placeholder = false;
        for Extension { field_type, value } in packet.extensions {
            match FieldType::from_id(field_type) {
                Some(FieldType::UniqueIdentifier) => {
                    found.unique_identifier = found.unique_identifier.or(Some(value));
                    found.unique_identifiers += 1;
                }
                Some(FieldType::Cookie) => {
                    found.cookie = found.cookie.or(Some(value));
                    found.cookies += 1;
                }
                Some(FieldType::CookiePlaceholder) => has_placeholder = true,
                Some(FieldType::Authenticator) => {
                    let associated = bytes.get(..at).ok_or(BadField)?;
                    found.authenticator = Some(Authenticator::parse(associated, value).ok_or(BadField)?);
                    break;
                }
                None => {}
            }
            at += FIELD_HEADER_LEN + value.len();
        }
        // Only now, for a placeholder may stand before the cookie.
        if let Some(cookie) = found.cookie.filter(|_| has_placeholder) {
            let authenticator = FieldType::Authenticator.id();
            let protected = packet.extensions.take_while(|field| field.field_type != authenticator);
            found.placeholders = protected.filter(|field| is_placeholder(field, cookie.len())).count();
        }
        Ok(found)
    }

    /// Whether the packet wants anything to do with NTS.
    pub const fn is_any(&self) -> bool {
        self.cookie.is_some() || self.authenticator.is_some()
    }
}

/// A field whose lengths lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadField;

/// The fields in what an authenticator had sealed, in their order: an iterator that ends after the first bad one. No MAC follows here, so
/// that even the last field may be short.
#[derive(Debug, Clone)]
pub struct Opened<'a>(&'a [u8]);

impl<'a> Opened<'a> {
    /// Of the text that was opened.
    pub const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    fn split(self) -> Option<(Extension<'a>, Self)> {
        let ([a, b, c, d], rest) = self.0.split_first_chunk::<FIELD_HEADER_LEN>()?;
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let is_sound = length >= SHORTEST && length.is_multiple_of(4);
        let (value, rest) = rest.split_at_checked(length.checked_sub(FIELD_HEADER_LEN)?)?;
        let field = Extension { field_type: u16::from_be_bytes([*a, *b]), value };
        is_sound.then_some((field, Self(rest)))
    }
}

impl<'a> Iterator for Opened<'a> {
    type Item = Result<Extension<'a>, BadField>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let this = std::mem::replace(self, Self(&[]));
        let Some((field, rest)) = this.split() else { return Some(Err(BadField)) };
        *self = rest;
        Some(Ok(field))
    }
}

/// Whether the field asks for one more cookie: only one of the cookie's length does (RFC 8915 §5.5).
pub fn is_placeholder(field: &Extension<'_>, cookie_len: usize) -> bool {
    field.field_type == FieldType::CookiePlaceholder.id() && field.value.len() == cookie_len
}

impl<'a> Authenticator<'a> {
    fn parse(associated: &'a [u8], value: &'a [u8]) -> Option<Self> {
        let ([a, b, c, d], rest) = value.split_first_chunk::<LENGTHS_LEN>()?;
        let (nonce_len, sealed_len) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let (nonce_len, sealed_len) = (usize::from(nonce_len), usize::from(sealed_len));
        let (nonce, rest) = rest.split_at_checked(padded(nonce_len))?;
        let (sealed, zeros) = rest.split_at_checked(padded(sealed_len))?;
        let nonce_room = nonce.len() + zeros.len();
        Some(Self {
            associated,
            nonce: nonce.get(..nonce_len)?,
            sealed: sealed.get(..sealed_len)?,
            nonce_room,
        })
    }

    /// Of a whole authenticator field with a nonce and a sealed text of these lengths, bytes.
    pub const fn field_len(nonce_len: usize, sealed_len: usize) -> usize {
        FIELD_HEADER_LEN + LENGTHS_LEN + padded(nonce_len) + padded(sealed_len)
    }
}

/// The next multiple of four.
pub const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// Writes a field's type and length, and gives the room for its value, zeroed up to a multiple of four. `None` if there is not enough, or if
/// no such field can exist (RFC 7822 §3: 16 to 65535 bytes, the header included).
pub fn write_field(to: &mut [u8], kind: FieldType, value_len: usize) -> Option<&mut [u8]> {
    let whole = FIELD_HEADER_LEN + padded(value_len);
    let length = u16::try_from(whole).ok().filter(|_| whole >= SHORTEST)?;
    let (header, value) = to.get_mut(..whole)?.split_first_chunk_mut::<FIELD_HEADER_LEN>()?;
    let ([a, b], [c, d]) = (kind.id().to_be_bytes(), length.to_be_bytes());
    *header = [a, b, c, d];
    value.fill(0);
    Some(value)
}

/// Writes an authenticator field up to its sealed text, and gives the room for that. `None` if there is not enough.
pub fn write_authenticator<'a>(to: &'a mut [u8], nonce: &[u8], sealed_len: usize) -> Option<&'a mut [u8]> {
    let value_len = LENGTHS_LEN + padded(nonce.len()) + padded(sealed_len);
    let value = write_field(to, FieldType::Authenticator, value_len)?;
    let (lengths, rest) = value.split_first_chunk_mut::<LENGTHS_LEN>()?;
    let [a, b] = u16::try_from(nonce.len()).ok()?.to_be_bytes();
    let [c, d] = u16::try_from(sealed_len).ok()?.to_be_bytes();
    *lengths = [a, b, c, d];
    let (place, sealed) = rest.split_at_mut_checked(padded(nonce.len()))?;
    place.get_mut(..nonce.len())?.copy_from_slice(nonce);
    sealed.get_mut(..sealed_len)
}

#[cfg(test)]
mod tests;
