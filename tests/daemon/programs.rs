//! Our own programs: where they were built, and how a test starts them. What they must do is in the stories.

use crate::lab::{Host, Lab};
use crate::process::{Process, run};
use crate::wait::{poll, seconds};
use ntpd_rs::observation::{Source, State};
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::verdict::{Discard, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

pub(crate) const NTP_DAEMON: &str = env!("CARGO_BIN_EXE_ntp-daemon");
pub(crate) const NTP_CTL: &str = env!("CARGO_BIN_EXE_ntp-ctl");

/// A program of `examples/`, which cargo builds beside ours.
pub(crate) fn example(name: &str) -> PathBuf {
    let path = Path::new(NTP_DAEMON).parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
    path
}

/// One of our misbehaving servers on the servers' host, listening.
#[track_caller]
pub(crate) fn example_server(lab: &Lab, name: &str, listen: &str, arguments: &[&str]) -> Process {
    let mut command = lab.command(Host::Servers, example(name));
    command.args(["--listen", listen]).args(arguments);
    let process = Process::start(&format!("{name} {listen}"), command);
    process.wait_for(listen, seconds(5));
    process
}

/// A daemon that does not touch the clock, with a configuration file and sockets of its own.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    pub(crate) config: PathBuf,
}

impl Daemon {
    /// On the client's host. `toml` is added to the sockets and paths that a test needs; it may open
    /// `[synchronization]` and lists.
    #[track_caller]
    pub(crate) fn start(lab: &Lab, toml: &str, arguments: &[&str]) -> Self {
        Self::start_on(lab, Host::Client, toml, arguments)
    }

    /// On either host.
    #[track_caller]
    pub(crate) fn start_on(lab: &Lab, host: Host, toml: &str, arguments: &[&str]) -> Self {
        let folder = lab.folder().join(format!("{host:?}"));
        fs::create_dir_all(&folder).unwrap();
        let config = write_config(&folder, toml);
        let mut command = lab.command(host, NTP_DAEMON);
        command.arg("-c").arg(&config).arg("--no-clock-control").args(arguments);
        Self { process: Process::start(&format!("ntp-daemon on {host:?}"), command), config }
    }

    /// With these plain servers.
    #[track_caller]
    pub(crate) fn with_peers(lab: &Lab, peers: &[&str]) -> Self {
        let arguments: Vec<&str> = peers.iter().flat_map(|peer| ["-p", *peer]).collect();
        Self::start(lab, "", &arguments)
    }

    /// What `ntp-ctl` with these arguments prints, and its exit code.
    #[track_caller]
    pub(crate) fn ctl(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut command = Command::new(NTP_CTL);
        command.arg("-c").arg(&self.config).args(arguments);
        run("ntp-ctl", command, seconds(10))
    }

    /// What `ntp-ctl status -f json` says, if the daemon answers.
    pub(crate) fn status(&self) -> Option<Status> {
        let (status, output) = self.ctl(&["status", "-f", "json"]);
        status
            .success()
            .then(|| Status(serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}"))))
    }

    /// Asks until the status is as `wanted`.
    #[track_caller]
    pub(crate) fn wait_until(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Status) -> bool,
    ) -> Status {
        let mut last = None;
        let reached = poll(within, || {
            last = self.status();
            last.as_ref().filter(|status| wanted(status)).cloned()
        });
        reached
            .unwrap_or_else(|| panic!("not {what} within {within:?}: {last:#?}\n{}", self.process.output()))
    }
}

/// A configuration file with the sockets and paths that a test needs.
pub(crate) fn write_config(folder: &Path, toml: &str) -> PathBuf {
    let file = folder.join("ntp.toml");
    let socket = folder.join("observe");
    let text = format!(
        "{toml}\n[observability]\nobservation-path = {socket:?}\n[clock]\nstate-directory = {folder:?}\n"
    );
    fs::write(&file, text).unwrap();
    file
}

/// The daemon's status, from `ntp-ctl`'s JSON.
#[derive(Debug, Clone)]
pub(crate) struct Status(pub(crate) State);

impl Status {
    pub(crate) fn is_synchronized(&self) -> bool {
        self.0.system.state == SyncState::Synchronized
    }

    /// Seconds, either way.
    pub(crate) fn error(&self) -> f64 {
        self.0.system.offset.abs()
    }

    /// The source at this address, `IP:port`.
    pub(crate) fn source(&self, address: &str) -> Option<&Source> {
        self.0.sources.iter().find(|source| source.address == address)
    }

    pub(crate) fn verdict(&self, address: &str) -> Option<Verdict> {
        self.source(address).map(|source| source.verdict)
    }

    /// Whether every one of these sources is used.
    pub(crate) fn uses(&self, addresses: &[&str]) -> bool {
        addresses.iter().all(|address| self.verdict(address).is_some_and(Verdict::is_used))
    }

    /// Usable replies from this address.
    pub(crate) fn replies(&self, address: &str) -> u64 {
        self.source(address).map_or(0, |source| source.replies)
    }

    /// Replies from this address that were refused for this reason.
    pub(crate) fn discards(&self, address: &str, reason: Discard) -> u64 {
        self.source(address).and_then(|source| source.discards.get(&reason).copied()).unwrap_or(0)
    }
}
