//! NTS through a worker's socket: keys that change while it serves, and what it counts.

use super::super::clock::Clock;
use super::tests::{Serving, config_with, local_gps, peer_at};
use super::*;
use crate::nts::Algorithm;
use crate::packet::{Header, KissCode};
use crate::server::nts_client::{Draft, Opening, key_set, open};
use std::net::Ipv4Addr;

/// What is asked and what comes back, if it is protected.
#[track_caller]
fn ask(server: &Serving, draft: &Draft) -> (Vec<u8>, Option<Opening>) {
    let peer = peer_at(Ipv4Addr::LOCALHOST);
    peer.send_to(&draft.bytes(), server.report.address).unwrap();
    let mut buffer = [0; 2048];
    let length = peer.recv(&mut buffer).unwrap();
    let reply = buffer[..length].to_vec();
    let opening = open(&reply, &draft.keys.s2c);
    (reply, opening)
}

fn draft(id: u32, placeholders: usize) -> Draft {
    Draft::new(Header::default(), &mut key_set(&[id]), Algorithm::Aes128GcmSiv, placeholders)
}

#[test]
fn a_worker_answers_with_the_newest_keys_and_counts_what_came_of_it() {
    let (news, keys) = watch::channel(Arc::new(key_set(&[1])));
    let listening = listen(&config_with("127.0.0.1:0", 1), Vec::new()).unwrap();
    let server = Serving::with_keys(listening, Some(&keys), &Clock::None, &local_gps());
    let first = ask(&server, &draft(1, 7)).1.expect("it is protected");
    assert_eq!((first.header.stratum, first.cookies.len()), (1, 8));
    news.send_replace(Arc::new(key_set(&[1, 2])));
    let second = ask(&server, &draft(1, 0)).1.expect("its key is still there");
    assert!(key_set(&[2]).open(&second.cookies[0]).is_some());
    news.send_replace(Arc::new(key_set(&[2, 3])));
    let (nak, opening) = ask(&server, &draft(1, 0));
    assert_eq!((opening, &nak[12..16]), (None, &KissCode::NtsNak.reference_id().bytes()[..]));
    let of = [
        WorkerCounters::received,
        WorkerCounters::accepted,
        WorkerCounters::nts_received,
        WorkerCounters::nts_accepted,
        WorkerCounters::nts_nak,
    ];
    assert_eq!(of.map(|of| server.report.total(of)), [3, 2, 3, 2, 1]);
}

#[test]
fn two_workers_never_make_the_same_nonce() {
    let (_, keys) = watch::channel(Arc::new(key_set(&[1])));
    let listening = listen(&config_with("0.0.0.0:0", 2), Vec::new()).unwrap();
    let server = Serving::with_keys(listening, Some(&keys), &Clock::None, &local_gps());
    let to = (Ipv4Addr::LOCALHOST, server.report.address.port());
    let mut cookies = std::collections::BTreeSet::new();
    for client in 1..40 {
        let peer = peer_at(Ipv4Addr::new(127, 0, 1, client));
        let draft = draft(1, 1);
        peer.send_to(&draft.bytes(), to).unwrap();
        let mut buffer = [0; 2048];
        let length = peer.recv(&mut buffer).unwrap();
        cookies.extend(open(&buffer[..length], &draft.keys.s2c).expect("it is protected").cookies);
    }
    assert_eq!(cookies.len(), 2 * 39);
    assert!(server.report.workers.iter().all(|worker| worker.nts_accepted() > 0));
}
