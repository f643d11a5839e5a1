//! Which sources tell the time: intersection of their correctness intervals (RFC 5905 §11.2.1). Does not weigh them.

/// One source's claim: the truth lies within `offset ± distance` (seconds from any common point).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    /// Middle.
    pub offset: f64,
    /// Half width, positive.
    pub distance: f64,
    /// Its word goes before a majority's.
    pub trusted: bool,
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

/// For each claim, whether it contains a point of the majority's interval: of the trusted ones' alone, where there are any.
///
/// Trusted ones may be far away and leave much room. The others that meet them are compared once more, with each other alone: the wide
/// claim of a trusted one agrees with two that contradict each other, and says for neither.
pub(super) fn agreeing(claims: &[Interval]) -> Vec<bool> {
    let trusted: Vec<Interval> = claims.iter().filter(|claim| claim.trusted).copied().collect();
    let decisive = if trusted.is_empty() { claims } else { trusted.as_slice() };
    let Some((low, high)) = intersection(decisive) else { return vec![false; claims.len()] };
    if trusted.is_empty() {
        return claims.iter().map(|claim| claim.meets(low, high)).collect();
    }
    let is_near = |claim: &&Interval| !claim.trusted && claim.meets(low, high);
    let inner = intersection(&claims.iter().filter(is_near).copied().collect::<Vec<_>>());
    let agrees = |claim: &Interval| claim.trusted || inner.is_some_and(|(low, high)| claim.meets(low, high));
    claims.iter().map(|claim| claim.meets(low, high) && agrees(claim)).collect()
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
            .map(|(offset, distance)| Interval { offset: *offset, distance: *distance, trusted: false })
            .collect();
        assert_eq!(agreeing(&claims), expected, "{:?}", intersection(&claims));
    }

    /// The first `count` claims are trusted.
    #[track_caller]
    fn check_trusting(count: usize, claims: &[(f64, f64)], expected: &[bool]) {
        let claim = |(index, (offset, distance)): (usize, &(f64, f64))| Interval {
            offset: *offset,
            distance: *distance,
            trusted: index < count,
        };
        let claims: Vec<Interval> = claims.iter().enumerate().map(claim).collect();
        assert_eq!(agreeing(&claims), expected);
    }

    #[test]
    fn one_that_is_trusted_goes_before_any_majority() {
        check_trusting(1, &[(0.0, 0.1), (1.0, 0.1), (1.0, 0.1), (1.0, 0.1)], &[true, false, false, false]);
        check_trusting(1, &[(0.0, 0.1), (0.05, 0.1), (1.0, 0.1), (1.0, 0.1)], &[true, true, false, false]);
    }

    #[test]
    fn only_others_that_are_trusted_refute_one_that_is() {
        check_trusting(3, &[(0.0, 0.1), (0.05, 0.1), (1.0, 0.1), (1.0, 0.1)], &[true, true, false, false]);
        check_trusting(2, &[(0.0, 0.1), (1.0, 0.1), (1.0, 0.1), (1.0, 0.1)], &[false; 4]);
    }

    #[test]
    fn those_that_fit_a_wide_trusted_claim_and_not_each_other_are_outvoted_within_it() {
        check_trusting(1, &[(0.0, 1.0), (0.5, 0.1), (0.5, 0.1), (-0.5, 0.1)], &[true, true, true, false]);
        check_trusting(1, &[(0.0, 1.0), (0.9, 0.01), (-0.9, 0.01)], &[true, false, false]);
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
