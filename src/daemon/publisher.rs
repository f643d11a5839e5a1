//! Where the engine's state goes: to the readers of snapshots, to the servers, to the drift file. Decides nothing.

use crate::config::Synchronization;
use crate::discipline::Drift;
use crate::server::{LeapSecond, SystemVariables};
use crate::snapshot::{KeyExchangeServer, MasterKeys, Server, Snapshot};
use crate::time::{LeapTable, Now};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use super::smear_watch::SmearWatch;
use super::state_files::DriftFile;

/// The one way out.
#[derive(Debug)]
pub(super) struct Publisher {
    snapshot: watch::Sender<Arc<Snapshot>>,
    variables: watch::Sender<Arc<SystemVariables>>,
    listeners: Listeners,
    synchronization: Synchronization,
    drift_file: Option<DriftFile>,
    next_save: Instant,
    saved: Option<Drift>,
    smear_watch: SmearWatch,
}

/// What is served, for snapshots: each counts for itself.
#[derive(Debug, Clone)]
pub(super) struct Listeners {
    pub(super) servers: Vec<Server>,
    pub(super) key_exchange_servers: Vec<KeyExchangeServer>,
    pub(super) master_keys: Option<Arc<MasterKeys>>,
}

impl Listeners {
    /// A snapshot of the engine's with them.
    fn added_to(&self, snapshot: Snapshot) -> Snapshot {
        let Self { servers, key_exchange_servers, master_keys } = self.clone();
        Snapshot { servers, key_exchange_servers, master_keys, ..snapshot }
    }
}

/// Rarer loses more at a crash; more often wears flash memory for a value that hardly moves.
const SAVE_INTERVAL: Duration = Duration::from_secs(3600);

impl Publisher {
    pub(super) fn new(
        first: Snapshot,
        synchronization: Synchronization,
        listeners: Listeners,
        drift_file: Option<DriftFile>,
        smear_watch: SmearWatch,
    ) -> Self {
        let variables = SystemVariables::new(&first, &synchronization).remembering(None, first.at);
        let first = listeners.added_to(first);
        Self {
            snapshot: watch::Sender::new(Arc::new(first)),
            variables: watch::Sender::new(Arc::new(variables)),
            listeners,
            synchronization,
            drift_file,
            next_save: Instant::now() + SAVE_INTERVAL,
            saved: None,
            smear_watch,
        }
    }

    pub(super) fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    pub(super) fn variables(&self) -> watch::Receiver<Arc<SystemVariables>> {
        self.variables.subscribe()
    }

    /// The table is for a leap second that came before this program.
    pub(super) fn publish(&mut self, snapshot: Snapshot, table: Option<&LeapTable>) {
        let previous = **self.variables.borrow();
        let now = Now { mono: snapshot.at, clock: snapshot.clock };
        // Whoever was synchronized would know it.
        let passed =
            || table.filter(|_| !previous.is_synchronized()).and_then(|t| LeapSecond::passed(t, now));
        let before = previous.leap_second.or_else(passed);
        let variables = SystemVariables::new(&snapshot, &self.synchronization);
        let variables = variables.remembering(before, snapshot.at);
        for warning in self.smear_watch.look(&snapshot, before, variables.leap_second) {
            tracing::warn!("{warning}");
        }
        self.variables.send_replace(Arc::new(variables));
        self.snapshot.send_replace(Arc::new(self.listeners.added_to(snapshot)));
    }

    /// What is served while nothing is synchronized.
    pub(super) fn configure(&mut self, synchronization: Synchronization) {
        self.synchronization = synchronization;
    }

    /// For ever without a place to save to.
    pub(super) async fn save_is_due(&self) {
        match &self.drift_file {
            Some(_) => sleep_until(self.next_save).await,
            None => std::future::pending().await,
        }
    }

    /// Only what is new is written. A failure is told and tried again later.
    pub(super) fn save_drift(&mut self, drift: Option<Drift>) {
        self.next_save = Instant::now() + SAVE_INTERVAL;
        let (Some(file), Some(drift)) = (&self.drift_file, drift) else { return };
        if self.saved == Some(drift) {
            return;
        }
        match file.save(&drift) {
            Ok(()) => self.saved = Some(drift),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}
