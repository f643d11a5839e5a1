//! Reference identifiers and kiss codes (RFC 5905 §7.3, §7.4). Knows nothing of the rest of the header.

use md5::{Digest, Md5};
use std::fmt;
use std::net::IpAddr;

/// The 32 bits that say what a server follows (RFC 5905 §7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct ReferenceId([u8; 4]);

impl ReferenceId {
    /// No reference: not synchronized.
    pub const NONE: Self = Self([0; 4]);
    /// The time served differs from the clock on purpose, as around a leap second that is smeared: 127.127.1.255, by chrony's custom.
    pub const SMEARED: Self = Self([127, 127, 1, 255]);

    /// From the bytes of the wire, network order.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes of the wire, network order.
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// Up to four printable ASCII characters, left-justified and zero-padded; `None` for anything else.
    pub fn from_ascii(text: &str) -> Option<Self> {
        let printable = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let mut bytes = [0; 4];
        printable.then(|| {
            for (to, from) in bytes.iter_mut().zip(text.bytes()) {
                *to = from;
            }
            Self(bytes)
        })
    }

    /// The characters, when all four bytes are printable or padding (stratum 0 and 1).
    pub fn ascii(self) -> Option<String> {
        let used = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        let text = self.0.get(..used).filter(|t| !t.is_empty())?;
        text.iter()
            .all(|b| b.is_ascii_graphic() || *b == b' ')
            .then(|| text.iter().map(|b| char::from(*b)).collect())
    }

    /// As people expect it: text at stratum 1 and while not synchronized (16), else a dotted quad (for IPv6 a hash in that form).
    pub fn display(self, stratum: u8) -> String {
        match self.ascii() {
            Some(text) if stratum <= 1 || stratum >= 16 => text,
            _ => fmt::format(format_args!("{}", std::net::Ipv4Addr::from(self.0))),
        }
    }
}

/// Reasons a server gives for refusing (RFC 5905 §7.4; RFC 8915 §5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KissCode {
    /// Access denied: stop asking.
    Deny,
    /// Access denied by policy: stop asking.
    Restrict,
    /// Ask less often.
    Rate,
    /// The server could not open the NTS cookie.
    NtsNak,
    /// Any other code; it carries no order (RFC 5905 §7.4).
    Other(ReferenceId),
}

impl KissCode {
    /// Reads the reference id of a packet of stratum 0.
    pub const fn from_reference_id(id: ReferenceId) -> Self {
        match &id.bytes() {
            b"DENY" => Self::Deny,
            b"RSTR" => Self::Restrict,
            b"RATE" => Self::Rate,
            b"NTSN" => Self::NtsNak,
            _ => Self::Other(id),
        }
    }

    /// The four bytes to send.
    pub const fn reference_id(self) -> ReferenceId {
        match self {
            Self::Deny => ReferenceId(*b"DENY"),
            Self::Restrict => ReferenceId(*b"RSTR"),
            Self::Rate => ReferenceId(*b"RATE"),
            Self::NtsNak => ReferenceId(*b"NTSN"),
            Self::Other(id) => id,
        }
    }
}

impl ReferenceId {
    /// Of a server at `address`: its IPv4 address, or the first four bytes of the MD5 hash of its IPv6 address (RFC 5905 §7.3).
    ///
    /// The hash protects nothing: it only makes 16 bytes four, and everybody must make them the same.
    pub fn from_address(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..]: [u8; 16] = Md5::digest(v6.octets()).into();
                Self([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests;
