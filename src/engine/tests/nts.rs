//! Proves when keys are exchanged, and that nobody is asked without them. What is done with a wrong clock is proven in `tests/sim`.

use super::*;
use crate::config::{KeyExchange, NtsBootstrap};
use crate::nts::field::{FieldType, Fields, padded, write_authenticator, write_field};
use crate::nts::{
    Algorithm, CertificateTime, Cipher, Established, KeyRequest, NtpServer, Origin, SavedSession, ServerName,
    Session, SessionKeys, TAG_LEN, Validity,
};

const DAY: i64 = 86_400;

fn session_of(algorithm: Algorithm, cookies: u8) -> Session {
    let length = algorithm.key_len();
    let keys = SessionKeys::new(algorithm, &vec![1; length], &vec![2; length]).unwrap();
    Session::new(keys, (0..cookies).map(|n| vec![n; 100]))
}

fn session(cookies: u8) -> Session {
    session_of(Algorithm::AesSivCmac256, cookies)
}

/// The reply as a server with those keys sends it, with one new cookie; that it opens no cookie is said without protection.
pub(super) fn protect(request: &[u8], reply: Header) -> Vec<u8> {
    let packet = Packet::parse(request).unwrap();
    let Some(unique_identifier) = Fields::find(request, &packet).unwrap().unique_identifier else {
        return reply.emit().to_vec();
    };
    let mut bytes = vec![0; 512];
    bytes[..Header::LEN].copy_from_slice(&reply.emit());
    let identifier =
        write_field(&mut bytes[Header::LEN..], FieldType::UniqueIdentifier, unique_identifier.len());
    identifier.unwrap()[..unique_identifier.len()].copy_from_slice(unique_identifier);
    let at = Header::LEN + 4 + padded(unique_identifier.len());
    if reply.reference_id == KissCode::NtsNak.reference_id() {
        bytes.truncate(at);
        return bytes;
    }
    let mut text = vec![0; 104];
    // Never the same twice.
    write_field(&mut text, FieldType::Cookie, 100).unwrap()[..32].copy_from_slice(&unique_identifier[..32]);
    let (associated, rest) = bytes.split_at_mut(at);
    let (nonce, key) = ([3; 16], session(0).keys().s2c.clone());
    let sealed = write_authenticator(rest, &nonce, text.len() + TAG_LEN).unwrap();
    Cipher::new(&key).unwrap().seal(&nonce, associated, &text, sealed).unwrap();
    let end = at + 4 + 4 + 16 + text.len() + TAG_LEN;
    bytes.truncate(end);
    bytes
}

fn with(host: &str) -> KeyExchange {
    let address = HostPort { host: host.into(), port: 4460 };
    KeyExchange { address, certificate_authority: None, enable_srv_resolution: false }
}

pub(super) fn nts(host: &str) -> SourceConfig {
    source(SourceKind::Nts(with(host)))
}

fn nts_pool(host: &str, count: usize) -> SourceConfig {
    source(SourceKind::NtsPool { key_exchange: with(host), count })
}

fn validity() -> Validity {
    let at = |days: i64| ClockTime::from_unix_secs(START + days * DAY);
    Validity { not_before: at(-100), not_after: at(400) }
}

impl Bench {
    /// Ends the exchange that was asked for first with keys for these servers.
    fn exchange(&mut self, servers: &[&str]) -> KeyRequest {
        self.exchange_with(servers, session(8))
    }

    fn exchange_with(&mut self, servers: &[&str], session: Session) -> KeyRequest {
        self.exchange_from(servers, session, Origin::default())
    }

    /// The same, with servers that were found in another way.
    fn exchange_from(&mut self, servers: &[&str], session: Session, origin: Origin) -> KeyRequest {
        let (query, request) = self.exchanges.remove(0);
        let servers = servers.iter().map(|server| format!("{server}:123").parse().unwrap()).collect();
        let certificate_time = request.certificate_time;
        let established = Established { session, servers, origin, validity: validity(), certificate_time };
        let result = Ok(Box::new(established));
        self.handle(Event::KeysExchanged { query, result });
        request
    }

