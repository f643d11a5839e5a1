//! A client's judgement of good, bad and hostile answers.

use super::*;

/// A good answer with the records that `change` makes of it, before the End of Message.
fn answer(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    emit_numbers(&mut bytes, RecordType::NextProtocol, [0]);
    emit_numbers(&mut bytes, RecordType::Aead, [15]);
    for number in 0..8 {
        emit_optional(&mut bytes, RecordType::NewCookie, &[number; 100]);
    }
    change(&mut bytes);
    emit_critical(&mut bytes, RecordType::EndOfMessage, &[]);
    bytes
}

fn judge(bytes: &[u8]) -> Result<Answer, AnswerError> {
    match Offer::default().judge(bytes)? {
        Progress::Done { value, .. } => Ok(value),
        Progress::NeedMore => panic!("it is whole"),
    }
}

#[track_caller]
fn refused(bytes: &[u8], error: AnswerError, text: &str) {
    assert_eq!(judge(bytes), Err(error));
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn a_good_answer_gives_everything_that_it_says() {
    let bytes = answer(|bytes| {
        emit_critical(bytes, RecordType::Server, b"time.example.org");
        emit_numbers(bytes, RecordType::Port, [1123]);
        emit_optional(bytes, RecordType::Unknown(0x7000), b"not known, not critical");
    });
    let found = judge(&bytes).unwrap();
    assert_eq!(found.exporter.algorithm, Algorithm::AesSivCmac256);
    assert_eq!((found.cookies.len(), found.port), (8, Some(1123)));
    assert_eq!(found.server.map(|name| name.to_string()).as_deref(), Some("time.example.org"));
}

#[test]
fn an_answer_in_pieces_is_the_same_answer() {
    let bytes = answer(|_| {});
    for end in 0..bytes.len() {
        assert_eq!(Offer::default().judge(&bytes[..end]), Ok(Progress::NeedMore));
    }
}

#[test]
fn a_request_offers_every_algorithm_and_the_exporter_of_the_standard() {
    let offer = Offer { denied: vec!["a.example".into(), "b".repeat(2000)], ..Offer::default() };
    let expected = [
        &[0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 6, 0, 30, 0, 15, 0, 17, 4, 0, 0, 0, 0, 13, 0, 9][..],
        b"a.example",
        &[0x80, 0, 0, 0],
    ];
    assert_eq!(offer.emit(), expected.concat());
}

#[test]
fn a_hundred_cookies_are_eight_and_a_thousand_are_no_answer() {
    let with_cookies =
        |count| answer(|bytes| (0..count).for_each(|_| emit_optional(bytes, RecordType::NewCookie, b"c")));
    assert_eq!(judge(&with_cookies(100)).unwrap().cookies.len(), 8);
    refused(&with_cookies(1000), AnswerError::Malformed(MalformedMessage::TooManyRecords), "256 records");
}

#[test]
fn every_bad_answer_is_refused_by_name() {
    let with = |kind, body: &[u8]| answer(|bytes| emit_critical(bytes, kind, body));
    refused(&with(RecordType::Error, &[0, 1]), AnswerError::Refused(ErrorCode::BadRequest), "bad");
    refused(&with(RecordType::Warning, &[0, 7]), AnswerError::Warned(7), "warning 7");
    refused(&with(RecordType::Unknown(999), &[]), AnswerError::UnknownCritical(999), "type 999");
    let denied = AnswerError::NotForClients(RecordType::ServerDeny);
    refused(&with(RecordType::ServerDeny, b"x"), denied, "only clients");
    refused(&with(RecordType::Aead, &[0, 15]), AnswerError::Repeated(RecordType::Aead), "more than one");
    refused(&with(RecordType::Port, &[1]), AnswerError::BadBody(RecordType::Port), "wrong form");
    refused(&with(RecordType::Port, &[0, 0]), AnswerError::PortZero, "port 0");
    refused(&with(RecordType::NewCookie, &[]), AnswerError::EmptyCookie, "without a byte");
    refused(&with(RecordType::NewCookie, &[1; 897]), AnswerError::LongCookie(897), "897 bytes");
    for name in [&b""[..], b"two words", &[0xFF], b"192.0.2.300", b"-x.example", &[b'a'; 300]] {
        refused(&with(RecordType::Server, name), AnswerError::BadServer, "neither an address");
    }
    let huge = AnswerError::Malformed(MalformedMessage::TooLong { longest: LONGEST_ANSWER });
    refused(&with(RecordType::NewCookie, &[1; 60_000]), huge, "longer than 16384");
    let mut more = answer(|_| {});
    more.push(0);
    refused(&more, AnswerError::Malformed(MalformedMessage::BytesAfterEnd), "after the End");
}

#[test]
fn what_was_not_offered_or_is_left_out_is_refused_by_name() {
    let whole = |records: &[(RecordType, &[u8])]| {
        let mut bytes = Vec::new();
        records.iter().for_each(|(kind, body)| emit_critical(&mut bytes, *kind, body));
        emit_critical(&mut bytes, RecordType::EndOfMessage, &[]);
        bytes
    };
    let (protocol, aead) = (RecordType::NextProtocol, RecordType::Aead);
    refused(&whole(&[]), AnswerError::Missing(protocol), "left a record out");
    refused(&whole(&[(protocol, &[])]), AnswerError::NoProtocol, "NTPv4");
    refused(&whole(&[(protocol, &[0, 9])]), AnswerError::ProtocolNotOffered(9), "protocol 9");
    refused(&whole(&[(protocol, &[0, 0, 0, 0])]), AnswerError::BadBody(protocol), "wrong form");
    refused(&whole(&[(protocol, &[0, 0])]), AnswerError::Missing(aead), "left a record out");
    refused(&whole(&[(protocol, &[0, 0]), (aead, &[])]), AnswerError::NoAlgorithm, "no AEAD");
    refused(&whole(&[(protocol, &[0, 0]), (aead, &[0, 16])]), AnswerError::AlgorithmNotOffered(16), "16");
    refused(&whole(&[(protocol, &[0, 0]), (aead, &[0, 15, 0, 30])]), AnswerError::BadBody(aead), "form");
    refused(&whole(&[(protocol, &[0, 0]), (aead, &[0, 15])]), AnswerError::NoCookie, "no cookie");
}

#[test]
fn every_bit_that_flips_is_survived() {
    let good = answer(|bytes| emit_critical(bytes, RecordType::Server, b"192.0.2.1"));
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(Progress::Done { value, .. }) = Offer::default().judge(&bytes) {
            assert!((1..=8).contains(&value.cookies.len()));
        }
    }
}
