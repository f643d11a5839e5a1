//! The tables written as OpenMetrics text. Knows no metric.

use super::{Kind, Metric, Row, Value, all};
use crate::observation::State;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeSet;
use std::fmt;

/// Of a response that carries [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole exposition.
///
/// # Errors
/// Never in practice: writing to a `String` does not fail.
pub fn render(state: &State) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Observed(state.clone())));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// In the order of the tables, and each row in its place.
#[derive(Debug)]
struct Observed(State);

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        all().try_for_each(|metric| family(&mut encoder, metric, &(metric.rows)(&self.0)))
    }
}

/// Nothing where there are no rows.
fn family(encoder: &mut DescriptorEncoder<'_>, metric: &Metric, rows: &[Row]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let (kind, unit) = (metric_type(metric.kind), metric.unit().map(unit));
    let help = format!("{}.", metric.help);
    let mut family = encoder.encode_descriptor(metric.bare_name(), &help, unit.as_ref(), kind)?;
    // A series that came twice would spoil the whole exposition: of sources that nobody could be asked for yet, two may look the same.
    let mut told = BTreeSet::new();
    for (values, value) in rows {
        if told.insert(values) {
            let labels: Vec<(&str, &str)> =
                metric.labels.iter().copied().zip(values.iter().map(String::as_str)).collect();
            match labels.as_slice() {
                [] => write(&mut family, *value)?,
                labels => write(&mut family.encode_family(&labels)?, *value)?,
            }
        }
    }
    Ok(())
}

fn write(row: &mut MetricEncoder<'_>, value: Value) -> fmt::Result {
    match value {
        Value::Count(count) => row.encode_counter::<NoLabelSet, u64, f64>(&count, None),
        Value::Number(number) => row.encode_gauge(&number),
    }
}

const fn metric_type(kind: Kind) -> MetricType {
    match kind {
        Kind::Gauge => MetricType::Gauge,
        Kind::Counter => MetricType::Counter,
    }
}

fn unit(name: &str) -> Unit {
    match name {
        "seconds" => Unit::Seconds,
        other => Unit::Other(other.to_owned()),
    }
}
