//! Stories of a client: real chronyd servers, and one among them that lies. Bad replies are `hostile`'s subject.

use crate::lab::Lab;
use crate::peers::chronyd_server;
use crate::programs::{Daemon, Status, example_server};
use crate::wait::seconds;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::verdict::Verdict;

const FOUR: [&str; 4] = ["10.77.0.1:123", "10.77.0.2:123", "10.77.0.3:123", "10.77.0.4:123"];

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn four_chronyd_servers_synchronize_it_within_20_seconds_to_200_microseconds() {
    let lab = Lab::new();
    let _servers = [1, 2, 3, 4].map(|n| chronyd_server(&lab, n));
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4"]);
    let status = daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    assert!(status.error() < 200e-6, "{status:#?}");
    let status = daemon.wait_until("using all four", seconds(20), |status| status.uses(&FOUR));
    assert_eq!(status.0.system.stratum, 2, "{status:#?}");
    assert!(status.error() < 200e-6, "{status:#?}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_server_that_is_one_second_wrong_is_voted_out() {
    let lab = Lab::new();
    let _servers = [1, 2, 3, 4].map(|n| chronyd_server(&lab, n));
    let _liar = example_server(&lab, "test-server", "10.77.0.5:123", &["--offset", "1"]);
    let peers = ["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.5"];
    let daemon = Daemon::with_peers(&lab, &peers);
    let status = daemon.wait_until("synchronized without the liar", seconds(20), |status| {
        status.is_synchronized() && status.verdict("10.77.0.5:123") == Some(Verdict::Falseticker)
    });
    assert!(status.error() < 200e-6, "{status:#?}");
    assert!(daemon.process.output().contains("10.77.0.5"), "the log says nothing of it");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn the_same_name_four_times_over_is_four_different_servers() {
    let lab = Lab::new();
    let _servers = [1, 2, 3, 4].map(|n| chronyd_server(&lab, n));
    let hosts: String = (1..=4).map(|n| format!("10.77.0.{n} pool.example\n")).collect();
    lab.write_etc(&hosts, "");
    let daemon = Daemon::with_peers(&lab, &["pool.example"; 4]);
    daemon.wait_until("using four servers", seconds(20), |status| status.uses(&FOUR));
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_pool_replaces_members_that_never_answer() {
    let lab = Lab::new();
    let _servers = [1, 2, 3, 4].map(|n| chronyd_server(&lab, n));
    // 10.77.0.9 is there and silent; the pool finds the four others in the end.
    let hosts: String = [9, 1, 2, 3, 4].map(|n| format!("10.77.0.{n} pool.example\n")).concat();
    lab.write_etc(&hosts, "");
    let pool =
        "[[source]]\nmode = \"pool\"\naddress = \"pool.example\"\ncount = 4\nignore = [\"10.77.0.4\"]\n";
    let daemon = Daemon::start(&lab, pool, &[]);
    let status = daemon.wait_until("synchronized", seconds(30), Status::is_synchronized);
    assert!(status.uses(&FOUR[..3]), "{status:#?}");
    assert_eq!(status.verdict("10.77.0.4:123"), None, "ignored addresses are never asked");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn servers_are_asked_over_ipv6_too() {
    let lab = Lab::new();
    let addresses = ["[fd77::1]:123", "[fd77::2]:123", "[fd77::3]:123"];
    let _servers = addresses.map(|address| example_server(&lab, "test-server", address, &[]));
    let daemon = Daemon::with_peers(&lab, &["fd77::1", "[fd77::2]", "[fd77::3]:123"]);
    daemon.wait_until("using all three", seconds(20), |status| status.uses(&addresses));
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn fewer_sources_than_the_quorum_are_measured_and_the_remedy_is_named() {
    let lab = Lab::new();
    let _server = example_server(&lab, "test-server", "10.77.0.1:123", &[]);
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1"]);
    daemon.process.wait_for("minimum-agreeing-sources", seconds(5));
    let status = daemon.wait_until("measuring", seconds(15), |status| status.replies("10.77.0.1:123") >= 4);
    assert_eq!(status.0.system.state, SyncState::TooFewSources, "{status:#?}");
}
