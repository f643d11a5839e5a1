//! On loopback, with what an engine says before its first measurement.

use super::*;
use crate::config::{FilterAction, FilterList, Network, RateLimit, Synchronization};
use crate::daemon::clock::{Clock, VirtualClock};
use crate::engine::{Engine, Start};
use crate::nts::Algorithm;
use crate::packet::{Header, Mode, Packet, ReferenceId};
use crate::server::nts_client::{Draft, key_set};
use crate::sys::allocations;
use crate::time::{Frequency, Leap, NtpTimestamp, Span};
use crate::verdict::Refusal;
use std::net::{Ipv4Addr, UdpSocket as Peer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn config(listen: &[&str]) -> Config {
    let server =
        |listen: &&str| ServerConfig { threads: Some(1), ..ServerConfig::new(listen.parse().unwrap()) };
    Config { servers: listen.iter().map(server).collect(), ..Config::default() }
}

pub(super) fn config_with(listen: &str, threads: usize) -> Config {
    let mut config = config(&[listen]);
    config.servers[0].threads = Some(threads);
    config
}

fn variables(clock: &Clock, synchronization: &Synchronization) -> Arc<SystemVariables> {
    let now = clock.now();
    let start = Start {
        now,
        drift: None,
        kernel_frequency: Frequency::ZERO,
        controls_clock: false,
        build_time: now.clock,
        was_moved: false,
        moved: Span::ZERO,
        precision: -24,
    };
    let snapshot = Engine::new(Config::default(), [1; 32], start).snapshot(now);
    Arc::new(SystemVariables::new(&snapshot, synchronization))
}

fn request(mode: Mode) -> Vec<u8> {
    let transmit_timestamp = NtpTimestamp::from_bits(0x0123_4567_89ab_cdef);
    Header { version: 4, mode, transmit_timestamp, ..Header::default() }.emit().to_vec()
}

/// Serves until it is dropped.
pub(super) struct Serving {
    pub(super) report: Server,
    variables: watch::Sender<Arc<SystemVariables>>,
    pub(super) workers: Workers,
}

impl Serving {
    pub(super) fn start(config: &Config, clock: &Clock, synchronization: &Synchronization) -> Self {
        Self::on(listen(config, Vec::new()).unwrap(), clock, synchronization)
    }

    fn on(listening: Vec<Listening>, clock: &Clock, synchronization: &Synchronization) -> Self {
        Self::with_keys(listening, None, clock, synchronization)
    }

    pub(super) fn with_keys(
        listening: Vec<Listening>,
        keys: Option<&watch::Receiver<Arc<KeySet>>>,
        clock: &Clock,
        synchronization: &Synchronization,
    ) -> Self {
        let report = listening[0].report();
        let (variables, receiver) = watch::channel(variables(clock, synchronization));
        let workers = Workers::start(listening, &receiver, keys, &clock.reader()).unwrap();
        Self { report, variables, workers }
    }

    fn received(&self) -> u64 {
        self.report.total(WorkerCounters::received)
    }

    fn accepted(&self) -> u64 {
        self.report.total(WorkerCounters::accepted)
    }

    /// Which worker has counted one request since `before`.
    #[track_caller]
    fn met(&self, before: &[u64]) -> usize {
        let after = self.each_received();
        let met: Vec<_> = (0..after.len()).filter(|index| after[*index] > before[*index]).collect();
        assert_eq!(met.len(), 1, "{before:?} {after:?}");
        met[0]
    }

    fn each_received(&self) -> Vec<u64> {
        self.report.workers.iter().map(|worker| worker.received()).collect()
    }
}

fn run(at: &str, clock: &Clock, synchronization: &Synchronization) -> Serving {
    Serving::start(&config(&[at]), clock, synchronization)
}

pub(super) fn local_gps() -> Synchronization {
    let reference_id = ReferenceId::from_bytes(*b"GPS\0");
    Synchronization { local_stratum: 1, reference_id, ..Synchronization::default() }
}

/// Somebody who asks, from this address of ours.
pub(super) fn peer_at(from: Ipv4Addr) -> Peer {
    let peer = Peer::bind((from, 0)).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    peer
}

fn peer(to: SocketAddr) -> Peer {
    let peer = peer_at(Ipv4Addr::LOCALHOST);
    peer.connect(to).unwrap();
    peer
}

#[track_caller]
pub(super) fn ask(peer: &Peer) -> Header {
    peer.send(&request(Mode::Client)).unwrap();
    hear(peer)
}

#[track_caller]
fn hear(peer: &Peer) -> Header {
    let mut buffer = [0; 100];
    let length = peer.recv(&mut buffer).unwrap();
    Packet::parse(&buffer[..length]).unwrap().header
}

#[test]
fn a_client_gets_the_time_of_the_virtual_clock_from_the_address_it_asked() {
    let clock = Clock::Virtual(VirtualClock::new(Span::from_secs(-1000), Frequency::ZERO));
    let server = run("[::]:0", &clock, &local_gps());
    // Connected, so that a reply from another address would not be heard.
    let peer = peer((Ipv4Addr::new(127, 0, 0, 99), server.report.address.port()).into());
    let before = clock.now().clock;
    let reply = ask(&peer);
    let after = clock.now().clock;
    assert_eq!((reply.mode, reply.leap, reply.stratum), (Mode::Server, Leap::NoWarning, 1));
    assert_eq!(reply.reference_id.bytes(), *b"GPS\0");
    assert_eq!(reply.origin_timestamp.bits(), 0x0123_4567_89ab_cdef);
    let received = reply.receive_timestamp.near(before);
    let transmitted = reply.transmit_timestamp.near(before);
    // The wire rounds to 2⁻³² s, and the moment of leaving is foretold.
    assert!(before - Span::from_nanos(1) <= received && received <= transmitted);
    assert!(transmitted <= after + Span::from_micros(10));
    assert_eq!((server.received(), server.accepted()), (1, 1));
}

#[test]
fn news_of_the_engine_are_served_from_the_next_request_on() {
    let server = run("127.0.0.1:0", &Clock::None, &Synchronization::default());
    let peer = peer(server.report.address);
    assert_eq!(ask(&peer).leap, Leap::Unsynchronized);
    server.variables.send_modify(|variables| {
        let variables = Arc::make_mut(variables);
        (variables.leap, variables.stratum) = (Leap::NoWarning, 3);
    });
    let reply = ask(&peer);
    assert_eq!((reply.leap, reply.stratum), (Leap::NoWarning, 3));
}

#[test]
fn bad_requests_are_counted_by_name_and_end_nothing() {
    let server = run("127.0.0.1:0", &Clock::None, &local_gps());
    let peer = peer(server.report.address);
    for bytes in [b"".to_vec(), vec![0x23; 20], vec![0x23; 5000], request(Mode::Server), vec![0x3b; 48]] {
        peer.send(&bytes).unwrap();
    }
    assert_eq!(ask(&peer).stratum, 1, "it still answers");
    let refused: Vec<_> = server.report.refused().filter(|(_, count)| *count > 0).collect();
    assert_eq!(refused, [(Refusal::Malformed, 3), (Refusal::WrongMode, 1), (Refusal::WrongVersion, 1)]);
    assert_eq!((server.received(), server.accepted()), (6, 1));
    assert!(!server.workers.running[0].thread.is_finished());
}

#[test]
fn an_asker_who_is_gone_ends_nothing() {
    let server = run("127.0.0.1:0", &Clock::None, &local_gps());
    // An ICMP error comes back, which is no business of the listener.
    let gone = peer(server.report.address);
    gone.send(&request(Mode::Client)).unwrap();
    drop(gone);
    let peer = peer(server.report.address);
    assert_eq!(ask(&peer).stratum, 1);
    assert_eq!(ask(&peer).stratum, 1);
}

#[test]
fn the_moment_of_leaving_is_learned() {
    let server = run("127.0.0.1:0", &Clock::None, &local_gps());
    let peer = UdpSocket::connect(server.report.address, Stamping::Receive).unwrap();
    let waker = crate::sys::Waker::new().unwrap();
    let mut late: Vec<_> = (0..200)
        .map(|_| {
            peer.send(&request(Mode::Client)).unwrap();
            waker.sleep(Some(&peer), Some(Duration::from_secs(5))).unwrap();
            let mut buffer = [0; 48];
            let arrived = peer.receive(&mut buffer).unwrap().stamp.unwrap_or_default();
            let header = Packet::parse(&buffer).unwrap().header;
            arrived - header.transmit_timestamp.near(arrived)
        })
        .collect();
    // On loopback a reply arrives when it leaves. The machine may be busy, so that single ones are late by any time.
    late.sort_unstable();
    let median = late[100];
    assert!(median.abs() < Span::from_micros(100), "{median:?}, from {:?} to {:?}", late[0], late[199]);
}

#[test]
fn every_request_of_a_client_meets_the_same_worker_and_all_workers_meet_clients() {
    let server = Serving::start(&config_with("0.0.0.0:0", 3), &Clock::None, &local_gps());
    let to = (Ipv4Addr::LOCALHOST, server.report.address.port());
    let mut clients = [0; 3];
    for client in 1..60 {
        let mut met = Vec::new();
        for _port in 0..3 {
            let before = server.each_received();
            let peer = peer_at(Ipv4Addr::new(127, 0, 1, client));
            peer.connect(to).unwrap();
            assert_eq!(ask(&peer).stratum, 1);
            met.push(server.met(&before));
        }
        assert_eq!(met, [met[0]; 3], "127.0.1.{client}");
        clients[met[0]] += 1;
    }
    assert!(clients.iter().all(|met| *met >= 5), "{clients:?}");
}

#[test]
fn a_request_to_everybody_is_answered_once() {
    let server = Serving::start(&config_with("0.0.0.0:0", 3), &Clock::None, &local_gps());
    let port = server.report.address.port();
    let shouting = peer_at(Ipv4Addr::LOCALHOST);
    shouting.set_broadcast(true).unwrap();
    shouting.send_to(&request(Mode::Client), ("127.255.255.255", port)).unwrap();
    assert_eq!(hear(&shouting).stratum, 1);
    // Requests are answered in order, so those to each worker come after what it had of the first.
    for client in 1..60 {
        let peer = peer_at(Ipv4Addr::new(127, 0, 1, client));
        peer.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        ask(&peer);
    }
    assert!(server.each_received().iter().all(|count| *count > 0));
    assert_eq!(server.received(), 60);
    shouting.set_nonblocking(true).unwrap();
    assert_eq!(shouting.recv(&mut [0; 48]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn workers_end_at_once_even_under_load_and_leave_their_address() {
    let server = Serving::start(&config_with("127.0.0.1:0", 2), &Clock::None, &local_gps());
    let address = server.report.address;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            let peers: Vec<_> = (0..4).map(|_| peer(address)).collect();
            while !done.load(Ordering::Relaxed) {
                // Refused once the server is gone.
                peers.iter().for_each(|peer| drop(peer.send(&request(Mode::Client))));
            }
        });
        let asking = peer(address);
        ask(&asking);
        drop(server);
        done.store(true, Ordering::Relaxed);
        flooding.join().unwrap();
    });
    Serving::start(&config_with(&address.to_string(), 2), &Clock::None, &local_gps());
}

