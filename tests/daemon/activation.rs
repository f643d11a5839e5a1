//! Stories of socket activation: a daemon without any right serves on port 123, which was opened for it.

use crate::lab::{Host, Lab};
use crate::peers::ntpdig;
use crate::process::{Process, run};
use crate::programs::{Daemon, NTP_DAEMON, example, write_config};
use crate::wait::{poll, seconds};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Opens sockets as a service manager does and becomes the program: `KIND ADDRESS PORT NAME,… PROGRAM…`.
const PASS: &str = r#"
import fcntl, os, socket, sys

def opened(kind, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    new = socket.socket(family, socket.SOCK_STREAM if kind == "stream" else socket.SOCK_DGRAM)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    new.bind((address, int(port)))
    return new

words = [spec.split() for spec in sys.argv[1].split(",")]
sockets = [opened(*spec[:3]) for spec in words]
high = [fcntl.fcntl(one.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) for one in sockets]
for one in sockets:
    one.close()
for number, descriptor in enumerate(high, 3):
    os.dup2(descriptor, number, inheritable=True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(high))
os.environ["LISTEN_FDNAMES"] = ":".join(spec[3] for spec in words)
os.execvp(sys.argv[2], sys.argv[2:])
"#;

/// The user nobody without any capability, who dies with the test.
const NOBODY: [&str; 8] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
    "--pdeathsig=KILL",
    "--",
];

/// A folder, a configuration and a program that nobody may use.
fn nobodys(lab: &Lab, toml: &str) -> (PathBuf, PathBuf) {
    let folder = lab.folder().join("nobody");
    fs::create_dir_all(&folder).unwrap();
    for (path, mode) in [(lab.folder(), 0o755), (&folder, 0o777)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let config = write_config(&folder, &format!("{toml}\n[synchronization]\nlocal-stratum = 1\n"));
    let program = folder.join("ntp-daemon");
    fs::copy(NTP_DAEMON, &program).unwrap();
    (config, program)
}

/// The daemon as nobody, started on the client's host by `launcher`.
fn command(lab: &Lab, launcher: &[&str], config: &Path, program: &Path) -> Command {
    let mut command = lab.command(Host::Client, launcher[0]);
    command.args(&launcher[1..]).args(NOBODY).arg(program).arg("-c").arg(config).arg("--no-clock-control");
    command
}

#[track_caller]
fn start(lab: &Lab, sockets: &str, toml: &str) -> Daemon {
    let (config, program) = nobodys(lab, toml);
    let launcher = ["/usr/bin/python3", "-c", PASS, sockets];
    let process = Process::start("ntp-daemon as nobody", command(lab, &launcher, &config, &program));
    let daemon = Daemon { process, config };
    daemon.wait_until("answering status", seconds(5), |_| true);
    daemon
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn nobody_serves_on_port_123_of_a_passed_socket() {
    let lab = Lab::new();
    let mut daemon = start(&lab, "datagram :: 123 ntp", "");
    for address in ["10.77.0.100", "fd77::100"] {
        let line = ntpdig(&lab, Host::Servers, address);
        assert!(line.contains("s1 no-leap"), "{line}");
    }
    let owner = fs::read_to_string(format!("/proc/{}/status", daemon.process.id())).unwrap();
    assert!(owner.contains("Uid:\t65534\t") && owner.contains("CapEff:\t0000000000000000"), "{owner}");
    assert!(
        daemon
            .process
            .output()
            .contains("Serving at [::]:123 with 1 thread, for the service manager passed 1 socket")
    );
    assert_eq!(daemon.process.terminate().code(), Some(0));
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn each_passed_socket_has_a_worker_sections_take_theirs_and_other_names_are_left_alone() {
    let lab = Lab::new();
    let sockets = "datagram 10.77.0.100 123 ntp,stream 10.77.0.100 124 control,datagram fd77::100 123 ntp,datagram 10.77.0.100 123 ntp";
    // Only the third is its own to bind, on a port that needs no right.
    let toml = "[[server]]\nlisten = \"10.77.0.100:123\"\nthreads = 4\naccept-ntp-versions = [3]\n
                [[server]]\nlisten = \"10.77.0.100:1123\"\nthreads = 1\n";
    let daemon = start(&lab, sockets, toml);
    let log = daemon.process.output();
    for line in [
        "Serving at 10.77.0.100:123 with 2 threads, for the service manager passed 2 sockets and not 4",
        "Serving at 10.77.0.100:1123 with 1 thread",
        "Serving at [fd77::100]:123 with 1 thread",
        "no use here, by their names `control`",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}\n{log}");
    }
    let ask = |address: &str| lab.output(Host::Servers, example("ask").to_str().unwrap(), &[address]);
    for address in ["10.77.0.100:1123", "[fd77::100]:123"] {
        // IPv6 may take a moment before the cable is ready for it.
        let answers = poll(seconds(5), || ask(address).contains(address).then_some(()));
        assert!(answers.is_some(), "{address}");
    }
    assert!(ask("10.77.0.100:123").contains("\"replies\":[]"), "the section answers version 3 only");
    let status = daemon.status().unwrap();
    let received: Vec<u64> = status.0.servers.iter().map(|server| server.stats.received_packets).collect();
    assert_eq!(received[..2], [1, 1], "{status:#?}");
    assert!(received[2] >= 1, "{status:#?}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn what_cannot_be_served_on_is_one_error_that_names_the_mistake_in_the_unit() {
    let lab = Lab::new();
    let (config, program) = nobodys(&lab, "");
    for (sockets, named) in [
        (
            "stream 10.77.0.100 123 ntp",
            "10.77.0.100:123 that is not of UDP as `ntp`: write ListenDatagram= instead of ListenStream=",
        ),
        ("datagram 10.77.0.100 123 ntp:ntp", "LISTEN_FDS is 1, and LISTEN_FDNAMES has 2 names"),
    ] {
        let launcher = ["/usr/bin/python3", "-c", PASS, sockets];
        let (status, output) = run("ntp-daemon", command(&lab, &launcher, &config, &program), seconds(10));
        assert_eq!(status.code(), Some(78), "{output}");
        assert!(output.contains(named), "{output}");
    }
    // More announced than there are.
    let announce = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"";
    let launcher = ["bash", "-c", announce, "bash"];
    let (status, output) = run("ntp-daemon", command(&lab, &launcher, &config, &program), seconds(10));
    assert_eq!(status.code(), Some(78), "{output}");
    assert!(output.contains("LISTEN_FDS is 1, but descriptor 3"), "{output}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn the_request_that_made_systemd_start_it_is_answered() {
    if !Path::new("/usr/bin/systemd-socket-activate").exists() {
        return println!("left out: systemd-socket-activate is not installed");
    }
    let lab = Lab::new();
    let (config, program) = nobodys(&lab, "");
    let launcher = ["systemd-socket-activate", "--datagram", "--listen=10.77.0.100:123", "--fdname=ntp"];
    let process = Process::start("systemd-socket-activate", command(&lab, &launcher, &config, &program));
    process.wait_for("Listening on", seconds(5));
    let ask = ["10.77.0.100:123", "--patience", "5000"];
    let heard = lab.output(Host::Servers, example("ask").to_str().unwrap(), &ask);
    assert!(heard.contains("\"10.77.0.100:123\""), "{heard}");
    let daemon = Daemon { process, config };
    assert_eq!(daemon.status().unwrap().0.servers[0].stats.received_packets, 1);
}
