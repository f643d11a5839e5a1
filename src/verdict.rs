//! The closed enums that say why: the same value is log field, metric label and command-line text. Decides nothing.

use crate::packet::KissCode;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One source during one run of the daemon; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u64);

/// Where a source comes from: who is to be asked why it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceOrigin {
    /// The configuration or the command line.
    #[default]
    Configuration,
    /// Added while the daemon runs, by `ntp-ctl source add` or over D-Bus.
    Added,
    /// `SetRuntimeNTPServers` of `org.freedesktop.timesync1`.
    Runtime,
    /// What networks give out: DHCP, by systemd-networkd or NetworkManager.
    Link,
}

impl SourceOrigin {
    /// The word for metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Added => "added",
            Self::Runtime => "runtime",
            Self::Link => "link",
        }
    }
}

/// What selection may do with a source, as people said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Use it rather than others that agree with it.
    pub prefer: bool,
    /// Measure it and never use it.
    pub noselect: bool,
    /// Its word goes before a majority's.
    pub trust: bool,
    /// No time without one that is marked so.
    pub require: bool,
}

impl Marks {
    /// Those that there are, by their keys in the configuration.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let Self { prefer, noselect, trust, require } = self;
        let all = [("prefer", prefer), ("noselect", noselect), ("trust", trust), ("require", require)];
        all.into_iter().filter(|(_, on)| *on).map(|(name, _)| name)
    }

    /// The mark that makes no sense beside `noselect`, if there is one: what is never used cannot go before others.
    pub fn contradiction(self) -> Option<&'static str> {
        self.names().find(|name| *name != "noselect").filter(|_| self.noselect)
    }
}

/// What selection says of a source (RFC 5905 §11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has not yet given enough measurements.
    #[default]
    Waiting,
    /// By command it is left alone.
    Offline,
    /// Its last eight polls went unanswered.
    Unreachable,
    /// It says itself that it is not synchronized.
    Unsynchronized,
    /// Its root distance is too large to be of use.
    TooDistant,
    /// It follows us, or the same server as another source does: a loop.
    Loop,
    /// Its interval does not meet the majority's.
    Falseticker,
    /// It agrees with the majority, and is not used: too uncertain beside the others, or a preferred one is.
    Outlier,
    /// It agrees with the majority, and fewer sources agree than `minimum-agreeing-sources`.
    NoQuorum,
    /// It agrees with the majority, and no source that is marked `require` does.
    NoRequired,
    /// Its time comes from nowhere but an isolated network (`orphan-stratum`), and it is not the one to follow.
    Orphan,
    /// It is measured and, by configuration (`noselect`), never used.
    NotSelectable,
    /// It is used.
    Truechimer,
    /// It is used, and the system's stratum and reference id come from it.
    SystemPeer,
    /// It told us to stop (kiss code), so it is not asked any more.
    Demobilized,
}

impl Verdict {
    /// Every verdict, for tables and tests.
    pub const ALL: [Self; 15] = [
        Self::Waiting,
        Self::Offline,
        Self::Unreachable,
        Self::Unsynchronized,
        Self::TooDistant,
        Self::Loop,
        Self::Falseticker,
        Self::Outlier,
        Self::NoQuorum,
        Self::NoRequired,
        Self::Orphan,
        Self::NotSelectable,
        Self::Truechimer,
        Self::SystemPeer,
        Self::Demobilized,
    ];

