//! On loopback, against plain sockets.

use super::*;
use crate::config::PollLimits;
use crate::source::{Association, Settings, TimerOutcome};
use crate::time::{ClockTime, Mono, Now, Span, StampSource};
use rand_core::SeedableRng;
use tokio::net::UdpSocket as Peer;

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// A genuine request, for only an association may make a token.
fn request(source: u64, to: SocketAddr) -> Request {
    let settings = Settings::new(to, PollLimits::default());
    let now = Now { mono: Mono::default(), clock: ClockTime::default() };
    let mut association = Association::new(SourceId(source), settings, now.mono);
    let mut random = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
    match association.on_timer(now, &mut random) {
        TimerOutcome::Send(request) => request,
        other => panic!("{other:?}"),
    }
}

async fn peer() -> (Peer, SocketAddr) {
    let peer = Peer::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    (peer, address)
}

/// Receives one request and answers it; returns where it came from.
async fn answer(peer: &Peer, reply: &[u8]) -> SocketAddr {
    let mut buffer = [0; 100];
    let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
    assert_eq!(length, 48);
    peer.send_to(reply, from).await.unwrap();
    from
}

/// One exchange: the stamps of request and reply, however they come.
async fn exchange(mode: TimestampMode) -> (Stamp, Stamp) {
    let (mut sockets, mut events) = ClientSockets::new(mode);
    let (peer, to) = peer().await;
    sockets.send(request(1, to));
    let asked_from = answer(&peer, b"reply").await;
    let (mut sent, mut received) = (None, None);
    while sent.is_none() || received.is_none() {
        match events.recv().await.unwrap() {
            SocketEvent::Sent { token, stamp } => {
                assert_eq!(token.source(), SourceId(1));
                assert!(sent.replace(stamp).is_none(), "told twice");
            }
            SocketEvent::Datagram { source, from, local, bytes, stamp } => {
                assert_eq!((source, from, bytes.as_slice()), (SourceId(1), to, b"reply".as_slice()));
                assert_eq!(local, Some(asked_from.ip()));
                received = Some(stamp);
            }
            SocketEvent::SendFailed { reason, .. } => panic!("{reason}"),
        }
    }
    (sent.unwrap(), received.unwrap())
}

#[test]
fn the_kernel_stamps_both_ways() {
    block_on(async {
        // The kernel begins to stamp receptions a moment after the first socket asked for it.
        for _ in 0..10_000 {
            let (sent, received) = exchange(TimestampMode::KernelAll).await;
            assert_eq!(sent.source, StampSource::Kernel);
            assert!(sent.time <= received.time);
            if received.source == StampSource::Kernel {
                return;
            }
        }
        panic!("no kernel stamp for a reply");
    });
}

#[test]
fn software_mode_takes_our_own_stamps() {
    block_on(async {
        let (sent, received) = exchange(TimestampMode::Software).await;
        assert_eq!((sent.source, received.source), (StampSource::User, StampSource::User));
        assert!(sent.time <= received.time);
    });
}

#[test]
fn every_request_has_a_port_of_its_own() {
    block_on(async {
        let (mut sockets, _events) = ClientSockets::new(TimestampMode::KernelAll);
        let (peer, to) = peer().await;
        let mut ports = std::collections::BTreeSet::new();
        for _ in 0..8 {
            sockets.send(request(1, to));
            ports.insert(answer(&peer, b"").await.port());
        }
        assert!(ports.len() >= 7, "{ports:?}");
        assert_eq!(sockets.open_sockets(), 1);
    });
}

