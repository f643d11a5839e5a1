//! The observed state as Prometheus metrics (OpenMetrics text). Read-only; asks nobody.
//!
//! Names that 1.x has are kept, with their units.

mod nts;

use crate::observation::{LeapIndicator, Server, Source, State};
use crate::snapshot::SyncState;
use crate::time::Poll;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

/// Of a response that carries [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole exposition.
///
/// # Errors
/// Never in practice: writing to a `String` does not fail.
pub fn render(state: &State) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let mut page = Page(&mut registry);
    program(&mut page, state);
    system(&mut page, state);
    corrections(&mut page, state);
    source_estimates(&mut page, state);
    source_protocol(&mut page, state);
    servers(&mut page, state);
    nts::sources(&mut page, state);
    nts::servers(&mut page, state);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

type Labels = Vec<(&'static str, String)>;

/// The registry, with the few shapes of metric that there are.
struct Page<'a>(&'a mut Registry);

impl Page<'_> {
    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        rows: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let family = Family::<Labels, Gauge<f64, AtomicU64>>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).set(value);
        }
        self.register(name, help, unit, family);
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<Unit>, value: f64) {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        self.register(name, help, unit, gauge);
    }

    fn register(&mut self, name: &str, help: &str, unit: Option<Unit>, metric: impl Metric) {
        match unit {
            Some(unit) => self.0.register_with_unit(name, help, unit, metric),
            None => self.0.register(name, help, metric),
        }
    }

    fn seconds(&mut self, name: &str, help: &str, value: f64) {
        self.gauge(name, help, Some(Unit::Seconds), value);
    }

    /// `_total` is added to the name.
    fn counters(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
    }
}

fn interval(log2: i8) -> f64 {
    Poll::new(log2).interval().seconds()
}

const fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

fn program(page: &mut Page<'_>, state: &State) {
    let program = &state.program;
    let labels = vec![
        ("version", program.version.clone()),
        ("build_commit", program.build_commit.clone()),
        ("build_commit_date", program.build_commit_date.clone()),
    ];
    let row = [(labels, program.uptime_seconds)];
    page.gauges("ntp_uptime", "Time since the daemon started", Some(Unit::Seconds), row);
}

fn system(page: &mut Page<'_>, state: &State) {
    let system = &state.system;
    // The numbers are those of 1.x, which are not those of the wire.
    let leap = match system.leap_indicator {
        LeapIndicator::NoWarning => 0.0,
        LeapIndicator::Leap61 => 1.0,
        LeapIndicator::Leap59 => 2.0,
        LeapIndicator::Unknown => 3.0,
        LeapIndicator::Unsynchronized => 4.0,
    };
    let synchronized = flag(system.state == SyncState::Synchronized);
    page.gauge("ntp_system_synchronized", "Whether the clock follows its sources", None, synchronized);
    let control = flag(system.controls_clock);
    page.gauge("ntp_system_controls_clock", "Whether the daemon steers the clock", None, control);
    let poll = interval(system.poll_interval);
    page.seconds("ntp_system_poll_interval", "Shortest time between polls of used sources", poll);
    page.gauge(
        "ntp_system_leap_indicator",
        "0 none, 1 leap second inserted, 2 deleted, 4 not synchronized",
        None,
        leap,
    );
    page.seconds("ntp_system_root_delay", "Round trip to the primary source", system.root_delay);
    page.seconds("ntp_system_root_dispersion", "Dispersion to the primary source", system.root_dispersion);
    page.seconds(
        "ntp_system_maximum_error",
        "Half the root delay and the root dispersion",
        system.maximum_error,
    );
    page.gauge("ntp_system_stratum", "Stratum of our clock", None, f64::from(system.stratum));
    #[expect(clippy::cast_precision_loss, reason = "a count of sources")]
    let agreeing = system.agreeing_sources as f64;
    page.gauge("ntp_system_agreeing_sources", "Sources that agree", None, agreeing);
    if let Some(offset) = system.tai_offset {
        page.seconds("ntp_system_tai_offset", "TAI - UTC by the table of leap seconds", f64::from(offset));
    }
    if let Some(remaining) = system.leap_table_remaining {
        let help = "How long the table of leap seconds is still good, negative once it has expired";
        page.seconds("ntp_system_leap_table_remaining", help, remaining);
    }
}

