//! Where the engine's state goes: to the readers of snapshots, to the servers, to the files that outlive a run. Decides nothing.

use crate::config::Synchronization;
use crate::discipline::Drift;
use crate::nts::SavedSession;
use crate::server::{LeapSecond, SystemVariables};
use crate::snapshot::{KeyExchangeServer, MasterKeys, Server, Snapshot, SyncState};
use crate::time::{ClockTime, Leap, LeapTable, Now};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use super::smear_watch::SmearWatch;
use super::state_files::{DriftFile, LastGoodFile, SessionsFile};
use super::synchronized_file::SynchronizedFile;

/// The one way out.
#[derive(Debug)]
pub(super) struct Publisher {
    snapshot: watch::Sender<Arc<Snapshot>>,
    variables: watch::Sender<Arc<SystemVariables>>,
    listeners: Listeners,
    synchronization: Synchronization,
    files: Files,
    next_save: Instant,
    /// Doubles, as what is learnt gets better ever more slowly.
    pause: Duration,
    saved: Option<Drift>,
    /// A time that has been is on disk.
    time_saved: bool,
    reserved: Option<Instant>,
    smear_watch: SmearWatch,
}

/// What outlives a run; each only where there is a place for it.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Of a clock that is ours: what another's does says nothing of its oscillator.
    pub(super) drift: Option<DriftFile>,
    pub(super) sessions: Option<SessionsFile>,
    pub(super) last_good: Option<LastGoodFile>,
    /// Of a clock that is ours: of another's nobody here can say that it stays right.
    pub(super) synchronized: Option<SynchronizedFile>,
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

/// Rarer loses more at a power cut, after which a clock without a battery starts from what was saved; more often wears flash memory.
const SAVE_INTERVAL: Duration = Duration::from_secs(600);
/// After the first synchronization; time for second thoughts about it.
const FIRST_SAVE: Duration = Duration::from_secs(60);
/// The cookies put by cost a longer request each time.
const RESERVE_INTERVAL: Duration = Duration::from_secs(3600);

impl Publisher {
    pub(super) fn new(
        first: Snapshot,
        synchronization: Synchronization,
        listeners: Listeners,
        files: Files,
        smear_watch: SmearWatch,
    ) -> Self {
        let variables = SystemVariables::new(&first, &synchronization).remembering(None, first.at);
        let first = listeners.added_to(first);
        Self {
            snapshot: watch::Sender::new(Arc::new(first)),
            variables: watch::Sender::new(Arc::new(variables)),
            listeners,
            synchronization,
            files,
            next_save: Instant::now() + SAVE_INTERVAL,
            pause: SAVE_INTERVAL,
            saved: None,
            time_saved: false,
            reserved: None,
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
        self.save_soon_if_first(&snapshot);
        let is_right =
            snapshot.system.state == SyncState::Synchronized && snapshot.system.leap != Leap::Unsynchronized;
        if let Some(file) = self.files.synchronized.as_mut().filter(|_| is_right) {
            file.make();
        }
        self.variables.send_replace(Arc::new(variables));
        self.snapshot.send_replace(Arc::new(self.listeners.added_to(snapshot)));
    }

    /// A machine that is switched off every hour would never save otherwise.
    fn save_soon_if_first(&mut self, snapshot: &Snapshot) {
        let soon = Instant::now() + FIRST_SAVE;
        if !self.time_saved && snapshot.system.state == SyncState::Synchronized && soon < self.next_save {
            (self.next_save, self.pause) = (soon, FIRST_SAVE);
        }
    }

    /// What is served while nothing is synchronized.
    pub(super) fn configure(&mut self, synchronization: Synchronization) {
        self.synchronization = synchronization;
    }

    /// For ever without a place to save to.
    pub(super) async fn save_is_due(&self) {
        let Files { drift, last_good, .. } = &self.files;
        if drift.is_none() && last_good.is_none() {
            return std::future::pending().await;
        }
        sleep_until(self.next_save).await;
    }

    /// Only what is new is written. A failure is told and tried again later.
    pub(super) fn save(&mut self, drift: Option<Drift>, clock: ClockTime) {
        self.pause = (self.pause * 2).min(SAVE_INTERVAL);
        self.next_save = Instant::now() + self.pause;
        if let (Some(file), Some(drift)) = (&self.files.drift, drift)
            && self.saved != Some(drift)
            && told(file.save(&drift))
        {
            self.saved = Some(drift);
        }
        let last = Arc::clone(&self.snapshot.borrow());
        if let Some(file) =
            self.files.last_good.as_ref().filter(|_| last.system.state == SyncState::Synchronized)
        {
            // What sources say, whether or not the clock is ours to follow them.
            self.time_saved = told(file.save(clock + last.system.offset)) || self.time_saved;
        }
    }

    /// Whether cookies are to be put by for a run after a crash.
    pub(super) fn reserve_is_due(&self) -> bool {
        self.files.sessions.is_some() && self.reserved.is_none_or(|at| at.elapsed() >= RESERVE_INTERVAL)
    }

    /// In place of those that were put by before.
    pub(super) fn reserve_sessions(&mut self, sessions: Vec<SavedSession>, clock: ClockTime) {
        if !sessions.is_empty() {
            self.save_sessions(sessions, clock);
            self.reserved = Some(Instant::now());
        }
    }

    /// For the next run, which may use each cookie of these once.
    pub(super) fn save_sessions(&self, sessions: Vec<SavedSession>, clock: ClockTime) {
        if let Some(file) = &self.files.sessions {
            told(file.save(sessions, clock));
        }
    }
}

fn told(result: Result<(), String>) -> bool {
    if let Err(error) = &result {
        tracing::warn!("{error}");
    }
    result.is_ok()
}