#[test]
fn a_closed_socket_is_gone() {
    block_on(async {
        let (mut sockets, mut events) = ClientSockets::new(TimestampMode::KernelAll);
        let (peer, to) = peer().await;
        sockets.send(request(1, to));
        let from = answer(&peer, b"").await;
        while !matches!(events.recv().await.unwrap(), SocketEvent::Datagram { .. }) {}
        sockets.close(SourceId(1));
        assert!(sockets.tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
        // Its port is free again, and nothing more comes.
        Peer::bind(from).await.unwrap();
        assert!(events.try_recv().is_err());
    });
}

#[test]
fn a_request_that_cannot_leave_is_told_once_with_the_call() {
    block_on(async {
        let (mut sockets, mut events) = ClientSockets::new(TimestampMode::KernelAll);
        sockets.send(request(5, "255.255.255.255:123".parse().unwrap()));
        let event = events.recv().await.unwrap();
        let SocketEvent::SendFailed { token, reason } = event else { panic!("{event:?}") };
        assert_eq!(token.source(), SourceId(5));
        assert!(reason.starts_with("connect: "), "{reason}");
        assert!(events.try_recv().is_err());
    });
}

#[test]
fn our_own_stamp_stands_in_when_the_kernel_owes_one_after_the_reply() {
    block_on(async {
        let (peer, to) = peer().await;
        let (out, mut events) = mpsc::channel(8);
        let socket = UdpSocket::connect(to, Stamping::Receive).unwrap();
        let socket = watch(socket, Interest::READABLE | Interest::ERROR).unwrap();
        let Request { bytes, token, .. } = request(1, to);
        socket.get_ref().send(&bytes).unwrap();
        let left = attendant::user_stamp(ClockTime::from_unix_secs(77));
        let attendant = Attendant::new(socket, token, left, attendant::STAMP_PATIENCE, out);
        let task = tokio::spawn(attendant.run());
        answer(&peer, b"reply").await;
        assert!(
            matches!(events.recv().await.unwrap(), SocketEvent::Datagram { .. }),
            "the reply does not wait"
        );
        let event = events.recv().await.unwrap();
        assert!(matches!(event, SocketEvent::Sent { stamp, .. } if stamp == left), "{event:?}");
        task.abort();
    });
}

#[test]
fn an_oversized_datagram_arrives_without_its_bytes() {
    block_on(async {
        let (mut sockets, mut events) = ClientSockets::new(TimestampMode::KernelAll);
        let (peer, to) = peer().await;
        sockets.send(request(1, to));
        answer(&peer, &[36; 5000]).await;
        loop {
            if let SocketEvent::Datagram { bytes, .. } = events.recv().await.unwrap() {
                assert!(bytes.is_empty());
                break;
            }
        }
    });
}

#[test]
fn a_flood_is_cut_off_and_starves_no_other_source() {
    block_on(async {
        let (mut sockets, mut events) = ClientSockets::new(TimestampMode::KernelAll);
        let (flooder, flooder_address) = peer().await;
        let (quiet, quiet_address) = peer().await;
        sockets.send(request(1, flooder_address));
        sockets.send(request(2, quiet_address));
        let victim = answer(&flooder, b"first").await;
        // A little more than the limit fits in the socket's own queue.
        for _ in 0..attendant::MAXIMUM_DATAGRAMS + 20 {
            flooder.send_to(b"flood", victim).await.unwrap();
        }
        answer(&quiet, b"quiet").await;
        let (mut flood, mut heard, mut sent) = (0, false, 0);
        while flood < attendant::MAXIMUM_DATAGRAMS || !heard || sent < 2 {
            match events.recv().await.unwrap() {
                SocketEvent::Datagram { source: SourceId(1), .. } => flood += 1,
                SocketEvent::Datagram { .. } => heard = true,
                SocketEvent::Sent { .. } => sent += 1,
                SocketEvent::SendFailed { reason, .. } => panic!("{reason}"),
            }
        }
        while sockets.open_sockets() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(flood, attendant::MAXIMUM_DATAGRAMS);
        assert!(events.try_recv().is_err(), "the rest is dropped");
    });
}

#[test]
fn stamps_reach_the_engine_by_the_clock_that_it_disciplines() {
    let host = ClockTime::from_unix_secs(2_000_000_000);
    let clock = Clock::Virtual(super::super::clock::VirtualClock::new(
        Span::from_secs(100),
        crate::time::Frequency::ZERO,
    ));
    let Request { token, .. } = request(1, "127.0.0.1:123".parse().unwrap());
    let event = SocketEvent::Sent { token, stamp: Stamp { time: host, source: StampSource::Kernel } };
    event.deliver(&clock, |event| {
        let Event::Sent { stamp, .. } = event else { panic!("{event:?}") };
        assert_eq!(stamp, Stamp { time: host + Span::from_secs(100), source: StampSource::Kernel });
    });
}
