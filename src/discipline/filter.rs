//! One source's filter: from its measurements to offset and frequency with honest variances. Does not choose between sources.

use super::line::Line;
use super::noise::{Judgement, Noise};
use super::timescale::LocalTime;
use super::wander::Bank;
use crate::time::Span;
use std::collections::VecDeque;

/// Standard deviations beyond which a sample is a surprise. Fewer disturbs the polling for nothing; more is slow to see a step.
const SURPRISE: f64 = 5.0;

/// So many surprises in a row are the truth, and the filter starts again from them.
const CONFIRMATIONS: usize = 3;

/// Samples after which a source may be selected.
pub(super) const READY: u32 = 3;

/// While all samples since the seed are kept, a shorter delay is judged by anew in all of them: the first burst is worth most, and
/// knows least of the path. More costs a little memory.
const HISTORY: usize = 48;

/// A second re-seeding within so many samples: the frequency is wrong too.
const HASTY: u32 = 12;

/// What is known of the oscillator before this source says anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prior {
    /// s/s.
    pub frequency: f64,
    /// (s/s)².
    pub variance: f64,
    /// (s/s)², of any oscillator at all.
    pub ignorance: f64,
    /// s/s per √s.
    pub wander: f64,
}

/// One exchange on the undisciplined timescale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Halfway between sending and receiving.
    pub time: LocalTime,
    /// Positive when the timescale is behind.
    pub offset: Span,
    /// Round trip, seconds.
    pub delay: f64,
    /// One standard deviation of each local stamp, seconds.
    pub stamp_uncertainty: f64,
}

/// The memory of one source.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    prior: Prior,
    noise: Noise,
    track: Option<Track>,
    surprises: Vec<Sample>,
    samples_since_seed: u32,
    /// Everything since the seed; empty once it was too much.
    history: VecDeque<Sample>,
}

/// Where the line stands. Offsets are `base` plus a float, so that a clock that is decades wrong loses no nanoseconds.
#[derive(Debug, Clone)]
struct Track {
    base: Span,
    at: LocalTime,
    bank: Bank,
    /// Frequency and its variance before the first sample.
    seed: (f64, f64),
}

impl Filter {
    /// Nothing measured yet.
    pub(super) const fn new(prior: Prior) -> Self {
        Self {
            prior,
            noise: Noise::new(),
            track: None,
            surprises: Vec::new(),
            samples_since_seed: 0,
            history: VecDeque::new(),
        }
    }

    /// Takes a sample in. True when it does not fit what was known.
    pub(super) fn measure(&mut self, sample: Sample) -> bool {
        let Some(track) = &self.track else {
            self.noise.observe(0.0, sample.delay);
            self.seed(&[sample], (self.prior.frequency, self.prior.variance));
            return false;
        };
        let dt = sample.time.since(track.at);
        let least = self.noise.least_delay();
        self.noise.observe(dt, sample.delay);
        if self.noise.least_delay() < least {
            self.replay();
        }
        let Some((base, predicted)) = self.predict(sample.time) else { return false };
        let judged = self.noise.judge(sample.delay, sample.stamp_uncertainty);
        let innovation = (sample.offset - base).seconds() - predicted.offset;
        if is_surprise(innovation, &predicted, &judged) {
            self.on_surprise(sample);
            return true;
        }
        self.surprises.clear();
        self.noise.learn(dt, innovation, predicted.offset_variance, &judged);
        self.remember(sample);
        self.accept(sample, &judged);
        false
    }

    /// Offset, frequency and covariance at `time`, and the span that the offset counts from.
    pub(super) fn predict(&self, time: LocalTime) -> Option<(Span, Line)> {
        let track = self.track.as_ref()?;
        Some((track.base, track.bank.predict(time.since(track.at))))
    }

    /// One standard deviation of the offset `seconds` after the last sample, in seconds.
    pub(super) fn error_after(&self, seconds: f64) -> Option<f64> {
        self.track.as_ref().map(|track| track.bank.predict(seconds).offset_sigma())
    }

    /// Whether enough was measured to choose by.
    pub(super) const fn is_ready(&self) -> bool {
        self.samples_since_seed >= READY
    }

