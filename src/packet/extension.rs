//! Extension fields between header and MAC (RFC 7822). What a field means is its reader's to know.

use super::ParseError;
use super::cursor::Cursor;

/// One extension field, borrowed from its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The field type, as assigned by IANA.
    pub field_type: u16,
    /// Everything after the length, padding included.
    pub value: &'a [u8],
}

/// The extension fields of one packet, in its order: an iterator over bytes whose lengths have all been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a> {
    fields: &'a [u8],
}

/// Type and length.
const FIELD_HEADER_LEN: usize = 4;
/// The shortest field, its type and length included (RFC 7822 §3, 7.5.1.1).
const MINIMUM_LEN: usize = 16;
/// The longest MAC: key identifier and a 20-byte digest. RFC 7822 §3 (7.5.1.4) makes the last field of a packet without MAC longer than
/// this, so that whatever is longer is a field, and whatever is not is a MAC.
const MAXIMUM_MAC_LEN: usize = 24;

impl<'a> Extensions<'a> {
    /// Takes the fields off the front of what follows the header, and leaves the MAC, at most 24 bytes.
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Result<Self, ParseError> {
        let mut ahead = *cursor;
        while ahead.remaining() > MAXIMUM_MAC_LEN {
            field(&mut ahead)?;
        }
        let fields = cursor.take(cursor.remaining() - ahead.remaining())?;
        Ok(Self { fields })
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let mut cursor = Cursor::new(self.fields);
        let next = field(&mut cursor).ok();
        self.fields = cursor.take(cursor.remaining()).unwrap_or_default();
        next
    }
}

fn field<'a>(cursor: &mut Cursor<'a>) -> Result<Extension<'a>, ParseError> {
    let field_type = cursor.u16()?;
    let length = usize::from(cursor.u16()?);
    if length < MINIMUM_LEN || !length.is_multiple_of(4) {
        return Err(ParseError::ExtensionLength);
    }
    let value = cursor.take(length - FIELD_HEADER_LEN).map_err(|_| ParseError::ExtensionLength)?;
    Ok(Extension { field_type, value })
}
