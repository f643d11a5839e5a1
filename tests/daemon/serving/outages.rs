//! What a listener survives: interfaces, addresses and routes that go and come, a full cable, askers that are gone.
//! Afterwards it answers, and has nothing to do.

use super::{ask, check_idle, counters, listening_at, start_server, wait_for_time};
use crate::lab::{Host, Lab};
use crate::wait::{poll, seconds};
use std::fs;

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_wildcard_answers_again_when_interfaces_addresses_and_routes_come_back() {
    let lab = Lab::new();
    let daemon = start_server(&lab, &listening_at(&["[::]:123"]));
    let both = ["10.77.0.100:123", "[fd77::100]:123"];
    let serves =
        |addresses: &[&str]| addresses.iter().for_each(|address| wait_for_time(&lab, &daemon, address));
    serves(&both);
    lab.link("down");
    lab.link("up");
    serves(&both[..1]);
    // The kernel took the IPv6 address away with the link.
    lab.ip(Host::Client, "address replace fd77::100/64 dev cable nodad");
    serves(&both);
    lab.ip(Host::Client, "link delete cable");
    lab.lay_cable();
    serves(&both);
    lab.ip(Host::Client, "address add 10.77.0.101/24 dev cable");
    lab.ip(Host::Client, "address add fd77::101/64 dev cable nodad");
    serves(&["10.77.0.101:123", "[fd77::101]:123"]);
    lab.ip(Host::Client, "address delete 10.77.0.101/24 dev cable");
    serves(&both);

    // A request whose sender there is no way to.
    lab.ip(Host::Servers, "address add 10.88.0.1/32 dev cable");
    let remote = ["10.77.0.100:123", "--from", "10.88.0.1:0", "--patience", "200"];
    let before = counters(&daemon).stats.response_send_errors;
    assert!(ask(&lab, &remote).remove(0).replies.is_empty());
    assert_eq!(counters(&daemon).stats.response_send_errors, before + 1);
    lab.ip(Host::Client, "route add 10.88.0.1/32 dev cable");
    assert_eq!(ask(&lab, &remote).remove(0).replies.len(), 1);

    // Replies of 76 bytes, which the cable does not take in one piece. (On the way in it is more generous, by 4.)
    lab.ip(Host::Client, "link set cable mtu 72");
    serves(&both[..1]);
    check_idle(&daemon);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_listener_at_one_address_answers_again_when_the_address_comes_back() {
    let lab = Lab::new();
    let both = ["10.77.0.100:123", "[fd77::100]:123"];
    let daemon = start_server(&lab, &listening_at(&both));
    both.iter().for_each(|address| wait_for_time(&lab, &daemon, address));
    lab.ip(Host::Client, "address delete 10.77.0.100/24 dev cable");
    lab.ip(Host::Client, "address delete fd77::100/64 dev cable");
    for address in both {
        assert!(ask(&lab, &[address, "--patience", "100"]).remove(0).replies.is_empty());
    }
    lab.ip(Host::Client, "address add 10.77.0.100/24 dev cable");
    lab.ip(Host::Client, "address add fd77::100/64 dev cable nodad");
    both.iter().for_each(|address| wait_for_time(&lab, &daemon, address));
    check_idle(&daemon);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_cable_that_is_full_costs_replies_and_nothing_else() {
    let lab = Lab::new();
    let daemon = start_server(&lab, &listening_at(&["10.77.0.100:123"]));
    let tc = |arguments: &str| {
        let words: Vec<&str> = arguments.split(' ').collect();
        lab.output(Host::Client, "tc", &words);
    };
    // First a queue that drops what it cannot take; then one that keeps so much that the socket's buffer is full.
    for queue in ["latency 1ms", "limit 100000000"] {
        tc(&format!("qdisc replace dev cable root tbf rate 8kbit burst 1540 {queue}"));
        let before = counters(&daemon).stats;
        // One burst may overflow the listener's own buffer.
        for _ in 0..8 {
            ask(&lab, &["10.77.0.100:123", "--repeat", "250", "--patience", "0"]);
        }
        let counted = poll(seconds(5), || {
            let stats = counters(&daemon).stats;
            let received = stats.received_packets - before.received_packets;
            (received >= 1000).then_some(stats)
        });
        let stats = counted.unwrap_or_else(|| panic!("{queue}: {:?}", counters(&daemon)));
        let failed = stats.response_send_errors - before.response_send_errors;
        assert_eq!(failed > 0, queue.starts_with("limit"), "{queue}: {failed}");
        check_idle(&daemon);
        tc("qdisc delete dev cable root");
        wait_for_time(&lab, &daemon, "10.77.0.100:123");
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn askers_that_are_gone_when_the_answer_comes_disturb_nobody() {
    let lab = Lab::new();
    // Every answer to a closed port is told to the server by ICMP, without the usual limit.
    for setting in ["net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"] {
        lab.output(Host::Servers, "sysctl", &["-qw", setting]);
    }
    let daemon = start_server(&lab, &listening_at(&["[::]:123"]));
    let told_by_addresses = || {
        for address in ["10.77.0.100:123", "[fd77::100]:123"] {
            // It sleeps until they are gone.
            daemon.process.signal("STOP");
            ask(&lab, &[address, "--repeat", "100", "--patience", "0"]);
            daemon.process.signal("CONT");
            wait_for_time(&lab, &daemon, address);
        }
        let text = lab.output(Host::Client, "cat", &["/proc/net/snmp6"]);
        let line = text.lines().find(|line| line.starts_with("Icmp6InDestUnreachs")).unwrap();
        let told: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        (told > 0).then_some(())
    };
    // One limit of the kernel is for the whole machine, and other stories may just have used it up.
    assert!(poll(seconds(20), told_by_addresses).is_some(), "none was told to be unreachable");
    assert_eq!(counters(&daemon).stats.response_send_errors, 0);
    check_idle(&daemon);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn datagrams_of_no_length_and_of_any_length_are_counted_and_disturb_nobody() {
    let lab = Lab::new();
    let daemon = start_server(&lab, &listening_at(&["[::]:123"]));
    let file = lab.folder().join("lengths");
    // A blank line is a datagram without a byte. The first bytes are those of a request.
    let lengths = [0, 1, 47, 1472, 1473, 2048, 2049, 9000, 65000];
    let lines: Vec<String> = lengths.iter().map(|length| "23".repeat(*length)).collect();
    fs::write(&file, lines.join("\n")).unwrap();
    for address in ["10.77.0.100:123", "[fd77::100]:123"] {
        let outcome = ask(&lab, &[address, "--datagrams", file.to_str().unwrap()]).remove(0);
        assert_eq!(outcome.sent, lengths.len() as u64, "{:?}", outcome.error);
        for (_, digits) in &outcome.replies {
            assert_eq!(digits.len(), 2 * 48, "nothing but a plain reply");
        }
        wait_for_time(&lab, &daemon, address);
    }
    let server = counters(&daemon);
    let refused: u64 = server.refused.values().sum();
    assert!(refused >= 2 * (lengths.len() as u64 - 1), "{server:?}");
    assert_eq!(server.stats.accepted_packets + refused, server.stats.received_packets, "{server:?}");
    check_idle(&daemon);
}
