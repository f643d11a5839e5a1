//! Every refusal through the responder: what the client gets to know of it, and what it costs.

use super::*;
use crate::config::{FilterList, Network, RateLimit};
use crate::nts::Algorithm;
use crate::server::nts_client::{Draft, key_set};
use std::net::SocketAddr;

/// A worker with a configuration, asked by many.
struct Worker(Responder);

fn worker(config: ServerConfig) -> Worker {
    Worker(Responder::new(&config, 1, variables(), [3; 16]).with_keys(key_set(&[1]), [4; 32]))
}

impl Worker {
    /// `Ok` with the reply's header, and the reason if it is a kiss.
    fn ask(&mut self, bytes: &[u8], from: &str, millis: i64) -> Result<(Header, Option<Refusal>), Refusal> {
        let from = SocketAddr::new(from.parse().unwrap(), 40_000);
        let mono = Mono::default() + Span::from_millis(millis);
        let request = Request { bytes, from, received: T2, transmit: T3, mono };
        let mut buffer = [0xA5; REPLY_CAPACITY];
        let answer = self.0.answer(&request, &mut buffer).map_err(|refused| refused.reason)?;
        assert!(answer.length <= bytes.len());
        let header = Packet::parse(&buffer[..answer.length]).expect("a reply is well-formed").header;
        Ok((header, answer.kiss))
    }

    /// How many of so many requests, one each millisecond, get time, a kiss, nothing.
    fn flood(&mut self, from: &str, requests: i64) -> (u32, u32, u32) {
        let (mut time, mut kisses, mut nothing) = (0, 0, 0);
        for millis in 0..requests {
            match self.ask(&request().emit(), from, millis) {
                Ok((_, None)) => time += 1,
                Ok((_, Some(_))) => kisses += 1,
                Err(_) => nothing += 1,
            }
        }
        (time, kisses, nothing)
    }
}

fn list(networks: &[(&str, u8)], action: FilterAction) -> Option<FilterList> {
    let network = |(address, bits): &(&str, u8)| Network { address: address.parse().unwrap(), bits: *bits };
    Some(FilterList { networks: networks.iter().map(network).collect(), action })
}

fn denying(action: FilterAction) -> ServerConfig {
    ServerConfig { denylist: list(&[("192.0.2.0", 24), ("2001:db8::", 32)], action), ..config(&[3, 4]) }
}

fn limited(burst: u32) -> ServerConfig {
    let rate_limit = Some(RateLimit { cache_size: 1000, cutoff: Span::from_secs(10), burst });
    ServerConfig { rate_limit, ..config(&[3, 4]) }
}

/// An order that answers the request and tells nothing of our clock.
#[track_caller]
fn check_kiss((kiss, reason): (Header, Option<Refusal>), because: Refusal, code: KissCode, poll: i8) {
    assert_eq!(reason, Some(because));
    let transmit = request().transmit_timestamp;
    let expected = Header {
        leap: Leap::Unsynchronized,
        mode: Mode::Server,
        poll,
        reference_id: code.reference_id(),
        origin_timestamp: transmit,
        receive_timestamp: transmit,
        transmit_timestamp: transmit,
        version: kiss.version,
        ..Header::default()
    };
    assert_eq!(kiss, expected);
}

#[test]
fn a_denied_client_is_told_so_in_its_own_version() {
    let mut worker = worker(denying(FilterAction::Deny));
    for version in [3, 4] {
        let answer = worker.ask(&Header { version, ..request() }.emit(), "192.0.2.9", 0).expect("a kiss");
        assert_eq!(answer.0.version, version);
        check_kiss(answer, Refusal::Denied, KissCode::Deny, 7);
    }
    assert!(worker.ask(&request().emit(), "192.0.3.9", 0).is_ok_and(|(_, kiss)| kiss.is_none()));
}

#[test]
fn an_ignored_client_gets_nothing() {
    let mut worker = worker(denying(FilterAction::Ignore));
    for from in ["192.0.2.9", "::ffff:192.0.2.9", "2001:db8::1"] {
        assert_eq!(worker.ask(&request().emit(), from, 0), Err(Refusal::Ignored), "{from}");
    }
    assert!(worker.ask(&request().emit(), "2001:db9::1", 0).is_ok());
}

#[test]
fn who_is_not_on_the_allowlist_is_refused_as_it_says() {
    for (action, refusal) in [(FilterAction::Deny, Refusal::Denied), (FilterAction::Ignore, Refusal::Ignored)]
    {
        let allowlist = list(&[("10.0.0.0", 8)], action);
        let mut worker = worker(ServerConfig { allowlist, ..config(&[4]) });
        let refused = worker.ask(&request().emit(), "192.0.2.1", 0);
        assert_eq!(refused.map_or_else(Some, |(_, kiss)| kiss), Some(refusal));
        assert!(worker.ask(&request().emit(), "::ffff:10.1.2.3", 0).is_ok_and(|(_, kiss)| kiss.is_none()));
    }
}

#[test]
fn what_is_no_request_gets_no_kiss_from_a_denying_server() {
    let mut worker = worker(denying(FilterAction::Deny));
    let malformed = [&request().emit()[..], &[0; 7]].concat();
    assert_eq!(worker.ask(&malformed, "192.0.2.9", 0), Err(Refusal::Malformed));
    let unknown = Header { version: 5, ..request() }.emit();
    assert_eq!(worker.ask(&unknown, "192.0.2.9", 0), Err(Refusal::WrongVersion));
    let reply = Header { mode: Mode::Server, ..request() }.emit();
    assert_eq!(worker.ask(&reply, "192.0.2.9", 0), Err(Refusal::WrongMode));
}