    fn fail(&mut self) {
        let (query, _) = self.exchanges.remove(0);
        self.handle(Event::KeysExchanged { query, result: Err("the connection was refused".into()) });
    }

    fn problem(&self) -> Option<String> {
        self.engine.snapshot(self.now()).sources[0].problem.clone()
    }

    fn told(&self, kind: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|notice| kind(notice)).count()
    }
}

fn right(request: &Request) -> Option<Header> {
    Some(good(request, ClockTime::from_unix_secs(START)))
}

#[test]
fn nobody_is_looked_up_or_asked_before_keys_were_exchanged() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.run(Span::from_secs(100), |request| panic!("asked {}", request.to));
    assert!(bench.resolves.is_empty());
    assert_eq!(bench.exchanges.len(), 1, "one at a time");
    let request = bench.exchange(&["192.0.2.1"]);
    assert_eq!((request.host.as_str(), request.port, request.denied.len()), ("time.example", 4460, 0));
    assert!(
        matches!(request.certificate_time, CertificateTime::Clock(time) if time == now(Span::ZERO).clock)
    );
    assert_eq!(bench.addresses(), ["192.0.2.1"]);
    let mut asked = 0;
    bench.run(Span::from_secs(60), |request| {
        asked += 1;
        right(request)
    });
    assert!(asked > 2, "{asked}");
    let shown = bench.engine.snapshot(bench.now()).sources[0].clone();
    let nts = shown.nts.unwrap();
    assert_eq!((nts.algorithm, nts.provisional), ("AEAD_AES_SIV_CMAC_256", false));
    assert_eq!(nts.certificate_expires, Some(validity().not_after));
    assert_eq!((shown.name.as_str(), shown.problem), ("time.example", None));
    assert_eq!(bench.told(|n| matches!(n, Notice::KeysExchanged { .. })), 1);
}

#[test]
fn failed_exchanges_are_told_once_and_tried_again_after_growing_waits() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    let mut waits = Vec::new();
    for _ in 0..20 {
        bench.fail();
        let before = bench.elapsed;
        while bench.exchanges.is_empty() {
            bench.run(Span::from_secs(1), silence);
        }
        waits.push((bench.elapsed - before).seconds());
    }
    let rfc = |n: i32| (10.0 * 1.5_f64.powi(n)).min(3600.0);
    for (n, wait) in (0..).zip(&waits) {
        assert!((rfc(n)..=rfc(n) * 1.1 + 1.0).contains(wait), "{waits:?}");
    }
    assert_eq!(bench.told(|n| matches!(n, Notice::KeysNotExchanged { .. })), 1);
    assert_eq!(bench.problem().as_deref(), Some("the connection was refused"));
    bench.exchange(&["192.0.2.1"]);
    assert_eq!(bench.problem(), None);
}

#[test]
fn another_network_hurries_a_failed_exchange() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    for _ in 0..10 {
        bench.fail();
        bench.run(Span::from_secs(600), silence);
    }
    bench.fail();
    bench.run(Span::from_secs(60), silence);
    assert!(bench.exchanges.is_empty());
    bench.handle(Event::NetworkChanged);
    assert_eq!(bench.exchanges.len(), 1);
}

