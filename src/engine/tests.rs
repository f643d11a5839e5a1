//! Proves who is asked: mobilizing, names, pools, replacement. Time and clocks are proven in `tests/sim`.

mod commands;
mod nts;

use super::*;
use crate::config::{Family, HostPort, PollLimits, SourceConfig, SourceKind, StepLimits};
use crate::nts::KeyRequest;
use crate::packet::{Header, KissCode, Mode, Packet};
use crate::source::Request;
use crate::time::{NtpShort, NtpTimestamp, Span, StampSource};
use crate::verdict::{Marks, SourceOrigin};

const START: i64 = 1_800_000_000;

/// An engine with a right clock, and a world that answers by hand.
struct Bench {
    engine: Engine,
    elapsed: Span,
    notices: Vec<Notice>,
    resolves: Vec<(QueryId, String)>,
    exchanges: Vec<(QueryId, KeyRequest)>,
    sent: Vec<Request>,
    closed: Vec<SourceId>,
    published: usize,
}

impl Bench {
    fn new(sources: Vec<SourceConfig>) -> Self {
        Self::configured(Config { sources, ..Config::default() })
    }

    fn configured(config: Config) -> Self {
        Self::built(config, ClockTime::from_unix_secs(START))
    }

    fn built(config: Config, build_time: ClockTime) -> Self {
        let start = Start {
            now: now(Span::ZERO),
            drift: None,
            kernel_frequency: Frequency::ZERO,
            controls_clock: true,
            build_time,
            was_moved: false,
            moved: Span::ZERO,
            precision: -24,
        };
        let engine = Engine::new(config, [7; 32], start);
        Self {
            engine,
            elapsed: Span::ZERO,
            notices: Vec::new(),
            resolves: Vec::new(),
            exchanges: Vec::new(),
            sent: Vec::new(),
            closed: Vec::new(),
            published: 0,
        }
    }

    fn now(&self) -> Now {
        now(self.elapsed)
    }

    fn handle(&mut self, event: Event<'_>) {
        let actions = self.engine.handle(self.now(), event);
        actions.into_iter().for_each(|action| self.perform(action));
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send(request) => self.sent.push(request),
            Action::Resolve { query, host } => self.resolves.push((query, host)),
            Action::Notice(notice) => self.notices.push(notice),
            Action::Close(id) => self.closed.push(id),
            Action::Publish => self.published += 1,
            Action::ExchangeKeys { query, request } => self.exchanges.push((query, request)),
            Action::Adjust(_) | Action::Panic(_) => {}
        }
    }

    /// Runs timers for this long; requests go unanswered, or are answered by `reply`.
    fn run(&mut self, span: Span, mut reply: impl FnMut(&Request) -> Option<Header>) {
        let end = self.elapsed + span;
        self.handle(Event::Timer);
        loop {
            for request in std::mem::take(&mut self.sent) {
                let answer = reply(&request).map(|header| nts::protect(&request.bytes, header));
                let (source, from) = (request.token.source(), request.to);
                let stamp = Stamp { time: self.now().clock, source: StampSource::Kernel };
                self.handle(Event::Sent { token: request.token, stamp });
                if let Some(bytes) = answer {
                    self.elapsed += Span::from_micros(200);
                    let stamp = Stamp { time: self.now().clock, source: StampSource::Kernel };
                    self.handle(Event::Datagram { source, from, local: None, bytes: &bytes, stamp });
                }
            }
            let Some(next) = self.engine.next_wakeup() else { break };
            let next = (next - now(Span::ZERO).mono).max(self.elapsed);
            if next > end {
                break;
            }
            self.elapsed = next;
            self.handle(Event::Timer);
        }
        self.elapsed = end;
    }

    fn resolve_all(&mut self, addresses: &[&str]) {
        for (query, _) in std::mem::take(&mut self.resolves) {
            let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
            self.handle(Event::Resolved { query, result: Ok(addresses) });
        }
    }

    fn addresses(&self) -> Vec<String> {
        let sources = self.engine.snapshot(self.now()).sources;
        sources.iter().filter_map(|s| s.address.map(|a| a.ip().to_string())).collect()
    }
}

fn now(elapsed: Span) -> Now {
    Now { mono: Mono::from_nanos(5_000_000_000) + elapsed, clock: ClockTime::from_unix_secs(START) + elapsed }
}

