//! Which sources tell the time: intersection of their correctness intervals (RFC 5905 §11.2.1). Does not weigh them.

/// One source's claim: the truth lies within `offset ± distance` (seconds from any common point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    /// Middle.
    pub offset: f64,
    /// Half width, positive.
    pub distance: f64,
}

impl Interval {
    fn low(&self) -> f64 {
        self.offset - self.distance
    }

    fn high(&self) -> f64 {
        self.offset + self.distance
    }

    /// Whether both may be true.
    fn meets(&self, low: f64, high: f64) -> bool {
        self.low() <= high && self.high() >= low
    }
}

/// The interval that a majority agrees on, or none.
///
/// For the smallest number of falsetickers below half: the lowest point that all others cover, and the highest one. As in the RFC,
/// no more middles than falsetickers may lie outside.
pub(super) fn intersection(claims: &[Interval]) -> Option<(f64, f64)> {
    let count = claims.len();
    (0..count.div_ceil(2)).find_map(|falsetickers| {
        let needed = count - falsetickers;
        let low = edge(claims.iter().map(|claim| (claim.low(), claim.high())), needed)?;
        let high = -edge(claims.iter().map(|claim| (-claim.high(), -claim.low())), needed)?;
        let outside = claims.iter().filter(|claim| claim.offset < low || claim.offset > high).count();
        (low <= high && outside <= falsetickers).then_some((low, high))
    })
}

/// For each claim, whether it contains a point of the majority's interval.
pub(super) fn agreeing(claims: &[Interval]) -> Vec<bool> {
    match intersection(claims) {
        Some((low, high)) => claims.iter().map(|claim| claim.meets(low, high)).collect(),
        None => vec![false; claims.len()],
    }
}

/// The lowest point that `needed` of the intervals cover.
fn edge(intervals: impl Iterator<Item = (f64, f64)> + Clone, needed: usize) -> Option<f64> {
    let mut starts: Vec<f64> = intervals.clone().map(|(low, _)| low).collect();
    starts.sort_by(f64::total_cmp);
    starts
        .into_iter()
        .find(|point| intervals.clone().filter(|(low, high)| low <= point && point <= high).count() >= needed)
}
