//! Real workers on loopback, and one that never looks.

use super::*;
use crate::daemon::clock::Clock;
use crate::daemon::server::tests::{Serving, ask, config_with, local_gps, peer_at};
use crate::snapshot::Server;
use crate::sys::Stamping;
use crate::time::{Mono, Span};
use std::net::{Ipv4Addr, UdpSocket as Peer};
use std::sync::mpsc::sync_channel;

fn serving(remembered: usize) -> Serving {
    let mut config = config_with("0.0.0.0:0", 2);
    config.servers[0].client_statistics = remembered;
    Serving::start(&config, &Clock::None, &local_gps())
}

/// The nth client asks n times.
fn clients_ask(server: &Server, clients: u8) {
    for client in 1..=clients {
        let peer = peer_at(Ipv4Addr::new(127, 0, 1, client));
        peer.connect((Ipv4Addr::LOCALHOST, server.address.port())).unwrap();
        for _ in 0..client {
            ask(&peer);
        }
    }
}

#[tokio::test]
async fn workers_that_sleep_tell_the_clients_that_ask_most() {
    let mut server = serving(100);
    clients_ask(&server.report, 12);
    let inquirer = server.workers.inquirer(Clock::None.reader());
    for limit in [3, 100] {
        let [listener] = inquirer.clone().clients(limit).await.try_into().unwrap();
        assert_eq!(
            (listener.address, listener.remembered, listener.silent_workers),
            (server.report.address, 100, 0)
        );
        let seen: Vec<_> = listener.clients.iter().map(|c| (c.address, c.requests, c.answered)).collect();
        let expected = (1..=12).rev().map(|n| (Ipv4Addr::new(127, 0, 1, n).into(), n.into(), n.into()));
        assert_eq!(seen, expected.take(limit).collect::<Vec<_>>());
    }
    let now = Clock::None.now().mono;
    // An estimate: in one run of sixty two of them share a register, and so count as one.
    assert!((10..=12).contains(&server.report.recent_clients(now)));
}

#[tokio::test]
async fn a_listener_that_remembers_nobody_is_not_asked() {
    let mut server = serving(0);
    clients_ask(&server.report, 2);
    let inquirer = server.workers.inquirer(Clock::None.reader());
    let [listener] = inquirer.clients(3).await.try_into().unwrap();
    assert_eq!((listener.remembered, listener.silent_workers, listener.clients), (0, 0, vec![]));
}

/// Where a worker should be, and none is.
fn desk() -> (Desk, std::sync::mpsc::Receiver<Question>) {
    let (questions, receiver) = sync_channel(QUESTIONS);
    let socket = UdpSocket::listen("127.0.0.1:0".parse().unwrap(), false, Stamping::None).unwrap();
    let orders = Arc::new(Orders::new().unwrap());
    (Desk { questions, orders, socket: Arc::new(socket), counters: Arc::default() }, receiver)
}

fn inquirer(desk: Desk) -> Inquirer {
    let desks = Desks { address: "127.0.0.1:123".parse().unwrap(), remembered: 1, workers: vec![desk] };
    Inquirer::new(vec![desks], Clock::None.reader())
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_looks_holds_nobody_up_for_long() {
    let (desk, _never_looked_at) = desk();
    let inquirer = inquirer(desk);
    let start = Instant::now();
    // More than it may have before it.
    for _ in 0..2 * QUESTIONS {
        let [listener] = inquirer.clone().clients(3).await.try_into().unwrap();
        assert_eq!((listener.silent_workers, listener.clients), (1, vec![]));
    }
    assert!(start.elapsed() <= PATIENCE * 2 * u32::try_from(QUESTIONS).unwrap());
}

#[test]
fn what_the_kernel_dropped_is_in_the_counters_after_a_look() {
    let (desk, _questions) = desk();
    let (socket, counters) = (Arc::clone(&desk.socket), Arc::clone(&desk.counters));
    let inquirer = inquirer(desk);
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    let to = socket.local_address().unwrap();
    inquirer.refresh_dropped();
    assert_eq!(counters.dropped(), 0);
    for _ in 0..20_000 {
        peer.send_to(&[0; 48], to).unwrap();
    }
    assert_eq!(counters.dropped(), 0);
    inquirer.refresh_dropped();
    assert!((1..20_000).contains(&counters.dropped()), "{}", counters.dropped());
}

#[test]
fn a_client_that_two_workers_met_is_one_with_all_of_its_requests() {
    let activity = |address: &str, requests: u64, last: i64, version| ClientActivity {
        last: Mono::from_nanos(last),
        requests,
        answered: requests,
        interval: Some(Span::from_secs(30)),
        version: Some(version),
        recent: 1.5,
        recent_at_most: 2.0,
        ..ClientActivity::new(address.parse().unwrap(), Mono::from_nanos(last / 2))
    };
    let mut known = BTreeMap::new();
    merge(&mut known, vec![activity("192.0.2.1", 3, 200, 4), activity("192.0.2.2", 1, 50, 4)]);
    merge(&mut known, vec![activity("192.0.2.1", 5, 100, 3)]);
    let both: Vec<_> = known.into_values().collect();
    assert_eq!(both.len(), 2);
    assert_eq!((both[0].requests, both[0].answered, both[0].version), (8, 8, Some(4)));
    assert_eq!((both[0].since, both[0].last), (Mono::from_nanos(50), Mono::from_nanos(200)));
    // Half of the requests each, so twice as often together.
    assert_eq!(both[0].interval, Some(Span::from_secs(15)));
    assert!((both[0].recent - 3.0).abs() < 1e-9 && (both[0].recent_at_most - 4.0).abs() < 1e-9);
}
