//! What a call is answered with: the standard interfaces, and the tables of ours. Sends nothing, and asks nobody.

use super::fault::{Fault, Kind};
use super::introspection::{self, INTROSPECTABLE, PEER, PROPERTIES};
use super::table::{Interface, Object, Order, Property, Value};
use super::view::View;
use super::{log_control, ntpd_rs1, timesync1};
use std::collections::BTreeMap;
use zbus::message::Header;
use zbus::{Message, Variant};

/// Everything there is.
pub(super) static OBJECTS: [&Object; 3] = [&timesync1::OBJECT, &log_control::OBJECT, &ntpd_rs1::OBJECT];

/// What comes of a call that is not refused.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// Done, and there is nothing to say.
    Nothing,
    Text(String),
    Value(Value),
    Values(BTreeMap<&'static str, Value>),
    /// To be answered once it is allowed and done.
    Order(Order),
}

/// What a method call is answered with.
pub(super) fn answer(message: &Message, view: &View<'_>) -> Result<Answer, Fault> {
    let header = message.header();
    let (path, interface, member) = parts(&header);
    match interface {
        Some(PEER) => peer(member, view),
        Some(INTROSPECTABLE) if member == "Introspect" => {
            introspection::xml(path).map(Answer::Text).ok_or_else(|| no_object(path))
        }
        Some(PROPERTIES) => properties(object(path)?, member, message, view),
        Some(INTROSPECTABLE) => Err(no_method(member)),
        Some(name) => {
            let object = object(path)?;
            if object.interface.name != name {
                return Err(no_interface(name));
            }
            own(&object.interface, member, message)
        }
        // The specification lets a call go without the interface where its member is in one only.
        None if member == "Introspect" => {
            introspection::xml(path).map(Answer::Text).ok_or_else(|| no_object(path))
        }
        None => own(&object(path)?.interface, member, message),
    }
}

/// Path, interface and member; a call that reaches us has the first and the last.
fn parts<'a>(header: &'a Header<'_>) -> (&'a str, Option<&'a str>, &'a str) {
    (
        header.path().map_or("", |path| path.as_str()),
        header.interface().map(|interface| interface.as_str()),
        header.member().map_or("", |member| member.as_str()),
    )
}

fn peer(member: &str, view: &View<'_>) -> Result<Answer, Fault> {
    match member {
        "Ping" => Ok(Answer::Nothing),
        "GetMachineId" => {
            let id = view.host.machine_id();
            id.map(Answer::Text).ok_or_else(|| Kind::Failed.because("this machine has no /etc/machine-id"))
        }
        _ => Err(no_method(member)),
    }
}

fn own(interface: &Interface, member: &str, message: &Message) -> Result<Answer, Fault> {
    let method = interface.method(member).ok_or_else(|| no_method(member))?;
    (method.order)(&message.body()).map(Answer::Order)
}

fn properties(object: &Object, member: &str, message: &Message, view: &View<'_>) -> Result<Answer, Fault> {
    let body = message.body();
    let wants = |what: &str| Kind::InvalidArgs.because(format!("{member} takes {what}"));
    match member {
        "Get" => {
            let (interface, name): (&str, &str) =
                body.deserialize().map_err(|_| wants("an interface and a property (ss)"))?;
            Ok(Answer::Value((property(object, interface, name)?.get)(view)))
        }
        "GetAll" => {
            let interface: &str = body.deserialize().map_err(|_| wants("an interface (s)"))?;
            Ok(Answer::Values(all(object, interface, view)?))
        }
        "Set" => {
            let (interface, name, value): (&str, &str, Variant<'_>) =
                body.deserialize().map_err(|_| wants("an interface, a property and a value (ssv)"))?;
            let set = property(object, interface, name)?.set;
            let set =
                set.ok_or_else(|| Kind::PropertyReadOnly.because(format!("`{name}` can only be read")))?;
            set(&value).map(Answer::Order)
        }
        _ => Err(no_method(member)),
    }
}

/// timedatectl asks for the properties of the interface without a name, and means those of all of them.
fn all(object: &Object, interface: &str, view: &View<'_>) -> Result<BTreeMap<&'static str, Value>, Fault> {
    match interface {
        PEER | INTROSPECTABLE | PROPERTIES => Ok(BTreeMap::new()),
        _ if interface.is_empty() || interface == object.interface.name => {
            let each = |property: &'static Property| (property.name, (property.get)(view));
            Ok(object.interface.properties.iter().map(each).collect())
        }
        _ => Err(no_interface(interface)),
    }
}

fn property(object: &Object, interface: &str, name: &str) -> Result<&'static Property, Fault> {
    if !interface.is_empty() && interface != object.interface.name {
        return Err(no_interface(interface));
    }
    let found = object.interface.property(name);
    found.ok_or_else(|| Kind::UnknownProperty.because(format!("there is no property `{name}`")))
}

fn object(path: &str) -> Result<&'static Object, Fault> {
    OBJECTS.into_iter().find(|object| object.path == path).ok_or_else(|| no_object(path))
}

fn no_object(path: &str) -> Fault {
    Kind::UnknownObject.because(format!("there is no object `{path}`"))
}

fn no_interface(name: &str) -> Fault {
    Kind::UnknownInterface.because(format!("there is no interface `{name}` on this object"))
}

fn no_method(name: &str) -> Fault {
    Kind::UnknownMethod.because(format!("there is no method `{name}` in this interface"))
}

#[cfg(test)]
mod tests;