fn corrections(page: &mut Page<'_>, state: &State) {
    let system = &state.system;
    page.seconds(
        "ntp_system_offset",
        "What is left to correct, positive when the clock is behind",
        system.offset,
    );
    page.seconds(
        "ntp_system_offset_uncertainty",
        "One standard deviation of the offset",
        system.offset_uncertainty,
    );
    let ppm = || Some(Unit::Other("ppm".to_owned()));
    page.gauge("ntp_system_frequency", "Correction of the oscillator", ppm(), system.frequency_ppm);
    page.gauge(
        "ntp_system_frequency_uncertainty",
        "One standard deviation of the frequency",
        ppm(),
        system.frequency_uncertainty_ppm,
    );
    let steps = Counter::<u64>::default();
    steps.inc_by(u64::from(system.steps));
    page.register("ntp_system_steps", "Steps made since start", None, steps);
    page.seconds(
        "ntp_system_accumulated_steps",
        "Sum of the magnitudes of all steps but the first",
        system.accumulated_steps,
    );
    page.seconds(
        "ntp_system_accumulated_steps_threshold",
        "The sum at which the daemon gives up, or -1",
        system.accumulated_steps_threshold.unwrap_or(-1.0),
    );
}

fn source_labels(source: &Source) -> Labels {
    vec![("name", source.name.clone()), ("address", source.address.clone()), ("id", source.id.to_string())]
}

fn sources(state: &State, value: impl Fn(&Source) -> Option<f64>) -> Vec<(Labels, f64)> {
    state.sources.iter().filter_map(|source| Some((source_labels(source), value(source)?))).collect()
}

/// What is measured; a source without a measurement has no such numbers.
fn source_estimates(page: &mut Page<'_>, state: &State) {
    let seconds = Some(Unit::Seconds);
    let measured = |value: fn(&Source) -> f64| sources(state, |s| s.measured.then(|| value(s)));
    page.gauges(
        "ntp_source_offset",
        "Positive when our clock is behind the source",
        seconds.clone(),
        measured(|s| s.offset),
    );
    page.gauges(
        "ntp_source_uncertainty",
        "One standard deviation of the offset",
        seconds.clone(),
        measured(|s| s.uncertainty),
    );
    page.gauges("ntp_source_delay", "Round trip to the source", seconds.clone(), measured(|s| s.delay));
    page.gauges(
        "ntp_source_jitter",
        "One standard deviation of single offsets",
        seconds.clone(),
        measured(|s| s.jitter),
    );
    page.gauges(
        "ntp_source_root_delay",
        "Root delay that the source reports",
        seconds.clone(),
        measured(|s| s.remote_delay),
    );
    page.gauges(
        "ntp_source_root_dispersion",
        "Root dispersion that the source reports",
        seconds,
        measured(|s| s.remote_uncertainty),
    );
}

fn source_protocol(page: &mut Page<'_>, state: &State) {
    let all = |value: fn(&Source) -> f64| sources(state, |s| Some(value(s)));
    let poll = all(|s| interval(s.poll_interval));
    page.gauges("ntp_source_poll_interval", "Time between polls of the source", Some(Unit::Seconds), poll);
    let unanswered = all(|s| f64::from(s.unanswered_polls));
    page.gauges("ntp_source_unanswered_polls", "Polls since the last usable reply", None, unanswered);
    page.gauges(
        "ntp_source_reach",
        "The last eight polls as bits, the latest lowest",
        None,
        all(|s| f64::from(s.reach)),
    );
    page.gauges(
        "ntp_source_stratum",
        "Stratum of the source",
        None,
        sources(state, |s| s.stratum.map(f64::from)),
    );
    #[expect(clippy::cast_precision_loss, reason = "at most eight cookies")]
    let cookies = sources(state, |s| s.nts_cookies.map(|n| n as f64));
    page.gauges("ntp_source_nts_cookies_available", "Unused NTS cookies", None, cookies);
    let verdict = |source: &Source| {
        let mut labels = source_labels(source);
        labels.push(("verdict", source.verdict.name().to_owned()));
        (labels, 1.0)
    };
    page.gauges(
        "ntp_source_verdict",
        "What selection says of the source",
        None,
        state.sources.iter().map(verdict),
    );
    let count = |value: fn(&Source) -> u64| state.sources.iter().map(move |s| (source_labels(s), value(s)));
    page.counters("ntp_source_requests", "Requests sent", count(|s| s.requests));
    page.counters("ntp_source_replies", "Usable replies", count(|s| s.replies));
    let interleaved = count(|s| s.interleaved);
    page.counters("ntp_source_interleaved_replies", "Usable replies in interleaved mode", interleaved);
    let discards = state.sources.iter().flat_map(|source| {
        source.discards.iter().map(|(reason, count)| {
            let mut labels = source_labels(source);
            labels.push(("reason", reason.name().to_owned()));
            (labels, *count)
        })
    });
    page.counters("ntp_source_discards", "Replies that were not used", discards);
}

