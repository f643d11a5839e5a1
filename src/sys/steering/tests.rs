//! On loopback, where every IPv4 address of 127/8 is ours; IPv6 sources in a network namespace.

use super::*;
use crate::sys::Stamping;
use crate::sys::own_namespace;
use std::net::SocketAddr;
use std::process::Command;

const KEY: [u32; 4] = [0x1357_9bdf, 0x0246_8ace, 0xdead_beef, 0x0bad_cafe];

fn group(address: &str, count: usize) -> Vec<UdpSocket> {
    let address = address.parse().unwrap();
    let sockets = UdpSocket::listen_together(address, false, Stamping::None, count).unwrap();
    assert_eq!(sockets.len(), count);
    sockets
}

/// Which of the sockets got it; loopback delivers before `send` returns.
#[track_caller]
fn heard_by(sockets: &[UdpSocket]) -> usize {
    let heard: Vec<_> =
        (0..sockets.len()).filter(|index| sockets[*index].receive(&mut [0; 8]).is_ok()).collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard[0]
}

fn ask(sockets: &[UdpSocket], from: &str, to: &str) -> usize {
    let port = sockets[0].local_address().unwrap().port();
    let (from, to) = (SocketAddr::new(from.parse().unwrap(), 0), SocketAddr::new(to.parse().unwrap(), port));
    UdpSocket::connect_from(from, to, Stamping::None).unwrap().send(b"?").unwrap();
    heard_by(sockets)
}

/// Many ports of each address go to one socket, and many addresses to all of them, evenly.
#[track_caller]
fn check(sockets: &[UdpSocket], to: &str, clients: impl Iterator<Item = String>) {
    let mut shares = vec![0; sockets.len()];
    let mut all = 0;
    for client in clients {
        let first = ask(sockets, &client, to);
        for _ in 0..4 {
            assert_eq!(ask(sockets, &client, to), first, "{client}");
        }
        shares[first] += 1;
        all += 1;
    }
    let fair = all / sockets.len();
    assert!(shares.iter().all(|share| (fair / 2..fair * 2).contains(share)), "{shares:?}");
}

#[test]
fn every_socket_of_a_group_is_heard_and_each_ipv4_client_always_meets_the_same() {
    for (listener, count) in [("127.0.0.1:0", 2), ("0.0.0.0:0", 5), ("[::]:0", 3)] {
        let sockets = group(listener, count);
        sockets[0].steer_by_source(u32::try_from(count).unwrap(), KEY).unwrap();
        check(&sockets, "127.0.0.1", (0..200).map(|n| format!("127.{}.7.{}", n % 3, n + 1)));
    }
}

#[test]
fn all_addresses_of_an_ipv6_prefix_meet_the_same_and_many_prefixes_are_spread() {
    let name =
        "sys::steering::tests::all_addresses_of_an_ipv6_prefix_meet_the_same_and_many_prefixes_are_spread";
    own_namespace::run("-Urn", name, || {
        let ip = |arguments: &str| {
            assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "{arguments}");
        };
        ip("link set lo up");
        ip("-6 route add local fd00::/16 dev lo");
        // The route makes them ours for what arrives; this, for who sends.
        std::fs::write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1").unwrap();
        let sockets = group("[::]:0", 3);
        sockets[0].steer_by_source(3, KEY).unwrap();
        check(&sockets, "::1", (1..200).map(|n| format!("fd00:0:{:x}:{n:x}::1", n / 7)));
        let first = ask(&sockets, "fd00:1:2:3::1", "::1");
        for host in 2..40 {
            assert_eq!(ask(&sockets, &format!("fd00:1:2:3:{host:x}::{host:x}"), "::1"), first);
        }
    });
}

#[test]
fn another_key_is_another_choice() {
    let sockets = group("127.0.0.1:0", 2);
    let choices = |key| {
        sockets[0].steer_by_source(2, key).unwrap();
        (1..60).map(|n| ask(&sockets, &format!("127.0.9.{n}"), "127.0.0.1")).collect::<Vec<_>>()
    };
    assert_ne!(choices(KEY), choices([1, 2, 3, 4]));
}

#[test]
fn a_group_excludes_whoever_comes_later() {
    let sockets = group("127.0.0.1:0", 2);
    let taken = sockets[0].local_address().unwrap();
    assert_eq!(sockets[1].local_address().unwrap(), taken);
    for count in [1, 2] {
        let error = UdpSocket::listen_together(taken, false, Stamping::None, count).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
        assert!(error.to_string().starts_with("bind: "), "{error}");
    }
}