/// Of every algorithm, and one that is not authentic.
fn requests_with_nts() -> Vec<Vec<u8>> {
    let good = |algorithm| Draft::new(Header::default(), &mut key_set(&[1]), algorithm, 7).bytes();
    let stranger = Draft::new(Header::default(), &mut key_set(&[2]), Algorithm::AesSivCmac256, 0).bytes();
    [Algorithm::ALL.map(good).to_vec(), vec![stranger]].concat()
}

#[test]
fn a_worker_allocates_nothing_once_it_has_begun() {
    let mut config = config(&["0.0.0.0:0"]);
    let server = &mut config.servers[0];
    server.client_statistics = 16;
    server.rate_limit = Some(RateLimit { cache_size: 64, cutoff: Span::from_secs(1), burst: 1000 });
    server.denylist = Some(FilterList {
        networks: vec![Network { address: Ipv4Addr::new(127, 0, 2, 0).into(), bits: 24 }],
        action: FilterAction::Deny,
    });
    let config = server.clone();
    let Listening { mut sockets, address, counters, key, .. } =
        listen(&Config { servers: vec![config.clone()], ..Config::default() }, Vec::new()).unwrap().remove(0);
    let (news, variables) = watch::channel(variables(&Clock::None, &local_gps()));
    let orders = Arc::new(Orders::new().unwrap());
    let (_, keys) = watch::channel(Arc::new(key_set(&[1])));
    let seed = worker::Seed {
        socket: Arc::new(sockets.remove(0)),
        address,
        index: 0,
        orders: Arc::clone(&orders),
        questions: sync_channel(QUESTIONS).1,
        counters: Arc::clone(&counters[0]),
        variables,
        keys: Some(Keys { news: keys, seed: [1; 32] }),
        clock: Clock::None.reader(),
    };
    let thread = thread::spawn(move || {
        let worker = Worker::new(seed, &config, 1, key);
        let before = allocations::of_this_thread();
        worker.run();
        allocations::of_this_thread() - before
    });
    let to = (Ipv4Addr::LOCALHOST, address.port());
    let mut peers: Vec<_> = (1..100).map(|n| peer_at(Ipv4Addr::new(127, 0, 1, n))).collect();
    peers.push(peer_at(Ipv4Addr::new(127, 0, 2, 1)));
    let mut sent = 0;
    for round in 0..60 {
        if round % 10 == 0 {
            news.send_modify(|variables| Arc::make_mut(variables).stratum = 2);
        }
        for (peer, bytes) in peers.iter().zip(requests_with_nts()) {
            peer.send_to(&bytes, to).unwrap();
            sent += 1;
        }
        for peer in &peers {
            for bytes in [request(Mode::Client), request(Mode::Server), vec![0x23; 47]] {
                peer.send_to(&bytes, to).unwrap();
                sent += 1;
            }
        }
        // The last of them is denied, and hears so after all the others were looked at.
        hear(&peers[99]);
    }
    orders.stop();
    assert_eq!(thread.join().unwrap(), 0);
    let refused = |reason| counters[0].refused(reason);
    assert_eq!(counters[0].received(), sent);
    assert!(counters[0].accepted() > 1000 && refused(Refusal::Denied) == 60);
    let nts = (counters[0].nts_received(), counters[0].nts_accepted(), refused(Refusal::NotAuthentic));
    assert_eq!(nts, (240, 180, 60));
    assert!(refused(Refusal::Malformed) == 6000 && refused(Refusal::WrongMode) == 6000);
}

