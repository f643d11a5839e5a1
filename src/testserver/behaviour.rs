//! The ways in which a test server misbehaves. How each looks on the wire is `answer`'s.

use std::fmt;
use std::str::FromStr;

/// What a test server does wrong, always or by its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing.
    Honest,
    /// A `DENY` kiss to every request.
    Deny,
    /// An `RSTR` kiss to every request.
    Restrict,
    /// A `RATE` kiss when this client's last request came less than 32 s before, and otherwise time.
    RateLimit,
    /// A kiss whose code nobody knows.
    UnknownKiss,
    /// An origin timestamp that is not the request's.
    WrongOrigin,
    /// Leap indicator 3 and stratum 0: not synchronized.
    Unsynchronized,
    /// Stratum 16.
    StratumSixteen,
    /// Mode 5 (broadcast).
    Broadcast,
    /// Another version than was asked with.
    WrongVersion,
    /// It says that replies leave before their requests arrive.
    InvalidTimestamps,
    /// No receive and no transmit timestamp.
    ZeroTimestamps,
    /// A root dispersion of ten seconds.
    Distant,
    /// Only the first 20 bytes.
    Short,
    /// Seven bytes too many.
    TrailingGarbage,
    /// Every reply twice.
    Duplicate,
    /// Replies come from another port.
    OtherPort,
    /// No replies.
    Silent,
}

impl Behaviour {
    /// Every behaviour, for tests and usage texts.
    pub const ALL: [Self; 18] = [
        Self::Honest,
        Self::Deny,
        Self::Restrict,
        Self::RateLimit,
        Self::UnknownKiss,
        Self::WrongOrigin,
        Self::Unsynchronized,
        Self::StratumSixteen,
        Self::Broadcast,
        Self::WrongVersion,
        Self::InvalidTimestamps,
        Self::ZeroTimestamps,
        Self::Distant,
        Self::Short,
        Self::TrailingGarbage,
        Self::Duplicate,
        Self::OtherPort,
        Self::Silent,
    ];

    /// The word for the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Deny => "deny",
            Self::Restrict => "restrict",
            Self::RateLimit => "rate-limit",
            Self::UnknownKiss => "unknown-kiss",
            Self::WrongOrigin => "wrong-origin",
            Self::Unsynchronized => "unsynchronized",
            Self::StratumSixteen => "stratum-sixteen",
            Self::Broadcast => "broadcast",
            Self::WrongVersion => "wrong-version",
            Self::InvalidTimestamps => "invalid-timestamps",
            Self::ZeroTimestamps => "zero-timestamps",
            Self::Distant => "distant",
            Self::Short => "short",
            Self::TrailingGarbage => "trailing-garbage",
            Self::Duplicate => "duplicate",
            Self::OtherPort => "other-port",
            Self::Silent => "silent",
        }
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Behaviour {
    type Err = String;

    /// # Errors
    /// A sentence that names every behaviour.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|behaviour| behaviour.name() == text)
            .ok_or_else(|| format!("no such behaviour; there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}
