//! How far the clock may be moved at once, and in sum (the panic thresholds of `[synchronization]`). Moves nothing.

use crate::config::{StepLimits, Synchronization};
use crate::time::Span;

/// Counts corrections and steps against the limits.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    single: StepLimits,
    startup: StepLimits,
    accumulated_limit: Option<Span>,
    step_limit: Option<u32>,
    corrections: u32,
    steps: u32,
    accumulated: Span,
}

impl Limits {
    pub(super) const fn new(settings: &Synchronization) -> Self {
        Self {
            single: settings.single_step_panic,
            startup: settings.startup_step_panic,
            accumulated_limit: settings.accumulated_step_panic,
            step_limit: settings.step_limit,
            corrections: 0,
            steps: 0,
            accumulated: Span::ZERO,
        }
    }

    /// Other thresholds; what was counted stays counted.
    pub(super) const fn configure(&mut self, settings: &Synchronization) {
        let counted = (self.corrections, self.steps, self.accumulated);
        *self = Self::new(settings);
        (self.corrections, self.steps, self.accumulated) = counted;
    }

    /// Nothing was corrected yet.
    pub(super) const fn is_start(&self) -> bool {
        self.corrections == 0
    }

    /// Steps made since start.
    pub(super) const fn steps(&self) -> u32 {
        self.steps
    }

    /// Sum of their magnitudes, without the first correction's.
    pub(super) const fn accumulated(&self) -> Span {
        self.accumulated
    }

    /// Whether `step-limit` still allows one.
    pub(super) fn allow_step(&self) -> bool {
        self.step_limit.is_none_or(|limit| self.corrections < limit)
    }

    /// Whether `step-limit` allows steps at all: one after the clock was moved by somebody else is not counted against it.
    pub(super) fn allow_any_step(&self) -> bool {
        self.step_limit != Some(0)
    }

    /// Why an offset is too large to be believed, if it is. It is then corrected neither by a step nor by a slew.
    pub(super) fn check(&self, offset: Span) -> Result<(), String> {
        let (limits, name) = if self.is_start() {
            (self.startup, "startup-step-panic-threshold")
        } else {
            (self.single, "single-step-panic-threshold")
        };
        let limit = if offset.is_negative() { limits.backward } else { limits.forward };
        match limit {
            Some(limit) if offset.abs() > limit => Err(refusal(offset, name, limit)),
            _ => Ok(()),
        }
    }

    /// Why a step would be one too many, if it would.
    pub(super) fn check_step(&self, step: Span) -> Result<(), String> {
        let sum = self.accumulated + step.abs();
        match self.accumulated_limit {
            Some(limit) if !self.is_start() && sum > limit => Err(format!(
                "the clock is off by {:+.3} s; with it the steps since start would add up to {:.3} s, more than accumulated-step-panic-threshold = {:.3} s allows",
                step.seconds(),
                sum.seconds(),
                limit.seconds()
            )),
            _ => Ok(()),
        }
    }

    /// A correction was made, by this step or without one.
    pub(super) fn count(&mut self, step: Option<Span>) {
        if let Some(step) = step {
            self.steps = self.steps.saturating_add(1);
            if !self.is_start() {
                self.accumulated += step.abs();
            }
        }
        self.corrections = self.corrections.saturating_add(1);
    }
}

fn refusal(offset: Span, name: &str, limit: Span) -> String {
    format!(
        "the clock is off by {:+.3} s, more than {name} = {:.3} s allows; set it by hand if that is right, or raise the threshold",
        offset.seconds(),
        limit.seconds()
    )
}
