//! The JSON object itself: every key with its type and unit. Computes nothing.
//!
//! Keys that 1.x writes keep their names, types and units (seconds unless said); ours are added beside them.

use crate::path_model::PathModel;
use crate::snapshot::{KeyExchangeEnd, SyncState};
use crate::verdict::{Discard, Marks, Refusal, SourceOrigin, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The daemon's build and age.
    pub program: Program,
    /// The clock.
    pub system: System,
    /// In the order of configuration.
    pub sources: Vec<Source>,
    /// In the order of configuration.
    pub servers: Vec<Server>,
    /// In the order of configuration.
    pub key_exchange_servers: Vec<KeyExchangeServer>,
    /// Of all servers; `None` without NTS.
    pub master_keys: Option<MasterKeys>,
}

/// The daemon's build and age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Of the package.
    pub version: String,
    /// "unknown" unless the builder said.
    pub build_commit: String,
    /// "unknown" unless the builder said.
    pub build_commit_date: String,
    /// Since the daemon started.
    pub uptime_seconds: f64,
    /// The local clock when this was written.
    pub now: Timestamp,
}

/// An NTP timestamp without its era (RFC 5905 §6): 32.32 fixed-point seconds since 1900.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    /// The 64 bits of the wire.
    pub timestamp: u64,
}

/// The clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// As served; 16 when not synchronized.
    pub stratum: u8,
    /// As served, the four bytes as one number.
    pub reference_id: u32,
    /// Limit of `accumulated_steps`.
    pub accumulated_steps_threshold: Option<f64>,
    /// Time to read the clock once.
    pub precision: f64,
    /// Round trip to the primary source.
    pub root_delay: f64,
    /// The variance below grows from here. With t seconds since then, the root dispersion is
    /// √(base + linear t + quadratic t² + cubic t³).
    pub root_variance_base_time: Timestamp,
    /// s².
    pub root_variance_base: f64,
    /// s.
    pub root_variance_linear: f64,
    /// No unit.
    pub root_variance_quadratic: f64,
    /// s⁻¹; always 0 here.
    pub root_variance_cubic: f64,
    /// `Unsynchronized` until the clock is right.
    pub leap_indicator: LeapIndicator,
    /// Sum of the magnitudes of all steps but the first.
    pub accumulated_steps: f64,

    /// Whether the clock is right.
    pub state: SyncState,
    /// Whether the daemon steers the clock or only measures it.
    pub controls_clock: bool,
    /// `reference_id` for people.
    pub reference: String,
    /// The source that stratum and reference id come from.
    pub system_peer: Option<u64>,
    /// When the clock was last corrected.
    pub reference_timestamp: Option<Timestamp>,
    /// Dispersion to the primary source, now; what is left to correct is part of it.
    pub root_dispersion: f64,
    /// The clock's largest error, now: half the root delay and the root dispersion.
    pub maximum_error: f64,
    /// How long ago the clock was last steered; `None` if never.
    pub last_correction_age: Option<f64>,
    /// What was wrong with it then, not all of which is corrected at once; positive when it was behind.
    pub last_correction: Option<f64>,
    /// What is left to correct; positive when the clock is behind.
    pub offset: f64,
    /// One standard deviation of `offset`.
    pub offset_uncertainty: f64,
    /// One standard deviation of what the sources in use say at any moment (RFC 5905 §11.2.3, PSI); `None` without a system peer.
    pub jitter: Option<f64>,
    /// How long the slew in progress will still take.
    pub slew_remaining: Option<f64>,
    /// The oscillator's correction in force; positive speeds the clock up.
    pub frequency_ppm: f64,
    /// One standard deviation of `frequency_ppm`.
    pub frequency_uncertainty_ppm: f64,
    /// The shortest poll interval among used sources, log2 seconds.
    pub poll_interval: i8,
    /// Steps made since start.
    pub steps: u32,
    /// Sources that agree now.
    pub agreeing_sources: usize,
    /// `minimum-agreeing-sources`.
    pub minimum_agreeing_sources: usize,
    /// When the table of leap seconds ends or ended; `None` without one.
    pub leap_table_expires: Option<Timestamp>,
    /// The same counted from now; negative once it has ended.
    pub leap_table_remaining: Option<f64>,
    /// International atomic time minus UTC by that table.
    pub tai_offset: Option<u16>,
}

