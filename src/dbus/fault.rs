//! What a call is answered with that gets no result: the bus's own names of errors, and words for people.

use std::fmt;

/// An error reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// After `org.freedesktop.DBus.Error.`.
    pub(super) kind: Kind,
    pub(super) words: String,
}

/// The bus's own errors, as far as they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    AccessDenied,
    Failed,
    InteractiveAuthorizationRequired,
    InvalidArgs,
    LimitsExceeded,
    PropertyReadOnly,
    Timeout,
    UnknownInterface,
    UnknownMethod,
    UnknownObject,
    UnknownProperty,
}

impl Kind {
    /// Why, for people.
    pub(super) fn because(self, words: impl Into<String>) -> Fault {
        Fault { kind: self, words: words.into() }
    }
}

impl Fault {
    /// On the bus.
    pub(super) fn name(&self) -> String {
        format!("org.freedesktop.DBus.Error.{:?}", self.kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}
