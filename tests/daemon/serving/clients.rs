//! Who is answered, and how often: what clients at different addresses hear, and what they make of it.

use super::{ask, counters, header, start_server};
use crate::lab::{Host, Lab};
use crate::peers::chronyd_client;
use crate::programs::Daemon;
use crate::wait::seconds;
use ntpd_rs::packet::{Header, ReferenceId};
use ntpd_rs::verdict::{Discard, Refusal};
use std::collections::BTreeMap;

/// What one client hears to so many requests at once.
#[track_caller]
fn hears(lab: &Lab, from: &str, times: u32) -> Vec<Header> {
    let server = if from.contains(':') { "[fd77::100]:123" } else { "10.77.0.100:123" };
    let (from, times) =
        (if from.contains(':') { format!("[{from}]:0") } else { format!("{from}:0") }, times.to_string());
    let outcome = ask(lab, &[server, "--from", &from, "--repeat", &times, "--patience", "300"]).remove(0);
    let one = |reply: &(std::net::SocketAddr, String)| {
        let alone = super::Outcome { sent: 1, error: None, replies: vec![reply.clone()] };
        header(server, &alone).expect("it is there")
    };
    outcome.replies.iter().map(one).collect()
}

fn code(headers: &[Header]) -> Vec<Option<ReferenceId>> {
    headers.iter().map(|header| (header.stratum == 0).then_some(header.reference_id)).collect()
}

const TIME: Option<ReferenceId> = None;
const DENY: Option<ReferenceId> = Some(ReferenceId::from_bytes(*b"DENY"));
const RATE: Option<ReferenceId> = Some(ReferenceId::from_bytes(*b"RATE"));

#[test]
#[ignore = "needs root: ./test runs it"]
fn the_lists_decide_by_address_through_a_socket_of_both_families() {
    let lab = Lab::new();
    let daemon = start_server(
        &lab,
        "[[server]]\nlisten = \"[::]:123\"\nthreads = 2\n
         allowlist = { filter = [\"10.77.0.0/29\", \"fd77::/125\"], action = \"ignore\" }\n
         denylist = { filter = [\"10.77.0.3/32\"], action = \"deny\" }\n",
    );
    let rows: [(&str, &[_]); 6] = [
        ("10.77.0.1", &[TIME]),
        ("10.77.0.7", &[TIME]),
        ("10.77.0.3", &[DENY]),
        ("10.77.0.8", &[]),
        ("fd77::7", &[TIME]),
        ("fd77::8", &[]),
    ];
    for (from, expected) in rows {
        assert_eq!(code(&hears(&lab, from, 1)), expected, "{from}");
    }
    let server = counters(&daemon);
    assert_eq!(server.refused, BTreeMap::from([(Refusal::Denied, 1), (Refusal::Ignored, 2)]));
    let stats = (server.stats.accepted_packets, server.stats.denied_packets, server.stats.ignored_packets);
    assert_eq!(stats, (3, 1, 2));
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_client_that_asks_too_often_hears_so_once_and_its_neighbours_hear_time() {
    let lab = Lab::new();
    let daemon = start_server(
        &lab,
        "[[server]]\nlisten = \"[::]:123\"\nthreads = 2\nrate-limiting-cache-size = 1000\n
         rate-limiting-cutoff-ms = 60000\nrate-limiting-burst = 2\n",
    );
    let told = hears(&lab, "10.77.0.1", 100);
    assert_eq!(code(&told), [TIME, TIME, RATE]);
    assert_eq!(told[2].poll, 6, "a minute, rounded up to a power of two seconds");
    for from in ["10.77.0.2", "10.77.0.3", "fd77::2"] {
        assert_eq!(code(&hears(&lab, from, 1)), [TIME], "{from}");
    }
    // However it spreads them over its sockets: the link has as much as 16 clients, of which one was used.
    let of_link: usize = (1..=9).map(|n| hears(&lab, &format!("fd77::{n}"), 10).len()).sum();
    assert_eq!(of_link, 9 * 3 - 1);
    let stats = counters(&daemon).stats;
    assert_eq!((stats.accepted_packets, stats.rate_limited_packets), (2 + 3 + 17, 98 + 90 - 17));
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_and_our_own_client_understand_that_they_ask_too_often() {
    let lab = Lab::new();
    let _server = start_server(
        &lab,
        "[[server]]\nlisten = \"[::]:123\"\nrate-limiting-cache-size = 1000\nrate-limiting-cutoff-ms = 15000\n",
    );
    let chronyd = chronyd_client(&lab, Host::Servers, "server 10.77.0.100 iburst minpoll 1 maxpoll 1");
    let ours = Daemon::start_on(&lab, Host::Servers, "", &["-p", "[fd77::100]:123"]);
    chronyd.wait_for("Received KoD RATE from 10.77.0.100", seconds(10));
    let status = ours
        .wait_until("told", seconds(10), |status| status.discards("[fd77::100]:123", Discard::RateKiss) > 0);
    let poll = status.source("[fd77::100]:123").expect("it is there").poll_interval;
    assert!(poll >= 4, "it asks each {poll} (log2 s) now");
}
