//! The extension fields of NTS in NTPv4 packets (RFC 8915 §5.3 to §5.6): found in a packet, and written into one. Opens and believes nothing.

use crate::packet::{Header, Packet};

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
/// The two lengths in front of an authenticator's nonce.
const LENGTHS_LEN: usize = 4;

/// The fields of NTS in one packet. Those after the authenticator are protected by nothing, and not looked at (RFC 8915 §5.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Of the first one; at least 32 bytes where the sender follows the RFC.
    pub unique_identifier: Option<&'a [u8]>,
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
}

impl<'a> Fields<'a> {
    /// Finds them. `bytes` are those that `packet` was parsed from.
    ///
    /// # Errors
    /// [`BadField`] for an authenticator whose lengths lie.
    pub fn find(bytes: &'a [u8], packet: &Packet<'a>) -> Result<Self, BadField> {
        let mut found = Self::default();
        let mut at = Header::LEN;
        for field in packet.extensions {
            match FieldType::from_id(field.field_type) {
                Some(FieldType::UniqueIdentifier) => {
                    found.unique_identifier = found.unique_identifier.or(Some(field.value));
                }
                Some(FieldType::Cookie) => {
                    found.cookie = found.cookie.or(Some(field.value));
                    found.cookies += 1;
                }
                Some(FieldType::CookiePlaceholder) => {
                    let fits = found.cookie.is_some_and(|cookie| cookie.len() == field.value.len());
                    found.placeholders += usize::from(fits);
                }
                Some(FieldType::Authenticator) => {
                    let associated = bytes.get(..at).ok_or(BadField)?;
                    found.authenticator =
                        Some(Authenticator::parse(associated, field.value).ok_or(BadField)?);
                    return Ok(found);
                }
                None => {}
            }
            at += FIELD_HEADER_LEN + field.value.len();
        }
        Ok(found)
    }

    /// Whether the packet wants anything to do with NTS.
    pub const fn is_any(&self) -> bool {
        self.cookie.is_some() || self.authenticator.is_some()
    }
}

/// An authenticator whose lengths lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadField;

impl<'a> Authenticator<'a> {
    fn parse(associated: &'a [u8], value: &'a [u8]) -> Option<Self> {
        let ([a, b, c, d], rest) = value.split_first_chunk::<LENGTHS_LEN>()?;
        let (nonce_len, sealed_len) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let (nonce_len, sealed_len) = (usize::from(nonce_len), usize::from(sealed_len));
        let (nonce, rest) = rest.split_at_checked(padded(nonce_len))?;
        Some(Self { associated, nonce: nonce.get(..nonce_len)?, sealed: rest.get(..sealed_len)? })
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
    let length = u16::try_from(whole).ok().filter(|length| *length >= 16)?;
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
mod tests {
    use super::*;

    fn request() -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[..48].copy_from_slice(&Header::default().emit());
        let mut at = 48;
        for (kind, length, fill) in [
            (FieldType::UniqueIdentifier, 32, 1),
            (FieldType::Cookie, 102, 2),
            (FieldType::CookiePlaceholder, 102, 0),
            (FieldType::CookiePlaceholder, 50, 0),
        ] {
            write_field(&mut bytes[at..], kind, length).unwrap()[..length].fill(fill);
            at += FIELD_HEADER_LEN + padded(length);
        }
        write_authenticator(&mut bytes[at..], &[3; 15], 18).unwrap().fill(4);
        bytes.truncate(at + Authenticator::field_len(15, 18));
        bytes
    }

    #[test]
    fn what_is_written_is_found_again_with_its_padding_told_apart() {
        let bytes = request();
        let fields = Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap();
        assert_eq!(fields.unique_identifier, Some(&[1; 32][..]));
        assert_eq!(fields.cookie.map(|cookie| (cookie.len(), &cookie[..102])), Some((104, &[2; 102][..])));
        assert_eq!((fields.cookies, fields.placeholders), (1, 1));
        let authenticator = fields.authenticator.unwrap();
        assert_eq!((authenticator.nonce, authenticator.sealed), (&[3; 15][..], &[4; 18][..]));
        assert_eq!(authenticator.associated, &bytes[..bytes.len() - Authenticator::field_len(15, 18)]);
    }

    #[test]
    fn lengths_that_lie_are_refused_or_never_go_past_the_packet() {
        let good = request();
        for at in 48..good.len() {
            for byte in [0, 1, 0x7F, 0xFF] {
                let mut bytes = good.clone();
                bytes[at] = byte;
                if let Ok(packet) = Packet::parse(&bytes)
                    && let Ok(Fields { authenticator: Some(found), .. }) = Fields::find(&bytes, &packet)
                {
                    assert!(found.associated.len() + found.nonce.len() + found.sealed.len() < bytes.len());
                }
            }
        }
    }

    #[test]
    fn a_field_that_cannot_exist_is_not_written() {
        assert!(write_field(&mut [0; 64], FieldType::Cookie, 11).is_some());
        assert!(write_field(&mut [0; 64], FieldType::Cookie, 8).is_none());
        assert!(write_field(&mut [0; 64], FieldType::Cookie, 61).is_none());
        assert!(write_field(&mut vec![0; 80_000], FieldType::Cookie, 70_000).is_none());
    }
}
