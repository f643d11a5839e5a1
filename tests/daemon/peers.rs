//! Other people's programs, from the cache that `tests/daemon/get-peers` fills. None of them may set a clock.

use crate::lab::{Host, Lab};
use crate::process::{Process, run};
use crate::programs::example_server;
use crate::wait::seconds;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's packages were unpacked.
fn debian() -> PathBuf {
    env::var("NTPD_RS_PEERS").map_or_else(|_| cache().join("peers"), PathBuf::from)
}

/// ntpd-rs 1.9 in the cache.
#[track_caller]
pub(crate) fn earlier(program: &str) -> PathBuf {
    present(cache().join("earlier/bin").join(program))
}

fn cache() -> PathBuf {
    let home = || env::var("HOME").map(|home| format!("{home}/.cache"));
    let folder = env::var("XDG_CACHE_HOME").or_else(|_| home()).expect("HOME is set");
    Path::new(&folder).join("ntpd-rs")
}

#[track_caller]
fn present(program: PathBuf) -> PathBuf {
    assert!(program.exists(), "no {}: tests/daemon/get-peers", program.display());
    program
}

/// A program of chrony's or ntpsec's.
#[track_caller]
pub(crate) fn peer(lab: &Lab, host: Host, program: &str) -> Command {
    let mut command = lab.command(host, present(debian().join(program)));
    let libraries = fs::read_to_string(debian().join("library-path")).unwrap();
    command.env("LD_LIBRARY_PATH", libraries.trim());
    command
}

/// One of ntpsec's that are written in Python.
#[track_caller]
fn python(lab: &Lab, host: Host, program: &str) -> Command {
    let mut command = lab.command(host, "/usr/bin/python3");
    command.arg(present(debian().join(program)));
    command.env("PYTHONPATH", debian().join("usr/lib/python3/dist-packages"));
    command
}

/// chronyd as the nth server, stratum 1 by its own word, with this machine's time.
#[track_caller]
pub(crate) fn chronyd_server(lab: &Lab, n: u8) -> Process {
    let lines = [&format!("bindaddress {}", Lab::server(n)), "allow", "local stratum 1"];
    chronyd(lab, Host::Servers, &format!("chronyd-{n}"), &lines)
}

/// The same as a member of an isolated network of this stratum, with another member.
#[track_caller]
pub(crate) fn chronyd_orphan(lab: &Lab, n: u8, stratum: u8, other: &str) -> Process {
    let bind = format!("bindaddress {}", Lab::server(n));
    let local = format!("local stratum {stratum} orphan");
    let server = format!("server {other} iburst minpoll 4 maxpoll 4");
    chronyd(lab, Host::Servers, &format!("chronyd-{n}"), &[&bind, "allow", &local, &server])
}

/// Which chrony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chrony {
    /// This Debian's.
    Packaged,
    /// A later one's, which has AES-128-GCM-SIV and may be told to do without.
    Later,
}

impl Chrony {
    /// chronyd with these lines of configuration; it never touches the clock. `chronyc` finds it by its name.
    #[track_caller]
    pub(crate) fn chronyd(self, lab: &Lab, host: Host, name: &str, lines: &[&str]) -> Process {
        let file = lab.folder().join(format!("{name}.conf"));
        let mut lines = lines.join("\n");
        lines += &format!("\ncmdport 0\nbindcmdaddress {}\n", command_socket(lab, name).display());
        lines += &format!("pidfile {}\n", lab.folder().join(format!("{name}.pid")).display());
        fs::write(&file, lines).unwrap();
        let mut command = self.program(lab, host, "usr/sbin/chronyd");
        command.args(["-x", "-d", "-u", "root", "-f"]).arg(&file);
        let process = Process::start(name, command);
        process.wait_for("starting", seconds(5));
        process
    }

    /// What `chronyc` says of the chronyd of this name: a line for each row, with commas.
    #[track_caller]
    pub(crate) fn chronyc(self, lab: &Lab, host: Host, name: &str, arguments: &[&str]) -> String {
        let mut command = self.program(lab, host, "usr/bin/chronyc");
        command.arg("-h").arg(command_socket(lab, name)).args(["-c", "-n"]).args(arguments);
        run("chronyc", command, seconds(10)).1
    }

    fn program(self, lab: &Lab, host: Host, path: &str) -> Command {
        match self {
            Self::Packaged => peer(lab, host, path),
            Self::Later => {
                lab.command(host, present(debian().join("later").join(path.rsplit('/').next().unwrap())))
            }
        }
    }
}

