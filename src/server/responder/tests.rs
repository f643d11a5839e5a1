//! Tests of the responder: what a reply says, and who gets none.

mod hostile;
mod nts;
mod refusals;

use super::*;
use crate::config::{FilterAction, SmearShape};
use crate::packet::{Header, KissCode, ReferenceId};
use crate::server::REPLY_CAPACITY;
use crate::time::{Leap, NtpShort, NtpTimestamp, Span};
use proptest::prelude::*;

const T2: ClockTime = ClockTime::from_unix_nanos(1_700_000_100_000_000_000);
const T3: ClockTime = ClockTime::from_unix_nanos(1_700_000_100_000_050_000);

fn variables() -> SystemVariables {
    SystemVariables {
        leap: Leap::AddSecond,
        stratum: 2,
        precision: -20,
        root_delay: Span::from_millis(20),
        root_dispersion: Span::from_millis(3),
        dispersion_rate: 15e-6,
        reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
        reference_timestamp: Some(ClockTime::from_unix_secs(1_700_000_090)),
        updated: ClockTime::from_unix_secs(1_700_000_090),
        leap_second: None,
    }
}

fn request() -> Header {
    let transmit_timestamp = NtpTimestamp::from_bits(0x0123_4567_89AB_CDEF);
    Header { poll: 7, transmit_timestamp, ..Header::default() }
}

fn config(versions: &[u8]) -> ServerConfig {
    ServerConfig { versions: versions.to_vec(), ..ServerConfig::new("[::]:123".parse().unwrap()) }
}

/// The bytes of the reply.
fn answer_at(
    request: &[u8],
    (received, transmit): (ClockTime, ClockTime),
    variables: &SystemVariables,
    config: &ServerConfig,
) -> Result<Vec<u8>, Refusal> {
    let mut responder = Responder::new(config, 1, *variables, [1; 16]);
    let from = "192.0.2.7:40000".parse().unwrap();
    let request = Request { bytes: request, from, received, transmit, mono: Mono::from_nanos(0) };
    let mut buffer = [0xA5; REPLY_CAPACITY];
    let answer = responder.answer(&request, &mut buffer).map_err(|refused| refused.reason)?;
    Ok(buffer[..answer.length].to_vec())
}

fn answer(request: &[u8], variables: &SystemVariables) -> Result<Vec<u8>, Refusal> {
    answer_at(request, (T2, T3), variables, &config(&[3, 4]))
}

#[track_caller]
fn check_reply(request: &[u8], variables: &SystemVariables) -> Header {
    let reply = answer(request, variables).expect("it is answered");
    assert!(reply.len() <= request.len());
    Packet::parse(&reply).expect("a reply is well-formed").header
}

#[track_caller]
fn check_refused(request: &[u8], refusal: Refusal) {
    assert_eq!(answer(request, &variables()), Err(refusal));
}

#[test]
fn a_reply_copies_the_request_and_says_when_it_came_and_left() {
    let reply = check_reply(&request().emit(), &variables());
    assert_eq!((reply.version, reply.mode, reply.poll), (4, Mode::Server, 7));
    assert_eq!(reply.origin_timestamp, request().transmit_timestamp);
    check_near(reply.receive_timestamp, T2);
    check_near(reply.transmit_timestamp, T3);
}

/// The lowest bits have another use, in 2⁻²⁴ s.
#[track_caller]
fn check_near(told: NtpTimestamp, true_time: ClockTime) {
    let moved = told.bits().abs_diff(NtpTimestamp::from_clock(true_time).bits());
    assert!(moved < 256, "{moved}");
}

#[test]
fn the_third_request_of_a_client_that_asks_for_it_is_told_when_the_second_reply_left() {
    let mut responder = Responder::new(&config(&[4]), 1, variables(), [1; 16]);
    let mut buffer = [0; REPLY_CAPACITY];
    let mut ask = |responder: &mut Responder, origin_timestamp, seconds| {
        let later = Span::from_secs(seconds);
        let receive_timestamp = NtpTimestamp::from_bits(0xfedc_ba98_7654_3210);
        let asked = Header { origin_timestamp, receive_timestamp, ..request() }.emit();
        let from = "192.0.2.7:40000".parse().unwrap();
        let (received, transmit, mono) = (T2 + later, T3 + later, Mono::default() + later);
        let answer = responder
            .answer(&Request { bytes: &asked, from, received, transmit, mono }, &mut buffer)
            .unwrap();
        (answer, Packet::parse(&buffer[..48]).unwrap().header)
    };
    let (first, header) = ask(&mut responder, NtpTimestamp::ZERO, 0);
    assert_eq!((first.stamp, first.interleaved), (None, false));
    let (second, header) = ask(&mut responder, header.receive_timestamp, 64);
    assert!(!second.interleaved && header.origin_timestamp == request().transmit_timestamp);
    let left = T3 + Span::from_secs(64) + Span::from_micros(30);
    responder.on_transmitted(second.stamp.unwrap(), left);
    let (third, header) = ask(&mut responder, header.receive_timestamp, 128);
    assert!(third.interleaved && third.stamp.is_some());
    assert_eq!(header.origin_timestamp.bits(), 0xfedc_ba98_7654_3210);
    check_near(header.receive_timestamp, T2 + Span::from_secs(128));
    check_near(header.transmit_timestamp, left);
}

