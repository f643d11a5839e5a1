//! What a source's filter has learned of the path to it, in the words that people and programs are shown. Computes nothing.

use serde::{Deserialize, Serialize};

/// How the delays of a path vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JitterKind {
    /// Too few packets came to say.
    #[default]
    Unknown,
    /// Packets wait in queues and none is early: the delays have a sharp lower edge.
    Queues,
    /// The same, and some wait very much longer than others (radio).
    HeavyTails,
    /// A part of them waits out of all proportion (queues that fill and empty).
    Bursts,
    /// As often early as late: what stamps do, where nothing on the path does more.
    Gaussian,
}

impl JitterKind {
    /// Every kind, for tables and tests.
    pub const ALL: [Self; 5] = [Self::Unknown, Self::Queues, Self::HeavyTails, Self::Bursts, Self::Gaussian];

    /// The word for metrics and tables, the same as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Queues => "queues",
            Self::HeavyTails => "heavy-tails",
            Self::Bursts => "bursts",
            Self::Gaussian => "gaussian",
        }
    }
}

/// Which packets a path keeps waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiting {
    /// Both ways alike, as far as is known.
    #[default]
    Both,
    /// Requests: from us to the server.
    Requests,
    /// Replies.
    Replies,
}

impl Waiting {
    /// The word for metrics and tables, the same as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Requests => "requests",
            Self::Replies => "replies",
        }
    }
}

/// The path to one source, and the oscillator as that source shows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PathModel {
    /// How the delays vary.
    pub jitter_kind: JitterKind,
    /// Which direction's do so more.
    pub waiting: Waiting,
    /// Added to the offsets because the route became longer one way, seconds: half of what replies take longer than requests.
    pub asymmetry: f64,
    /// How fast the oscillator's frequency wanders, s/s per √s (random-walk FM).
    pub wander: f64,
    /// One standard deviation of the offset when the next poll is due, seconds.
    pub predicted_error: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_same_in_json() {
        for kind in JitterKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        for waiting in [Waiting::Both, Waiting::Requests, Waiting::Replies] {
            assert_eq!(serde_json::to_value(waiting).unwrap(), waiting.name());
        }
    }
}
