//! How the clock is moved to the estimate: step, slew or frequency, bounded and monotonic. Estimates nothing.

use super::limits::Limits;
use super::system::Decision;
use crate::config::{Algorithm, Synchronization};
use crate::time::{Adjustment, Frequency, Mono, Span};

/// The kernel accepts no more (`MAXFREQ`).
const KERNEL_LIMIT: f64 = 500e-6;

/// Offsets below this part of their own uncertainty are left alone. More wakes the clock for noise, less leaves more error in it.
const LEFT_ALONE: f64 = 0.25;

/// A rate is left alone while its error moves the clock over a `HORIZON` by less than this part of the offset's uncertainty.
const HORIZON: f64 = 512.0;

/// Offsets are steps only when this many times larger than their own uncertainty.
const SIGNIFICANT: f64 = 3.0;

/// A slew that takes longer is worth telling.
const LONG_SLEW: Span = Span::from_secs(60);

/// What is known when steering.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// Left to correct now; positive when the clock is behind.
    pub offset: Span,
    /// One standard deviation, seconds.
    pub offset_uncertainty: f64,
    /// The rate correction that cancels the oscillator's error.
    pub frequency: Frequency,
}

/// The state of steering.
#[derive(Debug, Clone)]
pub(super) struct Steering {
    limits: Limits,
    step_threshold: f64,
    slew_rate: f64,
    slew_minimum_duration: f64,
    frequency_limit: f64,
    /// Without slews.
    base: Frequency,
    slew_end: Option<Mono>,
    /// Any significant offset may be stepped: at start and after the clock was moved by somebody else.
    may_step: bool,
    /// A large one may be, whatever `step-limit` says of late ones.
    follows_another: bool,
    forced: bool,
    told_long_slew: bool,
}

impl Steering {
    pub(super) fn new(settings: &Synchronization, algorithm: &Algorithm, in_force: Frequency) -> Self {
        Self {
            limits: Limits::new(settings),
            step_threshold: algorithm.step_threshold,
            slew_rate: algorithm.slew_maximum_frequency_offset,
            slew_minimum_duration: algorithm.slew_minimum_duration.max(1.0),
            frequency_limit: algorithm.maximum_frequency_steer.min(KERNEL_LIMIT),
            base: in_force,
            slew_end: None,
            may_step: true,
            follows_another: false,
            forced: false,
            told_long_slew: false,
        }
    }

