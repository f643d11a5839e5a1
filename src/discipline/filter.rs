//! One source's filter: from its measurements to offset and frequency with honest variances. Does not choose between sources.

use super::line::Line;
use super::noise::{Judgement, Noise};
use super::timescale::LocalTime;
use super::wander::Bank;
use crate::time::Span;

/// Standard deviations beyond which a sample is a surprise. Fewer disturbs the polling for nothing; more is slow to see a step.
const SURPRISE: f64 = 5.0;

/// So many surprises in a row are the truth, and the filter starts again from them.
const CONFIRMATIONS: usize = 3;

/// Samples after which a source may be selected.
pub(super) const READY: u32 = 3;

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
}

/// Where the line stands. Offsets are `base` plus a float, so that a clock that is decades wrong loses no nanoseconds.
#[derive(Debug, Clone)]
struct Track {
    base: Span,
    started: LocalTime,
    at: LocalTime,
    bank: Bank,
}

impl Filter {
    /// Nothing measured yet.
    pub(super) const fn new(prior: Prior) -> Self {
        Self { prior, noise: Noise::new(), track: None, surprises: Vec::new(), samples_since_seed: 0 }
    }

    /// Takes a sample in. True when it does not fit what was known.
    pub(super) fn measure(&mut self, sample: Sample) -> bool {
        let Some(track) = &self.track else {
            self.seed(sample);
            return false;
        };
        let time = sample.time.since(track.started);
        let dt = sample.time.since(track.at).max(0.0);
        self.noise.observe(time, dt, sample.delay);
        let judged = self.noise.judge(sample.delay, sample.stamp_uncertainty);
        let predicted = track.bank.predict(dt);
        let innovation = (sample.offset - track.base).seconds() - predicted.offset;
        if is_surprise(innovation, &predicted, &judged) {
            self.on_surprise(sample);
            return true;
        }
        self.surprises.clear();
        self.noise.learn(dt, innovation, predicted.offset_variance, &judged);
        self.accept(sample, &judged);
        false
    }

    /// Offset, frequency and covariance at `time`, and the span that the offset counts from.
    pub(super) fn predict(&self, time: LocalTime) -> Option<(Span, Line)> {
        let track = self.track.as_ref()?;
        Some((track.base, track.bank.predict(time.since(track.at).max(0.0))))
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

    fn seed(&mut self, sample: Sample) {
        let (started, base) = (sample.time, sample.offset);
        self.noise.observe(0.0, 0.0, sample.delay);
        let judged = self.noise.judge(sample.delay, sample.stamp_uncertainty);
        let line = Line::new(judged.correction, judged.variance, self.prior.frequency, self.prior.variance);
        self.track = Some(Track { base, started, at: started, bank: Bank::new(line) });
        self.samples_since_seed = 1;
    }

    fn accept(&mut self, sample: Sample, judged: &Judgement) {
        let Some(track) = &mut self.track else { return };
        let dt = sample.time.since(track.at).max(0.0);
        let measured = (sample.offset - track.base).seconds() + judged.correction;
        track.bank.update(dt, measured, judged.variance);
        track.at = track.at.max(sample.time);
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
        let Some(first) = samples.first() else { return };
        let frequency = self.frequency_after_surprise(first.time);
        let Some(track) = &mut self.track else { return };
        let judged = self.noise.judge(first.delay, first.stamp_uncertainty);
        track.base = first.offset;
        track.at = first.time;
        track.bank.reseed(Line::new(judged.correction, judged.variance, frequency.0, frequency.1));
        self.samples_since_seed = 1;
        for later in samples.into_iter().skip(1) {
            let judged = self.noise.judge(later.delay, later.stamp_uncertainty);
            self.accept(later, &judged);
        }
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
