//! Everything that the outside may see: plain public data, published whole. Computes nothing.

mod client;
mod counters;
#[cfg(test)]
pub(crate) mod example;
mod key_exchange;
mod recent_clients;

pub use client::ClientActivity;
pub use counters::{Server, WorkerCounters};
pub use key_exchange::{KeyExchangeCounters, KeyExchangeEnd, KeyExchangeServer, MasterKeys};

use crate::measurement::Measurement;
use crate::packet::ReferenceId;
use crate::path_model::PathModel;
use crate::time::{ClockTime, Frequency, Leap, Mono, Poll, Span};
use crate::verdict::{Discard, Marks, SourceId, SourceOrigin, Verdict};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// The daemon at one instant. Ages and growing bounds are the reader's to compute from `at`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When this was taken.
    pub at: Mono,
    /// The local clock then.
    pub clock: ClockTime,
    /// When the daemon started.
    pub started: Mono,
    /// The clock and how good it is.
    pub system: System,
    /// In the order of configuration.
    pub sources: Vec<Source>,
    /// Names that were offered, by whom; those that are configured as well are no sources of their own.
    pub offered: BTreeMap<SourceOrigin, Vec<String>>,
    /// In the order of configuration.
    pub servers: Vec<Server>,
    /// In the order of configuration.
    pub key_exchange_servers: Vec<KeyExchangeServer>,
    /// Of all servers; none without NTS.
    pub master_keys: Option<Arc<MasterKeys>>,
}

/// The system variables (RFC 5905 §11.1) and the state of steering.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// Whether the clock is right, and if not, why.
    pub state: SyncState,
    /// Whether this daemon steers the clock or only measures it.
    pub controls_clock: bool,
    /// `Unsynchronized` until the clock is right.
    pub leap: Leap,
    /// As served: 16 means unsynchronized.
    pub stratum: u8,
    /// As served.
    pub reference_id: ReferenceId,
    /// The source that stratum and reference id come from.
    pub system_peer: Option<SourceId>,
    /// When the clock was last corrected from measurements, by that clock.
    pub reference_timestamp: Option<ClockTime>,
    /// When the clock was last steered, and what was wrong with it then, not all of which is corrected at once; positive when it was
    /// behind.
    pub last_correction: Option<(Mono, Span)>,
    /// Round trip to the primary source.
    pub root_delay: Span,
    /// Dispersion to the primary source at `Snapshot::at`.
    pub root_dispersion: Span,
    /// How fast `root_dispersion` grows without a new measurement, seconds per second.
    pub dispersion_rate: f64,
    /// log2 seconds: the time to read the clock once, measured.
    pub precision: i8,
    /// What is left to correct at `Snapshot::at`; positive when the clock is behind.
    pub offset: Span,
    /// One standard deviation of `offset`.
    pub offset_uncertainty: Span,
    /// A slew in progress: how long it will still take.
    pub slew_remaining: Option<Span>,
    /// The oscillator's correction in force, without slews. Positive speeds the clock up.
    pub frequency: Frequency,
    /// One standard deviation of `frequency`.
    pub frequency_uncertainty: Frequency,
    /// The shortest poll interval among used sources.
    pub poll: Poll,
    /// `[source-defaults]`: shortest and longest.
    pub poll_limits: (Poll, Poll),
    /// Replies from servers that are further from their primary source are not used.
    pub root_distance_limit: Span,
    /// Steps made since start.
    pub steps: u32,
    /// Sum of the magnitudes of the steps since start, without the first.
    pub accumulated_steps: Span,
    /// The limit on `accumulated_steps`.
    pub accumulated_steps_threshold: Option<Span>,
    /// Sources that agree now.
    pub agreeing_sources: usize,
    /// `minimum-agreeing-sources`.
    pub minimum_agreeing_sources: usize,
    /// When the table of leap seconds ends or ended; nothing without one.
    pub leap_table_expires: Option<ClockTime>,
    /// TAI − UTC by that table, seconds.
    pub tai_offset: Option<u16>,
}

