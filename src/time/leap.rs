//! The leap indicator. Voting about it is `discipline::leap`'s.

use serde::{Deserialize, Serialize};

/// Leap indicator (RFC 5905 §7.3, figure 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leap {
    /// 0: no leap second at the end of the current day.
    NoWarning,
    /// 1: the last minute of the current UTC day has 61 seconds.
    AddSecond,
    /// 2: the last minute of the current UTC day has 59 seconds.
    DeleteSecond,
    /// 3: the clock is not synchronized.
    #[default]
    Unsynchronized,
}

impl Leap {
    /// From the two bits of the wire; higher bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NoWarning,
            1 => Self::AddSecond,
            2 => Self::DeleteSecond,
            _ => Self::Unsynchronized,
        }
    }

    /// To the two bits of the wire.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NoWarning => 0,
            Self::AddSecond => 1,
            Self::DeleteSecond => 2,
            Self::Unsynchronized => 3,
        }
    }
}
