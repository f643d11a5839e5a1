//! Bytes and values of NTP on the wire, versions 1 to 4. Judges nothing: refusing is `source`'s and `server`'s.

mod cursor;
mod extension;
mod header;
mod mac;
mod reference_id;

pub use extension::{Extension, Extensions};
pub use header::{Header, Mode};
pub use mac::Mac;
pub use reference_id::{KissCode, ReferenceId};

use cursor::Cursor;
use std::fmt;

/// A whole datagram, taken apart and borrowed: header, extension fields (RFC 7822), MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The first 48 bytes.
    pub header: Header,
    /// What follows them, if anything.
    pub extensions: Extensions<'a>,
    /// The end, if the sender authenticates with a symmetric key; unchecked.
    pub mac: Option<Mac<'a>>,
}

impl<'a> Packet<'a> {
    /// Takes a datagram of version 1 to 4 apart to its last byte. Never panics and never allocates.
    ///
    /// # Errors
    /// [`ParseError`] when a length does not fit or the version has no such layout.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(bytes);
        let header = Header::parse(&mut cursor)?;
        let extensions = Extensions::parse(&mut cursor)?;
        let mac = Mac::parse(&mut cursor)?;
        Ok(Self { header, extensions, mac })
    }
}

/// Why bytes are no NTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// Fewer bytes than a header has.
    TooShort,
    /// A version that this layout does not belong to. The mode is still [`Mode::from_bits`] of the first byte.
    Version(u8),
    /// An extension field's length is below 16, no multiple of 4, or longer than the packet.
    ExtensionLength,
    /// The end of the packet is too short for an extension field and has no MAC's length.
    MacLength,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("shorter than an NTP header"),
            Self::Version(version) => write!(f, "NTP version {version} is not known"),
            Self::ExtensionLength => f.write_str("the length of an extension field is wrong"),
            Self::MacLength => f.write_str("the packet ends in neither an extension field nor a MAC"),
        }
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests;