#[test]
fn sources_with_the_same_key_exchange_ask_different_servers() {
    let mut bench = Bench::new(vec![nts("time.example"), nts("time.example")]);
    bench.handle(Event::Timer);
    bench.exchange(&["192.0.2.1", "192.0.2.2"]);
    bench.exchange(&["192.0.2.1"]);
    let problem = bench.engine.snapshot(bench.now()).sources[1].problem.clone();
    assert_eq!(problem.as_deref(), Some("another source asks its address already"));
    bench.run(Span::from_secs(20), right);
    bench.exchange(&["192.0.2.1", "192.0.2.2"]);
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn servers_of_another_address_family_are_not_asked() {
    let mut bench = Bench::new(vec![SourceConfig { family: Family::V6, ..nts("time.example") }]);
    bench.handle(Event::Timer);
    bench.exchange(&["192.0.2.1"]);
    assert_eq!(bench.addresses(), [""; 0]);
    assert!(bench.problem().unwrap().contains("address family"), "{:?}", bench.problem());
    bench.run(Span::from_secs(20), silence);
    bench.exchange(&["192.0.2.1", "[2001:db8::1]"]);
    assert_eq!(bench.addresses(), ["2001:db8::1"]);
}

#[test]
fn a_pool_exchanges_keys_one_by_one_and_denies_the_servers_that_it_has() {
    let mut bench = Bench::new(vec![nts_pool("pool.example", 3)]);
    bench.handle(Event::Timer);
    for number in 1..=3 {
        assert_eq!(bench.exchanges.len(), 1);
        let request = bench.exchange(&[&format!("192.0.2.{number}")]);
        assert_eq!(request.denied.len(), number - 1);
    }
    assert!(bench.exchanges.is_empty());
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
}

#[test]
fn a_pool_denies_its_servers_by_the_names_they_were_given_and_with_the_targets_that_led_to_them() {
    let mut bench = Bench::new(vec![nts_pool("pool.example", 3)]);
    bench.handle(Event::Timer);
    let origin = |name: &str| Origin {
        name: ServerName::parse(name.as_bytes()),
        target: Some(format!("ke-of-{name}").to_lowercase()),
    };
    let mut known = Vec::new();
    for (number, name) in [(1, "A.example"), (2, "b.example.")] {
        let server = format!("192.0.2.{number}");
        let request = bench.exchange_from(&[&server], session(8), origin(name));
        assert_eq!(request.denied, known);
        known.push(NtpServer { address: format!("{server}:123").parse().unwrap(), origin: origin(name) });
    }
    assert_eq!(bench.exchanges[0].1.denied, known);
    let saved = bench.engine.take_sessions();
    assert_eq!(saved.into_iter().map(|saved| saved.server).collect::<Vec<_>>(), known);
}

#[test]
fn keys_that_do_not_work_are_exchanged_ever_more_seldom() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    let mut exchanges = 0;
    for _ in 0..10 * 3600 {
        while !bench.exchanges.is_empty() {
            exchanges += 1;
            // Without cookies it wants others at once.
            let (query, request) = bench.exchanges.remove(0);
            let (servers, certificate_time) =
                (vec!["192.0.2.1:123".parse().unwrap()], request.certificate_time);
            let keys = Established {
                session: session(0),
                servers,
                origin: Origin::default(),
                validity: validity(),
                certificate_time,
            };
            bench.handle(Event::KeysExchanged { query, result: Ok(Box::new(keys)) });
        }
        bench.run(Span::from_secs(1), silence);
    }
    // 15 in the first 2.4 hours, and one an hour then.
    assert!((15..=25).contains(&exchanges), "{exchanges} exchanges in ten hours");
}

fn nak(request: &Request) -> Option<Header> {
    Some(kiss(request, KissCode::NtsNak))
}

/// What the next exchange with the one server offers, once it refused these keys; it gives these ones.
#[track_caller]
fn after_refused(bench: &mut Bench, algorithm: Algorithm) -> Vec<Algorithm> {
    while bench.exchanges.is_empty() {
        bench.run(Span::from_secs(10), nak);
        assert!(bench.elapsed < Span::from_secs(100_000));
    }
    bench.exchange_with(&["192.0.2.1"], session_of(algorithm, 8)).algorithms
}

#[test]
fn keys_of_algorithm_30_that_never_work_are_not_asked_for_again() {
    use Algorithm::{Aes128GcmSiv, AesSivCmac256, AesSivCmac512};
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    assert_eq!(bench.exchange_with(&["192.0.2.1"], session_of(Aes128GcmSiv, 8)).algorithms, Algorithm::ALL);
    assert_eq!(after_refused(&mut bench, AesSivCmac256), [AesSivCmac256, AesSivCmac512]);
    bench.run(Span::from_secs(600), right);
    assert_eq!(after_refused(&mut bench, AesSivCmac256), [AesSivCmac256, AesSivCmac512], "these worked");
    assert_eq!(after_refused(&mut bench, AesSivCmac256), Algorithm::ALL, "it was not the algorithm");
}

