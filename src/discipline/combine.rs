//! From the survivors' lines to one: weights that do not change with the last sample. Does not choose survivors.

use super::line::Line;

/// A path's asymmetry is about this part of its root delay, one standard deviation. It cannot be measured; weighing by it keeps
/// the combination still when variances change. Smaller lets the combination wander between asymmetric sources, larger wastes the
/// averaging over sources at different distances.
const ASYMMETRY: f64 = 0.05;

/// Errors of different sources have this part in common: the oscillator's wander since their last samples.
const COMMON: f64 = 0.3;

/// What one survivor says, seconds from a common point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opinion {
    /// Offset and frequency now.
    pub line: Line,
    /// Round trip to the primary source, seconds.
    pub root_delay: f64,
}

impl Opinion {
    /// To be weighed inversely, s².
    pub(super) fn weight_variance(&self) -> f64 {
        let asymmetry = ASYMMETRY * self.root_delay;
        self.line.offset_variance + asymmetry * asymmetry
    }
}

/// The survivors' common line, and the variance that their disagreement adds.
pub(super) fn combine(opinions: &[Opinion]) -> Option<(Line, f64)> {
    let total: f64 = opinions.iter().map(|opinion| 1.0 / opinion.weight_variance()).sum();
    let rates: f64 = opinions.iter().map(|opinion| 1.0 / opinion.line.frequency_variance).sum();
    if opinions.is_empty() || !total.is_finite() || !rates.is_finite() {
        return None;
    }
    let weighted = || opinions.iter().map(|opinion| (1.0 / opinion.weight_variance() / total, opinion.line));
    let offset: f64 = weighted().map(|(weight, line)| weight * line.offset).sum();
    let sigma: f64 = weighted().map(|(weight, line)| weight * line.offset_sigma()).sum();
    let independent: f64 = weighted().map(|(weight, line)| weight * weight * line.offset_variance).sum();
    let effective: f64 = 1.0 / weighted().map(|(weight, _)| weight * weight).sum::<f64>();
    let spread: f64 = weighted().map(|(weight, line)| weight * (line.offset - offset).powi(2)).sum();
    let frequency =
        opinions.iter().map(|opinion| opinion.line.frequency / opinion.line.frequency_variance / rates).sum();
    let least = opinions.iter().map(|opinion| opinion.line.frequency_variance).fold(f64::INFINITY, f64::min);
    let covariance: f64 = weighted().map(|(weight, line)| weight * line.covariance).sum();
    let line = Line {
        offset,
        frequency,
        offset_variance: COMMON * sigma * sigma + (1.0 - COMMON) * independent,
        covariance,
        frequency_variance: COMMON * least + (1.0 - COMMON) / rates,
    };
    Some((line, spread / effective))
}
