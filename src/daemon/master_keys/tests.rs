//! A keeper with a clock that the test moves, for the tests of every kind of keys.

use super::*;
use crate::config::{KeyExchangeServerConfig, KeysetConfig};
use crate::nts::{Algorithm, SessionKeys};
use crate::snapshot::example;
use crate::time::{Leap, Span};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub(super) const DAY: u64 = 86_400;
/// 2027-01-15T08:00:00Z: eight hours into a day.
pub(super) const START: i64 = 1_800_000_000;

/// A running keeper.
pub(super) struct Bench {
    pub(super) keys: watch::Receiver<Arc<KeySet>>,
    pub(super) report: Arc<MasterKeys>,
    /// What the clock is ahead, seconds.
    ahead: Arc<AtomicI64>,
    variables: watch::Sender<Arc<SystemVariables>>,
    files: watch::Sender<()>,
    task: JoinHandle<()>,
}

pub(super) fn config(origin: KeyOrigin, interval: u64, stale_keys: usize) -> Config {
    let listen = "127.0.0.1:0".parse().unwrap();
    let server = KeyExchangeServerConfig::new(listen, PathBuf::new(), PathBuf::new());
    let interval = Span::from_secs(interval.cast_signed());
    let keyset = KeysetConfig { stale_keys, interval, origin };
    Config { key_exchange_servers: vec![server], keyset, ..Config::default() }
}

fn variables(is_synchronized: bool) -> Arc<SystemVariables> {
    let snapshot = example::snapshot();
    let mut variables = SystemVariables::new(&snapshot, &Config::default().synchronization);
    (variables.leap, variables.stratum) =
        if is_synchronized { (Leap::NoWarning, 2) } else { (Leap::Unsynchronized, 16) };
    Arc::new(variables)
}

/// The message, which must be one for a configuration that is wrong, with a remedy.
#[track_caller]
pub(super) fn refused(config: &Config) -> String {
    let error = KeyKeeper::open_at(config, ClockTime::from_unix_secs(START)).unwrap_err();
    assert_eq!(error.exit_code.code(), 78, "{error}");
    assert!(error.message.contains("; "), "no remedy: {error}");
    error.message
}

pub(super) fn write(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("other");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, path).unwrap();
}

impl Bench {
    /// The clock is right, and says `START` and so many seconds.
    #[track_caller]
    pub(super) fn start(config: &Config, ahead: i64) -> Self {
        Self::start_with(config, ahead, true)
    }

    #[track_caller]
    pub(super) fn start_with(config: &Config, ahead: i64, is_synchronized: bool) -> Self {
        let keeper = KeyKeeper::open_at(config, ClockTime::from_unix_secs(START + ahead));
        let keeper = keeper.unwrap().unwrap();
        let (keys, report) = (keeper.keys(), keeper.report());
        let ahead = Arc::new(AtomicI64::new(ahead));
        let (begin, reading) = (Instant::now(), Arc::clone(&ahead));
        let now = move || {
            let elapsed = i64::try_from(begin.elapsed().as_millis()).unwrap();
            ClockTime::from_unix_secs(START + reading.load(Ordering::Relaxed)) + Span::from_millis(elapsed)
        };
        let variables = watch::Sender::new(variables(is_synchronized));
        let files = watch::Sender::new(());
        let run = keeper.run(now, variables.subscribe(), files.subscribe(), CancellationToken::new());
        Self { keys, report, ahead, variables, files, task: tokio::spawn(run) }
    }

    pub(super) async fn wait(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    /// The clock is set; the next snapshot is a second later.
    pub(super) async fn set_clock(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
        self.wait(1).await;
        self.publish(true).await;
    }

    pub(super) async fn publish(&self, is_synchronized: bool) {
        self.variables.send_replace(variables(is_synchronized));
        self.wait(1).await;
    }

    pub(super) async fn hang_up(&self) {
        self.files.send_replace(());
        sleep(Duration::from_millis(100)).await;
    }

    /// Of all keys that are accepted, and of the one that seals.
    pub(super) fn ids(&self) -> (Vec<u32>, u32) {
        let set = self.keys.borrow();
        let ids: Vec<u32> = set.keys().map(|key| key.id).collect();
        (ids.clone(), ids[set.primary()])
    }

    pub(super) fn cookie(&self) -> Vec<u8> {
        let mut cookie = vec![0; KeySet::cookie_len(Algorithm::AesSivCmac256)];
        self.keys.borrow().as_ref().clone().seal(&session(), [1; 16], &mut cookie).unwrap();
        cookie
    }

    pub(super) fn opens(&self, cookie: &[u8]) -> bool {
        self.keys.borrow().as_ref().clone().open(cookie) == Some(session())
    }

    /// Nothing is left of it when this returns.
    pub(super) async fn end(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled(), "it runs for ever");
    }
}

fn session() -> SessionKeys {
    SessionKeys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).unwrap()
}

#[test]
fn without_a_key_exchange_server_there_are_keys_only_where_others_give_out_cookies() {
    let mut config = config(KeyOrigin::Own { storage: None }, DAY, 7);
    assert!(KeyKeeper::open(&config).unwrap().is_some());
    config.key_exchange_servers.clear();
    assert!(KeyKeeper::open(&config).unwrap().is_none());
    config.keyset.origin = KeyOrigin::Shared { path: "/nowhere".into() };
    assert!(KeyKeeper::open(&config).unwrap_err().message.contains("/nowhere"));
}
