//! One finished exchange with a server. Not its interpretation: that is `discipline`'s.

use crate::packet::ReferenceId;
use crate::time::{ClockTime, Leap, Mono, NtpTimestamp, Span};

/// What one request and its reply say.
///
/// The two one-way legs are kept apart: their half difference alone would throw away which way the packet waited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// T1: when the request left, by the local clock as it was (RFC 5905 §8).
    pub origin_timestamp: ClockTime,
    /// T2: when it arrived, by the server's clock.
    pub receive_timestamp: ClockTime,
    /// T3: when the reply left, by the server's clock.
    pub transmit_timestamp: ClockTime,
    /// T4: when the reply arrived, by the local clock as it was.
    pub destination_timestamp: ClockTime,
    /// When the exchange's reply was processed, by the monotonic clock. In interleaved mode that is one poll interval or more ago.
    pub mono: Mono,
    /// One standard deviation of the local stamps' own error, seconds.
    pub stamp_uncertainty_seconds: f64,
    /// What the server says about itself.
    pub server: ServerVariables,
}

/// The local stamps of an exchange in interleaved mode, whose T3 comes with the next reply (RFC 9769).
///
/// That can be a poll interval later, and many corrections of the clock: so they are put on the undisciplined timescale at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// T1.
    pub origin_timestamp: ClockTime,
    /// T4.
    pub destination_timestamp: ClockTime,
}

/// The reply's header: what the server says about itself (RFC 5905 §7.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServerVariables {
    /// Its leap indicator.
    pub leap: Leap,
    /// Protocol version of the reply.
    pub version: u8,
    /// 1 for a primary server.
    pub stratum: u8,
    /// log2 seconds.
    pub precision: i8,
    /// Round trip to the primary source.
    pub root_delay: Span,
    /// Its dispersion to the primary source.
    pub root_dispersion: Span,
    /// What it follows.
    pub reference_id: ReferenceId,
    /// When it was last set; [`NtpTimestamp::ZERO`] if it does not say.
    pub reference_timestamp: NtpTimestamp,
}

impl Measurement {
    /// T2 − T1: the way up, plus the local clock's offset.
    pub fn upward(&self) -> Span {
        self.receive_timestamp - self.origin_timestamp
    }

    /// T4 − T3: the way down, minus the local clock's offset.
    pub fn downward(&self) -> Span {
        self.destination_timestamp - self.transmit_timestamp
    }

    /// θ = ((T2 − T1) + (T3 − T4)) / 2; positive when the local clock is behind (RFC 5905 §8).
    pub fn offset(&self) -> Span {
        (self.upward() - self.downward()) / 2
    }

    /// δ = (T4 − T1) − (T3 − T2): the round trip without the server's own time (RFC 5905 §8).
    pub fn delay(&self) -> Span {
        self.upward() + self.downward()
    }
}
