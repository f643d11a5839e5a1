//! Stories of master keys over time: they rotate while clients ask, and outlive restarts of either side, or do not.

use super::ours::{SERVER, client, server_with};
use super::{MODE, NAKS, certificates, column};
use crate::lab::{Host, Lab};
use crate::peers::{chronyc, chronyd};
use crate::process::Process;
use crate::programs::{Daemon, Status};
use crate::wait::{poll, seconds};
use ntpd_rs::snapshot::KeyExchangeEnd;
use ntpd_rs::verdict::Discard;
use std::collections::BTreeMap;
use std::path::Path;

/// chronyd, which asks every second.
#[track_caller]
fn chronyd_client(lab: &Lab, folder: &Path) -> Process {
    let trusted = format!("ntstrustedcerts {}/ca.pem", folder.display());
    let server = "server 10.77.0.1 nts minpoll 0 maxpoll 0";
    chronyd(lab, Host::Client, "chronyd", &[&trusted, "nosystemcert", server])
}

/// Of `chronyc -c ntpdata`: requests, and replies that were good.
const SENT: usize = 30;
const VALID: usize = 32;

/// Requests of chronyd's, and good replies to them.
#[track_caller]
fn chronyd_counts(lab: &Lab) -> (u64, u64) {
    let data = chronyc(lab, Host::Client, "chronyd", &["ntpdata"]);
    let count = |at| column(&data, at).trim().parse().unwrap_or_else(|error| panic!("{error}: {data}"));
    (count(SENT), count(VALID))
}

/// How key exchanges ended at our server.
fn exchanges(status: &Status) -> BTreeMap<KeyExchangeEnd, u64> {
    status.0.key_exchange_servers[0].ended.clone()
}

fn completed(count: u64) -> BTreeMap<KeyExchangeEnd, u64> {
    BTreeMap::from([(KeyExchangeEnd::Completed, count)])
}

/// Both clients have keys, one exchange each, and were answered.
#[track_caller]
fn wait_for_both(server: &Daemon, ours: &Daemon) {
    server.wait_until("asked by both for keys", seconds(15), |status| exchanges(status) == completed(2));
    ours.wait_until("answered", seconds(15), |status| status.replies(SERVER) >= 4);
    server.wait_until("asked by both", seconds(15), |status| accepted(status) >= 10);
}

fn accepted(status: &Status) -> u64 {
    status.0.servers[0].stats.nts_accepted_packets
}

/// Whatever came was good and was answered.
#[track_caller]
fn check_nobody_was_refused(server: &Status) {
    let state = &server.0.servers[0];
    assert_eq!((state.stats.nts_nak_packets, &state.refused), (0, &BTreeMap::new()), "{server:#?}");
    assert_eq!(state.stats.nts_accepted_packets, state.stats.received_packets, "{server:#?}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn keys_that_rotate_every_five_seconds_are_noticed_by_no_client() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let server = server_with(&lab, &folder, "key-rotation-interval = 5\nstale-key-count = 2");
    let _chronyd = chronyd_client(&lab, &folder);
    let ours = client(&lab, &folder);
    wait_for_both(&server, &ours);
    let rotations = || server.process.output().matches("seals from now on").count();
    let first = rotations();
    let rotated = poll(seconds(35), || (rotations() >= first + 5).then_some(()));
    assert!(rotated.is_some(), "{first} {}", server.process.output());

    let status = server.status().unwrap();
    check_nobody_was_refused(&status);
    assert_eq!(exchanges(&status), completed(2));
    assert_eq!(status.0.master_keys.as_ref().unwrap().accepted, 3, "{status:#?}");
    // The last request may be on its way, and no other one was lost. The cable takes no time: a reply that left earlier than was foretold
    // has a negative delay.
    let status = ours.status().unwrap();
    let source = status.source(SERVER).unwrap();
    let answered = source.replies + status.discards(SERVER, Discard::BadDelay);
    assert!(answered >= 20 && source.requests - answered <= 1, "{source:#?}");
    assert!(source.discards.keys().all(|reason| *reason == Discard::BadDelay), "{source:#?}");
    let (sent, valid) = chronyd_counts(&lab);
    assert!(valid >= 20 && sent - valid <= 1, "{sent} {valid}");
    let authdata = chronyc(&lab, Host::Client, "chronyd", &["authdata"]);
    assert_eq!([MODE, NAKS].map(|at| column(&authdata, at)), ["NTS", "0"], "{authdata}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_server_with_stored_keys_starts_again_and_is_asked_with_the_cookies_of_before() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let keyset = format!("key-storage-path = \"{}/keys\"", folder.display());
    let mut first = server_with(&lab, &folder, &keyset);
    let _chronyd = chronyd_client(&lab, &folder);
    let ours = client(&lab, &folder);
    wait_for_both(&first, &ours);
    assert_eq!(first.process.terminate().code(), Some(0));
    let (replies, (_, valid)) = (ours.status().unwrap().replies(SERVER), chronyd_counts(&lab));
    let second = server_with(&lab, &folder, &keyset);
    ours.wait_until("answered again", seconds(15), |status| status.replies(SERVER) >= replies + 4);
    let answered = poll(seconds(15), || (chronyd_counts(&lab).1 >= valid + 4).then_some(()));
    assert!(answered.is_some(), "{:?}", chronyd_counts(&lab));
    let status = second.status().unwrap();
    check_nobody_was_refused(&status);
    assert_eq!(exchanges(&status), BTreeMap::new());
    assert!(accepted(&status) >= 8, "{status:#?}");
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn a_server_whose_keys_were_stored_nowhere_starts_again_and_gives_each_client_others_once() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let mut first = server_with(&lab, &folder, "");
    let _chronyd = chronyd_client(&lab, &folder);
    let ours = client(&lab, &folder);
    wait_for_both(&first, &ours);
    assert_eq!(first.process.terminate().code(), Some(0));
    let (replies, (_, valid)) = (ours.status().unwrap().replies(SERVER), chronyd_counts(&lab));
    let second = server_with(&lab, &folder, "");
    ours.wait_until("answered again", seconds(25), |status| status.replies(SERVER) >= replies + 4);
    let answered = poll(seconds(25), || (chronyd_counts(&lab).1 >= valid + 4).then_some(()));
    assert!(answered.is_some(), "{:?}", chronyd_counts(&lab));
    let status = second.status().unwrap();
    assert_eq!(exchanges(&status), completed(2), "{status:#?}");
    assert!(status.0.servers[0].stats.nts_nak_packets >= 2, "{status:#?}");
    assert!(ours.process.output().contains("does not know our keys any more"), "{}", ours.process.output());
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn our_client_starts_again_without_a_key_exchange_and_after_a_crash_with_one() {
    let lab = Lab::new();
    let folder = certificates(&lab);
    let server = server_with(&lab, &folder, "");
    let answered = |client: &Daemon| {
        client.wait_until("answered", seconds(15), |status| status.replies(SERVER) >= 4);
    };
    let mut first = client(&lab, &folder);
    answered(&first);
    let kept = first.config.with_file_name("nts-sessions");
    assert_eq!(first.process.terminate().code(), Some(0));
    assert!(kept.exists());

    let mut second = client(&lab, &folder);
    answered(&second);
    assert!(!kept.exists(), "what is in use is kept nowhere");
    assert_eq!(exchanges(&server.status().unwrap()), completed(1));
    second.process.signal("KILL");
    assert!(!second.process.wait(seconds(5)).success());

    let third = client(&lab, &folder);
    answered(&third);
    let status = server.status().unwrap();
    assert_eq!(exchanges(&status), completed(2));
    check_nobody_was_refused(&status);
}
