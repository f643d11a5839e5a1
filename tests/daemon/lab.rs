//! Two hosts and a cable: network namespaces of our own, joined by a veth pair. Nothing leaves them.

use crate::bus;
use crate::wait::{poll, seconds};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Two namespaces; deleted when dropped.
pub(crate) struct Lab {
    name: String,
    folder: TempDir,
}

/// One of the two hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// 10.77.0.1 to 10.77.0.9, fd77::1 to fd77::9.
    Servers,
    /// 10.77.0.100, fd77::100.
    Client,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

const PREFIX: &str = "ntpd-rs-test";

impl Lab {
    /// Needs root. The link is up and every address is usable.
    #[track_caller]
    pub(crate) fn new() -> Self {
        delete_leftovers();
        let name = format!("{PREFIX}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let lab = Self { name, folder: TempDir::new().unwrap() };
        let (servers, client) = (lab.namespace(Host::Servers), lab.namespace(Host::Client));
        lab.write_etc("", "nameserver 10.77.0.250\n");
        ip(&format!("netns add {servers}"));
        ip(&format!("netns add {client}"));
        for host in [&servers, &client] {
            ip(&format!("-n {host} link set lo up"));
        }
        lab.lay_cable();
        lab
    }

    /// A cable between the hosts, with all their addresses: as it is at first, and when the old one was cut.
    #[track_caller]
    pub(crate) fn lay_cable(&self) {
        let client = self.namespace(Host::Client);
        self.ip(Host::Servers, &format!("link add cable type veth peer name cable netns {client}"));
        for (host, addresses) in [(Host::Servers, 1..=9), (Host::Client, 100..=100)] {
            for n in addresses {
                self.ip(host, &format!("address add 10.77.0.{n}/24 dev cable"));
                self.ip(host, &format!("address add fd77::{n}/64 dev cable nodad"));
            }
            self.ip(host, "link set cable up");
        }
        // A first question to a neighbour that is not ready for IPv6 is asked again a second later only.
        let ready = poll(seconds(5), || {
            [Host::Servers, Host::Client].iter().all(|host| self.is_ready(*host)).then_some(())
        });
        assert!(ready.is_some(), "the cable does not come up");
    }

    fn is_ready(&self, host: Host) -> bool {
        let tentative = ["-6", "address", "show", "dev", "cable", "tentative", "to", "fd77::/64"];
        self.output(host, "ip", &["link", "show", "cable"]).contains("state UP")
            && self.output(host, "ip", &tentative).is_empty()
    }

    /// `ip` with these arguments on a host.
    #[track_caller]
    pub(crate) fn ip(&self, host: Host, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.namespace(host)));
    }

    /// What a command on a host prints. It must succeed.
    #[track_caller]
    pub(crate) fn output(&self, host: Host, program: &str, arguments: &[&str]) -> String {
        let mut command = self.command(host, program);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The address of the nth server, 1 to 9.
    pub(crate) fn server(n: u8) -> String {
        format!("10.77.0.{n}")
    }

    /// The name of a host, where programs ask for a namespace.
    pub(crate) fn name(&self, host: Host) -> String {
        self.namespace(host)
    }

    /// A folder that goes with the lab.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command on one of the hosts. It may do what root may, except set a clock; and it dies with the test.
    pub(crate) fn command(&self, host: Host, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]);
        command.args(without_the_right_to_set_a_clock());
        command.arg(program.as_ref());
        // The machine's own bus is nobody's here.
        command.env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}", bus::socket(self.folder()).display()));
        command
    }

    /// Takes the client's end of the cable up or down.
    #[track_caller]
    pub(crate) fn link(&self, state: &str) {
        self.ip(Host::Client, &format!("link set cable {state}"));
    }

    /// What the client's `/etc/hosts` and `/etc/resolv.conf` say, for processes started afterwards.
    pub(crate) fn write_etc(&self, hosts: &str, resolv: &str) {
        let folder = self.etc();
        fs::create_dir_all(&folder).unwrap();
        assert!(Path::new("/etc/hosts").exists(), "ip netns needs an /etc/hosts to put another over");
        fs::write(folder.join("hosts"), format!("127.0.0.1 localhost\n{hosts}")).unwrap();
        fs::write(folder.join("resolv.conf"), resolv).unwrap();
        fs::write(folder.join("nsswitch.conf"), "hosts: files dns\n").unwrap();
    }

    /// `ip netns exec` mounts the files of this folder over those of `/etc`.
    fn etc(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.namespace(Host::Client))
    }

    fn namespace(&self, host: Host) -> String {
        match host {
            Host::Servers => format!("{}-s", self.name),
            Host::Client => format!("{}-c", self.name),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        delete(&self.namespace(Host::Servers));
        delete(&self.namespace(Host::Client));
    }
}

/// The prefix that takes CAP_SYS_TIME away for good and ties the process's life to the test's thread.
pub(crate) fn without_the_right_to_set_a_clock() -> [&'static str; 5] {
    ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--pdeathsig=KILL", "--"]
}

#[track_caller]
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {complaint} (namespaces need root)");
}

fn delete(namespace: &str) {
    // On the way out, possibly from half a set-up: what does not exist needs no deleting.
    let _ = Command::new("ip").args(["netns", "delete", namespace]).output();
    let _ = fs::remove_dir_all(Path::new("/etc/netns").join(namespace));
}

/// Namespaces of test runs that were killed: their process id is no longer there.
fn delete_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            delete(&name);
        }
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_lab_has_a_cable_that_can_be_pulled_and_leaves_nothing_behind() {
    let lab = Lab::new();
    let reaches = || {
        let mut ping = lab.command(Host::Client, "ip");
        ping.args(["route", "get", "10.77.0.1"]);
        ping.output().unwrap().status.success()
    };
    assert!(reaches());
    lab.link("down");
    assert!(!reaches());
    lab.link("up");
    assert!(reaches());
    let traces = [Path::new("/run/netns").join(lab.namespace(Host::Servers)), lab.etc()];
    assert!(traces.iter().all(|path| path.exists()));
    drop(lab);
    assert!(traces.iter().all(|path| !path.exists()));
}
