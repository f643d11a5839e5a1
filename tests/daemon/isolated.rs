//! Stories of a network without a source of time: servers that name each other elect one, chronyd among them too.

use crate::lab::{Host, Lab};
use crate::peers::{chronyd_orphan, chronyd_query};
use crate::programs::{Daemon, Status};
use crate::wait::seconds;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::verdict::Verdict;

const GROUP: &str = "[source-defaults]\npoll-interval-limits = { min = 4, max = 4 }\n[synchronization]\norphan-stratum = 10\norphan-wait = 10\n";

fn is(state: SyncState, stratum: u8) -> impl Fn(&Status) -> bool {
    move |status| status.0.system.state == state && status.0.system.stratum == stratum
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn of_two_servers_that_name_each_other_the_smaller_address_leads_and_chronyd_takes_time_from_both() {
    let lab = Lab::new();
    let large = Daemon::start(&lab, GROUP, &["-s", "10.77.0.100:123", "-p", "10.77.0.1"]);
    let small = ["-s", "10.77.0.1:123", "-p", "10.77.0.100"];
    let small = Daemon::start_on(&lab, Host::Servers, GROUP, &small);
    small.wait_until("the parent", seconds(30), is(SyncState::OrphanParent, 10));
    let status = large.wait_until("its child", seconds(60), is(SyncState::OrphanChild, 11));
    assert_eq!(status.verdict("10.77.0.1:123"), Some(Verdict::SystemPeer), "{status:#?}");
    assert_eq!(status.0.system.reference, "10.77.0.1");
    let status = small.wait_until("seeing the other as its child", seconds(60), |status| {
        status.verdict("10.77.0.100:123") == Some(Verdict::Loop)
    });
    assert_eq!(status.0.system.reference, "127.127.1.1", "{status:#?}");
    for (from, server) in [(Host::Client, "10.77.0.1"), (Host::Servers, "10.77.0.100")] {
        let wrong_by = chronyd_query(&lab, from, server);
        assert!(wrong_by.abs() < 0.001, "{server}: {wrong_by}");
    }
    let (_, page) = large.ctl(&["status"]);
    assert!(page.contains("the isolated network has elected"), "{page}");
    assert_eq!(small.process.output().matches("isolated network's, at stratum 10").count(), 1);
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_in_its_orphan_mode_is_a_member_of_the_group() {
    let lab = Lab::new();
    let _small = chronyd_orphan(&lab, 1, 10, "10.77.0.100");
    let large = Daemon::start(&lab, GROUP, &["-s", "10.77.0.100:123", "-p", "10.77.0.1"]);
    let status = large.wait_until("chronyd's child", seconds(90), is(SyncState::OrphanChild, 11));
    assert_eq!(status.verdict("10.77.0.1:123"), Some(Verdict::SystemPeer), "{status:#?}");
    assert!(status.error() < 1e-3, "{status:#?}");
}
