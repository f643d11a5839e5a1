//! On loopback, without any right.

use super::*;
use crate::sys::Stamping;
use crate::sys::udp::UdpSocket;
use crate::sys::udp::tests::{keep_stamping, listen, wait};

const SLOTS: usize = 8;

fn connect(to: &UdpSocket) -> UdpSocket {
    UdpSocket::connect(to.local_address().unwrap(), Stamping::None).unwrap()
}

fn push(batch: &mut Batch, bytes: &[u8], to: Option<SocketAddr>) -> Option<usize> {
    batch.push(&Outgoing { bytes, to, from: None, stamped: false })
}

/// No datagram may fail.
#[track_caller]
fn send_all(batch: &mut Batch, socket: &UdpSocket) -> usize {
    batch.send(socket, |place, error| panic!("datagram {place}: {error}"))
}

/// Loopback delivers before the sender's call ends, so what was sent is there.
#[track_caller]
fn receive(batch: &mut Batch, socket: &UdpSocket) -> Vec<Vec<u8>> {
    let count = batch.receive(socket).unwrap();
    let all: Vec<_> = batch.datagrams().map(|datagram| datagram.bytes().to_vec()).collect();
    assert_eq!(all.len(), count);
    all
}

#[test]
fn a_batch_goes_out_comes_in_and_is_answered_from_the_asked_address() {
    let _keep = keep_stamping();
    for (listener, asked) in [("0.0.0.0:0", "127.0.0.9"), ("[::]:0", "127.0.0.9"), ("[::]:0", "::1")] {
        let server = listen(listener);
        let asked = SocketAddr::new(asked.parse().unwrap(), server.local_address().unwrap().port());
        let client = UdpSocket::connect(asked, Stamping::None).unwrap();
        let (mut theirs, mut ours) = (Batch::new(SLOTS), Batch::new(SLOTS));
        for number in 0..5 {
            assert_eq!(push(&mut theirs, &[number; 48], None), Some(number.into()));
        }
        assert_eq!(send_all(&mut theirs, &client), 5);

        assert_eq!(receive(&mut ours, &server).len(), 5);
        for slot in 0..5 {
            let datagram = ours.datagram(slot).unwrap();
            assert!(!datagram.is_truncated() && datagram.stamp().is_some(), "{datagram:?}");
            assert_eq!(datagram.local().unwrap().local.to_canonical(), asked.ip());
            let answer = [datagram.bytes(), b"!"].concat();
            assert_eq!(ours.reply(slot, &answer, false), Some(slot));
        }
        assert_eq!(send_all(&mut ours, &server), 5);
        // A connected socket hears the address that it asked, and no other.
        let answers = receive(&mut theirs, &client);
        assert_eq!(answers, (0..5).map(|n| [&[n; 48][..], b"!"].concat()).collect::<Vec<_>>());
    }
}

