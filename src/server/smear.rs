//! Time as it is served around a leap second that is spread over a window. Which leap second, and the clock beside it, is
//! `leap_second`'s.

use super::leap_second::{LeapSecond, REACH};
use super::{Request, SystemVariables};
use crate::config::{LeapSmear, SmearShape};
use crate::time::{ClockTime, Leap, Span};
use std::f64::consts::PI;

/// Turns readings of the clock into served time.
#[derive(Debug, Clone)]
pub(super) struct Smear {
    leap_second: LeapSecond,
    shape: SmearShape,
    /// Both by steady time.
    begin: ClockTime,
    length: Span,
    /// The steady time of the latest request, or of what was published last.
    latest: ClockTime,
}

/// A request's instants as they are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    pub(super) received: ClockTime,
    pub(super) transmit: ClockTime,
    /// What is served is not the clock's time.
    pub(super) smeared: bool,
}

impl Served {
    /// The clock's own time. It may have been set back meanwhile; leaving before arriving is nonsense to any client.
    pub(super) fn plain(request: &Request<'_>) -> Self {
        let received = request.received;
        Self { received, transmit: request.transmit.max(received), smeared: false }
    }
}

/// The variables as they are served, and the smear if a leap second is at hand. Where it is smeared it is never announced: clients
/// that inserted it as well would have it twice.
pub(super) fn prepare(
    config: Option<LeapSmear>,
    variables: SystemVariables,
) -> (SystemVariables, Option<Smear>) {
    let Some(config) = config else { return (variables, None) };
    let leap = match variables.leap {
        Leap::Unsynchronized => Leap::Unsynchronized,
        Leap::NoWarning | Leap::AddSecond | Leap::DeleteSecond => Leap::NoWarning,
    };
    let Some(leap_second) = variables.leap_second else {
        return (SystemVariables { leap, ..variables }, None);
    };
    let smear = Smear::new(&config, leap_second);
    // The last correction is in the past, however its date is read.
    let corrected = |reading| smear.served(leap_second.steady_by_date(reading).min(leap_second.now()));
    let reference_timestamp = variables.reference_timestamp.map(corrected);
    let updated = smear.served(leap_second.now());
    (SystemVariables { leap, reference_timestamp, updated, ..variables }, Some(smear))
}

impl Smear {
    /// In UTC the window is as long before midnight as after it; the leap second is in it.
    fn new(config: &LeapSmear, leap_second: LeapSecond) -> Self {
        let half = (config.window / 2).min(REACH);
        let begin = leap_second.midnight() - half;
        let length = half * 2 + leap_second.shift();
        Self { leap_second, shape: config.shape, begin, length, latest: leap_second.now() }
    }

    /// T2 and T3.
    pub(super) fn times(&mut self, request: &Request<'_>) -> Served {
        let expected = self.leap_second.expected(request.mono);
        let transmit = self.leap_second.steady(request.transmit, expected);
        // The request came shortly before: where the clock's reading fits two instants, it was the one near.
        let received = self.leap_second.steady(request.received, transmit);
        self.latest = transmit;
        let smeared = transmit > self.begin && transmit < self.begin + self.length;
        let received = self.served(received);
        Served { received, transmit: self.served(transmit).max(received), smeared }
    }

    /// An instant at about the latest request.
    pub(super) fn recent(&self, reading: ClockTime) -> ClockTime {
        self.served(self.leap_second.steady(reading, self.latest))
    }

    /// Goes on without a jump at the rate that the window and the shape say; a nanosecond's rounding never turns it back.
    fn served(&self, steady: ClockTime) -> ClockTime {
        let elapsed = (steady - self.begin).seconds() / self.length.seconds();
        let share = match self.shape {
            _ if elapsed <= 0.0 => return steady,
            _ if elapsed >= 1.0 => return steady - self.leap_second.shift(),
            SmearShape::Linear => elapsed,
            SmearShape::Cosine => (1.0 - (PI * elapsed).cos()) / 2.0,
        };
        steady - self.leap_second.shift() * share
    }
}

#[cfg(test)]
mod tests;
