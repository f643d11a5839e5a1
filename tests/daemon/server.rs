//! Stories of a server: chronyd and ntpdig take time from us, and are told honestly when we have none.

use crate::lab::{Host, Lab};
use crate::peers::{chronyd_query, chronyd_server, ntpdig};
use crate::programs::{Daemon, Status};
use crate::wait::seconds;

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_and_ntpdig_take_time_from_us_once_we_have_it() {
    let lab = Lab::new();
    let _servers = [1, 2, 3].map(|n| chronyd_server(&lab, n));
    let peers = ["-p", "10.77.0.1", "-p", "10.77.0.2", "-p", "10.77.0.3"];
    let listeners = ["-s", "10.77.0.100:123", "-s", "[fd77::100]:123"];
    let daemon = Daemon::start(&lab, "", &[peers.as_slice(), &listeners].concat());
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    for address in ["10.77.0.100", "fd77::100"] {
        let wrong_by = chronyd_query(&lab, Host::Servers, address);
        assert!(wrong_by.abs() < 0.001, "{address}: {wrong_by}");
        let line = ntpdig(&lab, Host::Servers, address);
        assert!(line.contains("s2 no-leap"), "{address}: {line}");
    }
    let status = daemon.status().unwrap();
    let accepted = |n: usize| status.0.servers[n].stats.accepted_packets;
    assert!(accepted(0) > 1 && accepted(1) > 1, "{status:#?}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn without_time_of_our_own_we_say_so() {
    let lab = Lab::new();
    let daemon = Daemon::start(&lab, "", &["-s", "10.77.0.100:123"]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let line = ntpdig(&lab, Host::Servers, "10.77.0.100");
    assert!(line.contains("stratum 0") && line.contains("no eligible servers"), "{line}");
    assert_eq!(daemon.status().unwrap().0.servers[0].stats.accepted_packets, 1, "it was told so in a reply");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_local_stratum_serves_the_local_clock_under_its_reference_id() {
    let lab = Lab::new();
    let toml = "[[server]]\nlisten = \"10.77.0.100:123\"\n
                [synchronization]\nlocal-stratum = 1\nreference-id = \"GPS\"\n";
    let daemon = Daemon::start(&lab, toml, &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let line = ntpdig(&lab, Host::Servers, "10.77.0.100");
    assert!(line.contains("s1 no-leap"), "{line}");
    let wrong_by = chronyd_query(&lab, Host::Servers, "10.77.0.100");
    assert!(wrong_by.abs() < 0.001, "{wrong_by}");
}
