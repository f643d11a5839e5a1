//! Tests of running servers, on loopback and free ports.

use super::*;
use crate::packet::{Header, Packet};
use crate::testserver::Behaviour;
use crate::time::NtpTimestamp;
use std::net::Ipv4Addr;

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
/// The time that stands still for the server.
const NOW: ClockTime = ClockTime::from_unix_secs(1_700_000_000);

fn start(options: Options) -> TestServer {
    TestServer::start(LOOPBACK, options, Arc::new(|| NOW)).expect("loopback has free ports")
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind(LOOPBACK).expect("loopback has free ports");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("it is not zero");
    socket
}

fn ask(client: &UdpSocket, server: &TestServer) -> (Header, SocketAddr) {
    let request = Header { transmit_timestamp: NtpTimestamp::from_bits(42), ..Header::default() };
    client.send_to(&request.emit(), server.address()).expect("loopback takes it");
    receive(client)
}

fn receive(client: &UdpSocket) -> (Header, SocketAddr) {
    let mut buffer = [0; 100];
    let (length, from) = client.recv_from(&mut buffer).expect("a reply comes");
    (Packet::parse(&buffer[..length]).expect("it is well-formed").header, from)
}

#[test]
fn a_server_serves_its_clock_plus_its_offset() {
    let server = start(Options { offset: Span::from_millis(300), ..Options::default() });
    let (reply, from) = ask(&client(), &server);
    assert_eq!(from, server.address());
    assert_eq!(reply.origin_timestamp.bits(), 42);
    let served = NtpTimestamp::from_clock(NOW + Span::from_millis(300));
    assert_eq!((reply.receive_timestamp, reply.transmit_timestamp), (served, served));
    assert_eq!((server.requests(), server.replies()), (1, 1));
}

#[test]
fn delays_are_held_and_stamped_as_if_the_path_had_them() {
    let upward_delay = Span::from_millis(30);
    let downward_delay = Span::from_millis(10);
    let server = start(Options { upward_delay, downward_delay, ..Options::default() });
    let before = monotonic();
    let (reply, _) = ask(&client(), &server);
    assert!(monotonic() - before >= Duration::from_millis(40));
    assert_eq!(reply.receive_timestamp, NtpTimestamp::from_clock(NOW + upward_delay));
    assert_eq!(reply.transmit_timestamp, NtpTimestamp::from_clock(NOW - downward_delay));
}

#[test]
fn short_and_odd_datagrams_are_survived() {
    let server = start(Options::default());
    let client = client();
    for length in [0, 1, 4, 47, 49, 1000] {
        client.send_to(&vec![0x23; length], server.address()).expect("loopback takes it");
    }
    assert_eq!(ask(&client, &server).0.stratum, 1);
    assert_eq!((server.requests(), server.replies()), (7, 1));
}

#[test]
fn all_requests_are_lost_when_loss_is_certain() {
    let server = start(Options { loss: 1.0, ..Options::default() });
    let honest = start(Options::default());
    let client = client();
    client.send_to(&Header::default().emit(), server.address()).expect("loopback takes it");
    assert_eq!(ask(&client, &honest).1, honest.address());
    assert_eq!(server.replies(), 0);
}

#[test]
fn duplicates_and_replies_from_another_port_are_really_sent() {
    let client = client();
    let twice = start(Options { behaviour: Behaviour::Duplicate, ..Options::default() });
    assert_eq!(ask(&client, &twice).1, receive(&client).1);
    let other = start(Options { behaviour: Behaviour::OtherPort, ..Options::default() });
    assert_ne!(ask(&client, &other).1, other.address());
}

#[test]
fn a_dropped_server_leaves_its_port() {
    let server = start(Options::default());
    let address = server.address();
    drop(server);
    assert!(UdpSocket::bind(address).is_ok());
}
