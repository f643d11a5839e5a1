//! Tests of what test servers answer: each behaviour as it should look on the wire.

use super::*;
use crate::packet::ParseError;

const T2: ClockTime = ClockTime::from_unix_secs(1_700_000_000);
const T3: ClockTime = ClockTime::from_unix_nanos(1_700_000_000_000_100_000);

fn request() -> Header {
    Header { transmit_timestamp: NtpTimestamp::from_bits(0x0123_4567_89AB_CDEF), ..Header::default() }
}

fn client(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn answerer(behaviour: Behaviour) -> Answerer {
    Answerer::new(Options { behaviour, ..Options::default() })
}

#[track_caller]
fn reply(behaviour: Behaviour) -> Vec<u8> {
    let draft = answerer(behaviour).answer(&request().emit(), client(1), T2, Mono::from_nanos(0));
    draft.expect("it answers").emit(T3)
}

#[track_caller]
fn header(bytes: &[u8]) -> Header {
    Packet::parse(bytes).expect("it is well-formed").header
}

#[track_caller]
fn check_kiss(behaviour: Behaviour, code: &[u8; 4]) {
    let reply = header(&reply(behaviour));
    assert_eq!((reply.stratum, &reply.reference_id.bytes()), (0, code));
    assert_eq!(reply.origin_timestamp, request().transmit_timestamp);
}

#[test]
fn an_honest_server_gives_the_time() {
    let reply = header(&reply(Behaviour::Honest));
    assert_eq!((reply.mode, reply.version, reply.stratum), (Mode::Server, 4, 1));
    assert_eq!(reply.origin_timestamp, request().transmit_timestamp);
    assert_eq!(reply.receive_timestamp, NtpTimestamp::from_clock(T2));
    assert_eq!(reply.transmit_timestamp, NtpTimestamp::from_clock(T3));
}

#[test]
fn kisses_carry_their_codes() {
    check_kiss(Behaviour::Deny, b"DENY");
    check_kiss(Behaviour::Restrict, b"RSTR");
    check_kiss(Behaviour::UnknownKiss, b"XYZZ");
}

#[test]
fn a_client_that_asks_again_within_32_s_gets_a_rate_kiss_and_otherwise_time() {
    let mut answerer = answerer(Behaviour::RateLimit);
    // Seconds, and the stratum of the reply: refused requests count as well.
    for (seconds, stratum) in [(0, 1), (16, 0), (47, 0), (79, 1), (111, 1), (142, 0)] {
        let mono = Mono::from_nanos(seconds * 1_000_000_000);
        let draft = answerer.answer(&request().emit(), client(1), T2, mono).expect("it answers");
        assert_eq!(header(&draft.emit(T3)).stratum, stratum, "at {seconds} s");
    }
    let other = answerer.answer(&request().emit(), client(2), T2, Mono::from_nanos(142_000_000_000));
    assert_eq!(header(&other.expect("it answers").emit(T3)).stratum, 1, "clients are told apart");
}

#[test]
fn the_table_of_clients_is_bounded() {
    let mut answerer = answerer(Behaviour::RateLimit);
    for index in 0..2000_i32 {
        let address = IpAddr::from(index.to_be_bytes());
        answerer.answer(&request().emit(), address, T2, Mono::from_nanos(index.into()));
    }
    assert_eq!(answerer.last_requests.len(), MAXIMUM_CLIENTS);
    assert!(answerer.last_requests.contains_key(&IpAddr::from(1999_i32.to_be_bytes())));
}

#[test]
fn lies_in_the_header_are_where_they_should_be() {
    assert_ne!(header(&reply(Behaviour::WrongOrigin)).origin_timestamp, request().transmit_timestamp);
    assert_eq!(header(&reply(Behaviour::Unsynchronized)).leap, Leap::Unsynchronized);
    assert_eq!(header(&reply(Behaviour::StratumSixteen)).stratum, 16);
    assert_eq!(header(&reply(Behaviour::Broadcast)).mode, Mode::Broadcast);
    assert_eq!(header(&reply(Behaviour::WrongVersion)).version, 3);
    assert_eq!(header(&reply(Behaviour::ZeroTimestamps)).transmit_timestamp, NtpTimestamp::ZERO);
    assert_eq!(header(&reply(Behaviour::Distant)).root_dispersion.span(), Span::from_secs(10));
    let early = header(&reply(Behaviour::InvalidTimestamps));
    assert!(early.transmit_timestamp < early.receive_timestamp);
}

#[test]
fn wrong_lengths_do_not_parse() {
    assert_eq!(Packet::parse(&reply(Behaviour::Short)), Err(ParseError::TooShort));
    assert_eq!(Packet::parse(&reply(Behaviour::TrailingGarbage)), Err(ParseError::MacLength));
}

#[test]
fn only_requests_are_answered_and_a_silent_server_answers_none() {
    let now = Mono::from_nanos(0);
    let mut honest = answerer(Behaviour::Honest);
    for bytes in [&[][..], &[0x23; 12], &Header { mode: Mode::Server, ..request() }.emit()] {
        assert!(honest.answer(bytes, client(1), T2, now).is_none());
    }
    assert!(answerer(Behaviour::Silent).answer(&request().emit(), client(1), T2, now).is_none());
}

#[test]
fn every_behaviour_has_a_name_that_reads_back() {
    for behaviour in Behaviour::ALL {
        assert_eq!(behaviour.name().parse(), Ok(behaviour));
    }
    assert!("nice".parse::<Behaviour>().is_err_and(|message| message.contains("honest, deny")));
}