#[test]
fn a_reply_carries_the_system_variables() {
    let reply = check_reply(&request().emit(), &variables());
    assert_eq!((reply.leap, reply.stratum, reply.precision), (Leap::AddSecond, 2, -20));
    assert_eq!(reply.reference_id.bytes(), [192, 0, 2, 1]);
    assert_eq!(reply.root_delay, NtpShort::from_span(Span::from_millis(20)));
    let set = ClockTime::from_unix_secs(1_700_000_090);
    assert_eq!(reply.reference_timestamp, NtpTimestamp::from_clock(set));
}

#[test]
fn a_version_3_client_is_answered_in_version_3() {
    let reply = check_reply(&Header { version: 3, ..request() }.emit(), &variables());
    assert_eq!(reply.version, 3);
}

#[test]
fn only_mode_3_is_answered() {
    for mode in (0..8).map(Mode::from_bits).filter(|mode| *mode != Mode::Client) {
        check_refused(&Header { mode, ..request() }.emit(), Refusal::WrongMode);
    }
    // A management request of 12 bytes (RFC 9327).
    check_refused(&[0x16, 0x02, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], Refusal::WrongMode);
}

#[test]
fn two_servers_cannot_be_set_at_each_other() {
    let reply = answer(&request().emit(), &variables()).expect("a request is answered");
    check_refused(&reply, Refusal::WrongMode);
}

#[test]
fn a_kiss_sent_to_the_server_is_not_answered() {
    let reference_id = KissCode::Rate.reference_id();
    let kiss = Header { mode: Mode::Server, stratum: 0, reference_id, ..request() };
    check_refused(&kiss.emit(), Refusal::WrongMode);
}

#[test]
fn versions_that_are_not_served_are_refused() {
    for version in [0, 1, 2, 5, 6, 7] {
        check_refused(&Header { version, ..request() }.emit(), Refusal::WrongVersion);
    }
    let version_3 = Header { version: 3, ..request() }.emit();
    let only_4 = answer_at(&version_3, (T2, T3), &variables(), &config(&[4]));
    assert_eq!(only_4, Err(Refusal::WrongVersion));
}

#[test]
fn short_and_odd_datagrams_are_malformed() {
    let bytes = request().emit();
    check_refused(&[], Refusal::Malformed);
    for length in 1..Header::LEN {
        check_refused(&bytes[..length], Refusal::Malformed);
    }
    check_refused(&[&bytes[..], &[0; 7]].concat(), Refusal::Malformed);
    check_refused(&[&bytes[..], &[0, 1, 0, 2], &[0; 28]].concat(), Refusal::Malformed);
}

#[test]
fn extension_fields_are_left_unanswered() {
    let mut bytes = request().emit().to_vec();
    bytes.extend([0x01, 0x04, 0, 28]);
    bytes.resize(Header::LEN + 28, 0);
    let reply = answer(&bytes, &variables()).expect("the fields are not in the way");
    assert_eq!(reply.len(), Header::LEN);
}

#[test]
fn a_request_with_a_mac_gets_a_crypto_nak() {
    for mac_len in [4, 20, 24] {
        let bytes = [&request().emit()[..], &vec![0; mac_len]].concat();
        let reply = answer(&bytes, &variables()).expect("it is answered");
        assert_eq!(reply.len(), 52);
        let packet = Packet::parse(&reply).expect("a reply is well-formed");
        assert!(packet.mac.is_some_and(|mac| mac.is_crypto_nak()));
    }
}

#[test]
fn where_nts_is_required_a_plain_request_is_told_so_or_ignored() {
    let required = |action| ServerConfig { require_nts: Some(action), ..config(&[4]) };
    let at = (T2, T3);
    let reply = answer_at(&request().emit(), at, &variables(), &required(FilterAction::Deny));
    let kiss = Packet::parse(&reply.expect("a kiss")).expect("it is well-formed").header;
    assert_eq!((kiss.stratum, kiss.leap, kiss.mode), (0, Leap::Unsynchronized, Mode::Server));
    assert_eq!(kiss.reference_id, KissCode::Deny.reference_id());
    assert_eq!(kiss.origin_timestamp, request().transmit_timestamp);
    let ignored = answer_at(&request().emit(), at, &variables(), &required(FilterAction::Ignore));
    assert_eq!(ignored, Err(Refusal::NtsRequired));
}

#[test]
fn an_unsynchronized_server_sends_stratum_0_and_leap_3() {
    let by_stratum = SystemVariables { stratum: 16, reference_timestamp: None, ..variables() };
    let by_leap = SystemVariables { leap: Leap::Unsynchronized, reference_timestamp: None, ..variables() };
    for variables in [by_stratum, by_leap] {
        let reply = check_reply(&request().emit(), &variables);
        assert_eq!((reply.stratum, reply.leap), (0, Leap::Unsynchronized));
        assert_eq!(reply.reference_timestamp, NtpTimestamp::ZERO);
    }
}

