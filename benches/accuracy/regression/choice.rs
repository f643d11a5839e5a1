//! Which sources are right, which of them leads, and what they say together. Steers nothing.

use super::register::{Estimate, Register};

/// Two distances that differ by less are alike, seconds.
const ALIKE: f64 = 1e-4;

/// Sources farther away than so many times the leader's distance are left out.
const FARTHEST: f64 = 3.0;

/// Another source leads once it was nearer so often and so much that this product is exceeded.
const SCORE: f64 = 10.0;

/// Frequencies may differ by this beside what they are uncertain, s/s.
const CLOCK_ERROR: f64 = 1e-6;

/// Who leads, and how near others have come to it.
#[derive(Debug, Default)]
pub(super) struct Choice {
    leader: Option<usize>,
    scores: Vec<f64>,
}

impl Choice {
    /// Forgets who led.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The estimate of all right sources together at `time`, if the source that has news leads.
    pub(super) fn combined(&mut self, registers: &[Register], news: usize, time: f64) -> Option<Estimate> {
        let intervals: Vec<Option<(f64, f64)>> =
            registers.iter().map(|register| register.interval(time)).collect();
        let right = right(&intervals)?;
        self.lead(&right, news);
        let leader = self.leader.filter(|leader| *leader == news)?;
        let (_, distance) = *right.iter().find(|(index, _)| *index == leader)?;
        let first = registers.get(leader)?.estimate?;
        let near =
            |(index, width): &&(usize, f64)| *index == leader || *width <= FARTHEST * (ALIKE + distance);
        let together: Vec<(f64, Estimate)> = right
            .iter()
            .filter(near)
            .filter_map(|(index, width)| Some((1.0 / width, registers.get(*index)?.estimate?)))
            .filter(|(_, other)| {
                let allowed = FARTHEST * (other.skew + first.skew + CLOCK_ERROR);
                (other.frequency - first.frequency).abs() <= allowed
            })
            .collect();
        Some(mean(&together, first.time))
    }

    fn lead(&mut self, right: &[(usize, f64)], news: usize) {
        let distance = |index| right.iter().find(|(i, _)| *i == index).map(|(_, distance)| *distance);
        let Some(present) = self.leader.and_then(distance) else {
            self.scores.clear();
            self.leader = right.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| *index);
            return;
        };
        let most = right.iter().map(|(index, _)| index + 1).max().unwrap_or(0);
        self.scores.resize(self.scores.len().max(most), 1.0);
        // Compared at the leader's news, so that nobody counts more often.
        if self.leader != Some(news) {
            return;
        }
        for (index, score) in self.scores.iter_mut().enumerate() {
            let ratio = distance(index).map_or(0.0, |distance| (present + ALIKE) / (distance + ALIKE));
            *score = if self.leader == Some(index) { 1.0 } else { (*score * ratio).max(1.0) };
        }
        let best = self.scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((index, score)) = best
            && *score > SCORE
        {
            self.leader = Some(index);
            self.scores.clear();
        }
    }
}

/// Those whose intervals contain what most intervals contain, with their widths; nobody without a majority.
fn right(intervals: &[Option<(f64, f64)>]) -> Option<Vec<(usize, f64)>> {
    let known = || intervals.iter().enumerate().filter_map(|(index, interval)| Some((index, (*interval)?)));
    let holds = |(offset, width): (f64, f64), at: f64| (offset - width..=offset + width).contains(&at);
    let count = |at: f64| known().filter(|(_, interval)| holds(*interval, at)).count();
    let edges = known().map(|(_, (offset, width))| offset - width);
    let best = edges.max_by_key(|edge| count(*edge))?;
    (count(best) * 2 > known().count())
        .then(|| known().filter(|(_, i)| holds(*i, best)).map(|(index, (_, width))| (index, width)).collect())
}

/// Offsets by distance, frequencies by precision.
fn mean(together: &[(f64, Estimate)], time: f64) -> Estimate {
    let sum = |of: &dyn Fn(&(f64, Estimate)) -> f64| together.iter().map(of).sum::<f64>();
    let near = sum(&|(near, _)| *near);
    let offset = sum(&|(near, e)| near * e.offset_at(time)) / near;
    let square = |e: &Estimate| e.offset_sd.powi(2) + (e.offset_at(time) - offset).powi(2);
    let precision = sum(&|(_, e)| e.frequency_sd.powi(-2));
    Estimate {
        time,
        offset,
        offset_sd: (sum(&|(near, e)| near * square(e)) / near).sqrt(),
        frequency: sum(&|(_, e)| e.frequency / e.frequency_sd.powi(2)) / precision,
        frequency_sd: precision.powf(-0.5),
        skew: sum(&|(_, e)| e.skew.powi(-2)).powf(-0.5),
        deviation: sum(&|(near, e)| near * e.deviation) / near,
    }
}