#[test]
fn a_flood_of_denied_requests_does_not_make_us_flood_their_sender() {
    let (time, kisses, nothing) = worker(denying(FilterAction::Deny)).flood("192.0.2.9", 10_000);
    assert_eq!((time, kisses, nothing), (0, 1099, 8901));
    let nts = ServerConfig { require_nts: Some(FilterAction::Deny), ..config(&[4]) };
    assert_eq!(worker(nts).flood("192.0.2.9", 10_000), (0, 1099, 8901));
}

#[test]
fn a_client_that_asks_too_often_is_told_the_interval_and_then_gets_nothing() {
    let mut worker = worker(limited(1));
    let mut ask = |millis| worker.ask(&request().emit(), "192.0.2.9", millis);
    assert!(ask(0).is_ok_and(|(_, kiss)| kiss.is_none()));
    // Its own interval is longer than ours of 16 s.
    check_kiss(ask(5000).expect("a kiss"), Refusal::RateLimited, KissCode::Rate, 7);
    assert_eq!(ask(5001), Err(Refusal::RateLimited));
    assert!(ask(10_000).is_ok_and(|(_, kiss)| kiss.is_none()));
    assert_eq!(ask(10_001), Err(Refusal::RateLimited));
    let hasty = Header { poll: 1, ..request() }.emit();
    let told = worker.ask(&hasty, "192.0.2.9", 99_000).and_then(|_| worker.ask(&hasty, "192.0.2.9", 99_001));
    check_kiss(told.expect("a kiss"), Refusal::RateLimited, KissCode::Rate, 4);
}

#[test]
fn one_flooding_client_gets_its_share_of_time_and_few_kisses() {
    assert_eq!(worker(limited(1)).flood("192.0.2.9", 100_000), (10, 2, 99_988));
    assert_eq!(worker(limited(8)).flood("192.0.2.9", 100_000), (17, 2, 99_981));
}

#[test]
fn a_flood_from_forged_addresses_makes_us_send_few_kisses() {
    let mut worker = worker(limited(1));
    let mut kisses = 0;
    for millis in 0..20_000_i64 {
        // Each of a hundred thousand hosts is made to ask twice.
        for host in 0..5 {
            let number = u32::try_from(millis * 5 + host).expect("it is small");
            let from = std::net::Ipv4Addr::from(number).to_string();
            worker.ask(&request().emit(), &from, millis).expect("the first is answered");
            kisses += u32::from(worker.ask(&request().emit(), &from, millis).is_ok());
        }
    }
    assert_eq!(kisses, 100 + 1999);
}

#[test]
fn what_is_no_request_costs_its_sender_nothing() {
    let mut worker = worker(limited(1));
    let malformed = [&request().emit()[..], &[0; 7]].concat();
    let versions = [0, 5, 7].map(|version| Header { version, ..request() }.emit());
    let modes = [0, 1, 2, 4, 5, 6, 7].map(|bits| Header { mode: Mode::from_bits(bits), ..request() }.emit());
    for bytes in versions.iter().chain(&modes).map(|bytes| &bytes[..]).chain([&malformed[..], &[]]) {
        assert!(worker.ask(bytes, "192.0.2.9", 0).is_err());
    }
    assert!(worker.ask(&request().emit(), "192.0.2.9", 0).is_ok_and(|(_, kiss)| kiss.is_none()));
}

#[test]
fn a_denied_or_ignored_client_takes_no_place_in_the_table() {
    let denylist = list(&[("192.0.2.0", 24)], FilterAction::Ignore);
    let mut worker = worker(ServerConfig { denylist, ..limited(1) });
    assert_eq!(worker.ask(&request().emit(), "192.0.2.9", 0), Err(Refusal::Ignored));
    assert_eq!(worker.ask(&request().emit(), "192.0.2.9", 1), Err(Refusal::Ignored));
}

#[test]
fn every_refusal_is_produced_by_a_request() {
    let mut seen = std::collections::BTreeSet::new();
    let every = ServerConfig {
        denylist: list(&[("192.0.2.1", 32)], FilterAction::Deny),
        allowlist: list(&[("192.0.2.0", 24)], FilterAction::Ignore),
        ..limited(1)
    };
    let nts = ServerConfig { require_nts: Some(FilterAction::Ignore), ..config(&[4]) };
    let mode_4 = Header { mode: Mode::Server, ..request() }.emit();
    let version_2 = Header { version: 2, ..request() }.emit();
    let fine = request().emit();
    let stranger = Draft::new(request(), &mut key_set(&[2]), Algorithm::AesSivCmac256, 0).bytes();
    let rows = [
        (&every, &fine[..47], "192.0.2.2"),
        (&every, &mode_4, "192.0.2.2"),
        (&every, &version_2, "192.0.2.2"),
        (&every, &fine, "192.0.2.1"),
        (&every, &fine, "198.51.100.1"),
        (&every, &fine, "192.0.2.2"),
        (&nts, &fine, "192.0.2.2"),
        (&nts, &stranger, "192.0.2.2"),
    ];
    for (config, bytes, from) in rows {
        let mut worker = worker(config.clone());
        for _ in 0..2 {
            seen.extend(worker.ask(bytes, from, 0).map_or_else(Some, |(_, kiss)| kiss));
        }
    }
    assert_eq!(seen, std::collections::BTreeSet::from(Refusal::ALL));
}
