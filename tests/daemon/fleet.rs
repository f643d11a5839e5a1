//! Stories of several servers behind one address: each packet of a new flow goes to any of them, as with anycast or a load balancer.

mod nts;

use crate::lab::{Host, Lab};
use crate::peers::{chronyd_query, ntpdig};
use crate::process::Process;
use crate::programs::{Daemon, NTP_DAEMON, Status, write_config};
use crate::wait::seconds;
use std::fs;

/// Where clients ask.
const TOGETHER: &str = "10.77.0.8";

/// Our daemon as the nth server, with this machine's time and `toml` of the test's.
#[track_caller]
fn member(lab: &Lab, n: u8, toml: &str) -> Daemon {
    let folder = lab.folder().join(format!("member-{n}"));
    fs::create_dir_all(&folder).unwrap();
    let listen = format!("[[server]]\nlisten = \"{}:123\"\n", Lab::server(n));
    let config = write_config(&folder, &format!("{listen}{toml}\n[synchronization]\nlocal-stratum = 1\n"));
    let mut command = lab.command(Host::Servers, NTP_DAEMON);
    command.arg("-c").arg(&config).arg("--no-clock-control");
    command.args(["-l", "info,ntpd_rs::daemon::master_keys=debug"]);
    let daemon = Daemon { process: Process::start(&format!("member {n}"), command), config };
    daemon.wait_until("answering status", seconds(5), |_| true);
    daemon
}

/// Every new flow to [`TOGETHER`], for time or for keys, goes to one of the first three servers at random.
#[track_caller]
fn spread(lab: &Lab) {
    let servers: Vec<String> = (0..3).map(|n| format!("{n} : {}", Lab::server(n + 1))).collect();
    let to = format!("dnat to numgen random mod 3 map {{ {} }}", servers.join(", "));
    let rules = format!(
        "table ip fleet {{\n chain prerouting {{\n  type nat hook prerouting priority dstnat;\n  \
         ip daddr {TOGETHER} udp dport 123 {to}\n  ip daddr {TOGETHER} tcp dport 4460 {to}\n }}\n}}\n"
    );
    let file = lab.folder().join("fleet.nft");
    fs::write(&file, rules).unwrap();
    lab.output(Host::Servers, "nft", &["-f", file.to_str().unwrap()]);
}

fn accepted(member: &Daemon) -> u64 {
    let Status(state) = member.status().expect("it runs");
    state.servers[0].stats.accepted_packets
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn servers_behind_one_address_are_one_server_to_plain_clients() {
    let lab = Lab::new();
    let members = [1, 2, 3].map(|n| member(&lab, n, ""));
    spread(&lab);
    for _ in 0..8 {
        let line = ntpdig(&lab, Host::Client, TOGETHER);
        assert!(line.contains("10.77.0.8 s1 no-leap"), "{line}");
    }
    let wrong_by = chronyd_query(&lab, Host::Client, TOGETHER);
    assert!(wrong_by.abs() < 0.001, "{wrong_by}");
    let counts = members.each_ref().map(accepted);
    assert!(counts.iter().sum::<u64>() >= 10, "{counts:?}");
    assert!(counts.iter().filter(|count| **count > 0).count() >= 2, "one server got everything: {counts:?}");
}
