//! One source's filter: from its measurements to offset and frequency with honest variances. Does not choose between sources.

use super::belief::Belief;
use super::fine::Fine;
use super::line::Line;
use super::noise::{Judgement, Noise};
use super::timescale::LocalTime;
use super::wander::Bank;
use crate::path_model::PathModel;
use crate::time::Span;
use std::collections::VecDeque;

/// Standard deviations beyond which a sample is a surprise. Fewer disturbs the polling for nothing; more is slow to see a step.
const SURPRISE: f64 = 5.0;

/// So many surprises in a row are the truth, and the filter starts again from them.
const CONFIRMATIONS: usize = 3;

/// Before anything is known, packets wait about this part of the round trip each way.
const USUAL_WAIT: f64 = 0.05;

/// The least delay of hours changes by chance, but not by this part of the usual wait. Less takes chance for another route, more takes
/// another route for an offset.
const ANOTHER_ROUTE: f64 = 0.5;

/// A surprise that is not believed yet is so many standard deviations of what is claimed.
const DOUBTED: f64 = 1.0;

/// Standard deviations by which the fine estimate may differ from the guard's.
const APART: f64 = 4.0;

/// Samples after which a source may be selected.
pub(super) const READY: u32 = 3;

/// While all samples since the seed are kept, a shorter delay is judged by anew in all of them: the first burst is worth most, and
/// knows least of the path. More costs a little memory.
const HISTORY: usize = 48;

/// From so many samples on the fine estimate knows more than the guard of a route that becomes longer.
const ESTABLISHED: u32 = 32;

/// A second re-seeding within so many samples: the frequency is wrong too.
const HASTY: u32 = 12;

/// Standard deviations of what any oscillator may be off by, from which a frequency is not believed beyond a surprise.
const IMPLAUSIBLE: f64 = 2.0;

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
    /// T2 − T1: offset and delay of the request.
    pub up: Span,
    /// T3 − T4: offset less delay of the reply.
    pub down: Span,
    /// One standard deviation of each local stamp, seconds.
    pub stamp_uncertainty: f64,
}

impl Sample {
    /// On a path whose reply takes this much longer than its request beside what is taken for alike, halved.
    fn corrected(&self, asymmetry: Span) -> Self {
        Self { up: self.up + asymmetry, down: self.down + asymmetry, ..*self }
    }

    /// Round trip, seconds.
    pub(super) fn delay(&self) -> f64 {
        (self.up - self.down).seconds()
    }

    /// Positive when the timescale is behind.
    fn offset(&self) -> Span {
        self.up / 2 + self.down / 2
    }

    /// What the stamps of request and reply differ by, for an offset that counts from `base`.
    fn legs(&self, base: Span) -> [f64; 2] {
        [(self.up - base).seconds(), (base - self.down).seconds()]
    }

    /// Variance of one, s².
    fn stamps(&self) -> f64 {
        self.stamp_uncertainty * self.stamp_uncertainty + 1e-18
    }
}

/// The memory of one source.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    prior: Prior,
    noise: Noise,
    track: Option<Track>,
    surprises: Vec<Sample>,
    /// What the surprises that are not believed yet make of the offset's variance, s².
    doubt: f64,
    /// Added to every offset: a route that became longer did so in one direction.
    asymmetry: Span,
    samples_since_seed: u32,
    /// Everything since the seed; empty once it was too much.
    history: VecDeque<Sample>,
}

/// Where the line stands. Offsets are `base` plus a float, so that a clock that is decades wrong loses no nanoseconds.
#[derive(Debug, Clone)]
struct Track {
    base: Span,
    at: LocalTime,
    guard: Bank,
    fine: Fine,
    /// Frequency and its variance before the first sample.
    seed: (f64, f64),
}

impl Track {
    fn predict(&self, dt: f64) -> Line {
        self.fine.predict(dt)
    }

    /// The fine estimate goes on from the guard's where they differ by more than the guard can be wrong.
    ///
    /// While all packets wait, nothing tells the guard that a route has become longer: it may be wrong by half of that.
    fn compare(&mut self, delays: (f64, f64), longer: f64) {
        let (guard, fine) = (self.guard.predict(0.0).line, self.fine.predict(0.0));
        let apart = (fine.offset - guard.offset).abs();
        let allowed = APART * (guard.offset_variance + fine.offset_variance).sqrt() + longer / 2.0;
        if !fine.is_sound() || apart.is_nan() || apart > allowed {
            self.fine.restart(guard, delays, self.guard.wander());
        }
    }
}

