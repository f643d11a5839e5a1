//! Pictures of the error over time, ours above the regression client's, one SVG file for each scenario. Judges nothing.

use crate::regression;
use crate::simulator::figures::PollMode;
use crate::simulator::recorder::quantile;
use crate::simulator::scenario::{Scenario, configuration};
use crate::simulator::world::World;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::Path;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 360.0;
/// Room for the numbers at the left and below, and for the title.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 30.0;
const BELOW: f64 = 40.0;
/// Points of one curve: more than a screen shows.
const COLUMNS: usize = 800;
/// The picture holds this share of all errors; a step or the start is cut off at its edge.
const SHOWN: f64 = 0.995;

/// One client's error in each second, seconds; NaN where nobody read its clock.
struct Curve {
    name: String,
    colour: &'static str,
    errors: Vec<f64>,
}

/// Writes the picture of this run into `folder`; `others` holds further curves by the scenario's name.
///
/// # Errors
/// Those of writing.
pub(crate) fn write(
    folder: &Path,
    scenario: &Scenario,
    mode: PollMode,
    seed: u64,
    others: &Others,
) -> io::Result<()> {
    let mut world = World::new(scenario, configuration(scenario, mode.limits_in(scenario)), seed);
    world.run_until(scenario.end);
    let own = world.host.recorder.errors(1..usize::MAX).to_vec();
    let regression = regression::errors(scenario, mode, seed);
    let mut curves =
        vec![Curve { name: "regression client".to_owned(), colour: "#d08020", errors: regression }];
    if let Some((name, errors)) = others.0.get(scenario.name) {
        curves.push(Curve { name: name.clone(), colour: "#909090", errors: errors.clone() });
    }
    curves.push(Curve { name: "ntpd-rs".to_owned(), colour: "#1060b0", errors: own });
    let title = format!("{}, {}, seed {seed}", scenario.name, mode.title());
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{}-{}.svg", scenario.name, mode.name())), svg(&title, &curves))
}

/// Curves from elsewhere: by the scenario's name whose they are, and the error in each second.
#[derive(Debug, Default)]
pub(crate) struct Others(BTreeMap<String, (String, Vec<f64>)>);

impl Others {
    /// Lines of "scenario client second error-in-seconds"; one client for each scenario.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut others = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let parsed = match words.as_slice() {
                [scenario, client, second, error] => second
                    .parse::<usize>()
                    .ok()
                    .zip(error.parse::<f64>().ok())
                    .map(|(second, error)| (*scenario, *client, second, error)),
                _ => None,
            };
            let (scenario, client, second, error) = parsed
                .filter(|(_, _, second, _)| (1..=1_000_000).contains(second))
                .ok_or_else(|| format!("line {}: not \"scenario client second error\"", index + 1))?;
            let entry =
                others.0.entry(scenario.to_owned()).or_insert_with(|| (client.to_owned(), Vec::new()));
            if entry.1.len() < second {
                entry.1.resize(second, f64::NAN);
            }
            if let Some(place) = entry.1.get_mut(second - 1) {
                *place = error;
            }
        }
        Ok(others)
    }
}

fn svg(title: &str, curves: &[Curve]) -> String {
    let seconds = curves.iter().map(|curve| curve.errors.len()).max().unwrap_or(1).max(1) as f64;
    let top = scale(curves);
    let x = |second: f64| LEFT + (WIDTH - LEFT - RIGHT) * second / seconds;
    let y = |error: f64| TOP + (HEIGHT - TOP - BELOW) * (0.5 - 0.5 * (error / top).clamp(-1.0, 1.0));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"{LEFT}\" y=\"18\">{title}: error of the clock</text>\n"
    );
    for step in -2..=2_i32 {
        let error = top * f64::from(step) / 2.0;
        let at = y(error);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#dddddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            at + 4.0,
            readable(error)
        );
    }
    for hours in (0..=u32::MAX).step_by(2).take_while(|hours| f64::from(*hours) * 3600.0 <= seconds) {
        let at = x(f64::from(hours) * 3600.0);
        let _ = writeln!(
            text,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{hours} h</text>",
            HEIGHT - BELOW + 18.0
        );
    }
    for (index, curve) in curves.iter().enumerate() {
        let right = WIDTH - RIGHT - 170.0 * index as f64;
        let _ = writeln!(
            text,
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1\"/><text x=\"{right:.1}\" y=\"18\" text-anchor=\"end\" fill=\"{}\">{}</text>",
            path(&curve.errors, x, y),
            curve.colour,
            curve.colour,
            curve.name
        );
    }
    text + "</svg>\n"
}

/// Half the height, seconds: a round number that most errors are below.
fn scale(curves: &[Curve]) -> f64 {
    let mut all: Vec<f64> =
        curves.iter().flat_map(|curve| &curve.errors).filter(|e| !e.is_nan()).map(|e| e.abs()).collect();
    let most = quantile(&mut all, SHOWN).max(1e-9);
    let decade = 10_f64.powf(most.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| most <= round * decade);
    round.unwrap_or(10.0) * decade
}

fn readable(seconds: f64) -> String {
    match seconds.abs() {
        0.0 => "0".to_owned(),
        ..1e-6 => format!("{:.0} ns", seconds * 1e9),
        ..1e-3 => format!("{:.3} us", seconds * 1e6).replace(".000", ""),
        ..1.0 => format!("{:.3} ms", seconds * 1e3).replace(".000", ""),
        _ => format!("{seconds:.1} s"),
    }
}

/// The least and the greatest of each column, so that no peak is lost.
fn path(errors: &[f64], x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let width = errors.len().div_ceil(COLUMNS).max(1);
    let mut text = String::new();
    let mut pen = 'M';
    for (index, column) in errors.chunks(width).enumerate() {
        let known = || column.iter().filter(|error| !error.is_nan());
        let (least, most) = (
            known().fold(f64::INFINITY, |a, b| a.min(*b)),
            known().fold(f64::NEG_INFINITY, |a, b| a.max(*b)),
        );
        if least > most {
            pen = 'M';
            continue;
        }
        let at = x((index * width) as f64);
        let _ = write!(text, "{pen}{at:.1} {:.1}", y(least));
        if y(least) - y(most) >= 0.5 {
            let _ = write!(text, "L{at:.1} {:.1}", y(most));
        }
        pen = 'L';
    }
    text
}
