//! Lines over time as SVG, drawn here so that they need no script. Keeps nothing.

use super::clock::duration;
use super::html::Html;
use crate::cli::metrics_exporter::history::{Estimate, History, Sample};
use std::fmt::Write;

/// A line has no more points: more than a screen can show are averaged.
const POINTS: usize = 240;
/// The least that is shown, seconds.
const SHORTEST: f64 = 600.0;

/// The three of them.
pub(super) fn plots(html: &mut Html, history: &History) {
    html.raw("<section aria-labelledby=\"past\"><h2 id=\"past\">The last hours</h2><div class=\"plots\">\n");
    plot(html, "Offset of the clock", SECONDS, history, |sample| sample.offset);
    plot(html, "Frequency correction", PPM, history, |sample| sample.frequency);
    plot(html, "Jitter of the sources", SECONDS, history, |sample| Some((sample.jitter?, 0.0)));
    html.raw("</div></section>\n");
}

/// Names of a unit's thousandths, the largest first.
type Units = &'static [(f64, &'static str)];
const SECONDS: Units = &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
const PPM: Units = &[(1.0, "ppm"), (1e-3, "ppb")];

/// Seconds before the newest, and the value; nothing where it was not known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    age: f64,
    value: Option<Estimate>,
}

fn plot(
    html: &mut Html,
    title: &'static str,
    units: Units,
    history: &History,
    value: fn(&Sample) -> Option<Estimate>,
) {
    let points = points(history, value);
    html.raw("<figure class=\"plot\"><figcaption><h3>").raw(title).raw("</h3>");
    let known: Vec<Estimate> = points.iter().filter_map(|point| point.value).collect();
    let Some((last, _)) = known.last().copied() else {
        html.raw("</figcaption><p class=\"empty\">Nothing is known yet. The exporter notes the numbers every 30 seconds, and keeps them for eight hours.</p></figure>\n");
        return;
    };
    let span = points.first().map_or(0.0, |first| first.age).max(SHORTEST);
    let scale = Scale::of(&known, units);
    let (low, high) = extent(known.iter().map(|(value, _)| *value));
    let text = format!(
        "{} at last; {} to {} in {}",
        scale.label(last),
        scale.label(low),
        scale.label(high),
        duration(points.first().map_or(0.0, |first| first.age))
    );
    html.raw("<p>")
        .text(&text)
        .raw("</p></figcaption><div class=\"frame\"><svg class=\"y\" aria-hidden=\"true\">");
    for tick in scale.ticks() {
        html.raw("<text x=\"64\" y=\"").text(&percent(scale.height(tick))).raw("\">");
        html.text(&scale.tick_label(tick)).raw("</text>");
    }
    html.raw("</svg><svg role=\"img\"><title>").raw(title).raw(": ").text(&text).raw("</title>");
    grid(html, &scale);
    html.raw("<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\"><path class=\"band\" d=\"");
    html.text(&band(&points, span, &scale)).raw("\"/><path class=\"curve\" d=\"");
    html.text(&curve(&points, span, &scale)).raw("\"/></svg></svg><svg class=\"x\" aria-hidden=\"true\">");
    for age in time_ticks(span) {
        html.raw("<text y=\"17\" x=\"").text(&percent(100.0 - 100.0 * age / span)).raw("\">");
        html.text(&if age > 0.0 { format!("−{}", duration(age)) } else { "now".to_owned() }).raw("</text>");
    }
    html.raw("</svg></div></figure>\n");
}

