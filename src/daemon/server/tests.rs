//! On loopback, with what an engine says before its first measurement.

use super::*;
use crate::config::Synchronization;
use crate::daemon::clock::{Clock, VirtualClock};
use crate::engine::{Engine, Start};
use crate::packet::{Header, Mode, ReferenceId};
use crate::time::{Frequency, Leap, NtpTimestamp, Span};
use crate::verdict::Refusal;
use tokio::net::UdpSocket as Peer;

fn config(listen: &[&str]) -> Config {
    let server = |listen: &&str| ServerConfig::new(listen.parse().unwrap());
    Config { servers: listen.iter().map(server).collect(), ..Config::default() }
}

fn variables(clock: &Clock, synchronization: &Synchronization) -> Arc<SystemVariables> {
    let now = clock.now();
    let start = Start {
        now,
        drift: None,
        kernel_frequency: Frequency::ZERO,
        controls_clock: false,
        build_time: now.clock,
        precision: -24,
    };
    let snapshot = Engine::new(Config::default(), [1; 32], start).snapshot(now);
    Arc::new(SystemVariables::new(&snapshot, synchronization))
}

fn request(mode: Mode) -> Vec<u8> {
    let transmit_timestamp = NtpTimestamp::from_bits(0x0123_4567_89ab_cdef);
    Header { version: 4, mode, transmit_timestamp, ..Header::default() }.emit().to_vec()
}

struct Running {
    address: SocketAddr,
    counters: Arc<WorkerCounters>,
    variables: watch::Sender<Arc<SystemVariables>>,
    task: tokio::task::JoinHandle<()>,
}

fn run(at: &str, clock: &Clock, synchronization: &Synchronization) -> Running {
    let listening = listen(&config(&[at])).unwrap().remove(0);
    let (variables, receiver) = watch::channel(variables(clock, synchronization));
    let (address, counters) = (listening.address, listening.report().workers.remove(0));
    let task = tokio::spawn(serve(listening, receiver, clock.reader(), CancellationToken::new()));
    Running { address, counters, variables, task }
}

fn local_gps() -> Synchronization {
    let reference_id = ReferenceId::from_bytes(*b"GPS\0");
    Synchronization { local_stratum: 1, reference_id, ..Synchronization::default() }
}

