//! The message authentication code at a packet's end (RFC 5905 §7.3), recognised. Checking it needs keys, which are not here.

use super::ParseError;
use super::cursor::Cursor;

/// A key identifier and what that key makes of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mac<'a> {
    /// Which key both sides share.
    pub key_id: u32,
    /// 16 bytes (MD5, AES-CMAC) or 20 (SHA-1); none in a crypto-NAK.
    pub digest: &'a [u8],
}

impl<'a> Mac<'a> {
    /// The key identifier 0 and no digest: the server could not authenticate the request (RFC 5905 §7.3).
    pub const CRYPTO_NAK: Self = Self { key_id: 0, digest: &[] };

    /// Whether the server could not authenticate the request.
    pub const fn is_crypto_nak(&self) -> bool {
        self.digest.is_empty()
    }

    /// Reads all that is left: nothing, or one MAC.
    pub(super) fn parse(cursor: &mut Cursor<'a>) -> Result<Option<Self>, ParseError> {
        if cursor.remaining() == 0 {
            return Ok(None);
        }
        let key_id = cursor.u32().map_err(|_| ParseError::MacLength)?;
        let digest = cursor.take(cursor.remaining())?;
        match (digest.len(), key_id) {
            (0, 0) | (16 | 20, _) => Ok(Some(Self { key_id, digest })),
            _ => Err(ParseError::MacLength),
        }
    }
}
