//! The observed state as metrics: tables of what there is, written as Prometheus reads it. Read-only; asks nobody.
//!
//! Names that 1.x has are kept, with their units. Labels come from the configuration and from closed lists, so that nobody on the network
//! can make more series.

mod exposition;
mod servers;
mod sources;
mod system;

pub use exposition::{CONTENT_TYPE, render};

use crate::observation::State;

/// One name, and what is told under it.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// With its unit, and without the `_total` of a counter.
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    rows: fn(&State) -> Vec<Row>,
}

/// Whether a number goes up and down, or counts up from the daemon's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Up only.
    Counter,
}

/// The values of the labels, and the number.
type Row = (Vec<String>, Value);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Count(u64),
    Number(f64),
}

/// Every metric, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    [system::METRICS, sources::METRICS, servers::METRICS].into_iter().flatten()
}

impl Metric {
    /// As queries name it.
    pub fn name(&self) -> String {
        match self.kind {
            Kind::Gauge => self.name.to_owned(),
            Kind::Counter => format!("{}_total", self.name),
        }
    }

    /// As the library wants it, which puts unit and `_total` after it.
    fn bare_name(&self) -> &'static str {
        let unit = self.unit().and_then(|unit| self.name.strip_suffix(unit)?.strip_suffix('_'));
        unit.unwrap_or(self.name)
    }

    /// Gauge or counter.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The names of its labels.
    pub const fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    /// The last word of its name, where that is a unit.
    pub fn unit(&self) -> Option<&'static str> {
        let last = self.name.rsplit('_').next()?;
        UNITS.into_iter().find(|unit| *unit == last)
    }
}

const UNITS: [&str; 2] = ["seconds", "ppm"];

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    rows: fn(&State) -> Vec<Row>,
) -> Metric {
    Metric { name, kind: Kind::Gauge, labels, help, rows }
}

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    rows: fn(&State) -> Vec<Row>,
) -> Metric {
    Metric { name, kind: Kind::Counter, labels, help, rows }
}

/// A number without labels; without a number there is no row.
fn one(value: impl Into<Option<f64>>) -> Vec<Row> {
    value.into().map(|value| (Vec::new(), Value::Number(value))).into_iter().collect()
}

const fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "a count of things that are there")]
const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