/// The leap indicator in the words of 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeapIndicator {
    /// No leap second today.
    NoWarning,
    /// The last minute of the day has 61 seconds.
    Leap61,
    /// The last minute of the day has 59 seconds.
    Leap59,
    /// Written by 1.x only.
    Unknown,
    /// The clock is not synchronized.
    Unsynchronized,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Positive when the local clock is behind; 0 before the first measurement.
    pub offset: f64,
    /// One standard deviation of `offset`.
    pub uncertainty: f64,
    /// Round trip.
    pub delay: f64,
    /// The server's root delay.
    pub remote_delay: f64,
    /// The server's root dispersion.
    pub remote_uncertainty: f64,
    /// The last usable exchange; 0 before the first.
    pub last_update: Timestamp,
    /// Polls since the last usable reply.
    pub unanswered_polls: u32,
    /// log2 seconds.
    pub poll_interval: i8,
    /// `None` without NTS, or while there are no keys.
    pub nts_cookies: Option<usize>,
    /// As configured.
    pub name: String,
    /// Where it is asked; empty while that is not known.
    pub address: String,
    /// Its identity during this run.
    pub id: u64,

    /// Who says that it is to be asked.
    pub origin: SourceOrigin,
    /// What selection may do with it.
    pub marks: Marks,
    /// What selection says of it.
    pub verdict: Verdict,
    /// Eight polls, the latest in the lowest bit.
    pub reach: u8,
    /// Whether `offset`, `uncertainty`, `delay` and `jitter` are measured.
    pub measured: bool,
    /// One standard deviation of single offsets.
    pub jitter: f64,
    /// What the filter has learned; `None` before the first measurement.
    pub path: Option<PathModel>,
    /// Of the server.
    pub stratum: Option<u8>,
    /// Of the server.
    pub leap_indicator: Option<LeapIndicator>,
    /// What the server follows, the four bytes as one number.
    pub reference_id: Option<u32>,
    /// Age of the last usable exchange.
    pub last_update_seconds_ago: Option<f64>,
    /// Requests sent.
    pub requests: u64,
    /// Usable replies.
    pub replies: u64,
    /// Those of them that gave the true transmit time of the reply before (RFC 9769).
    pub interleaved: u64,
    /// Refused replies by reason.
    pub discards: BTreeMap<Discard, u64>,
    /// In words, why it has no address or cannot be asked.
    pub problem: Option<String>,
    /// `None` without NTS, or while there are no keys.
    pub nts: Option<SourceNts>,
}

/// The keys that a source's packets are protected by (RFC 8915).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceNts {
    /// The registered name of the AEAD algorithm.
    pub algorithm: String,
    /// Since keys were exchanged, or taken over from an earlier run.
    pub keys_age: f64,
    /// The end of the key exchange server's certificates; `None` with keys from an earlier run.
    pub certificate_expires: Option<Timestamp>,
    /// The same counted from now; negative once they have ended.
    pub certificate_remaining: Option<f64>,
    /// The certificates could not be judged by the clock yet.
    pub provisional: bool,
}

/// One listener for key exchanges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyExchangeServer {
    /// Where it listens (TCP).
    pub address: SocketAddr,
    /// Connections that are open now.
    pub open_connections: u64,
    /// How connections and requests ended, since start.
    pub ended: BTreeMap<KeyExchangeEnd, u64>,
    /// The end of the certificate in force; `None` before one was read.
    pub certificate_expires: Option<Timestamp>,
    /// The same counted from now; negative once it has ended.
    pub certificate_remaining: Option<f64>,
}

/// The keys that seal and open cookies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MasterKeys {
    /// How many are accepted.
    pub accepted: u64,
    /// For how long the present one has sealed new cookies; `None` where that is not known.
    pub age: Option<f64>,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Since start.
    pub stats: ServerStats,
    /// Refused requests by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// Requests answered with time, by protocol version.
    pub versions: BTreeMap<u8, u64>,
    /// Refused requests whose sender was told so by a kiss, by reason.
    pub kisses: BTreeMap<Refusal, u64>,
    /// Answers that told when the answer before them left (RFC 9769).
    pub interleaved_packets: u64,
    /// Datagrams that the kernel dropped before the daemon saw them.
    pub dropped_packets: u64,
    /// About how many different clients were answered in the last hour; one standard deviation is 1.6 %.
    pub recent_clients: u64,
    /// Each with a socket and a thread of its own.
    pub workers: Vec<WorkerStats>,
}

/// One of the workers that share a listener's clients, since start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStats {
    /// Datagrams that arrived.
    pub received_packets: u64,
    /// Answered with time.
    pub accepted_packets: u64,
    /// Refused, for whatever reason.
    pub refused_packets: u64,
    /// Answers that told when the answer before them left.
    pub interleaved_packets: u64,
    /// Answers that could not be sent.
    pub response_send_errors: u64,
    /// Dropped by the kernel.
    pub dropped_packets: u64,
}

/// Counted since start; what has no function yet stays 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStats {
    /// Datagrams that arrived.
    pub received_packets: u64,
    /// Answered with time.
    pub accepted_packets: u64,
    /// Answered with a DENY kiss.
    pub denied_packets: u64,
    /// Not answered, for another reason than that they came too often.
    pub ignored_packets: u64,
    /// Refused because they came too often, with a RATE kiss or without.
    pub rate_limited_packets: u64,
    /// Answers that could not be sent.
    pub response_send_errors: u64,
    /// The same with NTS.
    pub nts_received_packets: u64,
    /// The same with NTS.
    pub nts_accepted_packets: u64,
    /// The same with NTS.
    pub nts_denied_packets: u64,
    /// The same with NTS.
    pub nts_rate_limited_packets: u64,
    /// Answered with an NTS NAK.
    pub nts_nak_packets: u64,
}
