//! `ntp-ctl status --check` and `wait-sync` against a socket that answers as a daemon does, or does not answer.

use crate::{CTL, POOL, Ran, configuration, first_snapshot, run};
use ntpd_rs::config;
use ntpd_rs::observation;
use ntpd_rs::snapshot::{Snapshot, SyncState};
use ntpd_rs::time::{Leap, Now, Span};
use ntpd_rs::unix_socket::Listener;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A configuration that names a socket, on which nobody listens yet.
struct Place {
    _directory: TempDir,
    socket: PathBuf,
    path: String,
    text: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("observe");
        let text = format!("{POOL}[observability]\nobservation-path = \"{}\"\n", socket.display());
        let path = configuration(directory.path(), &text);
        Self { _directory: directory, socket, path, text }
    }

    /// As a daemon with one source answers before it has measured anything.
    async fn serve(&self) -> watch::Sender<Arc<Snapshot>> {
        let listener = Listener::bind(&self.socket, 0o600).await.unwrap();
        let first = first_snapshot(config::parse(&self.path, &self.text).unwrap().0);
        let now = Now { mono: first.at, clock: first.clock };
        let (publish, snapshots) = watch::channel(Arc::new(first));
        tokio::spawn(observation::serve(listener, snapshots, move || now, CancellationToken::new()));
        publish
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(CTL);
        command.args(["-c", &self.path]).args(line.split(' ')).stdin(Stdio::null());
        command
    }

    async fn ctl(&self, line: &str) -> Ran {
        let (path, line) = (self.path.clone(), line.to_owned());
        let words = move || run(CTL, &["-c", &path].into_iter().chain(line.split(' ')).collect::<Vec<_>>());
        tokio::task::spawn_blocking(words).await.unwrap()
    }
}

/// As after the first measurements: at most 2.5 ms off.
fn synchronize(snapshot: &mut Arc<Snapshot>) {
    let mut later = Snapshot::clone(snapshot);
    let system = &mut later.system;
    (system.state, system.leap, system.stratum) = (SyncState::Synchronized, Leap::NoWarning, 2);
    (system.root_delay, system.root_dispersion) = (Span::from_millis(3), Span::from_millis(1));
    system.agreeing_sources = 1;
    *snapshot = Arc::new(later);
}

/// Ends when it stops or is dropped.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_check_is_one_line_and_ends_with_0_1_or_2() {
    let place = Place::new();
    let none = place.ctl("status --check").await;
    assert_eq!((none.code, none.err.as_str()), (Some(2), ""), "{}", none.out);
    assert!(none.out.starts_with("no daemon: ") && none.out.lines().count() == 1, "{}", none.out);
    let publish = place.serve().await;
    let waiting = place.ctl("status --check").await;
    assert_eq!((waiting.code, waiting.err.as_str()), (Some(1), ""));
    assert_eq!(waiting.out, "not synchronized: waiting for measurements; sources: waiting 1\n");
    publish.send_modify(synchronize);
    let line = "synchronized to within 2.50 ms, 1 of 1 sources agrees";
    for arguments in ["status --check", "status --check --max-error 0.003"] {
        let right = place.ctl(arguments).await;
        assert_eq!((right.code, right.err.as_str()), (Some(0), ""));
        assert_eq!(right.out, format!("{line}\n"));
    }
    let wide = place.ctl("status --check --max-error 0.002").await;
    assert_eq!((wide.code, wide.err.as_str()), (Some(1), ""));
    let why = "not good enough: synchronized to within 2.50 ms, and 2.00 ms is the limit";
    assert_eq!(wide.out, format!("{why}, 1 of 1 sources agrees\n"));
}

#[tokio::test]
async fn a_daemon_that_was_killed_is_no_daemon() {
    let place = Place::new();
    drop(UnixListener::bind(&place.socket).unwrap());
    let ran = place.ctl("status --check").await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""), "{}", ran.out);
    assert!(ran.out.starts_with("no daemon: nobody listens"), "{}", ran.out);
}

#[tokio::test]
async fn waiting_goes_on_until_a_daemon_is_there_and_its_clock_right() {
    let place = Place::new();
    let mut command = place.command("wait-sync --max-error 0.003 --timeout 60");
    let mut waiting = Waiting(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut err = BufReader::new(waiting.0.stderr.take().unwrap());
    let mut told = String::new();
    err.read_line(&mut told).unwrap();
    assert!(told.starts_with("no daemon: ") && told.ends_with("; waiting for it\n"), "{told}");
    let publish = place.serve().await;
    publish.send_modify(synchronize);
    let (status, out, more) = tokio::task::spawn_blocking(move || {
        let status = waiting.0.wait().unwrap();
        let out = std::io::read_to_string(waiting.0.stdout.take().unwrap()).unwrap();
        (status, out, std::io::read_to_string(err).unwrap())
    })
    .await
    .unwrap();
    assert_eq!((status.code(), more.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out, "synchronized to within 2.50 ms, 1 of 1 sources agrees\n");
}

#[tokio::test]
async fn the_timeout_of_waiting_ends_with_1_and_says_why() {
    let place = Place::new();
    let none = place.ctl("wait-sync --timeout 0.2").await;
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""), "{}", none.err);
    let lines: Vec<_> = none.err.lines().collect();
    assert!(lines[1].starts_with("the clock is not right after 200 ms: no daemon: "), "{}", none.err);
    assert_eq!(lines.len(), 2, "{}", none.err);
    let publish = place.serve().await;
    publish.send_modify(synchronize);
    let wide = place.ctl("wait-sync --max-error 0.002 --timeout 2").await;
    assert_eq!((wide.code, wide.out.as_str()), (Some(1), ""));
    assert!(wide.err.starts_with("the clock is not right after 2.00 s: not good enough: "), "{}", wide.err);
}
