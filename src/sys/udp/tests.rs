//! On loopback, without any right.

use super::*;
use crate::sys::clock;
use crate::time::Span;
use std::time::Duration;

/// Waits, by poll, until the socket has something of this kind (`POLLIN`, `POLLERR`).
pub(in crate::sys) fn wait(socket: &UdpSocket, events: libc::c_short) {
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    let limit = i32::try_from(Duration::from_secs(5).as_millis()).unwrap();
    // SAFETY: the pointer is to one pollfd that is ours during the call.
    let ready = unsafe { libc::poll(&raw mut entry, 1, limit) };
    assert_eq!(ready, 1, "nothing came");
}

/// The kernel begins to stamp a moment after the first socket asked for it; keeps it going and waits for that.
pub(in crate::sys) fn keep_stamping() -> UdpSocket {
    let keeper = UdpSocket::keep_stamping(Stamping::Receive).unwrap();
    let server = listen("127.0.0.1:0");
    let client = UdpSocket::connect(server.local_address().unwrap(), Stamping::None).unwrap();
    for _ in 0..100_000 {
        client.send(b"stamped?").unwrap();
        wait(&server, libc::POLLIN);
        if server.receive(&mut [0; 8]).unwrap().stamp.is_some() {
            return keeper;
        }
    }
    panic!("this kernel does not stamp");
}

pub(in crate::sys) fn listen(address: &str) -> UdpSocket {
    UdpSocket::listen(address.parse().unwrap(), false, Stamping::Receive).unwrap()
}