impl Filter {
    /// Nothing measured yet.
    pub(super) const fn new(prior: Prior) -> Self {
        Self {
            prior,
            noise: Noise::new(),
            track: None,
            surprises: Vec::new(),
            doubt: 0.0,
            asymmetry: Span::ZERO,
            samples_since_seed: 0,
            history: VecDeque::new(),
        }
    }

    /// Takes a sample in. True when it does not fit what was known.
    pub(super) fn measure(&mut self, measured: Sample) -> bool {
        let Some(track) = &self.track else {
            self.noise.observe(0.0, measured.delay(), 0.0);
            self.seed(&[measured], (self.prior.frequency, self.prior.variance));
            return false;
        };
        let dt = measured.time.since(track.at);
        let least = self.noise.least_delay();
        let apart = track.fine.predict(dt).offset - (measured.offset() - track.base).seconds();
        self.noise.observe(dt, measured.delay(), apart);
        self.on_least_delay(self.noise.least_delay() - least);
        let sample = measured.corrected(self.asymmetry);
        let Some(track) = &self.track else { return false };
        let predicted = track.guard.predict(sample.time.since(track.at)).line;
        let judged = self.noise.judge(sample.delay(), sample.stamp_uncertainty);
        let innovation = (sample.offset() - track.base).seconds() - predicted.offset;
        if is_surprise(innovation, &predicted, &judged) {
            self.on_surprise(measured, innovation);
            return true;
        }
        self.surprises.clear();
        self.doubt = 0.0;
        self.noise.learn(dt, innovation, predicted.offset_variance, &judged);
        self.remember(sample);
        self.accept(sample, &judged);
        false
    }

    /// The least delay became longer by so many seconds.
    fn on_least_delay(&mut self, longer: f64) {
        let known = longer > 0.0 || self.asymmetry != Span::ZERO;
        if known && longer.is_finite() && longer.abs() > ANOTHER_ROUTE * self.noise.waits().mean() {
            self.on_route(longer);
        }
        if longer < 0.0 {
            self.replay();
        }
    }

    /// Packets take another route, and the clock did not change with it: what is apart is taken for the asymmetry of a longer one, until
    /// a shorter one is found again. No two routes differ in it by more than half of what they differ in length.
    fn on_route(&mut self, longer: f64) {
        let apart = self.noise.waits().apart();
        let (least, Some(track)) = (self.noise.least_delay(), &mut self.track) else { return };
        let (line, wander) = (track.fine.predict(0.0), track.fine.wander());
        if !line.is_sound() || !apart.is_finite() {
            return;
        }
        self.asymmetry = if longer > 0.0 {
            let known = self.asymmetry.seconds();
            Span::from_seconds(known + (apart - known).clamp(-longer / 2.0, longer / 2.0))
        } else {
            Span::ZERO
        };
        track.guard = Bank::new(Belief::of(line), wander);
        track.fine = Fine::new(line, (least, least), wander);
        self.history.clear();
    }

    /// Offset, frequency and covariance at `time`, and the span that the offset counts from.
    pub(super) fn predict(&self, time: LocalTime) -> Option<(Span, Line)> {
        let track = self.track.as_ref()?;
        let line = track.predict(time.since(track.at));
        Some((track.base, Line { offset_variance: line.offset_variance + self.doubt, ..line }))
    }

