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
/// For the smallest number of falsetickers below half: from the lowest point that all others cover to the highest one. The RFC
/// also refuses when more middles than falsetickers lie outside; here they may, for a near source's bounds hardly ever contain a
/// distant one's middle, and the bounds are true ones. What is off within its bounds is weighed down later.
pub(super) fn intersection(claims: &[Interval]) -> Option<(f64, f64)> {
    let count = claims.len();
    (0..count.div_ceil(2)).find_map(|falsetickers| {
        let needed = count - falsetickers;
        let low = edge(claims.iter().map(|claim| (claim.low(), claim.high())), needed)?;
        let high = -edge(claims.iter().map(|claim| (-claim.high(), -claim.low())), needed)?;
        Some((low, high))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(claims: &[(f64, f64)], expected: &[bool]) {
        let claims: Vec<Interval> = claims
            .iter()
            .map(|(offset, distance)| Interval { offset: *offset, distance: *distance })
            .collect();
        assert_eq!(agreeing(&claims), expected, "{:?}", intersection(&claims));
    }

    #[test]
    fn one_agrees_with_itself() {
        check(&[(5.0, 0.1)], &[true]);
    }

    #[test]
    fn nobody_has_no_majority() {
        assert_eq!(intersection(&[]), None);
    }

    #[test]
    fn two_that_meet_agree_and_two_that_do_not_are_no_majority() {
        check(&[(0.0, 1.0), (1.5, 1.0)], &[true, true]);
        check(&[(0.0, 1.0), (2.5, 1.0)], &[false, false]);
    }

    #[test]
    fn two_of_three_are_a_majority() {
        check(&[(0.0, 0.1), (0.05, 0.1), (1.0, 0.1)], &[true, true, false]);
    }

    #[test]
    fn two_of_four_are_none() {
        check(&[(0.0, 0.1), (0.05, 0.1), (1.0, 0.1), (1.05, 0.1)], &[false; 4]);
    }

    #[test]
    fn three_of_five_outvote_two_that_collude() {
        check(
            &[(0.0, 0.1), (0.05, 0.1), (0.1, 0.1), (1.0, 0.1), (1.0, 0.1)],
            &[true, true, true, false, false],
        );
    }

    #[test]
    fn a_wide_claim_agrees_wherever_its_middle_is() {
        check(&[(0.0, 0.001), (0.0005, 0.001), (0.08, 0.1)], &[true; 3]);
    }

    #[test]
    fn order_does_not_matter() {
        check(&[(1.0, 0.1), (0.1, 0.1), (0.0, 0.1)], &[false, true, true]);
    }

    #[test]
    fn one_that_is_no_number_agrees_with_nobody() {
        check(&[(f64::NAN, 0.1), (0.1, 0.1), (0.0, 0.1)], &[false, true, true]);
    }
}
