//! What getters see: a snapshot at the moment of the call. What has grown since is computed here; nothing is kept.

use super::host::Host;
use crate::snapshot::{Snapshot, Source};
use crate::time::{Now, Span};

/// The daemon, its clock, and the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: Now,
    pub(super) host: &'a Host,
}

impl View<'_> {
    /// The source that stratum and reference id come from.
    pub(super) fn selected(&self) -> Option<&Source> {
        let peer = self.snapshot.system.system_peer?;
        self.snapshot.sources.iter().find(|source| source.id == peer)
    }

    /// Dispersion to the primary source, now.
    pub(super) fn root_dispersion_seconds(&self) -> f64 {
        let system = &self.snapshot.system;
        // A snapshot may be a moment younger than `now`, which was read before it.
        let age = (self.now.mono - self.snapshot.at).max(Span::ZERO);
        system.root_dispersion.seconds() + system.dispersion_rate * age.seconds()
    }

    /// The clock's largest error, now.
    pub(super) fn maximum_error_seconds(&self) -> f64 {
        self.snapshot.system.root_delay.seconds() / 2.0 + self.root_dispersion_seconds()
    }
}

/// For the tests of all that looks at one.
#[cfg(test)]
pub(super) mod example {
    use super::*;
    use crate::snapshot::example::{later, snapshot};
    use std::path::Path;

    /// Ten seconds after the example snapshot, with something changed in it; on a machine that says nothing of itself.
    pub(in crate::dbus) fn with_view<T>(
        change: impl FnOnce(&mut Snapshot),
        look: impl FnOnce(&View<'_>) -> T,
    ) -> T {
        let mut snapshot = snapshot();
        change(&mut snapshot);
        let host = Host::new(Path::new("/nonexistent"), "console");
        look(&View { snapshot: &snapshot, now: later(&snapshot, 10), host: &host })
    }
}