/// This Debian's chronyd; see [`Chrony::chronyd`].
#[track_caller]
pub(crate) fn chronyd(lab: &Lab, host: Host, name: &str, lines: &[&str]) -> Process {
    Chrony::Packaged.chronyd(lab, host, name, lines)
}

/// What it says of itself; see [`Chrony::chronyc`].
#[track_caller]
pub(crate) fn chronyc(lab: &Lab, host: Host, name: &str, arguments: &[&str]) -> String {
    Chrony::Packaged.chronyc(lab, host, name, arguments)
}

/// In a folder of its own, which chronyd makes and lets nobody else into.
fn command_socket(lab: &Lab, name: &str) -> PathBuf {
    lab.folder().join(name).join("socket")
}

/// What `chronyd -Q` on this host finds that its clock is off by, in seconds, asking one server.
#[track_caller]
pub(crate) fn chronyd_query(lab: &Lab, host: Host, server: &str) -> f64 {
    let mut command = peer(lab, host, "usr/sbin/chronyd");
    command.args(["-Q", "-x", "-d", "-u", "root", "-t", "15", "-f", "/dev/null"]);
    command.arg(format!("server {server} iburst maxsamples 4"));
    command.arg(format!("pidfile {}", lab.folder().join("chronyd-query.pid").display()));
    command.args(["cmdport 0", "bindcmdaddress /"]);
    let (status, output) = run("chronyd -Q", command, seconds(30));
    assert!(status.success(), "{output}");
    let wrong_by = output.split("System clock wrong by ").nth(1).and_then(|rest| rest.split(' ').next());
    wrong_by.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no offset: {output}"))
}

/// chronyd as a client that goes on, with this line of configuration.
#[track_caller]
pub(crate) fn chronyd_client(lab: &Lab, host: Host, line: &str) -> Process {
    let file = lab.folder().join("chronyd-client.conf");
    let pid = lab.folder().join("chronyd-client.pid");
    fs::write(&file, format!("{line}\ncmdport 0\nbindcmdaddress /\npidfile {}\n", pid.display())).unwrap();
    let mut command = peer(lab, host, "usr/sbin/chronyd");
    command.args(["-x", "-d", "-u", "root", "-f"]).arg(&file);
    Process::start("chronyd client", command)
}

/// What ntpdig prints of one server: `… 10.77.0.1 s1 no-leap`, or why it takes no time from it.
#[track_caller]
pub(crate) fn ntpdig(lab: &Lab, host: Host, server: &str) -> String {
    let mut command = python(lab, host, "usr/bin/ntpdig");
    command.arg(server);
    run("ntpdig", command, seconds(20)).1
}

/// What ntpq says when it asks ntpsec's ntpd on this host.
#[track_caller]
pub(crate) fn ntpq(lab: &Lab, host: Host, question: &str) -> String {
    let mut command = python(lab, host, "usr/bin/ntpq");
    command.args(["-c", question, "127.0.0.1"]);
    run("ntpq", command, seconds(10)).1
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_and_ntpdig_take_time_from_chronyd() {
    let lab = Lab::new();
    let _server = chronyd_server(&lab, 1);
    let wrong_by = chronyd_query(&lab, Host::Client, "10.77.0.1");
    assert!(wrong_by.abs() < 0.001, "{wrong_by}");
    let line = ntpdig(&lab, Host::Client, "10.77.0.1");
    assert!(line.contains("10.77.0.1 s1 no-leap"), "{line}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn nothing_in_a_lab_may_set_a_clock() {
    let lab = Lab::new();
    let mut command = lab.command(Host::Client, "grep");
    command.args(["-E", "^Cap(Prm|Eff|Bnd)", "/proc/self/status"]);
    let (_, output) = run("grep", command, seconds(5));
    let sets: Vec<u64> =
        output.lines().map(|line| u64::from_str_radix(line[7..].trim(), 16).unwrap()).collect();
    assert_eq!(sets.len(), 3, "{output}");
    assert!(sets.iter().all(|set| set & (1 << 25) == 0), "CAP_SYS_TIME (25) is there: {output}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_sees_what_a_test_server_lies() {
    let lab = Lab::new();
    let _liar = example_server(&lab, "test-server", "10.77.0.1:123", &["--offset", "1"]);
    let wrong_by = chronyd_query(&lab, Host::Client, "10.77.0.1");
    assert!((wrong_by - 1.0).abs() < 0.001, "{wrong_by}");
}
