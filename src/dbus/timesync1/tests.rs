//! Values of the example snapshot, and what SetRuntimeNTPServers takes.

use super::super::view::example::with_view;
use super::*;
use crate::snapshot::Snapshot;
use crate::verdict::SourceId;
use zbus::Message;

fn get(name: &str, change: impl FnOnce(&mut Snapshot)) -> Value {
    with_view(change, |view| (OBJECT.interface.property(name).unwrap().get)(view))
}

#[test]
fn the_selected_source_is_told() {
    for (name, value) in [
        ("ServerName", Value::new("ntp1.example.org:123")),
        ("ServerAddress", Value::new((2_i32, vec![192_u8, 0, 2, 1]))),
        ("PollIntervalUSec", Value::new(64_000_000_u64)),
        ("PollIntervalMinUSec", Value::new(16_000_000_u64)),
        ("PollIntervalMaxUSec", Value::new(1_024_000_000_u64)),
        ("RootDistanceMaxUSec", Value::new(16_000_000_u64)),
        ("Frequency", Value::new(-809_042_i64)),
    ] {
        assert_eq!(get(name, |_| {}), value, "{name}");
    }
}

#[test]
fn without_a_selected_source_there_is_no_server() {
    let lose = |snapshot: &mut Snapshot| snapshot.system.system_peer = None;
    assert_eq!(get("ServerName", lose), Value::new(""));
    assert_eq!(get("ServerAddress", lose), Value::new((0_i32, Vec::<u8>::new())));
    assert_eq!(get("PollIntervalUSec", lose), Value::new(0_u64));
    let gone = |snapshot: &mut Snapshot| snapshot.system.system_peer = Some(SourceId(77));
    assert_eq!(get("ServerName", gone), Value::new(""));
}

#[test]
fn servers_are_told_by_where_they_come_from_and_a_pool_once() {
    let origins = [SourceOrigin::Runtime, SourceOrigin::Configuration, SourceOrigin::Added];
    let change = |snapshot: &mut Snapshot| {
        for (source, origin) in snapshot.sources.iter_mut().zip(origins) {
            source.origin = origin;
            source.name = format!("{origin:?}");
        }
        let again = snapshot.sources[1].clone();
        snapshot.sources.insert(1, again);
        let offers = [(SourceOrigin::Runtime, "one.example"), (SourceOrigin::Link, "192.0.2.7")];
        snapshot.offered = offers.map(|(origin, name)| (origin, vec![name.to_owned()])).into();
    };
    for (name, wanted) in [
        ("RuntimeNTPServers", vec!["one.example"]),
        ("LinkNTPServers", vec!["192.0.2.7"]),
        ("SystemNTPServers", vec!["Configuration", "Added"]),
        ("FallbackNTPServers", vec![]),
    ] {
        assert_eq!(get(name, change), Value::new(wanted), "{name}");
    }
}

fn set(names: &[&str]) -> Result<Order, Fault> {
    let message = Message::method_call(OBJECT.path, "SetRuntimeNTPServers").build(&names).unwrap();
    set_runtime_servers(&message.body())
}

#[test]
fn run_time_servers_are_names_or_addresses() {
    let order = set(&["ntp.example.org", "2001:db8::1", "192.0.2.1:1123"]).unwrap();
    let What::Command(Command::Offer { origin: SourceOrigin::Runtime, servers }) = order.what else {
        panic!("{order:?}");
    };
    let told: Vec<String> = servers.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["ntp.example.org", "2001:db8::1", "192.0.2.1:1123"]);
    assert!(set(&[]).is_ok(), "an empty list takes them back");
    for wrong in ["", "a b", "192.0.2.300", "ntp://a"] {
        assert_eq!(set(&["good.example", wrong]).unwrap_err().kind, Kind::InvalidArgs, "{wrong}");
    }
    assert_eq!(set(&["a"; MOST_SERVERS + 1]).unwrap_err().kind, Kind::InvalidArgs);
}
