//! Stories of a network that is not there: no cable, no name service, and both coming back.

use crate::lab::Lab;
use crate::programs::{Daemon, Status, example_server};
use crate::wait::seconds;

fn servers(lab: &Lab) -> [crate::process::Process; 3] {
    [1, 2, 3].map(|n| example_server(lab, "test-server", &format!("10.77.0.{n}:123"), &[]))
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn without_a_network_at_start_it_waits_and_goes_on_by_itself() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    lab.link("down");
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    let status = daemon.wait_until("answering status", seconds(5), |_| true);
    assert!(!status.is_synchronized());
    lab.link("up");
    daemon.wait_until("synchronized", seconds(30), Status::is_synchronized);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_dead_name_server_holds_up_nobody_else_and_the_name_is_asked_again() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    // Nobody has this address, so every query waits for its time-out.
    lab.write_etc("", "nameserver 10.77.0.250\noptions timeout:2 attempts:2\n");
    let daemon = Daemon::with_peers(&lab, &["late.example", "10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    let status = daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    assert_eq!(status.0.sources.len(), 4, "{status:#?}");
    daemon.wait_until("saying that the name has no address", seconds(20), |status| {
        status.0.sources.iter().any(|source| source.problem.is_some())
    });
    let _late = example_server(&lab, "test-server", "10.77.0.4:123", &[]);
    lab.write_etc("10.77.0.4 late.example\n", "");
    daemon.wait_until("using the name", seconds(60), |status| status.uses(&["10.77.0.4:123"]));
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_cable_that_is_pulled_and_put_back_is_survived() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    let mut daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    lab.link("down");
    lab.link("up");
    let before = daemon.status().unwrap().replies("10.77.0.1:123");
    daemon.wait_until("answered again", seconds(40), |status| status.replies("10.77.0.1:123") > before);
    assert!(daemon.process.is_running());
}
