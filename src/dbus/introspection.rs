//! The tables as XML, for whoever wants to know what there is. `dbus/*.xml` are copies of it that a test compares.

use super::call::OBJECTS;
use super::table::{Changes, Interface, Method, Property};
use std::collections::BTreeSet;
use std::fmt::Write;

pub(super) const PEER: &str = "org.freedesktop.DBus.Peer";
pub(super) const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

const HEAD: &str = r#"<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
"#;

/// What every object has besides its own interface.
const STANDARD: &str = r#" <interface name="org.freedesktop.DBus.Peer">
  <method name="Ping"/>
  <method name="GetMachineId">
   <arg type="s" name="machine_uuid" direction="out"/>
  </method>
 </interface>
 <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect">
   <arg type="s" name="data" direction="out"/>
  </method>
 </interface>
 <interface name="org.freedesktop.DBus.Properties">
  <method name="Get">
   <arg type="s" name="interface_name" direction="in"/>
   <arg type="s" name="property_name" direction="in"/>
   <arg type="v" name="value" direction="out"/>
  </method>
  <method name="GetAll">
   <arg type="s" name="interface_name" direction="in"/>
   <arg type="a{sv}" name="properties" direction="out"/>
  </method>
  <method name="Set">
   <arg type="s" name="interface_name" direction="in"/>
   <arg type="s" name="property_name" direction="in"/>
   <arg type="v" name="value" direction="in"/>
  </method>
  <signal name="PropertiesChanged">
   <arg type="s" name="interface_name"/>
   <arg type="a{sv}" name="changed_properties"/>
   <arg type="as" name="invalidated_properties"/>
  </signal>
 </interface>
"#;

/// The object at `path`, or the names below it where there is none; nothing where there is neither.
pub(super) fn xml(path: &str) -> Option<String> {
    let object = OBJECTS.into_iter().find(|object| object.path == path);
    let children = children(path);
    if object.is_none() && children.is_empty() {
        return None;
    }
    let mut text = format!("{HEAD}<node>\n");
    if let Some(object) = object {
        text.push_str(STANDARD);
        write_interface(&mut text, &object.interface);
    }
    for child in children {
        line(&mut text, format_args!(" <node name=\"{child}\"/>"));
    }
    text.push_str("</node>\n");
    Some(text)
}

/// The next part of every path below this one.
fn children(path: &str) -> BTreeSet<&'static str> {
    let below = |full: &'static str| full.strip_prefix(path.trim_end_matches('/'))?.strip_prefix('/');
    OBJECTS.into_iter().filter_map(|object| below(object.path)?.split('/').next()).collect()
}

fn write_interface(text: &mut String, interface: &Interface) {
    line(text, format_args!(" <interface name=\"{}\">", interface.name));
    interface.properties.iter().for_each(|property| write_property(text, property));
    interface.methods.iter().for_each(|method| write_method(text, method));
    line(text, format_args!(" </interface>"));
}

fn write_property(text: &mut String, property: &Property) {
    let Property { name, signature, .. } = property;
    let access = if property.set.is_some() { "readwrite" } else { "read" };
    let open = format!("  <property name=\"{name}\" type=\"{signature}\" access=\"{access}\"");
    let annotation = match property.changes {
        Changes::Announced => return line(text, format_args!("{open}/>")),
        Changes::Silent => "false",
        Changes::Constant => "const",
    };
    line(text, format_args!("{open}>"));
    let name = "org.freedesktop.DBus.Property.EmitsChangedSignal";
    line(text, format_args!("   <annotation name=\"{name}\" value=\"{annotation}\"/>"));
    line(text, format_args!("  </property>"));
}

fn write_method(text: &mut String, method: &Method) {
    if method.arguments.is_empty() {
        return line(text, format_args!("  <method name=\"{}\"/>", method.name));
    }
    line(text, format_args!("  <method name=\"{}\">", method.name));
    for (name, signature) in method.arguments {
        line(text, format_args!("   <arg type=\"{signature}\" name=\"{name}\" direction=\"in\"/>"));
    }
    line(text, format_args!("  </method>"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests;
