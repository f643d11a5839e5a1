//! A server's judgement of clients' and pools' requests, and a whole exchange of both sides.

use super::*;
use crate::nts::{Answer, AnswerError, Direction, Offer};
use proptest::prelude::*;

fn policy() -> Policy {
    Policy {
        protocols: vec![Protocol::NtpV4],
        algorithms: Algorithm::ALL.to_vec(),
        pool_tokens: vec!["secret".to_owned(), "other".to_owned()],
        ntp_server: None,
        ntp_port: None,
    }
}

fn whole(records: &[(RecordType, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    records.iter().for_each(|(kind, body)| emit_critical(&mut bytes, *kind, body));
    emit_critical(&mut bytes, RecordType::EndOfMessage, &[]);
    bytes
}

fn judge(bytes: &[u8]) -> Result<Request, RequestError> {
    match policy().judge(bytes)? {
        Progress::Done { value, .. } => Ok(value),
        Progress::NeedMore => panic!("it is whole"),
    }
}

#[track_caller]
fn refused(records: &[(RecordType, &[u8])], error: RequestError) {
    assert_eq!(judge(&whole(records)), Err(error));
    assert!(!error.to_string().is_empty());
}

const PROTOCOL: (RecordType, &[u8]) = (RecordType::NextProtocol, &[0, 0]);
const AEAD: (RecordType, &[u8]) = (RecordType::Aead, &[0, 15]);
const TOKEN: (RecordType, &[u8]) = (RecordType::Authentication, b"secret");

/// A client's offer, our answer to it, and the client's judgement.
fn exchanged(offer: &Offer, policy: &Policy) -> (Request, Result<Answer, AnswerError>) {
    let Ok(Progress::Done { value: request, .. }) = policy.judge(&offer.emit()) else { panic!() };
    let cookies = vec![[7; 104]; request.cookies()];
    let answer = policy.answer(&request, cookies.iter().map(|cookie| &cookie[..]), false);
    let judged = offer.judge(&answer).map(|progress| match progress {
        Progress::Done { value, .. } => value,
        Progress::NeedMore => panic!("it is whole"),
    });
    (request, judged)
}

#[test]
fn both_sides_agree_on_the_clients_first_algorithm_and_on_the_same_secrets() {
    for algorithm in Algorithm::ALL {
        let others = Algorithm::ALL.into_iter().filter(|other| *other != algorithm);
        let algorithms = [algorithm].into_iter().chain(others).collect();
        let (request, answer) = exchanged(&Offer { algorithms, ..Offer::default() }, &policy());
        let (Request::Keys(ours), answer) = (request, answer.unwrap()) else { panic!() };
        assert_eq!(ours.algorithm, algorithm);
        for direction in [Direction::ClientToServer, Direction::ServerToClient] {
            assert_eq!(ours.context(direction), answer.exporter.context(direction));
        }
        assert_eq!(answer.cookies.len(), 8);
    }
}

#[test]
fn contexts_name_protocol_algorithm_and_direction_and_for_30_what_was_agreed() {
    let context = |algorithm, compliant, direction| {
        Exporter { protocol: Protocol::NtpV4, algorithm, compliant }.context(direction)
    };
    let (up, down) = (Direction::ClientToServer, Direction::ServerToClient);
    assert_eq!(context(Algorithm::AesSivCmac256, false, up), [0, 0, 0, 15, 0]);
    assert_eq!(context(Algorithm::AesSivCmac512, true, down), [0, 0, 0, 17, 1]);
    assert_eq!(context(Algorithm::Aes128GcmSiv, true, up), [0, 0, 0, 30, 0]);
    assert_eq!(context(Algorithm::Aes128GcmSiv, false, down), [0, 0, 0, 15, 1]);
}

#[test]
fn a_client_without_the_record_of_the_standards_exporter_gets_chronys() {
    let request = judge(&whole(&[PROTOCOL, (RecordType::Aead, &[0, 30])])).unwrap();
    let expected =
        Exporter { protocol: Protocol::NtpV4, algorithm: Algorithm::Aes128GcmSiv, compliant: false };
    assert_eq!(request, Request::Keys(expected));
    let answer = policy().answer(&request, [], false);
    assert_eq!(answer, whole(&[PROTOCOL, (RecordType::Aead, &[0, 30])]));
}

#[test]
fn where_there_is_nothing_in_common_the_client_is_told_so() {
    let offer = Offer { protocols: vec![Protocol::NtpV5Draft], ..Offer::default() };
    assert_eq!(exchanged(&offer, &policy()).1, Err(AnswerError::NoProtocol));
    let few = Policy { algorithms: vec![Algorithm::AesSivCmac512], ..policy() };
    let offer = Offer { algorithms: vec![Algorithm::AesSivCmac256], ..Offer::default() };
    assert_eq!(
        exchanged(&offer, &few),
        (Request::NothingInCommon(Some(Protocol::NtpV4)), Err(AnswerError::NoAlgorithm))
    );
}

#[test]
fn clients_are_sent_to_the_configured_server_and_port() {
    let sent = Policy { ntp_server: Some("ntp.example".into()), ntp_port: Some(1123), ..policy() };
    let answer = exchanged(&Offer::default(), &sent).1.unwrap();
    assert_eq!(answer.server.unwrap().as_str(), "ntp.example");
    assert_eq!(answer.port, Some(1123));
}

#[test]
fn every_bad_request_is_refused_by_name() {
    refused(&[], RequestError::Missing(RecordType::NextProtocol));
    refused(&[PROTOCOL], RequestError::Missing(RecordType::Aead));
    refused(&[PROTOCOL, PROTOCOL, AEAD], RequestError::Repeated(RecordType::NextProtocol));
    refused(&[PROTOCOL, (RecordType::Aead, &[0])], RequestError::BadBody(RecordType::Aead));
    refused(&[PROTOCOL, (RecordType::Aead, &[])], RequestError::BadBody(RecordType::Aead));
    refused(&[PROTOCOL, AEAD, (RecordType::Unknown(99), &[])], RequestError::UnknownCritical(99));
    let cookie = (RecordType::NewCookie, &b"c"[..]);
    refused(&[PROTOCOL, AEAD, cookie], RequestError::NotForServers(RecordType::NewCookie));
    let long = RequestError::Malformed(MalformedMessage::TooLong { longest: LONGEST_REQUEST });
    refused(&[(RecordType::Unknown(1), &[0; 5000])], long);
    assert_eq!(RequestError::UnknownCritical(99).code(), ErrorCode::UnrecognizedCriticalRecord);
    let mut more = whole(&[PROTOCOL, AEAD]);
    more.push(0);
    assert_eq!(judge(&more), Err(RequestError::Malformed(MalformedMessage::BytesAfterEnd)));
}

#[test]
fn a_pool_with_a_token_gets_cookies_for_its_clients_keys_and_may_ask_on() {
    let keys: Vec<u8> = (0..64).collect();
    let (fixed, keep) = ((RecordType::FixedKeys, &keys[..]), (RecordType::KeepAlive, &b""[..]));
    let mut bytes = whole(&[TOKEN, PROTOCOL, AEAD, fixed, keep]);
    let length = bytes.len();
    // The next request may be there already.
    bytes.extend([0x80, 1]);
    let Ok(Progress::Done { value, length: read }) = policy().judge(&bytes) else { panic!() };
    let keys = SessionKeys::new(Algorithm::AesSivCmac256, &keys[..32], &keys[32..]).unwrap();
    let expected = Request::FixedKeys { protocol: Protocol::NtpV4, keys, keep_alive: true };
    assert_eq!((&value, read, value.cookies(), value.keeps_alive()), (&expected, length, 8, true));
    refused(&[PROTOCOL, AEAD, fixed], RequestError::NotAuthorized);
    let wrong = (RecordType::Authentication, &b"Secret"[..]);
    refused(&[wrong, PROTOCOL, AEAD, fixed], RequestError::NotAuthorized);
    let short = (RecordType::FixedKeys, &[0; 63][..]);
    refused(&[TOKEN, PROTOCOL, AEAD, short], RequestError::BadBody(RecordType::FixedKeys));
}

#[test]
fn a_pool_is_told_what_is_supported() {
    let wants = [TOKEN, (RecordType::SupportedProtocols, &[]), (RecordType::SupportedAlgorithms, &[])];
    let request = judge(&whole(&wants)).unwrap();
    let answer = policy().answer(&request, [], true);
    let mut expected = Vec::new();
    let algorithms = [30, 16, 15, 32, 17, 64];
    emit_numbers(&mut expected, RecordType::SupportedAlgorithms, algorithms);
    emit_numbers(&mut expected, RecordType::SupportedProtocols, [0]);
    emit_optional(&mut expected, RecordType::KeepAlive, &[]);
    emit_critical(&mut expected, RecordType::EndOfMessage, &[]);
    assert_eq!(answer, expected);
    refused(&wants[1..], RequestError::NotAuthorized);
    refused(&[wants[0], wants[1], PROTOCOL], RequestError::Contradiction);
}

#[test]
fn without_tokens_nobody_is_a_pool() {
    let policy = Policy { pool_tokens: Vec::new(), ..policy() };
    for token in [&b""[..], b"secret"] {
        let bytes = whole(&[(RecordType::Authentication, token), (RecordType::SupportedProtocols, &[])]);
        assert_eq!(policy.judge(&bytes), Err(RequestError::NotAuthorized));
    }
}

proptest! {
    #[test]
    fn whatever_comes_is_judged_and_never_before_it_is_whole(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 0..200_usize,
    ) {
        let whole = policy().judge(&bytes);
        if let Ok(Progress::Done { length, .. }) = &whole {
            prop_assert!(*length <= bytes.len());
        }
        if whole == Ok(Progress::NeedMore) {
            let part = bytes.get(..cut).unwrap_or(&bytes);
            prop_assert_eq!(policy().judge(part), Ok(Progress::NeedMore));
        }
    }
}
