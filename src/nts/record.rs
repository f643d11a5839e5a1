//! The records of a key exchange (RFC 8915 §4): critical bit, type, length, body. What a record means for an exchange is not known here.

use std::fmt;

/// What a record is about, by its number (RFC 8915 §4.1, and those of others that are registered or in use).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// 0: the last of every message.
    EndOfMessage,
    /// 1: what the keys are for.
    NextProtocol,
    /// 2: why there is no answer.
    Error,
    /// 3: none is defined.
    Warning,
    /// 4: what packets are protected with.
    Aead,
    /// 5: one cookie.
    NewCookie,
    /// 6: name or address of the NTP server.
    Server,
    /// 7: its port.
    Port,
    /// 8: the connection stays for more requests (draft-ietf-ntp-nts-keyexchange-pool, as are those up to 14).
    KeepAlive,
    /// 9: which protocols the server knows.
    SupportedProtocols,
    /// 10: which algorithms the server knows, each with the length of its keys.
    SupportedAlgorithms,
    /// 12: cookies for these keys, not for the connection's.
    FixedKeys,
    /// 13: a server that the client has already.
    ServerDeny,
    /// 14: a pool's token.
    Authentication,
    /// 1024: the keys of algorithm 30 are exported as the RFC says (chrony).
    CompliantExporter,
    /// Any other.
    Unknown(u16),
}

impl RecordType {
    /// By its number, without the critical bit.
    pub const fn from_number(number: u16) -> Self {
        match number {
            0 => Self::EndOfMessage,
            1 => Self::NextProtocol,
            2 => Self::Error,
            3 => Self::Warning,
            4 => Self::Aead,
            5 => Self::NewCookie,
            6 => Self::Server,
            7 => Self::Port,
            8 => Self::KeepAlive,
            9 => Self::SupportedProtocols,
            10 => Self::SupportedAlgorithms,
            12 => Self::FixedKeys,
            13 => Self::ServerDeny,
            14 => Self::Authentication,
            1024 => Self::CompliantExporter,
            other => Self::Unknown(other),
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::EndOfMessage => 0,
            Self::NextProtocol => 1,
            Self::Error => 2,
            Self::Warning => 3,
            Self::Aead => 4,
            Self::NewCookie => 5,
            Self::Server => 6,
            Self::Port => 7,
            Self::KeepAlive => 8,
            Self::SupportedProtocols => 9,
            Self::SupportedAlgorithms => 10,
            Self::FixedKeys => 12,
            Self::ServerDeny => 13,
            Self::Authentication => 14,
            Self::CompliantExporter => 1024,
            Self::Unknown(number) => number,
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::EndOfMessage => "End of Message",
            Self::NextProtocol => "Next Protocol",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Aead => "AEAD Algorithm",
            Self::NewCookie => "New Cookie",
            Self::Server => "NTPv4 Server",
            Self::Port => "NTPv4 Port",
            Self::KeepAlive => "Keep Alive",
            Self::SupportedProtocols => "Supported Next Protocol List",
            Self::SupportedAlgorithms => "Supported Algorithm List",
            Self::FixedKeys => "Fixed Key Request",
            Self::ServerDeny => "NTP Server Deny",
            Self::Authentication => "Authentication",
            Self::CompliantExporter => "Compliant AES-128-GCM-SIV Exporter Context",
            Self::Unknown(number) => return write!(f, "type {number}"),
        })
    }
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who does not know the type must refuse the message.
    pub critical: bool,
    /// What it is about.
    pub kind: RecordType,
    /// As its type says; anything.
    pub body: &'a [u8],
}

/// Type and length.
pub(super) const RECORD_HEADER_LEN: usize = 4;
const CRITICAL: u16 = 0x8000;

impl<'a> Record<'a> {
    /// The first record of `bytes`, and what comes after it. `None` if it is not whole.
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let ([a, b, c, d], rest) = bytes.split_first_chunk::<RECORD_HEADER_LEN>()?;
        let number = u16::from_be_bytes([*a, *b]);
        let (body, rest) = rest.split_at_checked(u16::from_be_bytes([*c, *d]).into())?;
        let kind = RecordType::from_number(number & !CRITICAL);
        Some((Self { critical: number & CRITICAL != 0, kind, body }, rest))
    }

    /// Appends it. A body longer than a record holds (65 535 bytes) is cut; nothing of ours is as long.
    pub fn emit(&self, to: &mut Vec<u8>) {
        let length = u16::try_from(self.body.len()).unwrap_or(u16::MAX);
        let critical = if self.critical { CRITICAL } else { 0 };
        to.extend((self.kind.number() | critical).to_be_bytes());
        to.extend(length.to_be_bytes());
        to.extend(self.body.iter().take(length.into()));
    }

    /// The body as numbers; `None` if it has a byte too many.
    pub fn numbers(&self) -> Option<impl Iterator<Item = u16> + Clone + use<'a>> {
        let (pairs, []) = self.body.as_chunks::<2>() else { return None };
        Some(pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
    }

    /// The body as one number; `None` if it is anything else.
    pub fn number(&self) -> Option<u16> {
        self.body.try_into().ok().map(u16::from_be_bytes)
    }
}

/// Appends a record that who does not know it must refuse.
pub(super) fn emit_critical(to: &mut Vec<u8>, kind: RecordType, body: &[u8]) {
    Record { critical: true, kind, body }.emit(to);
}

/// Appends a record that may be ignored.
pub(super) fn emit_optional(to: &mut Vec<u8>, kind: RecordType, body: &[u8]) {
    Record { critical: false, kind, body }.emit(to);
}

/// Appends a critical record of numbers.
pub(super) fn emit_numbers(to: &mut Vec<u8>, kind: RecordType, numbers: impl IntoIterator<Item = u16>) {
    let body: Vec<u8> = numbers.into_iter().flat_map(u16::to_be_bytes).collect();
    emit_critical(to, kind, &body);
}