fn server(host: &str) -> SourceConfig {
    source(SourceKind::Server { address: HostPort { host: host.into(), port: 123 } })
}

fn pool(host: &str, count: usize) -> SourceConfig {
    let address = HostPort { host: host.into(), port: 123 };
    source(SourceKind::Pool { address, count, ignore: vec!["192.0.2.9".parse().unwrap()] })
}

fn source(kind: SourceKind) -> SourceConfig {
    SourceConfig {
        kind,
        poll: PollLimits::default(),
        marks: Marks::default(),
        origin: SourceOrigin::Configuration,
        interleaved: false,
        family: Family::Any,
    }
}

fn silence(_: &Request) -> Option<Header> {
    None
}

fn kiss(request: &Request, code: KissCode) -> Header {
    let asked = Packet::parse(&request.bytes).unwrap().header;
    Header {
        mode: Mode::Server,
        stratum: 0,
        leap: Leap::Unsynchronized,
        reference_id: code.reference_id(),
        origin_timestamp: asked.transmit_timestamp,
        ..asked
    }
}

fn good(request: &Request, time: ClockTime) -> Header {
    let asked = Packet::parse(&request.bytes).unwrap().header;
    Header {
        mode: Mode::Server,
        stratum: 1,
        leap: Leap::NoWarning,
        root_delay: NtpShort::default(),
        reference_id: ReferenceId::from_bytes(*b"GPS\0"),
        reference_timestamp: NtpTimestamp::from_clock(time - Span::from_secs(1)),
        origin_timestamp: asked.transmit_timestamp,
        receive_timestamp: NtpTimestamp::from_clock(time),
        transmit_timestamp: NtpTimestamp::from_clock(time),
        ..asked
    }
}

