//! One source: its last samples, how much each is worth, and the line through them. Asks nobody.

use super::fit::{self, Fit, Point, RUNS_RATIO};

/// Samples that a line is drawn through, at most and at least.
const MOST_SAMPLES: usize = 64;
const LEAST_SAMPLES: usize = 6;

/// A standard deviation is this part of the mean excess of the distances.
const DEVIATION_IN_DISTANCE: f64 = 0.7;

/// Stamps are no better, seconds.
const PRECISION: f64 = 1.0 / 8_388_608.0;

/// Samples by whose delay is above the least by more than so many deviations are not used, unless the offset is as far off.
const MOST_DEVIATIONS: f64 = 10.0;

/// One direction alone waits: this part of the excess delay is in the offset, in so many estimates with none of
/// the other sign between them. It cannot be more than half.
const ONE_SIDED: f64 = 0.45;
const ENTIRELY: f64 = 0.5;
const ESTIMATES_ENOUGH: i32 = 10;

/// A frequency is known no better and no worse than this, s/s.
const SKEWS: (f64, f64) = (1e-12, 1.0);

/// One exchange. Times and offsets are on the timescale of a clock that nobody steers, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub time: f64,
    pub offset: f64,
    pub delay: f64,
    /// Which of them the server itself adds.
    pub root_distance: f64,
}

impl Sample {
    fn distance(&self) -> f64 {
        self.delay / 2.0 + PRECISION
    }
}

/// What a source says: its line counts from the newest sample's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub time: f64,
    pub offset: f64,
    pub offset_sd: f64,
    pub frequency: f64,
    pub frequency_sd: f64,
    pub skew: f64,
    pub deviation: f64,
}

impl Estimate {
    pub(super) fn offset_at(&self, time: f64) -> f64 {
        self.offset + self.frequency * (time - self.time)
    }
}

/// The samples of one source.
#[derive(Debug, Default)]
pub(super) struct Register {
    /// Oldest first; those before `first` serve the test of runs alone.
    samples: Vec<Sample>,
    first: usize,
    pub(super) estimate: Option<Estimate>,
    /// Estimates by which one direction waits since the last that denied it; the sign says which.
    one_sided: i32,
}

impl Register {
    /// On how many samples the line is.
    pub(super) fn length(&self) -> usize {
        self.samples.len() - self.first
    }

    /// Whether the sample is used; then the line is drawn anew.
    pub(super) fn take(&mut self, sample: Sample) -> bool {
        if !self.is_plausible(&sample) {
            return false;
        }
        self.samples.push(sample);
        self.first = self.first.max(self.samples.len().saturating_sub(MOST_SAMPLES));
        self.forget();
        self.draw();
        true
    }

    fn least_delay(&self) -> f64 {
        self.samples.iter().map(|sample| sample.delay).fold(f64::INFINITY, f64::min)
    }

    fn is_plausible(&self, sample: &Sample) -> bool {
        let Some(estimate) = &self.estimate else { return true };
        let allowed =
            MOST_DEVIATIONS * estimate.deviation + estimate.skew * (sample.time - estimate.time) + PRECISION;
        let late = (sample.delay - self.least_delay()) / 2.0;
        let off = (sample.offset - estimate.offset_at(sample.time)).abs();
        late <= allowed || off - late > allowed
    }

    /// Older samples than the test of runs needs.
    fn forget(&mut self) {
        let spare = self.first.saturating_sub(self.length() * (RUNS_RATIO - 1));
        self.samples.drain(..spare);
        self.first -= spare;
    }

    fn draw(&mut self) {
        let Some(newest) = self.samples.last().copied() else { return };
        let mut points = self.points(newest.time);
        self.straighten(&mut points);
        let Some(fit) = fit::best(&points, self.first, LEAST_SAMPLES) else {
            return;
        };
        self.estimate = Some(estimate(&fit, newest.time));
        self.first = fit.start;
        self.forget();
    }

    /// The farther the server, the less a sample counts.
    fn points(&self, newest: f64) -> Vec<Point> {
        let distances = || self.samples.iter().skip(self.first).map(Sample::distance);
        let least = distances().fold(f64::INFINITY, f64::min);
        let mean = distances().sum::<f64>() / self.length() as f64;
        let deviation = ((mean - least) / DEVIATION_IN_DISTANCE).min(least).max(PRECISION);
        let point = |sample: &Sample| {
            let excess = (sample.distance() - least - PRECISION).max(0.0);
            let weight = (1.0 + excess / deviation).powi(2);
            Point { x: sample.time - newest, y: sample.offset, weight }
        };
        self.samples.iter().map(point).collect()
    }

    /// If one direction alone waits, what it waits is known, and taken out.
    fn straighten(&mut self, points: &mut [Point]) {
        let least = self.least_delay();
        let excess: Vec<f64> = self.samples.iter().map(|sample| sample.delay - least).collect();
        let share = fit::share_of(&excess, points).filter(|share| share * f64::from(self.one_sided) >= 0.0);
        let Some(share) = share else {
            self.one_sided = 0;
            return;
        };
        if share.abs() >= ONE_SIDED {
            self.one_sided += if share < 0.0 { -1 } else { 1 };
        }
        if self.one_sided.abs() >= ESTIMATES_ENOUGH {
            let share = share.clamp(-ENTIRELY, ENTIRELY);
            for (point, excess) in points.iter_mut().zip(excess) {
                point.y -= share * excess;
            }
        }
    }

    /// Offset and half width of the interval that the best sample leaves for the truth, at `time`.
    pub(super) fn interval(&self, time: f64) -> Option<(f64, f64)> {
        let estimate = self.estimate?;
        let width = |sample: &Sample| {
            let age = (time - sample.time).abs();
            sample.root_distance + sample.distance() + age * estimate.skew
        };
        let best = self.samples.iter().skip(self.first).min_by(|a, b| width(a).total_cmp(&width(b)))?;
        Some((best.offset + estimate.frequency * (time - best.time), width(best)))
    }
}

fn estimate(fit: &Fit, time: f64) -> Estimate {
    let (least, most) = SKEWS;
    Estimate {
        time,
        offset: fit.intercept,
        offset_sd: fit.intercept_sd,
        frequency: fit.slope,
        frequency_sd: fit.slope_sd.clamp(least, most),
        skew: (fit.slope_sd * fit::student(fit.freedom)).clamp(least, most),
        deviation: fit.variance.sqrt().max(1e-9),
    }
}
