//! What is written down each second of a run, and the figures made of it (one line of the accuracy table). Judges nothing.

/// The window of the table's figures, seconds of true time.
pub(crate) const WINDOW: std::ops::Range<usize> = 10_000..40_000;

/// For how long an error must stay below a limit to count as settled, seconds.
const SETTLED: usize = 600;

/// Samples at whole seconds, from second 1 on.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Clock minus true time, seconds; `errors[0]` is second 1. NaN while the machine sleeps: nobody reads its clock.
    errors: Vec<f64>,
    /// Rate of the clock minus 1.
    rates: Vec<f32>,
    /// Seconds in which the kernel called the clock synchronized and its error was above `maxerror`.
    pub(crate) broken_bounds: Vec<i64>,
    /// Second, error and the kernel's `esterror`, where its clock is called synchronized.
    claims: Vec<(i64, f64, f64)>,
    /// Largest rate correction that was asked for, as a magnitude in s/s.
    pub(crate) largest_rate: f64,
}

impl Recorder {
    pub(crate) fn sample(&mut self, error: f64, rate: f64) {
        self.errors.push(error);
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
        self.rates.push(rate as f32);
    }

    /// The kernel says that its clock is synchronized, and this good; `second` is now.
    pub(crate) fn claim(&mut self, second: i64, error: f64, estimated: f64, maximum: f64) {
        if error.abs() > maximum {
            self.broken_bounds.push(second);
        }
        self.claims.push((second, error, estimated));
    }

    /// Root mean square of the error over `esterror`: 1 when claims are honest, above when they are too good.
    pub(crate) fn boldness(&self) -> f64 {
        let square: f64 = self.claims.iter().map(|(_, error, estimated)| (error / estimated).powi(2)).sum();
        (square / self.claims.len() as f64).sqrt()
    }

    /// The share of the seconds in which the error was within twice the `esterror`, without those that are excused.
    pub(crate) fn within_estimates(&self, excused: impl Fn(i64) -> bool) -> f64 {
        let judged = || self.claims.iter().filter(|(second, ..)| !excused(*second));
        let within = judged().filter(|(_, error, estimated)| error.abs() <= 2.0 * estimated).count();
        within as f64 / judged().count() as f64
    }

    /// The median `esterror` of the window, seconds.
    pub(crate) fn usual_estimate(&self) -> f64 {
        let window = |second: i64| usize::try_from(second).is_ok_and(|second| WINDOW.contains(&second));
        let claims = self.claims.iter().filter(|(second, ..)| window(*second));
        quantile(&mut claims.map(|(.., estimated)| *estimated).collect::<Vec<f64>>(), 0.5)
    }

    /// Clock minus true time at seconds `range.start` up to and without `range.end`.
    pub(crate) fn errors(&self, range: std::ops::Range<usize>) -> &[f64] {
        let end = range.end.saturating_sub(1).min(self.errors.len());
        self.errors.get(range.start.saturating_sub(1).min(end)..end).unwrap_or_default()
    }

    /// The same without the seconds of sleep.
    pub(crate) fn awake(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
        self.errors(range).iter().copied().filter(|error| !error.is_nan())
    }

    /// Rate minus 1, as `errors`.
    pub(crate) fn rates(&self, range: std::ops::Range<usize>) -> &[f32] {
        let end = range.end.saturating_sub(1).min(self.rates.len());
        self.rates.get(range.start.saturating_sub(1).min(end)..end).unwrap_or_default()
    }

    /// Root mean square of the error, seconds; NaN without samples.
    pub(crate) fn rms(&self, range: std::ops::Range<usize>) -> f64 {
        rms(&self.awake(range).collect::<Vec<f64>>())
    }

    /// The largest magnitude of the error, seconds.
    pub(crate) fn max(&self, range: std::ops::Range<usize>) -> f64 {
        self.awake(range).fold(0.0, |most, e| e.abs().max(most))
    }

    /// The first second, from `from` on, from which the error's magnitude is below `limit` for 600 s; infinite if none.
    pub(crate) fn settles(&self, limit: f64, from: usize) -> f64 {
        let mut since = from;
        for (second, error) in (from..).zip(self.errors(from..usize::MAX)) {
            if error.abs() >= limit {
                since = second + 1;
            } else if second + 1 - since >= SETTLED {
                return since as f64;
            }
        }
        f64::INFINITY
    }
}

pub(crate) fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

/// The value below which this share of `values` lies (nearest rank); NaN without values.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the last"
    )]
    let rank = (share * (values.len() - 1) as f64).round() as usize;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}
