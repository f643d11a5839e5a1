//! What replies say of this server: the system variables, made once per snapshot. Not the replies.

use super::LeapSecond;
use crate::config::Synchronization;
use crate::packet::ReferenceId;
use crate::snapshot::Snapshot;
use crate::time::{ClockTime, Leap, Mono, Now, Span};

/// The system variables as served (RFC 5905 §11.1), true at `updated`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SystemVariables {
    /// `Unsynchronized` is served as stratum 0 whatever `stratum` says.
    pub leap: Leap,
    /// 16 is not synchronized, and served as 0.
    pub stratum: u8,
    /// log2 seconds.
    pub precision: i8,
    /// Round trip to the primary source.
    pub root_delay: Span,
    /// Dispersion to the primary source at `updated`, without our own precision.
    pub root_dispersion: Span,
    /// How fast it grows, seconds per second.
    pub dispersion_rate: f64,
    /// What is followed.
    pub reference_id: ReferenceId,
    /// When the clock was last corrected; a synchronized clock without it is its own reference, correct at every moment.
    pub reference_timestamp: Option<ClockTime>,
    /// When `root_dispersion` was true, by the local clock.
    pub updated: ClockTime,
    /// For listeners that smear; from its announcement until nobody smears it any more.
    pub leap_second: Option<LeapSecond>,
}

impl SystemVariables {
    /// The stratum that means "not synchronized" (RFC 5905 §7.3, figure 11).
    pub const UNSYNCHRONIZED: u8 = 16;

    /// What the engine says while the clock is synchronized, and otherwise what the configuration says: with `local-stratum` below 16
    /// the clock is declared to be right by itself, so that it is served without a leap warning and with no dispersion but its precision.
    pub fn new(snapshot: &Snapshot, synchronization: &Synchronization) -> Self {
        let system = &snapshot.system;
        let variables = Self {
            leap: system.leap,
            stratum: system.stratum,
            precision: system.precision,
            root_delay: system.root_delay,
            root_dispersion: system.root_dispersion,
            dispersion_rate: system.dispersion_rate,
            reference_id: system.reference_id,
            reference_timestamp: system.reference_timestamp,
            updated: snapshot.clock,
            leap_second: None,
        };
        if variables.is_synchronized() {
            return variables;
        }
        let stratum = synchronization.local_stratum;
        let reference_id = synchronization.reference_id;
        if stratum >= Self::UNSYNCHRONIZED {
            return Self { leap: Leap::Unsynchronized, stratum, reference_id, ..variables };
        }
        Self {
            leap: Leap::NoWarning,
            stratum,
            root_delay: Span::ZERO,
            root_dispersion: Span::ZERO,
            dispersion_rate: 0.0,
            reference_id,
            reference_timestamp: None,
            ..variables
        }
    }

    /// With what was known of a leap second before; `at` is the moment of `updated`.
    #[must_use]
    pub fn remembering(self, before: Option<LeapSecond>, at: Mono) -> Self {
        let now = Now { mono: at, clock: self.updated };
        Self { leap_second: LeapSecond::next(before, self.leap, now), ..self }
    }

    /// Whether clients may use our time.
    pub fn is_synchronized(&self) -> bool {
        self.leap != Leap::Unsynchronized && (1..Self::UNSYNCHRONIZED).contains(&self.stratum)
    }

    /// The root dispersion at `now`, our reading error included (RFC 5905 §11.1); never less at a later `now`.
    pub fn root_dispersion_at(&self, now: ClockTime) -> Span {
        // A clock that was set back must not make the dispersion shrink.
        let age = (now - self.updated).max(Span::ZERO);
        let reading_error = Span::from_seconds(f64::from(self.precision).exp2());
        self.root_dispersion + age * self.dispersion_rate.max(0.0) + reading_error
    }
}

#[cfg(test)]
mod tests;
