//! What is said on the control socket. Sends nothing.

use super::clients::ListenerClients;
use crate::command::Mark;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What a client may ask. (Braces even where there is nothing in them, so that serde refuses what it does not know.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Measure every source now, and step the clock.
    ForceSync {},
    /// Tell the clients that ask most.
    Clients {
        /// So many of each listener; at most [`super::MOST_CLIENTS`].
        limit: usize,
    },
    /// Ask one source more.
    AddSource {
        /// The keys of a `[[source]]` section, as the configuration file has them.
        section: String,
    },
    /// Ask it no more, until the configuration is read again.
    RemoveSource {
        /// As listed.
        name: String,
    },
    /// What selection may do with it, until the configuration is read again.
    Mark {
        /// As listed.
        name: String,
        /// Which.
        mark: Mark,
        /// Or take it away.
        on: bool,
    },
    /// Ask sources again that were left alone.
    Online {
        /// As listed; all sources without.
        #[serde(default)]
        name: Option<String>,
    },
    /// Leave sources alone.
    Offline {
        /// As listed; all sources without, and those that come later.
        #[serde(default)]
        name: Option<String>,
    },
    /// Measure now, several times in short intervals.
    Burst {
        /// As listed; all sources without.
        #[serde(default)]
        name: Option<String>,
    },
    /// Another `single-step-panic-threshold`, until the configuration is read again.
    PanicThreshold {
        /// Seconds; no limit without.
        forward: Option<f64>,
        /// Seconds; no limit without.
        backward: Option<f64>,
    },
    /// Read the configuration again. A wrong one changes nothing.
    Reload {},
    /// Another log filter, until the configuration is read again.
    LogFilter {
        /// A level or a tracing filter; the configured one without.
        #[serde(default)]
        filter: Option<String>,
    },
}

impl Request {
    /// How long the daemon may take for it. A reload reads files, of which some may be far away.
    pub(super) const fn patience(&self) -> Duration {
        match self {
            Self::Reload {} => LONGEST,
            _ => Duration::from_secs(2),
        }
    }
}

/// No request takes longer.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

impl fmt::Display for Request {
    /// As it is sent: one line, whatever stands in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
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
