//! Several `[[server]]` sections at once, each with settings and counters of its own.

use super::{ask, start_server, wait_for_time};
use crate::lab::{Host, Lab};
use std::fs;

#[test]
#[ignore = "needs root: ./test runs it"]
fn each_section_keeps_to_its_own_settings_and_counts_for_itself() {
    let lab = Lab::new();
    lab.ip(Host::Client, "address add 10.77.0.101/24 dev cable");
    let daemon = start_server(
        &lab,
        "[[server]]\nlisten = \"10.77.0.100:123\"\naccept-ntp-versions = [3]\n
         [[server]]\nlisten = \"10.77.0.101:123\"\naccept-ntp-versions = [4]\n
         [[server]]\nlisten = \"[::]:123\"\n
         [[server]]\nlisten = \"10.77.0.100:1123\"\n
         [server.denylist]\nfilter = [\"10.77.0.1/32\"]\naction = \"ignore\"\n
         [[server]]\nlisten = \"10.77.0.101:1123\"\n
         [server.allowlist]\nfilter = [\"10.77.0.1/32\"]\naction = \"ignore\"\n",
    );
    let file = lab.folder().join("versions");
    let request = |version: u8| format!("{:02x}{}", version << 3 | 3, "00".repeat(47));
    fs::write(&file, [request(3), request(4), request(4)].join("\n")).unwrap();
    let servers =
        ["10.77.0.100:123", "10.77.0.101:123", "[fd77::100]:123", "10.77.0.100:1123", "10.77.0.101:1123"];
    wait_for_time(&lab, &daemon, servers[2]);
    let before = daemon.status().unwrap().0.servers[2].stats.received_packets;
    let outcomes = ask(&lab, &[servers.as_slice(), &["--datagrams", file.to_str().unwrap()]].concat());
    let replies: Vec<usize> = outcomes.iter().map(|outcome| outcome.replies.len()).collect();
    assert_eq!(replies, [1, 2, 3, 0, 3], "{outcomes:?}");
    for (outcome, asked) in outcomes.iter().zip(servers) {
        assert!(outcome.replies.iter().all(|(from, _)| from.to_string() == asked), "{outcome:?}");
    }
    let status = daemon.status().unwrap();
    let counted: Vec<(String, u64, u64)> = (status.0.servers.iter())
        .map(|server| {
            (server.address.to_string(), server.stats.received_packets, server.stats.accepted_packets)
        })
        .collect();
    let expected = [
        ("10.77.0.100:123", 3, 1),
        ("10.77.0.101:123", 3, 2),
        ("[::]:123", before + 3, before + 3),
        ("10.77.0.100:1123", 3, 0),
        ("10.77.0.101:1123", 3, 3),
    ];
    assert_eq!(
        counted,
        expected.map(|(address, received, accepted)| (address.to_owned(), received, accepted))
    );
}