    /// One standard deviation of the offset `seconds` after the last sample, in seconds.
    pub(super) fn error_after(&self, seconds: f64) -> Option<f64> {
        self.track.as_ref().map(|track| track.predict(seconds).offset_sigma())
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

    /// The same of the route that packets take now, seconds: where another route was shorter, it bounds no error any more.
    pub(super) fn present_delay(&self) -> f64 {
        self.delay() + self.noise.waits().recent()
    }

    /// One standard deviation of single offsets, seconds.
    pub(super) fn jitter(&self) -> f64 {
        self.noise.jitter()
    }

    /// The oscillator's wander as this source shows it, s/s per √s.
    pub(super) fn wander(&self) -> f64 {
        self.track.as_ref().map_or(1e-9, |track| track.fine.wander())
    }

    /// What was learned, for people; the next sample is due `interval` seconds after the last one.
    pub(super) fn path(&self, interval: f64) -> PathModel {
        let (jitter_kind, waiting) = self.track.as_ref().map(|track| track.fine.kind()).unwrap_or_default();
        let predicted_error = self.error_after(interval).unwrap_or(f64::INFINITY);
        let asymmetry = self.asymmetry.seconds();
        PathModel { jitter_kind, waiting, asymmetry, wander: self.wander(), predicted_error }
    }

    /// For how long this source has shown what the oscillator does, seconds.
    pub(super) const fn watched(&self) -> f64 {
        self.noise.waits().elapsed()
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
        let base = first.offset();
        let (guard, fine) = self.first_beliefs(first, base, frequency);
        self.track = Some(Track { base, at: first.time, guard, fine, seed: frequency });
        self.samples_since_seed = 0;
        self.replay();
        self.samples_since_seed = u32::try_from(samples.len()).unwrap_or(READY);
    }

    /// Judges everything since the seed by what is known of the path now.
    fn replay(&mut self) {
        let history = std::mem::take(&mut self.history);
        let counted = self.samples_since_seed;
        let (Some(first), Some(track)) = (history.front(), &self.track) else { return };
        let (guard, fine) = self.first_beliefs(first, track.base, track.seed);
        if let Some(track) = &mut self.track {
            (track.guard, track.fine) = (guard, fine);
            track.at = first.time;
        }
        for sample in history.iter().skip(1) {
            let judged = self.noise.judge(sample.delay(), sample.stamp_uncertainty);
            self.accept(*sample, &judged);
        }
        self.history = history;
        self.samples_since_seed = counted;
    }

    /// What follows from the first sample and the least delay of all.
    fn first_beliefs(&self, first: &Sample, base: Span, (frequency, variance): (f64, f64)) -> (Bank, Fine) {
        let judged = self.noise.judge(first.delay(), first.stamp_uncertainty);
        let offset = (first.offset() - base).seconds();
        let wander = self.prior.wander;
        let line = Line::new(offset + judged.correction, judged.variance, frequency, variance);
        let wait = USUAL_WAIT * self.delay() + (first.delay() - self.delay()) / 2.0;
        let fine = Line::new(offset, wait * wait + first.stamps(), frequency, variance);
        (Bank::new(Belief::of(line), wander), Fine::new(fine, (self.delay(), first.delay()), wander))
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
        let measured = (sample.offset() - track.base).seconds() + judged.correction;
        track.guard.update(dt, |belief| belief.measure(measured, judged.variance));
        track.fine.update(dt, sample.legs(track.base), sample.stamps());
        track.at = sample.time;
        let waits = self.noise.waits();
        let longer = if self.samples_since_seed > ESTABLISHED { waits.last() } else { 0.0 };
        track.compare((waits.least_delay(), sample.delay()), longer);
        self.samples_since_seed = self.samples_since_seed.saturating_add(1);
        if !track.guard.predict(0.0).is_sound() {
            self.restart(self.prior);
        }
    }

    /// One outlier is left out; several that follow each other are believed.
    fn on_surprise(&mut self, sample: Sample, innovation: f64) {
        self.surprises.push(sample);
        self.doubt = (innovation / DOUBTED).powi(2);
        if self.surprises.len() < CONFIRMATIONS {
            return;
        }
        let samples = std::mem::take(&mut self.surprises);
        (self.doubt, self.asymmetry) = (0.0, Span::ZERO);
        let frequency = self.frequency_after_surprise(sample.time);
        self.seed(&samples, frequency);
    }

    /// A step of the phase leaves the frequency alone; a second one at once does not, nor one where no crystal has such a frequency: a
    /// queue that filled while it was measured looks like one.
    fn frequency_after_surprise(&self, time: LocalTime) -> (f64, f64) {
        let Prior { frequency, ignorance, .. } = self.prior;
        let plausible = |line: &Line| (line.frequency - frequency).powi(2) < IMPLAUSIBLE.powi(2) * ignorance;
        let known = self.predict(time).map(|(_, line)| line).filter(plausible);
        match known.filter(|_| self.samples_since_seed > HASTY) {
            Some(line) => (line.frequency, line.frequency_variance + 1e-14),
            None => (frequency, ignorance),
        }
    }
}

fn is_surprise(innovation: f64, predicted: &Line, judged: &Judgement) -> bool {
    let total = predicted.offset_variance + judged.variance;
    let allowed = (SURPRISE * total.sqrt()).max(judged.bound + SURPRISE * predicted.offset_sigma());
    innovation.is_nan() || innovation.abs() > allowed
}