    /// The word for logs, metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Offline => "offline",
            Self::Unreachable => "unreachable",
            Self::Unsynchronized => "unsynchronized",
            Self::TooDistant => "too-distant",
            Self::Loop => "loop",
            Self::Falseticker => "falseticker",
            Self::Outlier => "outlier",
            Self::NoQuorum => "no-quorum",
            Self::NoRequired => "no-required",
            Self::Orphan => "orphan",
            Self::NotSelectable => "not-selectable",
            Self::Truechimer => "truechimer",
            Self::SystemPeer => "system-peer",
            Self::Demobilized => "demobilized",
        }
    }

    /// Whether its time is used.
    pub const fn is_used(self) -> bool {
        matches!(self, Self::Truechimer | Self::SystemPeer)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a reply was not used (RFC 5905 §8, §9.2, §11.1; RFC 9109).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discard {
    /// The bytes are no NTP packet.
    Malformed,
    /// It came from another address than was asked.
    WrongAddress,
    /// Its version is not the one that was asked with.
    WrongVersion,
    /// Its mode is not 4 (server).
    WrongMode,
    /// Nothing was asked.
    Unsolicited,
    /// Its origin timestamp is not our transmit timestamp: forged, or of an older request.
    WrongOrigin,
    /// A second reply to the same request.
    Duplicate,
    /// Stratum 0 with a code that gives no order.
    UnknownKiss,
    /// A kiss: `RATE`.
    RateKiss,
    /// A kiss: `DENY` or `RSTR`.
    DenyKiss,
    /// A kiss: `NTSN`. Anybody may have sent it, so it is believed only if nothing better comes (RFC 8915 §5.7).
    NtsNak,
    /// Leap indicator 3, or no receive or transmit timestamp: the server is not synchronized.
    Unsynchronized,
    /// Stratum 16 or above.
    BadStratum,
    /// Its transmit timestamp is before its reference or receive timestamp.
    InvalidTimestamps,
    /// The root distance is above the limit.
    RootDistance,
    /// The round trip is negative or beyond reason.
    BadDelay,
    /// It follows this very daemon.
    Loop,
    /// Our clock was stepped between request and reply.
    ClockStepped,
    /// The reply came, and the moment of sending was never learned.
    NoTransmitStamp,
    /// Authentication failed or is missing.
    NotAuthentic,
}

impl Discard {
    /// Every reason, for counters and tests.
    pub const ALL: [Self; 20] = [
        Self::Malformed,
        Self::WrongAddress,
        Self::WrongVersion,
        Self::WrongMode,
        Self::Unsolicited,
        Self::WrongOrigin,
        Self::Duplicate,
        Self::UnknownKiss,
        Self::RateKiss,
        Self::DenyKiss,
        Self::NtsNak,
        Self::Unsynchronized,
        Self::BadStratum,
        Self::InvalidTimestamps,
        Self::RootDistance,
        Self::BadDelay,
        Self::Loop,
        Self::ClockStepped,
        Self::NoTransmitStamp,
        Self::NotAuthentic,
    ];

    /// The word for logs, metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongAddress => "wrong-address",
            Self::WrongVersion => "wrong-version",
            Self::WrongMode => "wrong-mode",
            Self::Unsolicited => "unsolicited",
            Self::WrongOrigin => "wrong-origin",
            Self::Duplicate => "duplicate",
            Self::UnknownKiss => "unknown-kiss",
            Self::RateKiss => "rate-kiss",
            Self::DenyKiss => "deny-kiss",
            Self::NtsNak => "nts-nak",
            Self::Unsynchronized => "unsynchronized",
            Self::BadStratum => "bad-stratum",
            Self::InvalidTimestamps => "invalid-timestamps",
            Self::RootDistance => "root-distance",
            Self::BadDelay => "bad-delay",
            Self::Loop => "loop",
            Self::ClockStepped => "clock-stepped",
            Self::NoTransmitStamp => "no-transmit-stamp",
            Self::NotAuthentic => "not-authentic",
        }
    }

    /// What a reply to our own request, refused for this reason, says of its sender; `None` if nothing (RFC 5905 §11.2.1, fit).
    pub const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Unsynchronized | Self::BadStratum => Some(Verdict::Unsynchronized),
            Self::RootDistance => Some(Verdict::TooDistant),
            Self::Loop => Some(Verdict::Loop),
            _ => None,
        }
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a request to our server was not answered with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The bytes are no NTP packet.
    Malformed,
    /// Its mode is not 3 (client): answering could set two servers at each other.
    WrongMode,
    /// A version that is not served.
    WrongVersion,
    /// Its sender is on the denylist, or not on the allowlist, with action "deny".
    Denied,
    /// The same with action "ignore".
    Ignored,
    /// It came without NTS where that is required.
    NtsRequired,
    /// Its sender asks too often.
    RateLimited,
    /// Its NTS cookie was sealed by no key that is known, or it is not what its sender wrote (RFC 8915 §5.7).
    NotAuthentic,
}

impl Refusal {
    /// Every reason, for counters and tests.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::WrongMode,
        Self::WrongVersion,
        Self::Denied,
        Self::Ignored,
        Self::NtsRequired,
        Self::RateLimited,
        Self::NotAuthentic,
    ];

    /// Its place in [`Refusal::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word for logs, metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongMode => "wrong-mode",
            Self::WrongVersion => "wrong-version",
            Self::Denied => "denied",
            Self::Ignored => "ignored",
            Self::NtsRequired => "nts-required",
            Self::RateLimited => "rate-limited",
            Self::NotAuthentic => "not-authentic",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a kiss asks of us, as text for a notice.
pub fn kiss_text(code: KissCode) -> String {
    code.reference_id().ascii().unwrap_or_else(|| "unknown".to_owned())
}
