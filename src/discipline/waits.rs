//! How long the packets of one path wait: the least delay, the usual wait, and waits out of the usual. Says nothing of offsets.

/// Length of one bucket of the windowed least delay, seconds. The window, `BUCKETS` of them, keeps a rare undelayed sample in
/// use; longer takes longer to accept that a new route is slower.
const BUCKET: f64 = 1800.0;
const BUCKETS: usize = 6;

/// Buckets of which the least delay is that of the present route.
const RECENT: usize = 3;

/// Delays in a row that show that a route has become longer. Fewer take chance for it.
const LAST: usize = 8;

/// Before anything is known, packets wait about this part of the round trip.
const PRIOR: f64 = 0.1;

/// Seconds over which the moments are forgotten.
const MEMORY: f64 = 20_000.0;

/// A wait of so many usual ones comes from one direction alone, and from a queue that the next packets meet too.
const LONG_WAIT: f64 = 6.0;

/// And one of so many counts as no more in the moments: a few packets that waited for ever say nothing of the others.
const TAME: f64 = 40.0;

/// Delays that the usual wait is taken from at first.
const FIRST: usize = 32;

/// How fast it follows later, a part for so many seconds or for a sample if those are rarer. Faster takes a long queue for usual,
/// slower clings to the first half hour.
const STEP: f64 = 0.08;
const STEP_SECONDS: f64 = 64.0;

/// A stretch of time, and its least delay.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    start: f64,
    least: f64,
    /// What came with the least delay.
    apart: f64,
}

/// The delays of one path.
#[derive(Debug, Clone)]
pub(super) struct Waits {
    /// Oldest first.
    buckets: Vec<Bucket>,
    /// Seconds since the first sample.
    elapsed: f64,
    /// Samples that are remembered, and the sums of their waits and of the squares.
    samples: f64,
    sum: f64,
    squares: f64,
    /// The first delays, as many as there were.
    first: [f64; FIRST],
    known: usize,
    /// Lower quartile of the waits, seconds: low, because queues may be usual.
    usual: f64,
    /// Long waits in a row.
    long: f64,
    /// The last delays, and where the next one goes.
    last: [f64; LAST],
    next: usize,
}

impl Waits {
    /// Nothing measured yet.
    pub(super) const fn new() -> Self {
        Self {
            buckets: Vec::new(),
            elapsed: 0.0,
            samples: 0.0,
            sum: 0.0,
            squares: 0.0,
            first: [f64::INFINITY; FIRST],
            known: 0,
            usual: 0.0,
            long: 0.0,
            last: [f64::INFINITY; LAST],
            next: 0,
        }
    }

    /// A round trip was measured, `dt` seconds after the one before; `apart` is remembered of the least one.
    pub(super) fn observe(&mut self, dt: f64, delay: f64, apart: f64) {
        self.elapsed += dt.max(0.0);
        let elapsed = self.elapsed;
        match self.buckets.last_mut().filter(|bucket| elapsed - bucket.start < BUCKET) {
            Some(bucket) if bucket.least <= delay => {}
            Some(bucket) => *bucket = Bucket { least: delay, apart, ..*bucket },
            None => self.buckets.push(Bucket { start: elapsed, least: delay, apart }),
        }
        if self.buckets.len() > BUCKETS {
            self.buckets.remove(0);
        }
        if let Some(slot) = self.last.get_mut(self.next) {
            *slot = delay;
        }
        self.next = (self.next + 1) % LAST;
        let wait = self.of(delay);
        self.usual = self.usual_with(dt, wait);
        let keep = (-dt.max(0.0) / MEMORY).exp();
        let tame = wait.min(TAME * self.usual);
        self.samples = self.samples * keep + 1.0;
        self.sum = self.sum * keep + tame;
        self.squares = self.squares * keep + tame * tame;
        self.long = if wait > LONG_WAIT * self.usual { self.long + 1.0 } else { 0.0 };
    }

    /// The least round trip within the window, seconds; infinite before any.
    pub(super) fn least_delay(&self) -> f64 {
        self.buckets.iter().map(|bucket| bucket.least).fold(f64::INFINITY, f64::min)
    }

    /// What came with the least delay.
    pub(super) fn apart(&self) -> f64 {
        let least = self.buckets.iter().min_by(|a, b| a.least.total_cmp(&b.least));
        least.map_or(0.0, |bucket| bucket.apart)
    }