/// Name, help, and where the count stands.
type ServerCounter = (&'static str, &'static str, fn(&Server) -> u64);

const SERVER_COUNTERS: [ServerCounter; 13] = [
    ("ntp_server_received_packets", "Requests that arrived", |s| s.stats.received_packets),
    ("ntp_server_accepted_packets", "Requests answered with time", |s| s.stats.accepted_packets),
    ("ntp_server_denied_packets", "Requests answered with a DENY kiss", |s| s.stats.denied_packets),
    ("ntp_server_ignored_packets", "Requests not answered", |s| s.stats.ignored_packets),
    ("ntp_server_rate_limited_packets", "Requests that came too often", |s| s.stats.rate_limited_packets),
    ("ntp_server_response_send_errors", "Replies that could not be sent", |s| s.stats.response_send_errors),
    ("ntp_server_nts_received_packets", "NTS requests that arrived", |s| s.stats.nts_received_packets),
    ("ntp_server_nts_accepted_packets", "NTS requests answered with time", |s| s.stats.nts_accepted_packets),
    ("ntp_server_nts_denied_packets", "NTS requests answered with a DENY kiss", |s| {
        s.stats.nts_denied_packets
    }),
    ("ntp_server_nts_rate_limited_packets", "NTS requests that came too often", |s| {
        s.stats.nts_rate_limited_packets
    }),
    ("ntp_server_nts_nak_packets", "NTS requests answered with a NAK", |s| s.stats.nts_nak_packets),
    ("ntp_server_interleaved_packets", "Answers in interleaved mode", |s| s.interleaved_packets),
    ("ntp_server_dropped_packets", "Requests dropped by the kernel before they were seen", |s| {
        s.dropped_packets
    }),
];

/// Name, help, the label that the counts are split by, and the counts with its values.
type ServerSplit = (&'static str, &'static str, &'static str, fn(&Server) -> Vec<(String, u64)>);

const SERVER_SPLITS: [ServerSplit; 4] = [
    ("ntp_server_requests_by_version", "Requests answered with time", "version", |s| named(&s.versions)),
    ("ntp_server_refused_packets", "Requests not answered with time", "reason", |s| named(&s.refused)),
    ("ntp_server_kisses", "Refused requests whose sender was told so", "reason", |s| named(&s.kisses)),
    ("ntp_server_worker_received_packets", "Requests that arrived at one worker", "worker", |s| {
        (0..).zip(&s.workers).map(|(n, worker): (u32, _)| (n.to_string(), worker.received_packets)).collect()
    }),
];

fn named(counts: &BTreeMap<impl ToString, u64>) -> Vec<(String, u64)> {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

fn server_labels(server: &Server) -> Labels {
    vec![("listen_address", server.address.to_string())]
}

fn servers(page: &mut Page<'_>, state: &State) {
    for (name, help, count) in SERVER_COUNTERS {
        page.counters(name, help, state.servers.iter().map(|s| (server_labels(s), count(s))));
    }
    for (name, help, label, counts) in SERVER_SPLITS {
        let rows = state.servers.iter().flat_map(|server| {
            let labels = |value| [server_labels(server), vec![(label, value)]].concat();
            counts(server).into_iter().map(move |(value, count)| (labels(value), count)).collect::<Vec<_>>()
        });
        page.counters(name, help, rows);
    }
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let recent = state.servers.iter().map(|s| (server_labels(s), s.recent_clients as f64));
    let help = "About how many different clients were answered in the last hour";
    page.gauges("ntp_server_recent_clients", help, None, recent);
}

#[cfg(test)]
mod tests;
