//! From a sample to an adjustment, and when to ask again. Sends nothing.

use super::choice::Choice;
use super::clock::Clock;
use super::register::{Register, Sample};
use ntpd_rs::config::PollLimits;

/// An offset of one deviation is worked off in this many update intervals.
const CORRECTION_TIME: f64 = 3.0;

/// Offsets above this are stepped in the first updates, seconds.
const STEP: f64 = 1.0;
const STEPPING_UPDATES: u32 = 3;

/// A frequency that is known worse is not taken, s/s.
const WORST_SKEW: f64 = 1e-3;

/// How much more a new frequency counts than its skew says.
const NEWS: f64 = 3.0;

/// How many samples a line should be drawn through: fewer shorten the poll interval, more lengthen it.
const WANTED_SAMPLES: f64 = 8.0;

/// The whole client.
#[derive(Debug)]
pub(super) struct Client {
    pub clock: Clock,
    registers: Vec<Register>,
    polls: Vec<Poll>,
    choice: Choice,
    limits: PollLimits,
    /// How well the frequency in force is known.
    skew: f64,
    updates: u32,
    last_update: f64,
}

/// When one source is asked.
#[derive(Debug, Clone, Copy)]
struct Poll {
    log2_seconds: i8,
    /// Between 0 and 1; beyond, the interval changes.
    score: f64,
}

impl Client {
    pub(super) fn new(clock: Clock, sources: usize, limits: PollLimits) -> Self {
        let mut client = Self {
            clock,
            registers: Vec::new(),
            polls: vec![Poll { log2_seconds: limits.min.log2(), score: 0.0 }; sources],
            choice: Choice::default(),
            limits,
            skew: 1.0,
            updates: 0,
            last_update: 0.0,
        };
        client.forget();
        client
    }

    /// Somebody else has had the clock: what was measured is worth nothing, except for the frequency.
    pub(super) fn forget(&mut self) {
        let least = self.limits.min.log2();
        for poll in &mut self.polls {
            *poll = Poll { log2_seconds: least, score: 0.0 };
        }
        self.registers = self.polls.iter().map(|_| Register::default()).collect();
        self.choice.reset();
        self.clock.rest();
    }

    /// Seconds until the source is asked again.
    pub(super) fn interval(&self, source: usize) -> f64 {
        self.polls.get(source).map_or(64.0, |poll| f64::from(poll.log2_seconds).exp2())
    }

    /// A reply came; whether its sample was used.
    pub(super) fn take(&mut self, source: usize, sample: Sample) -> bool {
        let Some(register) = self.registers.get_mut(source) else { return false };
        let expected = register.estimate.map(|estimate| estimate.offset_at(sample.time));
        if !register.take(sample) {
            return false;
        }
        let surprise = expected.map_or(0.0, |expected| (sample.offset - expected).abs());
        let samples = register.length() as f64;
        self.adapt(source, surprise / (sample.delay / 2.0), samples);
        self.update(source);
        true
    }

    /// `surprise`: how far the sample was from what was expected, in distances of the source.
    fn adapt(&mut self, source: usize, surprise: f64, samples: f64) {
        let Some(poll) = self.polls.get_mut(source) else { return };
        let short = samples / WANTED_SAMPLES - 1.0;
        let per_sample = if short < 0.0 { 2.0 } else { 1.0 } / WANTED_SAMPLES;
        poll.score += if surprise > 1.0 { -surprise.log2() } else { short * per_sample };
        let change = poll.score.floor().clamp(-10.0, 10.0);
        poll.score -= change;
        let (least, most) = (self.limits.min.log2(), self.limits.max.log2());
        #[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
        let wanted = poll.log2_seconds + change as i8;
        poll.log2_seconds = wanted.clamp(least, most);
        if wanted != poll.log2_seconds {
            poll.score = if wanted > most { 1.0 - 1e-9 } else { 0.0 };
        }
    }

    fn update(&mut self, source: usize) {
        let (now, correction) = self.clock.now();
        let Some(estimate) = self.choice.combined(&self.registers, source, now) else { return };
        let interval = now - self.last_update;
        self.last_update = now;
        self.updates += 1;
        let new = estimate.frequency - self.clock.frequency;
        let gain = self.learn(new, estimate.skew);
        self.clock.frequency += gain * new;
        let left = estimate.offset_at(now) - correction;
        if left.abs() > STEP && self.updates <= STEPPING_UPDATES {
            self.clock.step(left);
        } else {
            // Small offsets are noise and are worked off slowly, large ones soon.
            let area = CORRECTION_TIME * 0.5 * estimate.offset_sd * interval;
            self.clock.slew(left, area / left.abs());
        }
    }

    /// How much of a new frequency to take; the skew is what it is known by afterwards.
    fn learn(&mut self, new: f64, skew: f64) -> f64 {
        if skew > WORST_SKEW {
            return 0.0;
        }
        let weight = NEWS * self.skew * self.skew;
        let gain = (weight / (weight + skew * skew)).min(1.0);
        let extra = (new * gain).powi(2) * (1.0 - gain) + (new * (1.0 - gain)).powi(2) * gain;
        self.skew += gain * (skew - self.skew) + extra.sqrt();
        gain
    }
}