/// Whether the clock is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncState {
    /// No source is configured: the clock will not be set.
    NoSources,
    /// Fewer sources are configured than must agree: the clock will not be set.
    TooFewSources,
    /// No usable measurement yet, or none any more.
    Waiting,
    /// Measurements exist, and too few sources agree.
    NoQuorum,
    /// The clock follows its sources.
    Synchronized,
    /// Its sources are lost and the clock runs on by its last frequency; the bounds grow.
    Holdover,
    /// There is no source of time, and this clock is the time of an isolated network (`orphan-stratum`).
    OrphanParent,
    /// There is no source of time, and the clock follows the server that an isolated network has elected.
    OrphanChild,
}

impl SyncState {
    /// The word for metrics, the same as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSources => "no-sources",
            Self::TooFewSources => "too-few-sources",
            Self::Waiting => "waiting",
            Self::NoQuorum => "no-quorum",
            Self::Synchronized => "synchronized",
            Self::Holdover => "holdover",
            Self::OrphanParent => "orphan-parent",
            Self::OrphanChild => "orphan-child",
        }
    }
}

/// One source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its identity during this run.
    pub id: SourceId,
    /// As configured.
    pub name: String,
    /// Who says that it is to be asked.
    pub origin: SourceOrigin,
    /// What selection may do with it.
    pub marks: Marks,
    /// Where it is asked, once known.
    pub address: Option<SocketAddr>,
    /// What selection says of it.
    pub verdict: Verdict,
    /// Eight polls, the latest in the lowest bit (RFC 5905 §9.2).
    pub reach: u8,
    /// Polls since the last usable reply.
    pub unanswered_polls: u32,
    /// The present poll interval.
    pub poll: Poll,
    /// The server's stratum.
    pub stratum: Option<u8>,
    /// The server's leap indicator.
    pub leap: Option<Leap>,
    /// What the server follows.
    pub reference_id: Option<ReferenceId>,
    /// The server's root delay.
    pub root_delay: Span,
    /// The server's root dispersion.
    pub root_dispersion: Span,
    /// What the filter says at `Snapshot::at`; nothing before the first measurement.
    pub estimate: Option<SourceEstimate>,
    /// The last usable exchange.
    pub last_measurement: Option<Mono>,
    /// What it said, once selection could use it: with stamps of the clock as it was.
    pub measurement: Option<Measurement>,
    /// Requests sent.
    pub requests: u64,
    /// Usable replies.
    pub replies: u64,
    /// Those of them that gave the true T3 of the exchange before (RFC 9769).
    pub interleaved: u64,
    /// Refused replies by reason; reasons that never occurred are absent.
    pub discards: Vec<(Discard, u64)>,
    /// In words, why it has no address or cannot be asked.
    pub problem: Option<String>,
    /// Of a source with NTS that has keys.
    pub nts: Option<SourceNts>,
}

/// How a source's packets are protected (RFC 8915).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceNts {
    /// The AEAD algorithm's registered name.
    pub algorithm: &'static str,
    /// Cookies left; eight are wanted.
    pub cookies: usize,
    /// When the keys were exchanged, or taken over from an earlier run.
    pub keys_since: Mono,
    /// The end of the certificates that the key exchange server showed; not known of keys from an earlier run.
    pub certificate_expires: Option<ClockTime>,
    /// The certificates could not be judged by the clock yet.
    pub provisional: bool,
}

/// The filter's view of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceEstimate {
    /// Positive when the local clock is behind this server.
    pub offset: Span,
    /// One standard deviation.
    pub uncertainty: Span,
    /// Round trip, the filter's value.
    pub delay: Span,
    /// One standard deviation of single offsets around the filter's line.
    pub jitter: Span,
    /// What the filter has learned.
    pub path: PathModel,
}