fn grid(html: &mut Html, scale: &Scale) {
    for tick in scale.ticks() {
        let y = percent(scale.height(tick));
        let is_zero = tick.abs() < scale.step / 2.0;
        html.raw("<line x1=\"0\" x2=\"100%\" y1=\"").text(&y).raw("\" y2=\"").text(&y);
        html.raw(if is_zero { "\" class=\"zero\"/>" } else { "\" class=\"grid\"/>" });
    }
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// Means of so many samples each that there are not too many; a gap stays one where it is longer.
fn points(history: &History, value: fn(&Sample) -> Option<Estimate>) -> Vec<Point> {
    let samples: Vec<&Sample> = history.samples().collect();
    let Some(newest) = samples.last().map(|sample| sample.at) else { return Vec::new() };
    let each = samples.len().div_ceil(POINTS).max(1);
    let mean =
        |numbers: &[f64]| numbers.iter().sum::<f64>() / f64::from(u32::try_from(numbers.len()).unwrap_or(1));
    let point = |samples: &[&Sample]| {
        let known: Vec<Estimate> =
            samples.iter().filter_map(|sample| value(sample)).filter(is_drawn).collect();
        let (values, sigmas): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
        let ages: Vec<f64> = samples.iter().map(|sample| (newest - sample.at).as_secs_f64()).collect();
        Point { age: mean(&ages), value: (!values.is_empty()).then(|| (mean(&values), mean(&sigmas))) }
    };
    samples.chunks(each).map(point).collect()
}

/// What is larger is not known, and would have no place in a drawing.
fn is_drawn((value, sigma): &Estimate) -> bool {
    value.abs() < 1e9 && sigma.abs() < 1e9
}

/// From a value to its place, and round numbers between.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    step: f64,
    unit: (f64, &'static str),
}

impl Scale {
    /// All values, and their deviations as far as they do not make the line flat.
    fn of(known: &[Estimate], units: Units) -> Self {
        let mut sigmas: Vec<f64> = known.iter().map(|(_, sigma)| *sigma).collect();
        sigmas.sort_by(f64::total_cmp);
        let usual = sigmas.get(sigmas.len() / 2).copied().unwrap_or_default();
        let (low, high) = extent(known.iter().flat_map(|(value, sigma)| {
            let sigma = sigma.min(2.0 * usual);
            [value - sigma, value + sigma]
        }));
        let size = low.abs().max(high.abs());
        // A line that does not move at all has a range too.
        let range = (high - low).max(size * 1e-3).max(1e-9);
        let step = round_step(range / 3.0);
        let unit =
            units.iter().find(|(unit, _)| size >= *unit).or(units.last()).copied().unwrap_or((1.0, ""));
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, unit }.not_empty()
    }

    fn not_empty(self) -> Self {
        if self.high - self.low < self.step / 2.0 {
            Self { high: self.low + self.step, ..self }
        } else {
            self
        }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { low, high, step, .. } = *self;
        (0_u8..12).map(move |n| low + f64::from(n) * step).take_while(move |tick| *tick < high + step / 2.0)
    }

    /// Percent from above, which is also the drawing's unit.
    fn height(&self, value: f64) -> f64 {
        (100.0 * (self.high - value) / (self.high - self.low)).clamp(-5.0, 105.0)
    }

    /// So many digits as tell one tick from the next.
    fn tick_label(&self, tick: f64) -> String {
        self.written(tick, self.decimals())
    }

    /// One digit more.
    fn label(&self, value: f64) -> String {
        self.written(value, self.decimals() + 1)
    }

    fn decimals(&self) -> usize {
        let step = self.step / self.unit.0;
        (0_u8..9).find(|decimals| step * 10_f64.powi(i32::from(*decimals)) > 0.99).unwrap_or(9).into()
    }

    fn written(&self, value: f64, decimals: usize) -> String {
        let number = format!("{:.decimals$}", value / self.unit.0);
        // "-0.00" is nothing.
        let is_zero = number.chars().all(|c| "-0.".contains(c));
        let number = if is_zero { "0".to_owned() } else { number.replace('-', "−") };
        format!("{number} {}", self.unit.1)
    }
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= least * 0.999).unwrap_or(least)
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// Ages with a label, the oldest first, at most seven.
fn time_ticks(span: f64) -> Vec<f64> {
    let steps = [60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
    let step = steps.into_iter().find(|step| span / step <= 6.0).unwrap_or(7200.0);
    let ages = (0_u8..7).map(|n| f64::from(n) * step).take_while(|age| *age <= span * 0.97);
    let mut ages: Vec<f64> = ages.collect();
    ages.reverse();
    ages
}

/// What is known without a gap, as places in the drawing.
fn runs(points: &[Point], span: f64, place: impl Fn(Estimate) -> f64) -> Vec<Vec<(f64, f64)>> {
    let runs = points.split(|point| point.value.is_none()).filter(|run| !run.is_empty());
    let put = |point: &Point| Some((1000.0 * (1.0 - point.age / span), place(point.value?)));
    runs.map(|run| run.iter().filter_map(put).collect()).collect()
}

/// A point that stands alone is drawn as a dot.
fn curve(points: &[Point], span: f64, scale: &Scale) -> String {
    let mut path = String::new();
    for run in runs(points, span, |(value, _)| scale.height(value)) {
        draw(&mut path, 'M', run.iter());
        if run.len() == 1 {
            path.push_str("h0");
        }
    }
    path
}

/// One standard deviation on both sides.
fn band(points: &[Point], span: f64, scale: &Scale) -> String {
    let mut path = String::new();
    let above = runs(points, span, |(value, sigma)| scale.height(value + sigma));
    let below = runs(points, span, |(value, sigma)| scale.height(value - sigma));
    for (above, below) in above.iter().zip(&below) {
        draw(&mut path, 'M', above.iter());
        draw(&mut path, 'L', below.iter().rev());
        path.push('z');
    }
    path
}

fn draw<'a>(path: &mut String, mut command: char, places: impl Iterator<Item = &'a (f64, f64)>) {
    for (x, y) in places {
        // Writing to a `String` does not fail.
        let _ = write!(path, "{command}{x:.1} {y:.2}");
        command = 'L';
    }
}

#[cfg(test)]
mod tests;