#[test]
fn both_wildcards_bind_on_one_port() {
    for threads in [1, 2] {
        let port = listen(&config(&["0.0.0.0:0"]), Vec::new()).unwrap().remove(0).address.port();
        let mut config = config(&[&format!("[::]:{port}"), &format!("0.0.0.0:{port}")]);
        config.servers.iter_mut().for_each(|server| server.threads = Some(threads));
        let listening = listen(&config, Vec::new()).unwrap();
        assert_eq!(listening.iter().map(|one| one.address.is_ipv4()).collect::<Vec<_>>(), [false, true]);
        assert!(listening.iter().all(|one| one.report().workers.len() == threads));
    }
}

#[test]
fn without_a_number_there_is_a_thread_for_each_core() {
    let mut config = config(&["127.0.0.1:0"]);
    config.servers[0].threads = None;
    let cores = available_parallelism().unwrap().get();
    assert_eq!(listen(&config, Vec::new()).unwrap()[0].sockets.len(), cores);
}

#[test]
fn an_address_that_cannot_be_bound_is_one_clear_error() {
    for threads in [1, 2] {
        let first = listen(&config_with("127.0.0.1:0", threads), Vec::new()).unwrap().remove(0);
        let error = listen(&config_with(&first.address.to_string(), threads), Vec::new()).unwrap_err();
        let text = error.to_string();
        let start =
            format!("cannot serve at {}: bind: Address already in use (os error 98); ", first.address);
        assert!(text.starts_with(&start) && text.contains("another program"), "{text}");
        assert_eq!(error.exit_code.code(), 1);
    }
    let error = listen(&config(&["192.0.2.1:0"]), Vec::new()).unwrap_err();
    assert!(error.to_string().contains("no interface of this machine has that address"), "{error}");
}

