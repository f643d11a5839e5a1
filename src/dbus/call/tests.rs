//! Calls against the tables: the standard interfaces, wrong names, wrong arguments.

use super::super::view::example::with_view;
use super::*;

const MANAGER: &str = "org.freedesktop.timesync1.Manager";
const PATH: &str = "/org/freedesktop/timesync1";

fn call(
    path: &str,
    interface: Option<&str>,
    member: &str,
    body: &(impl serde::Serialize + zbus::DynamicType),
) -> Result<Answer, Fault> {
    let mut builder = Message::method_call(path, member);
    if let Some(interface) = interface {
        builder = builder.interface(interface);
    }
    let message = builder.build(body).unwrap();
    with_view(|_| {}, |view| answer(&message, view))
}

#[track_caller]
fn refused(result: Result<Answer, Fault>, kind: Kind) {
    assert_eq!(result.unwrap_err().kind, kind);
}

#[test]
fn every_value_has_the_signature_that_its_table_says() {
    with_view(
        |_| {},
        |view| {
            for object in OBJECTS {
                for property in object.interface.properties {
                    let value = (property.get)(view);
                    assert_eq!(value.value_signature().to_string(), property.signature, "{}", property.name);
                }
            }
        },
    );
}

#[test]
fn the_interface_without_a_name_has_the_properties_of_all() {
    for object in OBJECTS {
        let all = |interface: &str| call(object.path, Some(PROPERTIES), "GetAll", &interface).unwrap();
        let Answer::Values(values) = all("") else { panic!("no values") };
        assert_eq!(values.len(), object.interface.properties.len());
        assert!(matches!(all(object.interface.name), Answer::Values(same) if same.len() == values.len()));
    }
    for standard in [PEER, INTROSPECTABLE, PROPERTIES] {
        let none = call(PATH, Some(PROPERTIES), "GetAll", &standard).unwrap();
        assert_eq!(none, Answer::Values(BTreeMap::new()));
    }
}

#[test]
fn one_property_is_read_by_its_name() {
    let get = |interface: &str, name: &str| call(PATH, Some(PROPERTIES), "Get", &(interface, name));
    for interface in [MANAGER, ""] {
        assert_eq!(get(interface, "PollIntervalMinUSec").unwrap(), Answer::Value(Value::new(16_000_000_u64)));
    }
    refused(get(MANAGER, "Nothing"), Kind::UnknownProperty);
    refused(get("org.example", "PollIntervalMinUSec"), Kind::UnknownInterface);
}

#[test]
fn a_property_that_can_only_be_read_is_not_written() {
    let set = |path, interface: &str, name: &str, value: Variant<'static>| {
        call(path, Some(PROPERTIES), "Set", &(interface, name, value))
    };
    refused(set(PATH, MANAGER, "Frequency", Variant::new(1_i64)), Kind::PropertyReadOnly);
    let log = "/org/freedesktop/LogControl1";
    let level = set(log, "org.freedesktop.LogControl1", "LogLevel", Variant::new("debug"));
    assert!(matches!(level, Ok(Answer::Order(_))), "{level:?}");
    refused(set(log, "", "LogTarget", Variant::new("null")), Kind::PropertyReadOnly);
}

#[test]
fn what_does_not_exist_is_named() {
    refused(call("/", Some(PROPERTIES), "GetAll", &""), Kind::UnknownObject);
    refused(call("/org/freedesktop/timesync2", Some(MANAGER), "X", &()), Kind::UnknownObject);
    refused(call("/nowhere", Some(INTROSPECTABLE), "Introspect", &()), Kind::UnknownObject);
    refused(call(PATH, Some("org.example"), "X", &()), Kind::UnknownInterface);
    refused(call(PATH, Some(PROPERTIES), "GetAll", &"org.example"), Kind::UnknownInterface);
    for interface in [Some(MANAGER), Some(PROPERTIES), Some(PEER), Some(INTROSPECTABLE), None] {
        refused(call(PATH, interface, "Nothing", &()), Kind::UnknownMethod);
    }
}

#[test]
fn arguments_of_another_type_are_refused() {
    for member in ["Get", "GetAll", "Set"] {
        refused(call(PATH, Some(PROPERTIES), member, &5_u32), Kind::InvalidArgs);
        refused(call(PATH, Some(PROPERTIES), member, &()), Kind::InvalidArgs);
    }
    for (path, interface, member) in [
        (PATH, MANAGER, "SetRuntimeNTPServers"),
        ("/org/ntpd_rs1", "org.ntpd_rs1.Manager", "AddSource"),
        ("/org/ntpd_rs1", "org.ntpd_rs1.Manager", "RemoveSource"),
        ("/org/ntpd_rs1", "org.ntpd_rs1.Manager", "Reload"),
        ("/org/ntpd_rs1", "org.ntpd_rs1.Manager", "ForceSync"),
    ] {
        refused(call(path, Some(interface), member, &5_u32), Kind::InvalidArgs);
    }
}

#[test]
fn everybody_is_a_peer_and_may_look() {
    assert_eq!(call("/anywhere", Some(PEER), "Ping", &()).unwrap(), Answer::Nothing);
    refused(call(PATH, Some(PEER), "GetMachineId", &()), Kind::Failed);
    for interface in [Some(INTROSPECTABLE), None] {
        let Answer::Text(xml) = call(PATH, interface, "Introspect", &()).unwrap() else { panic!("no text") };
        assert!(xml.contains("NTPMessage"), "{xml}");
    }
}

#[test]
fn a_method_is_found_without_its_interface() {
    let servers = vec!["ntp.example.org"];
    let order = call(PATH, None, "SetRuntimeNTPServers", &servers).unwrap();
    assert!(matches!(order, Answer::Order(_)), "{order:?}");
}