#[track_caller]
fn check_exchange(listener: &str, asked: &str, mapped: bool) {
    let _keep = keep_stamping();
    let server = listen(listener);
    let port = server.local_address().unwrap().port();
    let asked = SocketAddr::new(asked.parse().unwrap(), port);
    let client = UdpSocket::connect(asked, Stamping::ReceiveAndTransmit).unwrap();
    assert_eq!(client.stamping(), Stamping::ReceiveAndTransmit);
    let before = clock::realtime();
    client.send(b"what time is it?").unwrap();

    let mut buffer = [0; 64];
    wait(&server, libc::POLLIN);
    let request = server.receive(&mut buffer).unwrap();
    assert_eq!(&buffer[..request.length], b"what time is it?");
    // A socket with one address need not be told.
    let wildcard = server.local_address().unwrap().ip().is_unspecified();
    let local = request.local.map(|info| info.local.to_canonical());
    assert_eq!(local, wildcard.then_some(asked.ip()));
    assert_eq!(request.from.unwrap().ip() != unmapped(request.from.unwrap()).ip(), mapped);
    server.send_to(b"late", request.from.unwrap(), request.local).unwrap();

    wait(&client, 0);
    let sent = client.transmit_stamp().unwrap();
    assert_eq!(sent.packet, 0);
    wait(&client, libc::POLLIN);
    let reply = client.receive(&mut buffer).unwrap();
    // The connected socket heard it, so it came from the very address that was asked.
    assert_eq!((reply.from, reply.truncated), (Some(asked), false));
    let after = clock::realtime();
    assert!(before <= sent.time && sent.time <= after, "{sent:?}");
    for stamp in [request.stamp, reply.stamp].map(|stamp| stamp.expect("a kernel stamp")) {
        assert!(sent.time <= stamp && stamp <= after, "{sent:?} {stamp:?} {after:?}");
    }
    assert!(request.stamp <= reply.stamp);
    assert_eq!(client.transmit_stamp().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn stamps_bracket_an_exchange_over_ipv4_and_the_reply_comes_from_the_asked_address() {
    check_exchange("0.0.0.0:0", "127.0.0.77", false);
}

#[test]
fn an_ipv6_wildcard_serves_ipv4_from_the_asked_address() {
    check_exchange("[::]:0", "127.0.0.78", true);
}

#[test]
fn stamps_bracket_an_exchange_over_ipv6() {
    check_exchange("[::1]:0", "::1", false);
}

#[test]
fn both_wildcards_fit_on_one_port_if_ipv6_keeps_to_itself() {
    let v4 = listen("0.0.0.0:0");
    let port = v4.local_address().unwrap().port();
    let both = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
    let error = UdpSocket::listen(both, false, Stamping::None).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with("bind: "), "{error}");
    UdpSocket::listen(both, true, Stamping::None).unwrap();
}

#[test]
fn a_longer_datagram_than_the_buffer_is_marked() {
    let server = listen("127.0.0.1:0");
    let client = UdpSocket::connect(server.local_address().unwrap(), Stamping::None).unwrap();
    client.send(&[7; 100]).unwrap();
    wait(&server, libc::POLLIN);
    let received = server.receive(&mut [0; 48]).unwrap();
    assert_eq!((received.length, received.truncated), (48, true));
}

#[test]
fn a_closed_port_is_an_error_with_the_call_named() {
    let server = listen("127.0.0.1:0");
    let gone = server.local_address().unwrap();
    drop(server);
    let client = UdpSocket::connect(gone, Stamping::None).unwrap();
    client.send(b"anybody?").unwrap();
    wait(&client, libc::POLLIN);
    let error = client.receive(&mut [0; 8]).unwrap_err();
    assert_eq!(error.to_string(), "recvmsg: Connection refused (os error 111)");
}

#[test]
fn a_stranger_is_not_heard_by_a_connected_socket() {
    let (server, stranger) = (listen("127.0.0.1:0"), listen("127.0.0.2:0"));
    let client = UdpSocket::connect(server.local_address().unwrap(), Stamping::None).unwrap();
    let to = client.local_address().unwrap();
    stranger.send_to(b"forged", to, None).unwrap();
    server.send_to(b"real", to, None).unwrap();
    wait(&client, libc::POLLIN);
    let mut buffer = [0; 8];
    let received = client.receive(&mut buffer).unwrap();
    assert_eq!(&buffer[..received.length], b"real");
    assert_eq!(client.receive(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn without_stamping_the_kernel_gives_none() {
    let server = UdpSocket::listen("127.0.0.1:0".parse().unwrap(), false, Stamping::None).unwrap();
    let client = UdpSocket::connect(server.local_address().unwrap(), Stamping::None).unwrap();
    client.send(b"?").unwrap();
    wait(&server, libc::POLLIN);
    assert_eq!(server.receive(&mut [0; 8]).unwrap().stamp, None);
    assert!(clock::realtime() - clock::realtime() <= Span::ZERO);
}

#[test]
fn an_adopted_socket_has_its_options_and_counts_from_zero() {
    let _keep = keep_stamping();
    let stamping = Stamping::ReceiveAndTransmit;
    let before = UdpSocket::listen("0.0.0.0:0".parse().unwrap(), false, stamping).unwrap();
    let client = UdpSocket::connect(before.local_address().unwrap(), Stamping::None).unwrap();
    for number in 0..3 {
        before.send_to(b"reply", client.local_address().unwrap(), None).unwrap();
        wait(&before, 0);
        assert_eq!(before.transmit_stamp().unwrap().packet, number);
    }
    let plain = std::net::UdpSocket::from(before.as_fd().try_clone_to_owned().unwrap());
    plain.set_nonblocking(false).unwrap();
    let adopted = UdpSocket::adopt(plain.into(), stamping).unwrap();
    assert_eq!(adopted.receive(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    client.send(b"request").unwrap();
    wait(&adopted, libc::POLLIN);
    let received = adopted.receive(&mut [0; 8]).unwrap();
    assert!(received.stamp.is_some() && received.local.is_some(), "{received:?}");
    adopted.send_to(b"reply", client.local_address().unwrap(), received.local).unwrap();
    wait(&adopted, 0);
    assert_eq!(adopted.transmit_stamp().unwrap().packet, 0);
}

#[test]
fn an_adopted_socket_never_loses_room() {
    let socket = listen("127.0.0.1:0");
    let room = || socket::get_option(&socket.descriptor, libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap();
    let before = room();
    socket.raise_receive_buffer(before / 2).unwrap();
    assert_eq!(room(), before);
    // More with the right to it, the same without.
    socket.raise_receive_buffer(before * 4).unwrap();
    assert!(room() >= before);
}