/// Sockets as a service manager would pass them: blocking, and sharing their address if they are several.
fn passed(at: &str, count: usize) -> Vec<TimeSocket> {
    let together = UdpSocket::listen_together(at.parse().unwrap(), false, Stamping::None, count).unwrap();
    let descriptor = |socket: &UdpSocket| std::os::fd::AsFd::as_fd(socket).try_clone_to_owned().unwrap();
    let plain = |socket: &UdpSocket| {
        let socket = Peer::from(descriptor(socket));
        socket.set_nonblocking(false).unwrap();
        TimeSocket { address: socket.local_addr().unwrap(), descriptor: socket.into() }
    };
    together.iter().map(plain).collect()
}

#[test]
fn passed_sockets_are_served_by_a_worker_each_and_a_client_always_meets_the_same() {
    let sockets = passed("[::]:0", 2);
    let port = sockets[0].address.port();
    let config = config(&[&format!("[::]:{port}")]);
    let serving = Serving::on(listen(&config, sockets).unwrap(), &Clock::None, &local_gps());
    assert_eq!(serving.report.workers.len(), 2, "the section asks for one");
    let mut met = [0, 0];
    for client in 1..=40 {
        let of = |_| {
            // From another port each time; connected, so that a reply from another address would not be heard.
            let peer = peer_at(Ipv4Addr::new(127, 0, 1, client));
            peer.connect((Ipv4Addr::new(127, 0, 0, 77), port)).unwrap();
            let before = serving.each_received();
            assert_eq!(ask(&peer).stratum, 1);
            serving.met(&before)
        };
        let workers: Vec<usize> = (0..3).map(of).collect();
        assert!(workers.iter().all(|worker| *worker == workers[0]), "{workers:?}");
        met[workers[0]] += 1;
    }
    assert!(met.iter().all(|clients| *clients > 3), "{met:?}");
}

#[test]
fn a_passed_socket_that_was_used_before_is_used_again() {
    let socket = passed("127.0.0.1:0", 1).remove(0);
    for _ in 0..3 {
        let again = TimeSocket { descriptor: socket.descriptor.try_clone().unwrap(), ..socket };
        let serving = Serving::on(listen(&config(&[]), vec![again]).unwrap(), &Clock::None, &local_gps());
        let peer = peer(socket.address);
        (0..5).for_each(|_| assert_eq!(ask(&peer).stratum, 1));
        assert_eq!(serving.accepted(), 5);
    }
}

#[test]
fn a_section_beside_a_passed_wildcard_that_takes_its_requests_is_told_how_to_go_on() {
    let sockets = passed("[::]:0", 1);
    let config = config(&[&format!("0.0.0.0:{}", sockets[0].address.port())]);
    let error = listen(&config, sockets).unwrap_err().to_string();
    assert!(error.contains("BindIPv6Only=ipv6-only") && error.contains("remove this [[server]]"), "{error}");
}
