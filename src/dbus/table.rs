//! What an object on the bus is made of: tables of properties with their getters, and methods with the orders they give. Sends nothing.

use super::fault::Fault;
use super::view::View;
use crate::command::{Command, ServiceOrder};
use zbus::Variant;
use zbus::message::Body;

/// A value that goes into a message.
pub(super) type Value = Variant<'static>;

/// Interfaces under a path.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) path: &'static str,
    pub(super) interface: Interface,
}

/// Members under a name.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) name: &'static str,
    pub(super) properties: &'static [Property],
    pub(super) methods: &'static [Method],
}

/// One property.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: &'static str,
    pub(super) signature: &'static str,
    pub(super) changes: Changes,
    pub(super) get: fn(&View<'_>) -> Value,
    /// What it takes to set it.
    pub(super) set: Option<Setter>,
}

/// The order that a new value is.
pub(super) type Setter = fn(&Variant<'_>) -> Result<Order, Fault>;

/// Whether `PropertiesChanged` tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// With its new value.
    Announced,
    /// Never: it is another whenever it is asked for.
    Silent,
    /// It does not change while the daemon runs.
    Constant,
}

impl Property {
    pub(super) const fn announced(
        name: &'static str,
        signature: &'static str,
        get: fn(&View<'_>) -> Value,
    ) -> Self {
        Self { name, signature, changes: Changes::Announced, get, set: None }
    }

    pub(super) const fn silent(
        name: &'static str,
        signature: &'static str,
        get: fn(&View<'_>) -> Value,
    ) -> Self {
        Self { changes: Changes::Silent, ..Self::announced(name, signature, get) }
    }

    pub(super) const fn constant(
        name: &'static str,
        signature: &'static str,
        get: fn(&View<'_>) -> Value,
    ) -> Self {
        Self { changes: Changes::Constant, ..Self::announced(name, signature, get) }
    }
}

/// One method. None of them returns anything.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    /// Names and signatures.
    pub(super) arguments: &'static [(&'static str, &'static str)],
    pub(super) order: fn(&Body) -> Result<Order, Fault>,
}

/// What a call asks of the daemon, and what of polkit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// The action that its sender must be allowed.
    pub(super) action: &'static str,
    pub(super) what: What,
}

/// Of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Command(Command),
    Service(ServiceOrder),
}

impl Interface {
    pub(super) fn property(&self, name: &str) -> Option<&'static Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    pub(super) fn method(&self, name: &str) -> Option<&'static Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}
