//! Who asks a server: listed by address over the control socket, counted and never named everywhere else.

use super::{ask, counters, start_server};
use crate::lab::{Host, Lab};
use crate::process::run;
use crate::programs::{Daemon, NTP_CTL};
use crate::wait::seconds;
use ntpd_rs::control::{Client, ListenerClients};
use ntpd_rs::verdict::Refusal;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const SERVER: &str = "[[server]]\nlisten = \"[::]:123\"\nclient-statistics = 100\n
    denylist = { filter = [\"10.77.0.5/32\"], action = \"deny\" }\n";

/// IPv6 works at once: its neighbour discovery needs link-local addresses, and those that the kernel makes are there only later.
fn lab() -> Lab {
    let lab = Lab::new();
    for (host, n) in [(Host::Servers, 1), (Host::Client, 100)] {
        lab.ip(host, &format!("address add fe80::{n}/64 dev cable nodad"));
    }
    lab
}

/// So many requests of one version, from this address.
#[track_caller]
fn requests(lab: &Lab, from: &str, version: u8, count: usize) {
    let file = lab.folder().join("requests");
    let request = format!("{:02x}{}\n", version << 3 | 3, "00".repeat(47));
    fs::write(&file, request.repeat(count)).unwrap();
    let to = if from.starts_with('[') { "[fd77::100]:123" } else { "10.77.0.100:123" };
    let from = format!("{from}:0");
    let datagrams = ["--datagrams", file.to_str().unwrap(), "--patience", "200"];
    let outcome = ask(lab, &[&[to, "--from", from.as_str()], datagrams.as_slice()].concat()).remove(0);
    assert_eq!(outcome.sent, u64::try_from(count).unwrap(), "{outcome:?}");
}

#[track_caller]
fn everybody_asks(lab: &Lab) {
    requests(lab, "10.77.0.1", 4, 7);
    requests(lab, "10.77.0.2", 3, 5);
    requests(lab, "[fd77::3]", 4, 3);
    requests(lab, "10.77.0.4", 1, 2);
    requests(lab, "10.77.0.5", 4, 1);
}

#[track_caller]
fn listed(daemon: &Daemon, arguments: &[&str]) -> Vec<Client> {
    let (status, output) = daemon.ctl(&[&["clients", "-f", "json"], arguments].concat());
    assert!(status.success(), "{output}");
    let mut listeners: Vec<ListenerClients> = serde_json::from_str(&output).unwrap();
    assert_eq!(listeners.len(), 1, "{output}");
    let listener = listeners.remove(0);
    assert_eq!((listener.remembered, listener.silent_workers), (100, 0), "{output}");
    listener.clients
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn clients_are_listed_with_what_they_asked_and_got() {
    let lab = lab();
    let daemon = start_server(&lab, SERVER);
    everybody_asks(&lab);
    let clients = listed(&daemon, &[]);
    let seen: Vec<_> = (clients.iter())
        .map(|client| (client.address.to_string(), client.requests, client.answered, client.version))
        .collect();
    let expected = [
        ("10.77.0.1", 7, 7, Some(4)),
        ("10.77.0.2", 5, 5, Some(3)),
        ("fd77::3", 3, 3, Some(4)),
        ("10.77.0.4", 2, 0, None),
        ("10.77.0.5", 1, 0, Some(4)),
    ];
    assert_eq!(seen, expected.map(|(address, all, answered, v)| (address.to_owned(), all, answered, v)));
    assert_eq!(clients[3].refused, [(Refusal::WrongVersion, 2)].into());
    assert_eq!(clients[4].refused, [(Refusal::Denied, 1)].into());
    assert!(clients.iter().all(|client| client.last_seconds_ago < 10.0), "{clients:#?}");
    let first: Vec<_> = listed(&daemon, &["-n", "2"]).iter().map(|client| client.address).collect();
    assert_eq!(first, [clients[0].address, clients[1].address]);

    let (_, page) = daemon.ctl(&["clients"]);
    println!("{page}");
    assert!(page.starts_with("Serving [::]:123\nClient "), "{page}");
    assert!(page.contains("\n10.77.0.5 ") && page.contains("\n    refused: denied 1\n"), "{page}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn what_everybody_may_read_counts_clients_and_names_none() {
    let lab = lab();
    let daemon = start_server(&lab, SERVER);
    everybody_asks(&lab);
    let server = counters(&daemon);
    // An estimate: once in a thousand runs two of them count as one.
    assert!((2..=3).contains(&server.recent_clients), "those that got time: {server:#?}");
    assert_eq!(server.versions, [(3, 5), (4, 10)].into());
    assert_eq!(server.refused, [(Refusal::WrongVersion, 2), (Refusal::Denied, 1)].into());
    assert_eq!(server.kisses, [(Refusal::Denied, 1)].into());
    assert_eq!((server.stats.denied_packets, server.stats.ignored_packets), (1, 2));
    assert_eq!(server.workers.iter().map(|worker| worker.received_packets).sum::<u64>(), 18);
    for format in ["plain", "json", "prometheus"] {
        let (_, page) = daemon.ctl(&["status", "-f", format]);
        println!("{page}");
        assert!(!page.contains("10.77.0.") && !page.contains("fd77::"), "{page}");
    }
    let (_, page) = daemon.ctl(&["status"]);
    assert!(page.contains("18 requests; 15 answered (v3 5, v4 10); 3 clients"), "{page}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn who_may_not_control_the_daemon_is_told_so_and_sees_no_client() {
    let lab = Lab::new();
    let daemon = start_server(&lab, SERVER);
    requests(&lab, "10.77.0.1", 4, 1);
    // Where it was built, and where the test's files are, only root may be able to go.
    let program = lab.folder().join("ntp-ctl");
    fs::copy(NTP_CTL, &program).unwrap();
    let folder = daemon.config.parent().unwrap();
    for path in [lab.folder(), folder] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(&daemon.config, Permissions::from_mode(0o644)).unwrap();
    let as_nobody = |arguments: &[&str]| {
        let mut command = lab.command(Host::Client, "setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        command.arg("-c").arg(&daemon.config).args(arguments);
        run("ntp-ctl", command, seconds(5))
    };
    let (status, output) = as_nobody(&["clients"]);
    assert_eq!(status.code(), Some(77), "{output}");
    let socket = folder.join("control");
    assert!(
        output.starts_with(&format!("not permitted to control the daemon at {}; ", socket.display())),
        "{output}"
    );
    assert!(output.contains("root") && output.lines().count() == 1, "{output}");
    let (status, output) = as_nobody(&["status"]);
    assert!(status.success() && output.contains("1 client in the last hour"), "{output}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn without_client_statistics_the_remedy_is_named() {
    let lab = Lab::new();
    let daemon = start_server(&lab, "[[server]]\nlisten = \"10.77.0.100:123\"\n");
    let (status, output) = daemon.ctl(&["clients"]);
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("`client-statistics = 1000` in [[server]]"), "{output}");
}
