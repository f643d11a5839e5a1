//! The two formats that Prometheus reads, and which of them a reader asks for. Knows no metric.

use super::{Kind, Metric, Row, Value, all};
use crate::observation::State;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format that is older, version 0.0.4.
    Text,
}

impl Format {
    /// What an `Accept` field prefers (RFC 9110 §12.5.1). OpenMetrics, unless text is wanted more; a browser shows text only.
    pub fn preferred(accept: &str) -> Self {
        let (mut open_metrics, mut text) = (None, None);
        let mut any = 0.0_f64;
        for (range, quality) in accept.split(',').map(media_range) {
            let most = match range.as_str() {
                "application/openmetrics-text" => &mut open_metrics,
                "text/plain" | "text/html" => &mut text,
                "*/*" => {
                    any = any.max(quality);
                    continue;
                }
                _ => continue,
            };
            *most = Some(most.map_or(quality, |most: f64| most.max(quality)));
        }
        if text.unwrap_or(any) > open_metrics.unwrap_or(any) { Self::Text } else { Self::OpenMetrics }
    }

    /// Of a response that carries it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The type, and how much it is wanted; what cannot be read is not wanted.
fn media_range(range: &str) -> (String, f64) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (name, quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0)))
}

/// The whole exposition.
///
/// # Errors
/// Never in practice: writing to a `String` does not fail.
pub fn render(state: &State, format: Format) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for metric in all() {
        family(&mut text, metric, &(metric.rows)(state), format)?;
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    Ok(text)
}

/// Nothing where there are no rows.
fn family(text: &mut String, metric: &Metric, rows: &[Row], format: Format) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    // In OpenMetrics a counter's family has the bare name; in the older format it has that of its samples.
    let sample = metric.name();
    let family = if format == Format::OpenMetrics { metric.name } else { &sample };
    let kind = match metric.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    };
    writeln!(text, "# HELP {family} {}.", metric.help)?;
    writeln!(text, "# TYPE {family} {kind}")?;
    if let Some(unit) = metric.unit().filter(|_| format == Format::OpenMetrics) {
        writeln!(text, "# UNIT {family} {unit}")?;
    }
    // A series that came twice would spoil the whole exposition: of sources that nobody could be asked for yet, two may look the same.
    let mut told = BTreeSet::new();
    for (values, value) in rows {
        if told.insert(values) {
            text.push_str(&sample);
            labels(text, metric.labels, values)?;
            match value {
                Value::Count(count) => writeln!(text, " {count}")?,
                Value::Number(number) => writeln!(text, " {number:?}")?,
            }
        }
    }
    Ok(())
}

fn labels(text: &mut String, names: &[&str], values: &[String]) -> fmt::Result {
    for (index, (name, value)) in names.iter().zip(values).enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        write!(text, "{name}=\"")?;
        for c in value.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                c => text.push(c),
            }
        }
        text.push('"');
    }
    if !names.is_empty() {
        text.push('}');
    }
    Ok(())
}
