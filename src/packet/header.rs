//! The 48 bytes that every packet begins with, in versions 1 to 4 (RFC 5905 §7.3). Not what follows them.

use super::cursor::Cursor;
use super::{ParseError, ReferenceId};
use crate::time::{Leap, NtpShort, NtpTimestamp};

/// What a packet is for (RFC 5905 §7.3, figure 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 0; what a client of version 1 sends (RFC 1059).
    Reserved,
    /// 1: a peer that asks and is asked.
    SymmetricActive,
    /// 2: a peer that answers.
    SymmetricPassive,
    /// 3: a request.
    Client,
    /// 4: a reply.
    Server,
    /// 5: sent unasked to many.
    Broadcast,
    /// 6: management, in a format of its own (RFC 9327).
    Control,
    /// 7: private use, in a format of its own.
    Private,
}

impl Mode {
    /// From the three low bits of a packet's first byte; higher bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::Reserved,
            1 => Self::SymmetricActive,
            2 => Self::SymmetricPassive,
            3 => Self::Client,
            4 => Self::Server,
            5 => Self::Broadcast,
            6 => Self::Control,
            _ => Self::Private,
        }
    }

    /// To the three bits of the wire.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Reserved => 0,
            Self::SymmetricActive => 1,
            Self::SymmetricPassive => 2,
            Self::Client => 3,
            Self::Server => 4,
            Self::Broadcast => 5,
            Self::Control => 6,
            Self::Private => 7,
        }
    }
}

/// The packet header (RFC 5905 §7.3, figure 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Announced leap second, or not synchronized.
    pub leap: Leap,
    /// Protocol version; only the three low bits are sent.
    pub version: u8,
    /// What the packet is for.
    pub mode: Mode,
    /// 1 for a primary server; 0 for unspecified and for kisses.
    pub stratum: u8,
    /// log2 seconds; any value may come from outside.
    pub poll: i8,
    /// log2 seconds; any value may come from outside.
    pub precision: i8,
    /// Round trip to the primary source.
    pub root_delay: NtpShort,
    /// Dispersion to the primary source.
    pub root_dispersion: NtpShort,
    /// What the sender follows, or a kiss code.
    pub reference_id: ReferenceId,
    /// When the sender's clock was last set.
    pub reference_timestamp: NtpTimestamp,
    /// The request's transmit timestamp, copied (T1).
    pub origin_timestamp: NtpTimestamp,
    /// When the request arrived (T2).
    pub receive_timestamp: NtpTimestamp,
    /// When this packet left (T3); in a request any value that the client knows again.
    pub transmit_timestamp: NtpTimestamp,
}

impl Default for Header {
    /// A client's request of version 4 that tells nothing about the client: all else zero.
    fn default() -> Self {
        Self {
            leap: Leap::NoWarning,
            version: 4,
            mode: Mode::Client,
            stratum: 0,
            poll: 0,
            precision: 0,
            root_delay: NtpShort::default(),
            root_dispersion: NtpShort::default(),
            reference_id: ReferenceId::NONE,
            reference_timestamp: NtpTimestamp::ZERO,
            origin_timestamp: NtpTimestamp::ZERO,
            receive_timestamp: NtpTimestamp::ZERO,
            transmit_timestamp: NtpTimestamp::ZERO,
        }
    }
}

impl Header {
    /// Its length on the wire, bytes.
    pub const LEN: usize = 48;

    /// Reads a header of version 1 to 4; any other version has another layout, or none.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let [first, stratum, poll, precision] = cursor.array()?;
        let version = (first >> 3) & 7;
        if !(1..=4).contains(&version) {
            return Err(ParseError::Version(version));
        }
        Ok(Self {
            leap: Leap::from_bits(first >> 6),
            version,
            mode: Mode::from_bits(first),
            stratum,
            poll: i8::from_be_bytes([poll]),
            precision: i8::from_be_bytes([precision]),
            root_delay: NtpShort::from_bits(cursor.u32()?),
            root_dispersion: NtpShort::from_bits(cursor.u32()?),
            reference_id: ReferenceId::from_bytes(cursor.array()?),
            reference_timestamp: NtpTimestamp::from_bits(cursor.u64()?),
            origin_timestamp: NtpTimestamp::from_bits(cursor.u64()?),
            receive_timestamp: NtpTimestamp::from_bits(cursor.u64()?),
            transmit_timestamp: NtpTimestamp::from_bits(cursor.u64()?),
        })
    }

    /// The bytes of the wire.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let first = (self.leap.bits() << 6) | ((self.version & 7) << 3) | self.mode.bits();
        let [poll] = self.poll.to_be_bytes();
        let [precision] = self.precision.to_be_bytes();
        let words = [
            [first, self.stratum, poll, precision],
            self.root_delay.bits().to_be_bytes(),
            self.root_dispersion.bits().to_be_bytes(),
            self.reference_id.bytes(),
        ];
        let timestamps = [
            self.reference_timestamp.bits().to_be_bytes(),
            self.origin_timestamp.bits().to_be_bytes(),
            self.receive_timestamp.bits().to_be_bytes(),
            self.transmit_timestamp.bits().to_be_bytes(),
        ];
        let mut bytes = [0; Self::LEN];
        let fields = words.as_flattened().iter().chain(timestamps.as_flattened());
        for (to, from) in bytes.iter_mut().zip(fields) {
            *to = *from;
        }
        bytes
    }
}