#[test]
fn root_dispersion_grows_between_updates() {
    let mut last = NtpShort::default();
    for seconds in [0, 1, 60, 3600, 86_400, 10_000_000] {
        let now = variables().updated + Span::from_secs(seconds);
        let reply = answer_at(&request().emit(), (now, now), &variables(), &config(&[4]));
        let reply = reply.expect("it is answered");
        let header = Packet::parse(&reply).expect("a reply is well-formed").header;
        let expected =
            0.003 + 15e-6 * f64::from(i32::try_from(seconds).expect("it is small")) + 2_f64.powi(-20);
        // The wire's unit is 2⁻¹⁶ s, rounded up.
        let above = header.root_dispersion.span().seconds() - expected;
        assert!((-1e-9..=1.6e-5).contains(&above), "{seconds} s: {above} s above");
        assert!(header.root_dispersion > last);
        last = header.root_dispersion;
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_shrink_the_dispersion() {
    let at_update = variables().root_dispersion_at(variables().updated);
    let before = variables().root_dispersion_at(variables().updated - Span::from_secs(1000));
    assert_eq!(before, at_update);
}

#[test]
fn nonsense_in_the_variables_saturates() {
    let variables = SystemVariables {
        precision: i8::MAX,
        root_delay: Span::from_nanos(i64::MIN),
        root_dispersion: Span::MAX,
        dispersion_rate: f64::NAN,
        ..variables()
    };
    let reply = check_reply(&request().emit(), &variables);
    assert_eq!((reply.root_delay.bits(), reply.root_dispersion.bits()), (0, u32::MAX));
}

/// Random bytes that often begin like a request.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    (proptest::collection::vec(any::<u8>(), 0..200), any::<bool>(), 0_u8..8).prop_map(
        |(mut bytes, disguise, version)| {
            if let Some(first) = bytes.first_mut().filter(|_| disguise) {
                *first = (version << 3) | 3;
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn replies_are_never_longer_than_requests_and_random_bytes_never_panic(
        bytes in datagram(), received: i64, transmit: i64, precision: i8, rate: f64,
    ) {
        let variables = SystemVariables { precision, dispersion_rate: rate, ..variables() };
        let received = ClockTime::from_unix_nanos(received);
        let transmit = ClockTime::from_unix_nanos(transmit);
        if let Ok(reply) = answer_at(&bytes, (received, transmit), &variables, &config(&[3, 4])) {
            prop_assert!(reply.len() <= bytes.len());
            prop_assert_eq!(bytes[0] & 7, 3);
        }
    }
}

/// The reply at this time after a leap second's midnight, announced the day before.
fn smeared(variables: SystemVariables, after_midnight: i64) -> Header {
    let midnight = ClockTime::from_unix_secs(1_483_228_800);
    let updated = midnight - Span::from_secs(80_000);
    let variables = SystemVariables { updated, ..variables }.remembering(None, Mono::from_nanos(0));
    let smear = LeapSmear { shape: SmearShape::Linear, window: Span::from_secs(86_400) };
    let config = ServerConfig { leap_smear: Some(smear), ..config(&[4]) };
    let mut responder = Responder::new(&config, 1, variables, [1; 16]);
    let now = midnight + Span::from_secs(after_midnight);
    let mono = Mono::from_nanos(0) + (now - updated);
    let from = "192.0.2.7:40000".parse().unwrap();
    let request = Request { bytes: &request().emit(), from, received: now, transmit: now, mono };
    let mut buffer = [0; REPLY_CAPACITY];
    let length = responder.answer(&request, &mut buffer).unwrap().length;
    Packet::parse(&buffer[..length]).unwrap().header
}

#[test]
fn smeared_time_is_marked_and_its_leap_second_is_not_announced() {
    let before = smeared(variables(), -60_000);
    assert_eq!((before.leap, before.reference_id.bytes()), (Leap::NoWarning, [192, 0, 2, 1]));
    let within = smeared(variables(), -10_000);
    assert_eq!((within.leap, within.stratum), (Leap::NoWarning, 2));
    assert_eq!(within.reference_id, ReferenceId::SMEARED);
    let behind = NtpTimestamp::from_clock(ClockTime::from_unix_secs(1_483_218_800)).bits()
        - within.transmit_timestamp.bits();
    let expected = 33_200.0 / 86_401.0 * 2_f64.powi(32);
    assert!((behind as f64 - expected).abs() < 256.0);
    assert!(within.transmit_timestamp.bits().abs_diff(within.receive_timestamp.bits()) < 256);
}

#[test]
fn without_time_there_is_nothing_to_mark() {
    let reply = smeared(SystemVariables { stratum: 16, ..variables() }, -10_000);
    assert_eq!((reply.leap, reply.stratum), (Leap::Unsynchronized, 0));
    assert_eq!(reply.reference_id.bytes(), [192, 0, 2, 1]);
}
