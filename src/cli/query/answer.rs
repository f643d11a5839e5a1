//! What one server said, or why it said nothing, for people and for programs. Asks nobody.

use crate::cli::args::ListFormat;
use crate::cli::status::{counted, remaining_days, shortened, wrapped};
use crate::daemon::startup_error::StartupError;
use crate::measurement::Measurement;
use crate::snapshot::{Snapshot, Source};
use crate::time::quantity::{magnitude, signed};
use crate::time::{ClockTime, Leap};
use crate::verdict::SourceId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const NAME: usize = 26;

/// Of each source the measurement with the shortest way: what is longer is mostly waiting.
#[derive(Debug, Default)]
pub(super) struct Best(BTreeMap<SourceId, Measurement>);

impl Best {
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        for (id, measured) in
            snapshot.sources.iter().filter_map(|source| Some((source.id, source.measurement?)))
        {
            let best = self.0.entry(id).or_insert(measured);
            if measured.delay() < best.delay() {
                *best = measured;
            }
        }
    }
}

/// Of one address, or of a name that has none.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    host: String,
    address: Option<String>,
    samples: u64,
    #[serde(flatten)]
    time: Option<Time>,
    nts: Option<Nts>,
    /// Why there is no time.
    problem: Option<String>,
}

/// Seconds, except where the name says another unit.
#[derive(Debug, Serialize)]
struct Time {
    /// Positive when this clock is behind.
    offset: f64,
    delay: f64,
    /// How far the server's time can be off, as seen from here (RFC 5905 §11.2, without what grows with time).
    root_distance: f64,
    root_delay: f64,
    root_dispersion: f64,
    stratum: u8,
    version: u8,
    leap: &'static str,
    reference: String,
}

#[derive(Debug, Serialize)]
struct Nts {
    algorithm: &'static str,
    certificate_remaining: Option<f64>,
}

impl Answer {
    pub(super) fn new(source: &Source, best: &Best, now: ClockTime, waited: Duration) -> Self {
        let time = best.0.get(&source.id).map(Time::new);
        let nts = source.nts.map(|nts| Nts {
            algorithm: nts.algorithm,
            certificate_remaining: nts.certificate_expires.map(|end| (end - now).seconds()),
        });
        let problem = time.is_none().then(|| why_none(source, waited));
        let address = source.address.map(|address| address.to_string());
        Self { host: source.name.clone(), address, samples: source.replies, time, nts, problem }
    }

    pub(super) fn is_given(&self) -> bool {
        self.time.is_some()
    }

    fn lines(&self) -> Vec<String> {
        let host = shortened(&self.host, NAME);
        let mut details = vec![self.address.clone().unwrap_or_default()];
        let mut lines = vec![match &self.time {
            Some(time) => time.row(&host),
            None => format!("{host:<NAME$} no time"),
        }];
        details.extend(self.time.as_ref().map(|time| format!("NTPv{}, {}", time.version, time.leap)));
        details.extend(self.nts.as_ref().map(|nts| {
            let certificate = nts.certificate_remaining.map(remaining_days);
            format!(
                "NTS: {}{}",
                nts.algorithm,
                certificate.map(|c| format!(", certificate {c}")).unwrap_or_default()
            )
        }));
        details.extend((self.samples > 1).then(|| format!("the best of {} samples", self.samples)));
        details.retain(|detail| !detail.is_empty());
        lines.extend(wrapped(&details.join("; ")));
        lines.extend(self.problem.iter().flat_map(|problem| wrapped(problem)));
        lines
    }
}

impl Time {
    fn new(measured: &Measurement) -> Self {
        let server = &measured.server;
        let (delay, root_delay) = (measured.delay().seconds(), server.root_delay.seconds());
        let root_dispersion = server.root_dispersion.seconds();
        Self {
            offset: measured.offset().seconds(),
            delay,
            root_distance: (delay.abs() + root_delay) / 2.0 + root_dispersion,
            root_delay,
            root_dispersion,
            stratum: server.stratum,
            version: server.version,
            leap: leap(server.leap),
            reference: server.reference_id.display(server.stratum),
        }
    }

    fn row(&self, host: &str) -> String {
        let Self { offset, delay, root_distance, stratum, reference, .. } = self;
        let [offset, delay, distance] = [signed(*offset), magnitude(*delay), magnitude(*root_distance)];
        format!(
            "{host:<NAME$} {stratum:>3} {offset:>9} {delay:>8} {distance:>8}  {}",
            shortened(reference, 15)
        )
    }
}

const fn leap(leap: Leap) -> &'static str {
    match leap {
        Leap::NoWarning => "no leap second",
        Leap::AddSecond => "a second is inserted today",
        Leap::DeleteSecond => "a second is left out today",
        Leap::Unsynchronized => "not synchronized",
    }
}

/// What is known of a source without a measurement.
fn why_none(source: &Source, waited: Duration) -> String {
    if let Some(problem) = &source.problem {
        return problem.clone();
    }
    let waited = magnitude(waited.as_secs_f64());
    match counted(source.discards.iter().map(|(reason, count)| (*reason, *count))) {
        Some(list) => format!("what it answered is of no use: {list}"),
        None if source.address.is_none() => format!("no address was found within {waited}"),
        None => format!("no answer to {} request(s) within {waited}", source.requests),
    }
}

pub(super) fn show(answers: &[Answer], format: ListFormat) -> Result<String, StartupError> {
    match format {
        ListFormat::Json => serde_json::to_string_pretty(answers)
            .map(|text| text + "\n")
            .map_err(|error| StartupError::other(format!("cannot be shown: {error}"))),
        ListFormat::Plain => {
            let heading = format!(
                "{:<NAME$} {:>3} {:>9} {:>8} {:>8}  Reference",
                "Server", "Str", "Offset", "Delay", "Distance"
            );
            let lines = answers.iter().flat_map(Answer::lines);
            Ok([heading].into_iter().chain(lines).collect::<Vec<_>>().join("\n") + "\n")
        }
    }
}