#[test]
fn keys_of_algorithm_30_that_worked_once_are_asked_for_again_when_the_server_forgot_them() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    bench.exchange_with(&["192.0.2.1"], session_of(Algorithm::AesSivCmac256, 8));
    bench.run(Span::from_secs(600), right);
    for _ in 0..3 {
        assert_eq!(after_refused(&mut bench, Algorithm::AesSivCmac256), Algorithm::ALL);
        bench.run(Span::from_secs(600), right);
    }
}

#[test]
fn a_server_that_is_lost_gets_new_keys_or_a_successor() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    bench.exchange(&["192.0.2.1"]);
    bench.run(Span::from_secs(60), right);
    let before = bench.engine.snapshot(bench.now()).sources[0].clone();
    while bench.exchanges.is_empty() {
        bench.run(Span::from_secs(10), silence);
        assert!(bench.elapsed < Span::from_secs(20_000));
    }
    bench.exchange(&["192.0.2.1"]);
    bench.run(Span::from_secs(60), right);
    let after = bench.engine.snapshot(bench.now()).sources[0].clone();
    assert_eq!(after.id, before.id, "the same server keeps its history");
    assert!(after.replies > before.replies && after.nts.unwrap().keys_since > before.nts.unwrap().keys_since);
    while bench.exchanges.is_empty() {
        bench.run(Span::from_secs(10), silence);
    }
    bench.exchange(&["192.0.2.2"]);
    assert_eq!(bench.addresses(), ["192.0.2.2"]);
    assert!(bench.closed.contains(&before.id));
}

#[test]
fn keys_are_renewed_after_four_weeks() {
    let mut bench = Bench::new(vec![nts("time.example")]);
    bench.handle(Event::Timer);
    bench.exchange(&["192.0.2.1"]);
    let answer = |request: &Request| Some(good(request, ClockTime::from_unix_secs(START)));
    bench.run(Span::from_secs(28 * DAY - 10), answer);
    assert!(bench.exchanges.is_empty());
    bench.run(Span::from_secs(20), answer);
    assert_eq!(bench.exchanges.len(), 1);
}

fn saved(host: &str, server: &str) -> SavedSession {
    let origin = Origin { name: None, target: Some("ke1.example".into()) };
    let server = NtpServer { address: server.parse().unwrap(), origin };
    SavedSession { host: host.into(), port: 4460, server, session: session(5) }
}