async fn ask(peer: &Peer) -> Header {
    peer.send(&request(Mode::Client)).await.unwrap();
    let mut buffer = [0; 100];
    let length = peer.recv(&mut buffer).await.unwrap();
    crate::packet::Packet::parse(&buffer[..length]).unwrap().header
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_client_gets_the_time_of_the_virtual_clock_from_the_address_it_asked() {
    block_on(async {
        let clock = Clock::Virtual(VirtualClock::new(Span::from_secs(-1000), Frequency::ZERO));
        let server = run("[::]:0", &clock, &local_gps());
        let peer = Peer::bind("127.0.0.1:0").await.unwrap();
        // Connected, so that a reply from another address would not be heard.
        peer.connect(("127.0.0.99", server.address.port())).await.unwrap();
        let before = clock.now().clock;
        let reply = ask(&peer).await;
        let after = clock.now().clock;
        assert_eq!((reply.mode, reply.leap, reply.stratum), (Mode::Server, Leap::NoWarning, 1));
        assert_eq!(reply.reference_id.bytes(), *b"GPS\0");
        assert_eq!(reply.origin_timestamp.bits(), 0x0123_4567_89ab_cdef);
        let received = reply.receive_timestamp.near(before);
        let transmitted = reply.transmit_timestamp.near(before);
        // The wire rounds to 2⁻³² s.
        let nanosecond = Span::from_nanos(1);
        assert!(
            before - nanosecond <= received && received <= transmitted && transmitted <= after + nanosecond
        );
        assert_eq!((server.counters.received(), server.counters.accepted()), (1, 1));
    });
}

#[test]
fn news_of_the_engine_are_served_from_the_next_request_on() {
    block_on(async {
        let clock = Clock::None;
        let server = run("127.0.0.1:0", &clock, &Synchronization::default());
        let peer = Peer::bind("127.0.0.1:0").await.unwrap();
        peer.connect(server.address).await.unwrap();
        assert_eq!(ask(&peer).await.leap, Leap::Unsynchronized);
        server.variables.send_modify(|variables| {
            let variables = Arc::make_mut(variables);
            (variables.leap, variables.stratum) = (Leap::NoWarning, 3);
        });
        let reply = ask(&peer).await;
        assert_eq!((reply.leap, reply.stratum), (Leap::NoWarning, 3));
    });
}

#[test]
fn bad_requests_are_counted_by_name_and_end_nothing() {
    block_on(async {
        let server = run("127.0.0.1:0", &Clock::None, &local_gps());
        let peer = Peer::bind("127.0.0.1:0").await.unwrap();
        peer.connect(server.address).await.unwrap();
        for bytes in [b"".to_vec(), vec![0x23; 20], vec![0x23; 5000], request(Mode::Server), vec![0x3b; 48]] {
            peer.send(&bytes).await.unwrap();
        }
        assert_eq!(ask(&peer).await.stratum, 1, "it still answers");
        for (reason, count) in [(Refusal::Malformed, 3), (Refusal::WrongMode, 1), (Refusal::WrongVersion, 1)]
        {
            assert_eq!(server.counters.refused(reason), count, "{reason:?}");
        }
        assert_eq!((server.counters.received(), server.counters.accepted()), (6, 1));
        assert!(!server.task.is_finished());
    });
}

#[test]
fn an_answer_that_cannot_be_sent_is_counted_and_ends_nothing() {
    block_on(async {
        let server = run("127.0.0.1:0", &Clock::None, &local_gps());
        // The asker is gone when the answer comes: an ICMP error, which is no business of the listener.
        let gone = Peer::bind("127.0.0.1:0").await.unwrap();
        gone.send_to(&request(Mode::Client), server.address).await.unwrap();
        drop(gone);
        let peer = Peer::bind("127.0.0.1:0").await.unwrap();
        peer.connect(server.address).await.unwrap();
        assert_eq!(ask(&peer).await.stratum, 1);
        assert_eq!(ask(&peer).await.stratum, 1);
    });
}

#[test]
fn both_wildcards_bind_on_one_port() {
    block_on(async {
        let port = listen(&config(&["0.0.0.0:0"])).unwrap().remove(0).address.port();
        let both = [format!("[::]:{port}"), format!("0.0.0.0:{port}")];
        let listening = listen(&config(&both.each_ref().map(String::as_str))).unwrap();
        assert_eq!(listening.iter().map(|one| one.address.is_ipv4()).collect::<Vec<_>>(), [false, true]);
    });
}

#[test]
fn an_address_that_cannot_be_bound_is_one_clear_error() {
    block_on(async {
        let first = listen(&config(&["127.0.0.1:0"])).unwrap().remove(0);
        let error = listen(&config(&[&first.address.to_string()])).unwrap_err();
        let text = error.to_string();
        let start =
            format!("cannot serve at {}: bind: Address already in use (os error 98); ", first.address);
        assert!(text.starts_with(&start) && text.contains("another program"), "{text}");
        assert_eq!(error.exit_code.code(), 1);
        let error = listen(&config(&["192.0.2.1:0"])).unwrap_err();
        assert!(error.to_string().contains("no interface of this machine has that address"), "{error}");
    });
}

#[test]
fn a_request_to_a_group_is_not_answered_from_the_group() {
    let asked = |local: &str| Some(PacketInfo { local: local.parse().unwrap(), interface: 1 });
    assert_eq!(reply_from(asked("224.0.1.1")), None);
    assert_eq!(reply_from(asked("ff02::101")), None);
    assert_eq!(reply_from(asked("192.0.2.1")), asked("192.0.2.1"));
}
