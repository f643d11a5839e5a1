//! NTS together with all else that a server does: lists, rate limits, kisses, interleaved mode, smeared leap seconds.

use super::*;
use crate::config::{FilterList, Network, RateLimit};

const SIV: Algorithm = Algorithm::AesSivCmac256;

/// A protected kiss, with its cookie, for it cost one.
#[track_caller]
fn check_kiss(worker: &mut Worker, reason: Refusal, code: KissCode) {
    let draft = draft(SIV, 0);
    let (answer, reply) = worker.ask(&draft.bytes()).expect("a kiss");
    assert_eq!((answer.nts, answer.kiss), (true, Some(reason)));
    let opening = open(&reply, &draft.keys.s2c).expect("it is protected");
    assert_eq!((opening.header.stratum, opening.header.reference_id), (0, code.reference_id()));
    assert_eq!((opening.cookies.len(), opening.identifier.as_deref()), (1, Some(&IDENTIFIER[..])));
}

fn listed(action: FilterAction) -> ServerConfig {
    let network = Network { address: "192.0.2.0".parse().unwrap(), bits: 24 };
    ServerConfig { denylist: Some(FilterList { networks: vec![network], action }), ..config(&[3, 4]) }
}

#[test]
fn a_client_that_may_not_ask_is_told_so_by_a_protected_kiss_or_ignored() {
    let mut denying = worker(&listed(FilterAction::Deny), &[1]);
    check_kiss(&mut denying, Refusal::Denied, KissCode::Deny);
    let mut ignoring = worker(&listed(FilterAction::Ignore), &[1]);
    let refused = ignoring.ask(&draft(SIV, 0).bytes()).expect_err("it is ignored");
    assert_eq!(refused, Refused { reason: Refusal::Ignored, nts: false });
    // Who cannot be told so protected is told to exchange keys first.
    denying.check_nak(&Draft::new(request(), &mut key_set(&[2]), SIV, 0).bytes());
}

#[test]
fn a_flood_of_a_denied_client_is_opened_no_longer_than_there_are_kisses_for_it() {
    let mut denying = worker(&listed(FilterAction::Deny), &[1]);
    let kisses = (0..1000).filter(|_| denying.ask(&draft(SIV, 0).bytes()).is_ok()).count();
    assert_eq!(kisses, 100);
    let refused = denying.ask(&draft(SIV, 0).bytes());
    assert_eq!(refused, Err(Refused { reason: Refusal::Denied, nts: false }));
}

#[test]
fn a_client_that_asks_too_often_is_told_so_by_a_protected_kiss() {
    let rate_limit = Some(RateLimit { cache_size: 100, cutoff: Span::from_secs(10), burst: 1 });
    let mut worker = worker(&ServerConfig { rate_limit, ..config(&[4]) }, &[1]);
    // What is not authentic is not counted as the client's.
    worker.check_nak(&Draft::new(request(), &mut key_set(&[2]), SIV, 0).bytes());
    worker.time(&draft(SIV, 0));
    check_kiss(&mut worker, Refusal::RateLimited, KissCode::Rate);
    let refused = worker.ask(&draft(SIV, 0).bytes());
    assert_eq!(refused, Err(Refused { reason: Refusal::RateLimited, nts: true }));
}

#[test]
fn where_nts_is_required_it_gets_time() {
    for action in [FilterAction::Deny, FilterAction::Ignore] {
        let mut worker = worker(&ServerConfig { require_nts: Some(action), ..config(&[3, 4]) }, &[1]);
        assert_eq!(worker.time(&draft(SIV, 0)).cookies.len(), 1);
        worker.check_nak(&Draft::new(request(), &mut key_set(&[2]), SIV, 0).bytes());
        let version_3 = Draft { header: Header { version: 3, ..request() }, ..draft(SIV, 0) };
        let reason = |answer: Result<(Answer, Vec<u8>), Refused>| {
            answer.map_or_else(|refused| Some(refused.reason), |(answer, _)| answer.kiss)
        };
        for bytes in [request().emit().to_vec(), version_3.bytes()] {
            assert_eq!(reason(worker.ask(&bytes)), Some(Refusal::NtsRequired));
        }
    }
}

#[test]
fn the_third_authentic_request_is_told_when_the_second_reply_left() {
    let mut worker = plain_worker();
    let receive_timestamp = NtpTimestamp::from_bits(0xfedc_ba98_7654_3210);
    let mut ask = |origin_timestamp, left| {
        let mut draft = draft(Algorithm::Aes128GcmSiv, 1);
        draft.header = Header { origin_timestamp, receive_timestamp, ..request() };
        let (answer, reply) = worker.ask(&draft.bytes()).unwrap();
        let opening = open(&reply, &draft.keys.s2c).unwrap();
        assert_eq!(opening.cookies.len(), 2);
        if let (Some(token), Some(left)) = (answer.stamp, left) {
            worker.responder.on_transmitted(token, left);
        }
        (answer.interleaved, opening.header)
    };
    let (_, first) = ask(NtpTimestamp::ZERO, None);
    let left = T3 + Span::from_micros(30);
    let (_, second) = ask(first.receive_timestamp, Some(left));
    let (interleaved, third) = ask(second.receive_timestamp, None);
    assert!(interleaved);
    assert_eq!(third.origin_timestamp, receive_timestamp);
    check_near(third.transmit_timestamp, left);
}

#[test]
fn smeared_time_is_authenticated_as_any_other() {
    let midnight = ClockTime::from_unix_secs(1_483_228_800);
    let updated = midnight - Span::from_secs(10_000);
    let variables = SystemVariables { updated, ..variables() }.remembering(None, Mono::from_nanos(0));
    let leap_smear = Some(LeapSmear { shape: SmearShape::Linear, window: Span::from_secs(86_400) });
    let config = ServerConfig { leap_smear, ..config(&[4]) };
    let mut responder = Responder::new(&config, 1, variables, [1; 16]).with_keys(key_set(&[1]), [4; 32]);
    let from = "192.0.2.7:40000".parse().unwrap();
    let (bytes, mut buffer) = (draft(SIV, 0).bytes(), [0; REPLY_CAPACITY]);
    let request =
        Request { bytes: &bytes, from, received: updated, transmit: updated, mono: Mono::default() };
    let length = responder.answer(&request, &mut buffer).unwrap().length;
    let opening = open(&buffer[..length], &draft(SIV, 0).keys.s2c).unwrap();
    assert_eq!((opening.header.reference_id, opening.header.leap), (ReferenceId::SMEARED, Leap::NoWarning));
    assert!(opening.header.transmit_timestamp.near(updated) < updated);
}