#[test]
fn keys_of_an_earlier_run_are_used_once_in_place_of_an_exchange_and_given_back_in_the_end() {
    let sources = vec![nts("a.example"), nts_pool("b.example", 2), nts("c.example")];
    let mut bench = Bench::new(sources);
    bench.engine.restore_sessions(vec![
        saved("a.example", "192.0.2.1:123"),
        saved("a.example", "192.0.2.9:123"),
        saved("b.example", "192.0.2.2:123"),
        saved("b.example", "192.0.2.1:123"),
        saved("b.example", "192.0.2.3:123"),
        saved("gone.example", "192.0.2.4:123"),
    ]);
    bench.handle(Event::Timer);
    assert_eq!(bench.addresses(), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let hosts: Vec<_> = bench.exchanges.iter().map(|(_, request)| request.host.as_str()).collect();
    assert_eq!(hosts, ["c.example"]);
    let reserved = bench.engine.reserve_sessions();
    assert_eq!(reserved.iter().map(|saved| saved.session.cookies_left()).collect::<Vec<_>>(), [2, 2, 2]);
    let given = bench.engine.take_sessions();
    assert!(given.iter().all(|saved| saved.server.origin.target.as_deref() == Some("ke1.example")));
    let mut given: Vec<_> = given.into_iter().map(|saved| saved.host).collect();
    given.sort();
    assert_eq!(given, ["a.example", "b.example", "b.example"]);
    assert!(bench.engine.take_sessions().is_empty(), "no cookie is given away twice");
}

#[test]
fn another_configuration_keeps_the_keys_of_unchanged_sources() {
    let mut bench = Bench::new(vec![nts("a.example"), nts("b.example")]);
    bench.handle(Event::Timer);
    bench.exchange(&["192.0.2.1"]);
    bench.exchange(&["192.0.2.2"]);
    let sources = vec![nts("b.example"), nts("c.example")];
    bench.handle(Event::Configured(Box::new(Config { sources, ..Config::default() })));
    assert_eq!(bench.addresses(), ["192.0.2.2"]);
    assert_eq!(bench.exchanges.len(), 1);
    assert_eq!(bench.exchange(&["192.0.2.3"]).host, "c.example");
}

/// With a clock that is before the build date.
fn doubtful(hosts: &[&str], mode: NtsBootstrap) -> Bench {
    let sources = hosts.iter().map(|host| nts(host)).collect();
    let mut config = Config { sources, ..Config::default() };
    config.synchronization.nts_bootstrap = mode;
    let mut bench = Bench::built(config, ClockTime::from_unix_secs(START + DAY));
    bench.handle(Event::Timer);
    bench
}

#[track_caller]
fn check_doubt(hosts: &[&str], mode: NtsBootstrap, needed: Option<usize>) {
    let mut bench = doubtful(hosts, mode);
    let said = bench.notices.iter().find_map(|notice| match notice {
        Notice::ClockDoubted { needed, .. } => Some(*needed),
        _ => None,
    });
    assert_eq!(said, Some(needed));
    let time = bench.exchanges[0].1.certificate_time;
    assert_eq!(matches!(time, CertificateTime::Unknown { .. }), needed.is_some(), "{time:?}");
    bench.fail();
    let problem = bench.problem().unwrap();
    assert_eq!(problem.contains("set it by hand"), needed.is_none(), "{problem}");
}

#[test]
fn a_doubtful_clock_is_bootstrapped_where_enough_independent_sources_are_configured() {
    check_doubt(&["a", "b", "c"], NtsBootstrap::Auto, Some(3));
    check_doubt(&["a", "b", "c", "d", "e", "f", "g"], NtsBootstrap::Auto, Some(4));
    check_doubt(&["a", "b"], NtsBootstrap::Auto, None);
    check_doubt(&["a.example", "A.example.", "b.example"], NtsBootstrap::Auto, None);
    check_doubt(&["a", "b"], NtsBootstrap::Yes, Some(2));
    check_doubt(&["a"], NtsBootstrap::Yes, None);
    check_doubt(&["a", "b", "c"], NtsBootstrap::No, None);
}

#[test]
fn a_clock_that_was_moved_to_the_last_good_time_is_doubted_until_somebody_sets_it() {
    let config = Config { sources: ["a", "b", "c"].map(nts).into(), ..Config::default() };
    // The machine has run for ten minutes, and its clock was moved five minutes ago.
    let (up, moved) = (Span::from_secs(600), Span::from_secs(300));
    let last_good = ClockTime::from_unix_secs(START);
    let bootstrap = Bootstrap::new(&config, last_good, true);
    let now = |clock| Now { mono: Mono::from_nanos(up.nanos()), clock };
    assert!(bootstrap.is_doubtful(now(last_good + moved)));
    assert!(!Bootstrap::new(&config, last_good, false).is_doubtful(now(last_good + moved)));
    assert!(!bootstrap.is_doubtful(now(last_good + up)));
}

#[test]
fn keys_whose_certificates_were_never_judged_are_not_kept_for_the_next_run() {
    let mut bench = doubtful(&["a", "b", "c"], NtsBootstrap::Auto);
    bench.exchange(&["192.0.2.1"]);
    assert!(bench.engine.snapshot(bench.now()).sources[0].nts.unwrap().provisional);
    assert!(bench.engine.take_sessions().is_empty());
}

#[test]
fn a_plausible_clock_is_not_doubted() {
    let mut bench = Bench::new(vec![nts("a"), nts("b"), nts("c")]);
    bench.handle(Event::Timer);
    assert!(bench.exchanges.iter().all(|(_, r)| matches!(r.certificate_time, CertificateTime::Clock(_))));
    assert_eq!(bench.told(|n| matches!(n, Notice::ClockDoubted { .. })), 0);
}
