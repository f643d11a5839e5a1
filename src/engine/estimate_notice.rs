//! When the estimate is worth a line in the log: once per surprise, so that an undisturbed day writes none.

use super::Notice;
use crate::discipline::SystemEstimate;
use crate::time::{Frequency, Span};

/// The estimate that people were told last.
#[derive(Debug, Default)]
pub(super) struct EstimateNotice {
    last: Option<Told>,
    steer: Option<Frequency>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    offset: Span,
    uncertainty: Span,
    frequency: Frequency,
    frequency_uncertainty: Frequency,
}

impl EstimateNotice {
    /// The line to write, if this is a surprise after the last one. A first estimate is none, and a better one neither.
    pub(super) fn next(&mut self, system: &SystemEstimate) -> Option<Notice> {
        let now = Told {
            offset: system.offset,
            uncertainty: system.offset_uncertainty,
            frequency: system.frequency,
            frequency_uncertainty: system.frequency_uncertainty,
        };
        let Some(last) = self.last else {
            self.last = Some(now);
            return None;
        };
        let moved = (now.offset - last.offset).abs();
        let jumped = moved > last.uncertainty * 6 + Span::from_millis(1) && moved > last.offset.abs() / 2;
        let rate = (now.frequency - last.frequency).ratio().abs();
        let drifted = rate > 3.0 * last.frequency_uncertainty.ratio() + WORTH_READING.ratio();
        let surprising = jumped || drifted;
        if surprising || now.uncertainty * 8 < last.uncertainty {
            self.last = Some(now);
        }
        surprising.then_some(Notice::Estimate {
            offset: system.offset,
            offset_uncertainty: system.offset_uncertainty,
            frequency: system.frequency,
            frequency_uncertainty: system.frequency_uncertainty,
        })
    }

    /// The clock was stepped, which is told: what comes next is no surprise.
    pub(super) fn on_step(&mut self) {
        self.last = None;
    }

    /// Whether this rate correction differs enough from the one last told.
    pub(super) fn is_new_steer(&mut self, current: Frequency) -> bool {
        let new = self.steer.is_none_or(|last| (current - last).ratio().abs() > STEER_WORTH_READING.ratio());
        if new {
            self.steer = Some(current);
        }
        new
    }
}

/// 10 ppm: the temperatures of a day move a quartz oscillator by less.
const WORTH_READING: Frequency = Frequency::from_ratio(10e-6);
/// 20 ppm: slews of everyday corrections stay below it.
const STEER_WORTH_READING: Frequency = Frequency::from_ratio(20e-6);
