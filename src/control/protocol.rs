//! What is said on the control socket. Sends nothing.

use super::clients::ListenerClients;
use serde::{Deserialize, Serialize};

/// What a client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Measure every source now, and step the clock. (Braces, so that serde refuses what it does not know.)
    ForceSync {},
    /// Tell the clients that ask most.
    Clients {
        /// So many of each listener; at most [`super::MOST_CLIENTS`].
        limit: usize,
    },
}

/// What the daemon answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Reply {
    /// It is being done.
    Accepted,
    /// It will not be done.
    Refused {
        /// Why, for people.
        reason: String,
    },
    /// What was asked for.
    Clients {
        /// In the order of configuration.
        listeners: Vec<ListenerClients>,
    },
}

impl Reply {
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into() }
    }
}
