//! `org.ntpd_rs1`, our own interface: the clock, how good it is, and every source with what is thought of it.
//!
//! Microseconds and their names are as in `org.freedesktop.timedate1`; what needs more than microseconds is seconds as doubles.

use super::conversion::{clock_micros, micros};
use super::fault::{Fault, Kind};
use super::table::{Interface, Method, Object, Order, Property, Value, What};
use super::view::View;
use crate::command::{Command, ServiceOrder};
use crate::snapshot::{Source, SyncState};
use crate::time::Leap;
use zbus::message::Body;

/// The name on the bus.
pub(super) const NAME: &str = "org.ntpd_rs1";

/// The one object under it.
pub(super) static OBJECT: Object = Object {
    path: "/org/ntpd_rs1",
    interface: Interface { name: "org.ntpd_rs1.Manager", properties: PROPERTIES, methods: METHODS },
};

const PROPERTIES: &[Property] = &[
    Property::announced("NTPSynchronized", "b", |view| {
        Value::new(view.snapshot.system.leap != Leap::Unsynchronized)
    }),
    Property::announced("State", "s", |view| Value::new(word(&view.snapshot.system.state))),
    Property::announced("CanNTP", "b", |view| Value::new(view.snapshot.system.controls_clock)),
    Property::announced("NTP", "b", |view| Value::new(steers(view))),
    Property::silent("TimeUSec", "t", |view| Value::new(clock_micros(view.now.clock))),
    Property::silent("RTCTimeUSec", "t", |view| Value::new(view.host.hardware_clock_micros(view.now.mono))),
    Property::silent("Timezone", "s", |view| Value::new(view.host.time_zone())),
    Property::silent("LocalRTC", "b", |view| Value::new(view.host.hardware_clock_is_local())),
    Property::silent("Offset", "d", |view| Value::new(view.snapshot.system.offset.seconds())),
    Property::silent("EstimatedError", "d", |view| {
        Value::new(view.snapshot.system.offset_uncertainty.seconds())
    }),
    Property::silent("MaximumError", "d", |view| Value::new(view.maximum_error_seconds())),
    Property::silent("RootDelay", "d", |view| Value::new(view.snapshot.system.root_delay.seconds())),
    Property::silent("RootDispersion", "d", |view| Value::new(view.root_dispersion_seconds())),
    Property::silent("Frequency", "d", |view| Value::new(view.snapshot.system.frequency.ppm())),
    Property::announced("Stratum", "u", |view| Value::new(u32::from(view.snapshot.system.stratum))),
    Property::announced("ReferenceId", "s", |view| {
        let system = &view.snapshot.system;
        Value::new(system.reference_id.display(system.stratum))
    }),
    Property::announced("LeapStatus", "s", |view| Value::new(word(&view.snapshot.system.leap))),
    Property::announced("AgreeingSources", "u", |view| {
        Value::new(number(view.snapshot.system.agreeing_sources))
    }),
    Property::silent("Sources", "a(ssssyutddddds)", |view| {
        Value::new(view.snapshot.sources.iter().map(|source| row(source, view)).collect::<Vec<_>>())
    }),
    Property::constant("Version", "s", |_| Value::new(env!("CARGO_PKG_VERSION"))),
];

const METHODS: &[Method] = &[
    Method { name: "AddSource", arguments: &[("section", "s")], order: add_source },
    Method { name: "RemoveSource", arguments: &[("name", "s")], order: remove_source },
    Method {
        name: "ForceSync",
        arguments: &[],
        order: |body| {
            nothing(body)?;
            Ok(Order { action: FORCE_SYNC, what: What::Command(Command::ForceSync) })
        },
    },
    Method {
        name: "Reload",
        arguments: &[],
        order: |body| {
            nothing(body)?;
            Ok(Order { action: RELOAD, what: What::Service(ServiceOrder::Reload) })
        },
    },
];

const MANAGE_SOURCES: &str = "org.ntpd-rs.manage-sources";
const FORCE_SYNC: &str = "org.ntpd-rs.force-sync";
const RELOAD: &str = "org.ntpd-rs.reload";

/// Name, address and port, origin, verdict, reach, stratum (0 unknown), poll interval in microseconds; in seconds: offset, its standard
/// deviation, delay, jitter, age of the last measurement (-1 without one); why it cannot be asked.
type Row = (String, String, String, String, u8, u32, u64, f64, f64, f64, f64, f64, String);

fn row(source: &Source, view: &View<'_>) -> Row {
    let measured = |value: fn(&crate::snapshot::SourceEstimate) -> crate::time::Span| {
        source.estimate.as_ref().map_or(0.0, |estimate| value(estimate).seconds())
    };
    (
        source.name.clone(),
        source.address.map(|address| address.to_string()).unwrap_or_default(),
        word(&source.origin),
        source.verdict.name().to_owned(),
        source.reach,
        source.stratum.map_or(0, u32::from),
        micros(source.poll.interval()),
        measured(|estimate| estimate.offset),
        measured(|estimate| estimate.uncertainty),
        measured(|estimate| estimate.delay),
        measured(|estimate| estimate.jitter),
        source.last_measurement.map_or(-1.0, |at| (view.now.mono - at).seconds().max(0.0)),
        source.problem.clone().unwrap_or_default(),
    )
}

/// Whether the clock follows the sources, or will as soon as they answer.
fn steers(view: &View<'_>) -> bool {
    let system = &view.snapshot.system;
    system.controls_clock && !matches!(system.state, SyncState::NoSources | SyncState::TooFewSources)
}

/// The word that status and metrics have for it too.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn add_source(body: &Body) -> Result<Order, Fault> {
    let section: String = argument(body)?;
    Ok(Order { action: MANAGE_SOURCES, what: What::Command(Command::AddSource { section }) })
}

fn remove_source(body: &Body) -> Result<Order, Fault> {
    let name: String = argument(body)?;
    Ok(Order { action: MANAGE_SOURCES, what: What::Command(Command::RemoveSource { name }) })
}

fn argument(body: &Body) -> Result<String, Fault> {
    body.deserialize().map_err(|_| Kind::InvalidArgs.because("this takes one string (s)"))
}

fn nothing(body: &Body) -> Result<(), Fault> {
    if body.is_empty() { Ok(()) } else { Err(Kind::InvalidArgs.because("this takes no arguments")) }
}

#[cfg(test)]
mod tests;
