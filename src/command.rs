//! Everything that may be asked of the daemon from outside. Who may ask is the asker's converter's to check.

use crate::config::{HostPort, StepLimits};
use crate::verdict::{Marks, SourceOrigin};

/// One request to the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Measure every source now and correct the clock in one step, whatever the size (panic thresholds excepted).
    ForceSync,
    /// Ask one source more, until it is removed or the daemon ends.
    AddSource {
        /// The keys of a `[[source]]` section, as the configuration file has them.
        section: String,
    },
    /// Ask it no more, until the configuration is read again.
    RemoveSource {
        /// As listed.
        name: String,
    },
    /// What selection may do with a source, until the configuration is read again.
    Mark {
        /// As listed.
        name: String,
        /// Which.
        mark: Mark,
        /// Or take it away.
        on: bool,
    },
    /// These servers, in place of those that were offered from there before.
    Offer {
        /// [`SourceOrigin::Runtime`] or [`SourceOrigin::Link`].
        origin: SourceOrigin,
        /// In the order of preference; none withdraws them.
        servers: Vec<HostPort>,
    },
    /// Ask sources again, or leave them alone: there is no network, or it costs.
    Online {
        /// As listed; all sources without.
        name: Option<String>,
        /// Or leave them alone.
        online: bool,
    },
    /// Measure now, several times in short intervals.
    Burst {
        /// As listed; all sources without.
        name: Option<String>,
    },
    /// Another `single-step-panic-threshold`, until the configuration is read again.
    PanicThreshold(StepLimits),
}

/// One of [`crate::verdict::Marks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Use it rather than others that agree with it.
    Prefer,
    /// Measure it and never use it.
    Noselect,
    /// Its word goes before a majority's.
    Trust,
    /// No time without one that is marked so.
    Require,
}

impl Mark {
    /// Puts it there, or takes it away.
    pub const fn set(self, marks: &mut Marks, on: bool) {
        match self {
            Self::Prefer => marks.prefer = on,
            Self::Noselect => marks.noselect = on,
            Self::Trust => marks.trust = on,
            Self::Require => marks.require = on,
        }
    }
}

/// One request to the process around the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceOrder {
    /// Read the configuration again, log files and certificates too. A wrong one changes nothing.
    Reload,
    /// Another log filter, until the configuration is read again; nothing is the configured one.
    LogFilter(Option<String>),
}
