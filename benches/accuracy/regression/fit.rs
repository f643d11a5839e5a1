//! A straight line through weighted samples, over as many of the newest as are on one line by a test of runs. Knows no clock.

/// Fewer samples make no line.
pub(super) const LEAST_SAMPLES: usize = 3;

/// The test looks back over this many times the samples of the line.
pub(super) const RUNS_RATIO: usize = 2;

/// Below this number of residuals their signs say nothing.
const LEAST_RESIDUALS: usize = 8;

/// Fewer runs of equal signs than chance gives in this share of all cases: a curve, and no line.
const SIGNIFICANCE: f64 = 0.05;

/// One sample as a line sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
    /// Its variance relative to that of the best.
    pub weight: f64,
}

/// `y = intercept + slope · x`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit {
    pub intercept: f64,
    pub slope: f64,
    /// Of a sample with weight 1, averaged over the weights.
    pub variance: f64,
    pub intercept_sd: f64,
    pub slope_sd: f64,
    /// The first of the samples that are on the line.
    pub start: usize,
    pub freedom: usize,
}

/// The line through the newest of `points[from..]`, at least `least` of them; older ones serve the test of runs alone.
pub(super) fn best(points: &[Point], from: usize, least: usize) -> Option<Fit> {
    let least = least.max(LEAST_SAMPLES);
    let mut start = from;
    loop {
        let used = points.get(start..)?;
        if used.len() < LEAST_SAMPLES {
            return None;
        }
        let fit = line(used, start)?;
        let tested = points.len().saturating_sub(RUNS_RATIO * used.len());
        let residuals = points.get(tested..)?.iter().map(|p| p.y - fit.intercept - fit.slope * p.x);
        let count = points.len() - tested;
        if runs(residuals) > critical_runs(count) || used.len() <= least {
            return Some(fit);
        }
        start += 1;
    }
}

fn line(points: &[Point], start: usize) -> Option<Fit> {
    let sum = |of: &dyn Fn(&Point) -> f64| points.iter().map(|p| of(p) / p.weight).sum::<f64>();
    let total = sum(&|_| 1.0);
    let centre = sum(&|p| p.x) / total;
    let height = sum(&|p| p.y) / total;
    let spread = sum(&|p| (p.x - centre).powi(2));
    let slope = sum(&|p| (p.x - centre) * (p.y - height)) / spread;
    let intercept = height - slope * centre;
    let count = points.len() as f64;
    let square = sum(&|p| (p.y - intercept - slope * p.x).powi(2)) / (count - 2.0);
    let slope_sd = (square / spread).sqrt();
    let intercept_sd = (square / total + (centre * slope_sd).powi(2)).sqrt();
    let variance = square * count / total;
    let freedom = points.len() - 2;
    slope.is_finite().then_some(Fit { intercept, slope, variance, intercept_sd, slope_sd, start, freedom })
}

/// How often the sign changes, plus one.
fn runs(residuals: impl Iterator<Item = f64>) -> usize {
    let signs: Vec<bool> = residuals.map(|residual| residual < 0.0).collect();
    1 + signs.iter().zip(signs.iter().skip(1)).filter(|(a, b)| a != b).count()
}

/// The least number that chance does not exceed in `SIGNIFICANCE` of all cases: changes of sign are throws of a coin.
fn critical_runs(count: usize) -> usize {
    if count < LEAST_RESIDUALS {
        return 0;
    }
    let throws = (count - 1) as f64;
    let mut probability = (-throws).exp2();
    let mut sum = 0.0;
    for changes in 0..count {
        sum += probability;
        if sum >= SIGNIFICANCE {
            return changes + 1;
        }
        probability *= (throws - changes as f64) / (changes as f64 + 1.0);
    }
    count
}

/// How much of `excess` is in `y`, beside a line over `x`: least squares over all three, unweighted.
pub(super) fn share_of(excess: &[f64], points: &[Point]) -> Option<f64> {
    if points.len() < 4 || excess.len() != points.len() {
        return None;
    }
    // What a line over x explains is taken out of both; what is left of one is compared with what is left of the other.
    let without_line = |values: &[f64]| -> Option<Vec<f64>> {
        let plain = |(p, y): (&Point, &f64)| Point { x: p.x, y: *y, weight: 1.0 };
        let plain: Vec<Point> = points.iter().zip(values).map(plain).collect();
        let fit = line(&plain, 0)?;
        Some(plain.iter().map(|p| p.y - fit.intercept - fit.slope * p.x).collect())
    };
    let left = without_line(&points.iter().map(|p| p.y).collect::<Vec<f64>>())?;
    let excess = without_line(excess)?;
    let spread: f64 = excess.iter().map(|e| e * e).sum();
    let share = left.iter().zip(&excess).map(|(y, e)| y * e).sum::<f64>() / spread;
    share.is_finite().then_some(share)
}

/// Half the width of a band that holds 99.9 % of Student's distribution.
pub(super) fn student(freedom: usize) -> f64 {
    const FIRST: [f64; 10] = [636.6, 31.6, 12.92, 8.61, 6.869, 5.959, 5.408, 5.041, 4.781, 4.587];
    let exact = freedom.checked_sub(1).map_or(FIRST.first(), |index| FIRST.get(index));
    let n = freedom as f64;
    // Cornish and Fisher's expansion around the normal distribution's 3.2905.
    exact.copied().unwrap_or(3.2905 + 9.73 / n + 26.1 / (n * n))
}