    /// Round trip without waiting, seconds.
    pub(super) fn delay(&self) -> f64 {
        let least = self.noise.least_delay();
        if least.is_finite() { least.max(0.0) } else { 0.0 }
    }

    /// One standard deviation of single offsets, seconds.
    pub(super) fn jitter(&self) -> f64 {
        self.noise.jitter()
    }

    /// The oscillator's wander as this source shows it, s/s per √s.
    pub(super) fn wander(&self) -> f64 {
        self.track.as_ref().map_or(1e-9, |track| track.bank.wander())
    }

    /// Offsets are forgotten; the frequency is kept, trusted as `prior` says.
    pub(super) fn restart(&mut self, prior: Prior) {
        let noise = std::mem::replace(&mut self.noise, Noise::new());
        *self = Self { noise, ..Self::new(prior) };
    }

    /// Starts a line from these samples.
    fn seed(&mut self, samples: &[Sample], frequency: (f64, f64)) {
        let Some(first) = samples.first() else { return };
        self.history = samples.iter().copied().collect();
        let bank = Bank::new(self.first_line(first, first.offset, frequency), self.prior.wander);
        self.track = Some(Track { base: first.offset, at: first.time, bank, seed: frequency });
        self.samples_since_seed = 0;
        self.replay();
        self.samples_since_seed = u32::try_from(samples.len()).unwrap_or(READY);
    }

    /// Judges everything since the seed by what is known of the path now.
    fn replay(&mut self) {
        let history = std::mem::take(&mut self.history);
        let counted = self.samples_since_seed;
        let (Some(first), Some(track)) = (history.front(), &self.track) else { return };
        let line = self.first_line(first, track.base, track.seed);
        if let Some(track) = &mut self.track {
            track.bank = Bank::new(line, self.prior.wander);
            track.at = first.time;
        }
        for sample in history.iter().skip(1) {
            let judged = self.noise.judge(sample.delay, sample.stamp_uncertainty);
            self.accept(*sample, &judged);
        }
        self.history = history;
        self.samples_since_seed = counted;
    }

    fn first_line(&self, first: &Sample, base: Span, frequency: (f64, f64)) -> Line {
        let judged = self.noise.judge(first.delay, first.stamp_uncertainty);
        let offset = (first.offset - base).seconds() + judged.correction;
        Line::new(offset, judged.variance, frequency.0, frequency.1)
    }

    fn remember(&mut self, sample: Sample) {
        if self.history.len() >= HISTORY {
            self.history = VecDeque::new();
        } else if !self.history.is_empty() {
            self.history.push_back(sample);
        }
    }

    fn accept(&mut self, sample: Sample, judged: &Judgement) {
        let Some(track) = &mut self.track else { return };
        let dt = sample.time.since(track.at);
        let measured = (sample.offset - track.base).seconds() + judged.correction;
        track.bank.update(dt, measured, judged.variance);
        track.at = sample.time;
        self.samples_since_seed = self.samples_since_seed.saturating_add(1);
        if !track.bank.predict(0.0).is_sound() {
            self.restart(self.prior);
        }
    }

    /// One outlier is left out; several that follow each other are believed.
    fn on_surprise(&mut self, sample: Sample) {
        self.surprises.push(sample);
        if self.surprises.len() < CONFIRMATIONS {
            return;
        }
        let samples = std::mem::take(&mut self.surprises);
        let frequency = self.frequency_after_surprise(sample.time);
        self.seed(&samples, frequency);
    }

    /// A step of the phase leaves the frequency alone; a second one at once does not.
    fn frequency_after_surprise(&self, time: LocalTime) -> (f64, f64) {
        let known = self.predict(time).map(|(_, line)| line);
        match known {
            Some(line) if self.samples_since_seed > HASTY => {
                (line.frequency, line.frequency_variance + 1e-14)
            }
            Some(line) => (line.frequency, self.prior.ignorance),
            None => (self.prior.frequency, self.prior.ignorance),
        }
    }
}

fn is_surprise(innovation: f64, predicted: &Line, judged: &Judgement) -> bool {
    let total = predicted.offset_variance + judged.variance;
    let allowed = (SURPRISE * total.sqrt()).max(judged.bound + SURPRISE * predicted.offset_sigma());
    innovation.is_nan() || innovation.abs() > allowed
}
