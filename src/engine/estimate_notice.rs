//! When the estimate is worth a line in the log: once per change, so that an undisturbed day writes a handful.

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
    /// The line to write, if this differs enough from the last one.
    pub(super) fn next(&mut self, system: &SystemEstimate) -> Option<Notice> {
        let now = Told {
            offset: system.offset,
            uncertainty: system.offset_uncertainty,
            frequency: system.frequency,
            frequency_uncertainty: system.frequency_uncertainty,
        };
        let worth_reading = self.last.is_none_or(|last| {
            let moved = (now.offset - last.offset).abs();
            let surprising =
                moved > last.uncertainty * 6 + Span::from_millis(1) && moved > last.offset.abs() / 2;
            let improved = now.uncertainty * 8 < last.uncertainty;
            let rate = (now.frequency - last.frequency).ratio().abs();
            let drifted = rate > 3.0 * last.frequency_uncertainty.ratio() + WORTH_READING.ratio();
            surprising || improved || drifted
        });
        worth_reading.then(|| {
            self.last = Some(now);
            Notice::Estimate {
                offset: system.offset,
                offset_uncertainty: system.offset_uncertainty,
                frequency: system.frequency,
                frequency_uncertainty: system.frequency_uncertainty,
            }
        })
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

/// 1 ppm: a quartz oscillator moves that much with some degrees of temperature.
const WORTH_READING: Frequency = Frequency::from_ratio(1e-6);
/// 20 ppm: slews of everyday corrections stay below it.
const STEER_WORTH_READING: Frequency = Frequency::from_ratio(20e-6);
