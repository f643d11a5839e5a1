//! What a key exchange server counts, and how its keys and certificate stand. Read by whoever looks, never locked.

use crate::time::ClockTime;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// One listener for key exchanges.
#[derive(Debug, Clone)]
pub struct KeyExchangeServer {
    /// Where it listens (TCP).
    pub address: SocketAddr,
    /// Counted while it runs.
    pub counters: Arc<KeyExchangeCounters>,
}

/// How connections ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyExchangeEnd {
    /// The client got keys and cookies.
    Completed,
    /// There was no room for one more.
    Shed,
    /// It took too long.
    TimedOut,
    /// No TLS 1.3 came of it.
    TlsFailed,
    /// The client's records made no sense.
    BadRequest,
    /// The client knows no algorithm or protocol that we know.
    NothingInCommon,
    /// A pool's request without a token that is accepted.
    NotAuthorized,
    /// The connection broke.
    Broken,
}

impl KeyExchangeEnd {
    /// Every one, for counters and tests.
    pub const ALL: [Self; 8] = [
        Self::Completed,
        Self::Shed,
        Self::TimedOut,
        Self::TlsFailed,
        Self::BadRequest,
        Self::NothingInCommon,
        Self::NotAuthorized,
        Self::Broken,
    ];

    /// The word for logs, metrics and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Shed => "shed",
            Self::TimedOut => "timed-out",
            Self::TlsFailed => "tls-failed",
            Self::BadRequest => "bad-request",
            Self::NothingInCommon => "nothing-in-common",
            Self::NotAuthorized => "not-authorized",
            Self::Broken => "broken",
        }
    }
}

impl std::fmt::Display for KeyExchangeEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Of one listener. Several connections count at once.
#[derive(Debug, Default)]
pub struct KeyExchangeCounters {
    ended: [AtomicU64; KeyExchangeEnd::ALL.len()],
    open: AtomicU64,
    /// Unix seconds; 0 before the first certificate was read.
    certificate_expires: AtomicI64,
}

impl KeyExchangeCounters {
    /// A connection was accepted.
    pub fn count_opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection that was accepted is closed.
    pub fn count_closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection or one of its requests came to this.
    pub fn count(&self, end: KeyExchangeEnd) {
        if let Some(counter) = self.ended.get(end as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Another certificate is in force.
    pub fn set_certificate_expiry(&self, expires: ClockTime) {
        self.certificate_expires.store(expires.unix_secs(), Ordering::Relaxed);
    }

    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// How many came to this.
    pub fn ended(&self, end: KeyExchangeEnd) -> u64 {
        self.ended.get(end as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// The end of the certificate in force.
    pub fn certificate_expires(&self) -> Option<ClockTime> {
        let seconds = self.certificate_expires.load(Ordering::Relaxed);
        (seconds != 0).then(|| ClockTime::from_unix_secs(seconds))
    }
}

/// The master keys in force, as far as everybody may know them.
#[derive(Debug, Default)]
pub struct MasterKeys {
    accepted: AtomicU64,
    /// Unix seconds; 0 where it is not known.
    since: AtomicI64,
}

impl MasterKeys {
    /// So many keys are accepted from now on, and the one that seals new cookies has done so since then.
    pub fn set(&self, accepted: u64, since: Option<ClockTime>) {
        self.accepted.store(accepted, Ordering::Relaxed);
        self.since.store(since.map_or(0, ClockTime::unix_secs), Ordering::Relaxed);
    }

    /// How many keys are accepted; none without NTS.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Since when the present key seals new cookies, by the local clock.
    pub fn since(&self) -> Option<ClockTime> {
        let seconds = self.since.load(Ordering::Relaxed);
        (seconds != 0).then(|| ClockTime::from_unix_secs(seconds))
    }
}