#[test]
fn the_same_name_four_times_means_four_different_servers() {
    let mut bench = Bench::new(vec![server("pool.example"); 4]);
    bench.handle(Event::Timer);
    assert_eq!(bench.resolves.len(), 4);
    bench.resolve_all(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
}

#[test]
fn names_that_share_too_few_addresses_are_looked_up_again_with_back_off() {
    let mut bench = Bench::new(vec![server("pool.example"); 2]);
    bench.handle(Event::Timer);
    bench.resolve_all(&["192.0.2.1"]);
    assert_eq!(bench.addresses(), ["192.0.2.1"]);
    let problem = bench.engine.snapshot(bench.now()).sources[1].problem.clone();
    assert_eq!(problem.as_deref(), Some("another source asks its address already"));
    bench.run(Span::from_secs(3), silence);
    bench.resolve_all(&["192.0.2.7"]);
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.7"]);
}

#[test]
fn a_pool_takes_its_count_and_never_an_ignored_address() {
    let mut bench = Bench::new(vec![pool("pool.example", 2)]);
    bench.handle(Event::Timer);
    bench.resolve_all(&["192.0.2.9", "192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn a_pool_member_that_never_answers_is_replaced() {
    let mut bench = Bench::new(vec![pool("pool.example", 1)]);
    bench.handle(Event::Timer);
    bench.resolve_all(&["192.0.2.1", "192.0.2.2"]);
    bench.run(Span::from_secs(120), |request| {
        (request.to.ip().to_string() == "192.0.2.2").then(|| good(request, ClockTime::from_unix_secs(START)))
    });
    assert_eq!(bench.addresses(), ["192.0.2.2"]);
    assert!(bench.notices.iter().any(|n| matches!(n, Notice::Unreachable { .. })));
}

#[test]
fn a_pool_member_that_refuses_is_replaced_and_not_asked_again() {
    let mut bench = Bench::new(vec![pool("pool.example", 1)]);
    bench.handle(Event::Timer);
    bench.resolve_all(&["192.0.2.1"]);
    bench.run(Span::from_secs(300), |request| Some(kiss(request, KissCode::Deny)));
    assert!(bench.notices.iter().any(|n| matches!(n, Notice::Demobilized { .. })));
    bench.resolve_all(&["192.0.2.1"]);
    bench.run(Span::from_secs(300), silence);
    bench.resolve_all(&["192.0.2.1", "192.0.2.2"]);
    assert_eq!(bench.addresses(), ["192.0.2.2"]);
}

#[test]
fn a_server_that_refuses_stays_demobilized_and_is_never_asked_again() {
    let mut bench = Bench::new(vec![server("192.0.2.1")]);
    bench.run(Span::from_secs(300), |request| Some(kiss(request, KissCode::Deny)));
    let mut asked = 0;
    bench.run(Span::from_secs(20_000), |_| {
        asked += 1;
        None
    });
    assert_eq!(asked, 0);
    assert_eq!(bench.engine.snapshot(bench.now()).sources[0].verdict, Verdict::Demobilized);
}

#[test]
fn a_failed_look_up_is_told_once_and_seen_in_the_snapshot() {
    let mut bench = Bench::new(vec![server("time.example")]);
    bench.handle(Event::Timer);
    for _ in 0..3 {
        for (query, _) in std::mem::take(&mut bench.resolves) {
            bench.handle(Event::Resolved { query, result: Err("no network".into()) });
        }
        bench.run(Span::from_secs(130), silence);
    }
    assert_eq!(bench.notices.iter().filter(|n| matches!(n, Notice::NotResolved { .. })).count(), 1);
    assert_eq!(bench.engine.snapshot(bench.now()).sources[0].problem.as_deref(), Some("no network"));
}

#[test]
fn too_few_sources_are_told_at_start_and_seen_in_the_snapshot() {
    let bench = Bench::new(vec![server("192.0.2.1")]);
    assert_eq!(bench.engine.opening_notices(), [Notice::TooFewSources { configured: 1, needed: 3 }]);
    assert_eq!(bench.engine.snapshot(bench.now()).system.state, crate::snapshot::SyncState::TooFewSources);
}

#[test]
fn a_literal_address_given_twice_is_asked_once() {
    let mut bench = Bench::new(vec![server("192.0.2.1"), server("192.0.2.1")]);
    bench.handle(Event::Timer);
    assert_eq!(bench.addresses(), ["192.0.2.1"]);
}

/// Has one server asked, and gives the request's source and header.
fn asked(bench: &mut Bench) -> (SourceId, SocketAddr, Header) {
    bench.handle(Event::Timer);
    while bench.sent.is_empty() {
        bench.elapsed = bench.engine.next_wakeup().unwrap() - now(Span::ZERO).mono;
        bench.handle(Event::Timer);
    }
    let request = bench.sent.pop().unwrap();
    let header = Packet::parse(&request.bytes).unwrap().header;
    let source = request.token.source();
    let stamp = Stamp { time: bench.now().clock, source: StampSource::Kernel };
    bench.handle(Event::Sent { token: request.token, stamp });
    bench.published = 0;
    (source, request.to, header)
}

fn receive(bench: &mut Bench, source: SourceId, from: SocketAddr, reply: &Header) {
    let stamp = Stamp { time: bench.now().clock, source: StampSource::Kernel };
    bench.handle(Event::Datagram { source, from, local: None, bytes: &reply.emit(), stamp });
}

fn good_header(request: &Header) -> Header {
    let time = NtpTimestamp::from_clock(ClockTime::from_unix_secs(START));
    Header {
        mode: Mode::Server,
        stratum: 1,
        origin_timestamp: request.transmit_timestamp,
        receive_timestamp: time,
        transmit_timestamp: time,
        ..Header::default()
    }
}

#[test]
fn a_flood_of_forged_replies_publishes_nothing_and_is_counted() {
    let mut bench = Bench::new(vec![server("192.0.2.1")]);
    let (source, from, request) = asked(&mut bench);
    for _ in 0..1000 {
        let forged = Header { origin_timestamp: NtpTimestamp::from_bits(5), ..good_header(&request) };
        receive(&mut bench, source, from, &forged);
    }
    assert_eq!(bench.published, 0);
    assert!(bench.closed.is_empty());
    receive(&mut bench, source, from, &good_header(&request));
    assert_eq!(bench.published, 1);
    assert_eq!(bench.closed, [source]);
    let snapshot = bench.engine.snapshot(bench.now());
    assert_eq!(snapshot.sources[0].discards, [(Discard::WrongOrigin, 1000)]);
    assert_eq!(snapshot.sources[0].replies, 1);
}

#[test]
fn after_a_rate_kiss_the_genuine_reply_still_counts() {
    let mut bench = Bench::new(vec![server("192.0.2.1")]);
    let (source, from, request) = asked(&mut bench);
    let kiss = Header {
        stratum: 0,
        leap: Leap::Unsynchronized,
        reference_id: KissCode::Rate.reference_id(),
        ..good_header(&request)
    };
    receive(&mut bench, source, from, &kiss);
    assert!(bench.closed.is_empty(), "the socket stays open");
    receive(&mut bench, source, from, &good_header(&request));
    assert_eq!(bench.closed, [source]);
}

#[test]
fn a_server_that_loses_its_time_is_dropped_at_once_and_shown_so() {
    for (leap, stratum, shown) in
        [(Leap::Unsynchronized, 1, Verdict::Unsynchronized), (Leap::NoWarning, 16, Verdict::Unsynchronized)]
    {
        let mut config = Config { sources: vec![server("192.0.2.1")], ..Config::default() };
        config.synchronization.minimum_agreeing_sources = 1;
        let mut bench = Bench::configured(config);
        let mut exchange = |change: &dyn Fn(Header) -> Header| {
            let (source, from, request) = asked(&mut bench);
            let time = NtpTimestamp::from_clock(bench.now().clock);
            bench.elapsed += Span::from_micros(200);
            let reply = Header { receive_timestamp: time, transmit_timestamp: time, ..good_header(&request) };
            receive(&mut bench, source, from, &change(reply));
            bench.engine.snapshot(bench.now()).sources[0].verdict
        };
        let before: Vec<_> = (0..6).map(|_| exchange(&|reply| reply)).collect();
        assert!(before[5].is_used(), "{before:?}");
        assert_eq!(exchange(&|reply| Header { leap, stratum, ..reply }), shown);
        assert!(exchange(&|reply| reply).is_used(), "and used again as soon as it is right again");
    }
}

#[test]
fn a_pool_that_nobody_answers_from_is_not_flooded_from_address_to_address() {
    let mut bench = Bench::new(vec![pool("pool.example", 4)]);
    let mut asked = 0;
    for turn in 0..360 {
        bench.run(Span::from_secs(10), |_| {
            asked += 1;
            None
        });
        let fresh: Vec<String> = (0..8).map(|host| format!("198.51.{}.{host}", turn % 250)).collect();
        let fresh: Vec<&str> = fresh.iter().map(String::as_str).collect();
        bench.resolve_all(&fresh);
    }
    // Four members: a burst and back-off to 1024 s are 21 requests in the first hour, and each replacement begins anew.
    assert!((4 * 10..4 * 21 + 8 * 21).contains(&asked), "{asked} requests in an hour");
}

#[test]
fn a_changed_configuration_keeps_the_history_of_unchanged_sources() {
    let mut bench = Bench::new(vec![server("192.0.2.1"), server("192.0.2.2")]);
    bench.run(Span::from_secs(60), |request| Some(good(request, ClockTime::from_unix_secs(START))));
    let before = bench.engine.snapshot(bench.now()).sources;
    let sources = vec![server("192.0.2.3"), server("192.0.2.2")];
    bench.handle(Event::Configured(Box::new(Config { sources, ..Config::default() })));
    let after = bench.engine.snapshot(bench.now()).sources;
    assert_eq!(bench.addresses(), ["192.0.2.3", "192.0.2.2"]);
    assert_eq!(after[1].id, before[1].id);
    assert_eq!(after[1].replies, before[1].replies);
    assert_eq!(after[0].replies, 0);
}

#[test]
fn a_clock_that_was_moved_before_the_start_is_judged_by_where_it_was() {
    let mut config = Config::default();
    let limit = |seconds| Some(Span::from_secs(seconds));
    config.synchronization.startup_step_panic = StepLimits { forward: limit(100), backward: limit(10) };
    let limits = |moved| settings(&config, Span::from_secs(moved)).synchronization.startup_step_panic;
    assert_eq!(limits(0), config.synchronization.startup_step_panic);
    assert_eq!(limits(70), StepLimits { forward: limit(30), backward: limit(80) });
    config.synchronization.startup_step_panic = StepLimits { forward: None, backward: None };
    let unlimited = settings(&config, Span::from_secs(70)).synchronization.startup_step_panic;
    assert_eq!(unlimited, config.synchronization.startup_step_panic);
}
