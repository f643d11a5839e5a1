//! From the survivors' lines to one: weights that do not change with the last sample. Does not choose survivors.

use super::line::Line;

/// A path's asymmetry is about this part of its root delay, one standard deviation. It cannot be measured; weighing by it keeps
/// the combination still when variances change. Smaller lets the combination wander between asymmetric sources, larger wastes the
/// averaging over sources at different distances.
const ASYMMETRY: f64 = 0.05;

/// And what its server says of its own dispersion counts for this much.
const DISPERSION: f64 = 0.1;

/// Errors of different sources have this part in common: the oscillator's wander since their last samples.
const COMMON: f64 = 0.3;

/// A source this many of its own deviations from the middle counts half. Fewer lets a few sources decide, more lets one that is
/// within everybody's bounds and still far off pull all.
const FAR: f64 = 8.0;

/// What one survivor says, seconds from a common point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opinion {
    /// Offset and frequency now.
    pub line: Line,
    /// Round trip to the primary source, seconds.
    pub root_delay: f64,
    /// Dispersion to the primary source, seconds.
    pub dispersion: f64,
}

impl Opinion {
    /// To be weighed inversely, s².
    pub(super) fn weight_variance(&self) -> f64 {
        let asymmetry = ASYMMETRY * self.root_delay;
        let dispersion = DISPERSION * self.dispersion;
        self.line.offset_variance + asymmetry * asymmetry + dispersion * dispersion
    }

    fn weight(&self, middle: f64) -> f64 {
        let apart = self.line.offset - middle;
        let variance = self.weight_variance();
        1.0 / (variance * (1.0 + apart * apart / (FAR * FAR * variance)))
    }
}

/// The survivors' common line, and the variance that their disagreement adds.
pub(super) fn combine(opinions: &[Opinion]) -> Option<(Line, f64)> {
    let middle = middle(opinions)?;
    let total: f64 = opinions.iter().map(|opinion| opinion.weight(middle)).sum();
    let rates: f64 = opinions.iter().map(|opinion| 1.0 / opinion.line.frequency_variance).sum();
    let weighted = || opinions.iter().map(|opinion| (opinion.weight(middle) / total, opinion.line));
    let sum = |of: fn(f64, &Line) -> f64| weighted().map(|(weight, line)| of(weight, &line)).sum::<f64>();
    let offset = sum(|weight, line| weight * line.offset);
    let sigma = sum(|weight, line| weight * line.offset_sigma());
    let independent = sum(|weight, line| weight * weight * line.offset_variance);
    let squares = sum(|weight, _| weight * weight);
    let spread: f64 = weighted().map(|(weight, line)| weight * (line.offset - offset).powi(2)).sum();
    let rated = |opinion: &Opinion| opinion.line.frequency / opinion.line.frequency_variance / rates;
    let best = opinions.iter().map(|opinion| opinion.line.frequency_variance).fold(f64::INFINITY, f64::min);
    let line = Line {
        offset,
        frequency: opinions.iter().map(rated).sum(),
        offset_variance: COMMON * sigma * sigma + (1.0 - COMMON) * independent,
        covariance: sum(|weight, line| weight * line.covariance),
        frequency_variance: COMMON * best + (1.0 - COMMON) / rates,
    };
    line.is_sound().then_some((line, spread * squares))
}

/// Where the sources are that agree with each other: a mean, weighted again by the distance from it; continuous in all that it
/// is made of, unlike a median. `None` without opinions.
fn middle(opinions: &[Opinion]) -> Option<f64> {
    let mean = |weight: &dyn Fn(&Opinion) -> f64| {
        let total: f64 = opinions.iter().map(weight).sum();
        opinions.iter().map(|opinion| weight(opinion) / total * opinion.line.offset).sum::<f64>()
    };
    let first = mean(&|opinion| 1.0 / opinion.weight_variance());
    let refined = (0..3).fold(first, |middle, _| mean(&|opinion| opinion.weight(middle)));
    refined.is_finite().then_some(refined).filter(|_| !opinions.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opinion(offset: f64, sigma: f64, root_delay: f64) -> Opinion {
        Opinion { line: Line::new(offset, sigma * sigma, 0.0, 1e-16), root_delay, dispersion: 0.0 }
    }

    #[test]
    fn equals_are_averaged() {
        let (line, _) = combine(&[opinion(1e-3, 1e-5, 0.02), opinion(-1e-3, 1e-5, 0.02)]).unwrap();
        assert!(line.offset.abs() < 2e-4, "{line:?}");
    }

    #[test]
    fn the_nearer_source_counts_more() {
        let (line, _) = combine(&[opinion(0.0, 1e-5, 0.001), opinion(1e-3, 1e-5, 0.04)]).unwrap();
        assert!(line.offset < 1e-5, "{line:?}");
    }

    #[test]
    fn a_fresh_sample_hardly_moves_the_weights() {
        let sources = |sigma| [opinion(1e-3, sigma, 0.02), opinion(-1e-3, 5e-5, 0.02)];
        let (fresh, _) = combine(&sources(2e-5)).unwrap();
        let (stale, _) = combine(&sources(8e-5)).unwrap();
        assert!((fresh.offset - stale.offset).abs() < 1e-5, "{fresh:?} {stale:?}");
    }

    #[test]
    fn one_that_is_far_off_within_everybodys_bounds_hardly_counts() {
        let sources = [0.0, 1e-4, -1e-4, 0.03].map(|offset| opinion(offset, 1e-5, 0.02));
        let (line, _) = combine(&sources).unwrap();
        assert!(line.offset.abs() < 1e-3, "{line:?}");
    }

    #[test]
    fn nobody_says_nothing() {
        assert!(combine(&[]).is_none());
    }
}
