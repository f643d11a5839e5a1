//! The AEAD algorithms of NTS by their numbers (IANA AEAD registry; RFC 5297, RFC 8452). Seals nothing.

use std::fmt;

/// An algorithm that protects NTP packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// 15, which everybody must have (RFC 8915 §5.1).
    AesSivCmac256,
    /// 17.
    AesSivCmac512,
    /// 30: shorter keys, and so shorter cookies.
    Aes128GcmSiv,
}

impl Algorithm {
    /// Every algorithm, the one preferred most first: half the cookie for the same security, then what everybody has.
    pub const ALL: [Self; 3] = [Self::Aes128GcmSiv, Self::AesSivCmac256, Self::AesSivCmac512];

    /// By its number; `None` for one that is not known.
    pub const fn from_id(id: u16) -> Option<Self> {
        match id {
            15 => Some(Self::AesSivCmac256),
            17 => Some(Self::AesSivCmac512),
            30 => Some(Self::Aes128GcmSiv),
            _ => None,
        }
    }

    /// Its number.
    pub const fn id(self) -> u16 {
        match self {
            Self::AesSivCmac256 => 15,
            Self::AesSivCmac512 => 17,
            Self::Aes128GcmSiv => 30,
        }
    }

    /// Of each of its keys, bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesSivCmac256 => 32,
            Self::AesSivCmac512 => 64,
            Self::Aes128GcmSiv => 16,
        }
    }

    /// Of the nonces that we make, bytes: any length would do for the SIV modes (RFC 5297 §6), exactly this one for GCM-SIV (RFC 8452 §4).
    pub const fn nonce_len(self) -> usize {
        match self {
            Self::AesSivCmac256 | Self::AesSivCmac512 => 16,
            Self::Aes128GcmSiv => 12,
        }
    }

    /// Its registered name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesSivCmac256 => "AEAD_AES_SIV_CMAC_256",
            Self::AesSivCmac512 => "AEAD_AES_SIV_CMAC_512",
            Self::Aes128GcmSiv => "AEAD_AES_128_GCM_SIV",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
