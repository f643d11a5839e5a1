//! `org.freedesktop.timesync1`, the interface of systemd-timesyncd, with our values: what `timedatectl timesync-status` reads.

use super::conversion::{address, micros, ntp_message};
use super::fault::{Fault, Kind};
use super::table::{Interface, Method, Object, Order, Property, Value, What};
use super::view::View;
use crate::command::Command;
use crate::time::Span;
use crate::verdict::SourceOrigin;
use zbus::message::Body;

/// The name on the bus.
pub(super) const NAME: &str = "org.freedesktop.timesync1";

/// The one object under it.
pub(super) static OBJECT: Object = Object {
    path: "/org/freedesktop/timesync1",
    interface: Interface {
        name: "org.freedesktop.timesync1.Manager",
        properties: PROPERTIES,
        methods: &[Method {
            name: "SetRuntimeNTPServers",
            arguments: &[("runtime_servers", "as")],
            order: set_runtime_servers,
        }],
    },
};

const PROPERTIES: &[Property] = &[
    Property::announced("LinkNTPServers", "as", |view| offered(view, SourceOrigin::Link)),
    // What was added by hand is not what a caller of SetRuntimeNTPServers would put in its own list's place.
    Property::announced("SystemNTPServers", "as", |view| {
        servers(view, &[SourceOrigin::Configuration, SourceOrigin::Added])
    }),
    Property::announced("RuntimeNTPServers", "as", |view| offered(view, SourceOrigin::Runtime)),
    Property::announced("FallbackNTPServers", "as", |view| servers(view, &[])),
    Property::silent("ServerName", "s", |view| {
        Value::new(view.selected().map(|source| source.name.clone()).unwrap_or_default())
    }),
    Property::silent("ServerAddress", "(iay)", |view| {
        Value::new(address(view.selected().and_then(|source| source.address)))
    }),
    Property::constant("RootDistanceMaxUSec", "t", |view| {
        Value::new(micros(view.snapshot.system.root_distance_limit))
    }),
    Property::constant("PollIntervalMinUSec", "t", |view| {
        Value::new(micros(view.snapshot.system.poll_limits.0.interval()))
    }),
    Property::constant("PollIntervalMaxUSec", "t", |view| {
        Value::new(micros(view.snapshot.system.poll_limits.1.interval()))
    }),
    Property::silent("PollIntervalUSec", "t", |view| {
        Value::new(micros(view.selected().map_or(Span::ZERO, |source| source.poll.interval())))
    }),
    Property::announced("NTPMessage", "(uuuuittayttttbtt)", |view| Value::new(ntp_message(view.selected()))),
    Property::silent("Frequency", "x", |view| Value::new(view.snapshot.system.frequency.to_kernel())),
];

/// As they were given, also where one is configured as well.
fn offered(view: &View<'_>, origin: SourceOrigin) -> Value {
    Value::new(view.snapshot.offered.get(&origin).cloned().unwrap_or_default())
}

/// Names of sources, each once; a pool has several of one name.
fn servers(view: &View<'_>, origins: &[SourceOrigin]) -> Value {
    let mut names: Vec<String> = Vec::new();
    for source in view.snapshot.sources.iter().filter(|source| origins.contains(&source.origin)) {
        if names.last() != Some(&source.name) {
            names.push(source.name.clone());
        }
    }
    Value::new(names)
}

/// More than any network gives out.
const MOST_SERVERS: usize = 64;

fn set_runtime_servers(body: &Body) -> Result<Order, Fault> {
    let names: Vec<&str> =
        body.deserialize().map_err(|_| Kind::InvalidArgs.because("this takes one list of names (as)"))?;
    if names.len() > MOST_SERVERS {
        return Err(Kind::InvalidArgs.because(format!("no more than {MOST_SERVERS} servers are taken")));
    }
    let parsed: Result<Vec<_>, String> = names.iter().map(|name| name.parse()).collect();
    let servers = parsed.map_err(|wrong| Kind::InvalidArgs.because(wrong))?;
    Ok(Order {
        action: "org.freedesktop.timesync1.set-runtime-servers",
        what: What::Command(Command::Offer { origin: SourceOrigin::Runtime, servers }),
    })
}

#[cfg(test)]
mod tests;