    /// Even the best of the last hour waited so long, seconds.
    pub(super) fn recent(&self) -> f64 {
        let last = self.buckets.iter().rev().take(RECENT).map(|bucket| bucket.least);
        self.of(last.fold(f64::INFINITY, f64::min))
    }

    /// Even the best of the last few waited so long, seconds.
    pub(super) fn last(&self) -> f64 {
        self.of(self.last.iter().copied().fold(f64::INFINITY, f64::min))
    }

    /// What a sample with this delay waited, seconds.
    pub(super) fn of(&self, delay: f64) -> f64 {
        (delay - self.least_delay()).max(0.0)
    }

    /// Seconds since the first sample.
    pub(super) const fn elapsed(&self) -> f64 {
        self.elapsed
    }

    /// Samples that are remembered.
    pub(super) const fn samples(&self) -> f64 {
        self.samples
    }

    /// The last so many samples all waited long.
    pub(super) const fn long_in_a_row(&self) -> f64 {
        self.long
    }

    /// 0 to 1: how far this wait is out of the usual.
    pub(super) fn unusual(&self, wait: f64) -> f64 {
        (wait / (LONG_WAIT * self.usual)).min(1.0)
    }

    /// Mean, seconds.
    pub(super) fn mean(&self) -> f64 {
        (self.prior() + self.sum) / (1.0 + self.samples)
    }

    /// Variance, s².
    pub(super) fn variance(&self) -> f64 {
        let square = (self.prior() * self.prior() + self.squares) / (1.0 + self.samples);
        let mean = self.mean();
        (square - mean * mean).max(mean * mean / 10.0)
    }

    fn prior(&self) -> f64 {
        PRIOR * self.least_delay().max(1e-9)
    }

    /// The lower quartile with this one: of all while they are few, later followed slowly, so that a queue that lasts for an hour
    /// does not become the usual.
    fn usual_with(&mut self, dt: f64, wait: f64) -> f64 {
        let least = self.least_delay();
        let prior = self.prior();
        if let Some(slot) = self.first.get_mut(self.known) {
            *slot = wait + least;
            self.known += 1;
            let mut sorted = self.first;
            sorted.sort_unstable_by(f64::total_cmp);
            let quartile = sorted.get(self.known / 4).map_or(0.0, |delay| delay - least);
            return quartile.max(if self.known < 8 { prior } else { 1e-9 });
        }
        let step = STEP * (dt / STEP_SECONDS).clamp(0.0, 1.0);
        let factor = if wait > self.usual { 1.0 + 0.25 * step } else { 1.0 / (1.0 + 0.75 * step) };
        (self.usual * factor).max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> Waits {
        let mut waits = Waits::new();
        for sample in 0..60 {
            waits.observe(64.0, 0.02 + f64::from(sample * 7 % 10) * 1e-4, 0.0);
        }
        waits
    }

    #[test]
    fn the_least_delay_is_forgotten_after_the_window() {
        let mut waits = path();
        for _ in 0..100 {
            waits.observe(64.0, 0.025, 0.0);
        }
        assert!(waits.of(0.025) > 4e-3, "not after less than two hours");
        for _ in 0..100 {
            waits.observe(64.0, 0.025, 0.0);
        }
        assert!(waits.of(0.025) < 1e-9, "but after more than three");
    }

    #[test]
    fn a_queue_of_half_an_hour_does_not_become_the_usual() {
        let mut waits = path();
        for _ in 0..30 {
            waits.observe(64.0, 0.03, 0.0);
        }
        assert!(waits.long_in_a_row() > 29.0 && waits.unusual(0.01) >= 1.0);
    }

    #[test]
    fn moments_are_those_of_the_waits() {
        let waits = path();
        assert!((waits.mean() - 4.5e-4).abs() < 1e-4, "{}", waits.mean());
        assert!((waits.variance().sqrt() - 2.87e-4).abs() < 1e-4, "{}", waits.variance().sqrt());
    }

    #[test]
    fn one_packet_that_waited_for_ever_does_not_count_for_all() {
        let mut waits = path();
        let before = waits.mean();
        waits.observe(64.0, 5.0, 0.0);
        assert!(waits.mean() < 1.5 * before, "{} {}", before, waits.mean());
    }
}