    /// Other thresholds, from the next correction on.
    pub(super) fn configure(&mut self, settings: &Synchronization, algorithm: &Algorithm) {
        self.limits.configure(settings);
        let limits = self.limits.clone();
        let changed = Self::new(settings, algorithm, self.base);
        *self = Self {
            limits,
            slew_end: self.slew_end,
            may_step: self.may_step,
            follows_another: self.follows_another,
            forced: self.forced,
            told_long_slew: self.told_long_slew,
            ..changed
        };
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The rate correction without slews.
    pub(super) const fn frequency(&self) -> Frequency {
        self.base
    }

    /// When the slew in progress ends.
    pub(super) const fn slew_end(&self) -> Option<Mono> {
        self.slew_end
    }

    /// The clock was moved by somebody else: a slew makes no sense any more, and the next significant offset may be stepped.
    pub(super) fn restart(&mut self, now: Mono) {
        self.may_step = true;
        self.slew_end = self.slew_end.map(|end| end.min(now));
    }

    /// Another time than before is followed: if it is far away, the clock is stepped there even late after the start.
    pub(super) const fn follow_another(&mut self) {
        self.follows_another = true;
    }

    /// The next offset is stepped.
    pub(super) const fn force_step(&mut self) {
        self.forced = true;
    }

    /// Before any measurement: the frequency from the drift file.
    pub(super) fn preset(&mut self, frequency: Frequency, in_force: Frequency) -> Option<Decision> {
        self.base = self.bounded(frequency);
        changed(self.base, in_force)
    }

    /// The slew is over, or not yet.
    pub(super) fn on_timer(&mut self, now: Mono, in_force: Frequency) -> Option<Decision> {
        if self.slew_end.is_some_and(|end| now >= end) {
            self.slew_end = None;
            return changed(self.base, in_force);
        }
        None
    }

    /// A new estimate: what to do about it.
    pub(super) fn correct(&mut self, now: Mono, target: Target, in_force: Frequency) -> Vec<Decision> {
        let size = target.offset.abs().seconds();
        let significant = size > SIGNIFICANT * target.offset_uncertainty;
        if significant && let Err(reason) = self.limits.check(target.offset) {
            return vec![Decision::Panic(reason)];
        }
        let free = self.may_step && significant && self.limits.allow_any_step();
        let allowed = self.limits.allow_step() || self.follows_another && self.limits.allow_any_step();
        let usual = size >= self.step_threshold && significant && allowed;
        if size > 0.0 && (self.forced || free || usual) {
            return self.step(target, in_force);
        }
        let decisions = self.slew(now, target, in_force);
        (self.may_step, self.follows_another) = (false, false);
        self.forced = false;
        self.limits.count(None);
        decisions
    }

    fn step(&mut self, target: Target, in_force: Frequency) -> Vec<Decision> {
        if let Err(reason) = self.limits.check_step(target.offset) {
            return vec![Decision::Panic(reason)];
        }
        self.base = self.bounded(target.frequency);
        self.slew_end = None;
        (self.may_step, self.follows_another) = (false, false);
        self.forced = false;
        self.told_long_slew = false;
        self.limits.count(Some(target.offset));
        let mut decisions = vec![Decision::Adjust(Adjustment::Step(target.offset))];
        decisions.extend(changed(self.base, in_force));
        decisions
    }

    /// A bounded rate for a bounded time, and the kernel never gets less than what cancels the oscillator afterwards.
    fn slew(&mut self, now: Mono, target: Target, in_force: Frequency) -> Vec<Decision> {
        let frequency = self.bounded(target.frequency);
        let (offset, sigma) = (target.offset.seconds(), target.offset_uncertainty);
        let small = offset.abs() <= LEFT_ALONE * sigma;
        let drifts = (frequency - self.base).ratio().abs() * HORIZON > LEFT_ALONE * sigma;
        // A slew writes the frequency twice anyway.
        if drifts || !small {
            self.base = frequency;
        }
        if small {
            self.slew_end = None;
            return changed(self.base, in_force).into_iter().collect();
        }
        let wanted = self.slew_rate.min(offset.abs() / self.slew_minimum_duration).copysign(offset);
        let total = self.bounded(self.base + Frequency::from_ratio(wanted));
        let rate = (total - self.base).ratio();
        if rate.abs() < 1e-12 {
            self.slew_end = None;
            return changed(self.base, in_force).into_iter().collect();
        }
        let duration = Span::from_seconds(offset / rate * (1.0 + total.ratio()));
        self.slew_end = Some(now + duration);
        let mut decisions: Vec<Decision> = changed(total, in_force).into_iter().collect();
        decisions.extend(self.tell_long_slew(target.offset, duration));
        decisions
    }

    fn tell_long_slew(&mut self, offset: Span, duration: Span) -> Option<Decision> {
        let long = duration > LONG_SLEW && offset.abs().seconds() >= self.step_threshold;
        let tell = long && !self.told_long_slew;
        self.told_long_slew = long;
        tell.then_some(Decision::Slewing { offset, duration })
    }

    /// Within the limit, in units of the kernel.
    fn bounded(&self, frequency: Frequency) -> Frequency {
        let limited = frequency.clamp(Frequency::from_ratio(self.frequency_limit));
        Frequency::from_kernel(limited.to_kernel())
    }
}

/// A change that the kernel can tell from what is in force.
fn changed(wanted: Frequency, in_force: Frequency) -> Option<Decision> {
    (wanted.to_kernel() != in_force.to_kernel()).then_some(Decision::Adjust(Adjustment::Frequency(wanted)))
}
