//! What a service manager hears of the daemon: a socket of the test's own stands where systemd's would. Needs no root.

use crate::process::Process;
use crate::programs::{NTP_DAEMON, write_config};
use crate::wait::{poll, seconds};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

struct Notified {
    daemon: Process,
    socket: UnixDatagram,
    folder: TempDir,
}

/// A daemon without sources, which owes a sign of life every 400 ms.
fn start() -> Notified {
    start_with(&[])
}

fn start_with(arguments: &[&str]) -> Notified {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(seconds(5))).unwrap();
    let config = configure(folder.path(), "minimum-agreeing-sources = 1");
    let mut command = Command::new(NTP_DAEMON);
    command.arg("--no-clock-control").arg("-c").arg(config).args(arguments);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000").env_remove("WATCHDOG_PID");
    Notified { daemon: Process::start("ntp-daemon", command), socket, folder }
}

fn configure(folder: &Path, setting: &str) -> std::path::PathBuf {
    write_config(folder, &format!("[synchronization]\n{setting}\n"))
}

impl Notified {
    /// The next thing that is said, if something is in time.
    fn next(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// The next that is no sign of life.
    #[track_caller]
    fn said(&self) -> String {
        let mut said = std::iter::from_fn(|| self.next()).filter(|text| text != "WATCHDOG=1");
        said.next().unwrap_or_else(|| panic!("nothing:\n{}", self.daemon.output()))
    }

    /// Everything that was said up to now.
    fn drain(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).unwrap();
        let said = std::iter::from_fn(|| self.next()).collect();
        self.socket.set_nonblocking(false).unwrap();
        said
    }

    #[track_caller]
    fn reload(&self, log: &str) {
        self.daemon.signal("HUP");
        let beginning = self.said();
        let time = beginning.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").map(str::parse::<u64>);
        assert!(matches!(time, Some(Ok(1..))), "{beginning}");
        assert_eq!(self.said(), "READY=1");
        self.daemon.wait_for(log, seconds(5));
    }
}

#[test]
fn it_is_told_when_the_daemon_is_ready_when_it_reloads_and_when_it_ends() {
    let mut notified = start();
    assert_eq!(
        notified.said(),
        "READY=1\nSTATUS=Not synchronized: no sources are configured; the clock is not controlled: clock-control is off"
    );
    // It listens by then.
    ntpd_rs::observation::read(&notified.folder.path().join("observe")).unwrap();
    configure(notified.folder.path(), "minimum-agreeing-sources = \"none\"");
    notified.reload("The configuration is not changed: ");
    configure(notified.folder.path(), "minimum-agreeing-sources = 2");
    notified.reload("Configuration reloaded");
    assert_eq!(notified.daemon.terminate().code(), Some(0));
    assert_eq!(notified.said(), "STOPPING=1\nSTATUS=Stopping");
}

#[test]
fn a_daemon_that_is_stopped_gives_no_sign_of_life_and_one_that_runs_does() {
    let notified = start();
    notified.said();
    let signs = || notified.drain().iter().filter(|text| *text == "WATCHDOG=1").count();
    let alive = || poll(seconds(5), || (signs() > 0).then_some(()));
    assert!(alive().is_some() && alive().is_some());
    notified.daemon.signal("STOP");
    // What it sent before.
    signs();
    let silent = poll(Duration::from_millis(1200), || (signs() > 0).then_some(()));
    assert!(silent.is_none(), "a process that is stopped cannot have said this");
    notified.daemon.signal("CONT");
    assert!(alive().is_some());
}

#[test]
fn a_start_that_fails_is_never_ready() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut notified = start_with(&["-s", &taken.local_addr().unwrap().to_string()]);
    assert_eq!(notified.daemon.wait(seconds(5)).code(), Some(1));
    assert!(notified.drain().is_empty());
}