#[test]
fn nothing_there_is_would_block_and_what_came_before_is_gone() {
    let server = listen("127.0.0.1:0");
    let client = connect(&server);
    let mut batch = Batch::new(SLOTS);
    client.send(b"?").unwrap();
    assert_eq!(receive(&mut batch, &server), [b"?"]);
    assert_eq!(batch.receive(&server).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(batch.datagram(0).is_none());
    assert_eq!(batch.reply(0, b"to whom?", false), None);
}

#[test]
fn more_than_there_is_room_for_comes_with_the_next_call() {
    let server = listen("127.0.0.1:0");
    let client = connect(&server);
    let mut batch = Batch::new(2);
    for number in 0..5_u8 {
        client.send(&[number]).unwrap();
    }
    assert_eq!(receive(&mut batch, &server), [[0], [1]]);
    assert_eq!(receive(&mut batch, &server), [[2], [3]]);
    assert_eq!(receive(&mut batch, &server), [[4]]);
}

#[test]
fn a_full_queue_and_a_datagram_too_long_are_said() {
    let mut batch = Batch::new(2);
    assert_eq!(push(&mut batch, &[0; LONGEST + 1], None), None);
    assert_eq!(push(&mut batch, &[0; LONGEST], None), Some(0));
    assert_eq!(push(&mut batch, b"b", None), Some(1));
    assert_eq!(push(&mut batch, b"c", None), None);
    assert_eq!((batch.queued(), batch.capacity()), (2, 2));
}

#[test]
fn a_longer_datagram_than_a_slot_is_marked_and_its_neighbours_are_whole() {
    let server = listen("127.0.0.1:0");
    let client = connect(&server);
    let mut batch = Batch::new(SLOTS);
    for length in [0, LONGEST, LONGEST + 1, 7] {
        client.send(&vec![9; length]).unwrap();
    }
    let lengths: Vec<_> = receive(&mut batch, &server).iter().map(Vec::len).collect();
    let truncated: Vec<_> = batch.datagrams().map(Datagram::is_truncated).collect();
    assert_eq!(lengths, [0, LONGEST, LONGEST, 7]);
    assert_eq!(truncated, [false, false, true, false]);
}

#[test]
fn one_that_cannot_be_sent_does_not_hold_up_the_others() {
    let (from, to) = (listen("127.0.0.1:0"), listen("127.0.0.1:0"));
    let good = to.local_address().unwrap();
    // IPv6 through an IPv4 socket, and port 0: the kernel refuses each.
    let bad = ["[::1]:9".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
    let mut batch = Batch::new(SLOTS);
    for (number, to) in [bad[0], good, bad[1], bad[0], good].into_iter().enumerate() {
        push(&mut batch, &[u8::try_from(number).unwrap()], Some(to)).unwrap();
    }
    let mut failed = Vec::new();
    let sent = batch.send(&from, |place, error| failed.push((place, error.raw_os_error().unwrap())));
    assert_eq!(sent, 2);
    assert_eq!(failed, [(0, libc::EAFNOSUPPORT), (2, libc::EINVAL), (3, libc::EAFNOSUPPORT)]);
    assert_eq!(receive(&mut batch, &to), [[1], [4]]);
    assert_eq!(batch.queued(), 0);
}

#[test]
fn an_icmp_error_is_told_once_and_the_socket_goes_on() {
    let server = listen("127.0.0.1:0");
    let client = connect(&server);
    drop(server);
    let mut batch = Batch::new(SLOTS);
    push(&mut batch, b"anybody?", None);
    assert_eq!(send_all(&mut batch, &client), 1);
    let error = batch.receive(&client).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ECONNREFUSED));
    assert_eq!(batch.receive(&client).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn only_the_datagrams_asked_for_are_stamped_and_they_are_numbered_among_themselves() {
    let server = UdpSocket::listen("127.0.0.1:0".parse().unwrap(), false, Stamping::OnRequest).unwrap();
    assert_eq!(server.stamping(), Stamping::OnRequest);
    let client = connect(&server);
    let mut batch = Batch::new(SLOTS);
    for _ in 0..5 {
        client.send(&[1; 48]).unwrap();
    }
    assert_eq!(batch.receive(&server).unwrap(), 5);
    for slot in 0..5 {
        batch.reply(slot, &[2; 48], slot % 2 == 1).unwrap();
    }
    let before = crate::sys::clock::realtime();
    assert_eq!(send_all(&mut batch, &server), 5);
    let after = crate::sys::clock::realtime();
    wait(&server, 0);
    let mut stamps = Vec::new();
    let more = batch.transmit_stamps(&server, |stamp| stamps.push(stamp)).unwrap();
    assert!(!more && batch.datagram(0).is_none());
    assert_eq!(stamps.iter().map(|stamp| stamp.packet).collect::<Vec<_>>(), [0, 1]);
    assert!(before <= stamps[0].time && stamps[0].time <= stamps[1].time && stamps[1].time <= after);
    assert!(!batch.transmit_stamps(&server, |stamp| panic!("{stamp:?}")).unwrap());

    server.restart_numbers().unwrap();
    batch.push(&Outgoing {
        bytes: b"again",
        to: Some(client.local_address().unwrap()),
        from: None,
        stamped: true,
    });
    assert_eq!(send_all(&mut batch, &server), 1);
    wait(&server, 0);
    let mut numbers = Vec::new();
    batch.transmit_stamps(&server, |stamp| numbers.push(stamp.packet)).unwrap();
    assert_eq!(numbers, [0]);
}
