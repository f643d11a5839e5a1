//! What client and server speak about in a key exchange: protocols, and the errors of a server. Judges no message.

use super::record::{RecordType, emit_critical, emit_numbers};
use std::fmt;

/// What keys are for (RFC 8915 §4.1.2, IANA's Next Protocols).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// 0.
    NtpV4,
    /// 0x8001, for experiments until NTPv5 has a number of its own; as ntpd-rs 1.x has it. Nobody offers it unasked.
    NtpV5Draft,
}

impl Protocol {
    /// By its number; `None` for one that is not known.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            0 => Some(Self::NtpV4),
            0x8001 => Some(Self::NtpV5Draft),
            _ => None,
        }
    }

    /// Its number.
    pub const fn id(self) -> u16 {
        match self {
            Self::NtpV4 => 0,
            Self::NtpV5Draft => 0x8001,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NtpV4 => "NTPv4",
            Self::NtpV5Draft => "NTPv5 (draft)",
        })
    }
}

/// Why a server does not answer (RFC 8915 §4.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// 0: the request had a record that the server does not know and must not ignore.
    UnrecognizedCriticalRecord,
    /// 1: the request made no sense, or was not whole in time.
    BadRequest,
    /// 2: the server cannot answer, for reasons of its own.
    InternalServerError,
    /// Any other.
    Unknown(u16),
}

impl ErrorCode {
    /// By its number.
    pub const fn from_number(number: u16) -> Self {
        match number {
            0 => Self::UnrecognizedCriticalRecord,
            1 => Self::BadRequest,
            2 => Self::InternalServerError,
            other => Self::Unknown(other),
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::UnrecognizedCriticalRecord => 0,
            Self::BadRequest => 1,
            Self::InternalServerError => 2,
            Self::Unknown(number) => number,
        }
    }

    /// The whole message that says so.
    pub fn emit(self) -> Vec<u8> {
        let mut message = Vec::new();
        emit_numbers(&mut message, RecordType::Error, [self.number()]);
        emit_critical(&mut message, RecordType::EndOfMessage, &[]);
        message
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnrecognizedCriticalRecord => {
                f.write_str("it does not know a critical record of the request (error 0)")
            }
            Self::BadRequest => f.write_str("it calls the request bad (error 1)"),
            Self::InternalServerError => f.write_str("it has an internal error (error 2)"),
            Self::Unknown(number) => write!(f, "error {number}, which is not defined"),
        }
    }
}
