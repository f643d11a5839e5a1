//! Requests with NTS: who gets authenticated time, how many cookies, and what the rest gets.

mod hostile;
mod with_others;

use super::*;
use crate::nts::field::FieldType;
use crate::nts::{Algorithm, KeySet, SessionKeys};
use crate::server::nts_client::{Draft, IDENTIFIER, Opening, field, key_set, open};
use std::collections::BTreeSet;

const ALGORITHMS: [Algorithm; 3] = Algorithm::ALL;

/// A worker with keys, and its clock.
struct Worker {
    responder: Responder,
    millis: i64,
}

fn worker(config: &ServerConfig, ids: &[u32]) -> Worker {
    let responder = Responder::new(config, 1, variables(), [3; 16]).with_keys(key_set(ids), [4; 32]);
    Worker { responder, millis: 0 }
}

impl Worker {
    fn ask(&mut self, bytes: &[u8]) -> Result<(Answer, Vec<u8>), Refused> {
        let mono = Mono::default() + Span::from_millis(self.millis);
        let from = "192.0.2.7:40000".parse().unwrap();
        let request = Request { bytes, from, received: T2, transmit: T3, mono };
        let mut buffer = [0xA5; REPLY_CAPACITY];
        let answer = self.responder.answer(&request, &mut buffer)?;
        assert!(answer.length <= bytes.len(), "a reply is longer than its request");
        assert!(buffer[answer.length..].iter().all(|byte| *byte == 0xA5));
        let bytes = buffer[..answer.length].to_vec();
        Ok((answer, bytes))
    }

    /// Of a good request.
    #[track_caller]
    fn time(&mut self, draft: &Draft) -> Opening {
        let (answer, reply) = self.ask(&draft.bytes()).expect("it is answered");
        assert_eq!((answer.nts, answer.kiss), (true, None));
        let opening = open(&reply, &draft.keys.s2c).expect("the reply is protected");
        assert_eq!(opening.header.origin_timestamp, draft.header.transmit_timestamp);
        opening
    }

    #[track_caller]
    fn check_nak(&mut self, bytes: &[u8]) {
        let (answer, reply) = self.ask(bytes).expect("a NAK");
        assert_eq!((answer.nts, answer.kiss), (true, Some(Refusal::NotAuthentic)));
        let kiss = Packet::parse(&reply).expect("it is well-formed");
        assert_eq!((kiss.header.stratum, kiss.header.reference_id), (0, KissCode::NtsNak.reference_id()));
        assert_eq!(reply[Header::LEN..], field(FieldType::UniqueIdentifier, &IDENTIFIER));
    }

    #[track_caller]
    fn check_malformed(&mut self, bytes: &[u8]) {
        assert_eq!(self.ask(bytes), Err(Refused { reason: Refusal::Malformed, nts: true }));
    }
}

fn draft(algorithm: Algorithm, placeholders: usize) -> Draft {
    Draft::new(request(), &mut key_set(&[1]), algorithm, placeholders)
}

fn plain_worker() -> Worker {
    worker(&config(&[3, 4]), &[1])
}

#[test]
fn an_authentic_request_gets_authenticated_time_and_a_cookie() {
    for algorithm in ALGORITHMS {
        let draft = draft(algorithm, 0);
        let (answer, reply) = plain_worker().ask(&draft.bytes()).expect("it is answered");
        assert_eq!((answer.nts, answer.kiss, reply.len()), (true, None, draft.bytes().len()));
        let opening = open(&reply, &draft.keys.s2c).expect("with the server's key");
        assert_eq!(opening.identifier.as_deref(), Some(&IDENTIFIER[..]));
        assert_eq!(
            (opening.header.stratum, opening.header.origin_timestamp),
            (2, request().transmit_timestamp)
        );
        check_near(opening.header.receive_timestamp, T2);
        check_near(opening.header.transmit_timestamp, T3);
        assert_eq!(opening.cookies.len(), 1);
        assert_eq!(key_set(&[1]).open(&opening.cookies[0]), Some(draft.keys.clone()));
        assert_eq!(open(&reply, &draft.keys.c2s), None, "not with the client's");
    }
}

#[test]
fn there_is_a_cookie_for_each_placeholder_and_eight_at_most_all_of_them_new() {
    let mut worker = plain_worker();
    let mut seen = BTreeSet::new();
    for algorithm in ALGORITHMS {
        let longest = (2048 - 48 - 36 - 44) / (KeySet::cookie_len(algorithm) + 4) - 1;
        for placeholders in 0..=longest {
            let draft = draft(algorithm, placeholders);
            let opening = worker.time(&draft);
            assert_eq!(opening.cookies.len(), (placeholders + 1).min(8));
            for cookie in opening.cookies {
                assert_eq!(key_set(&[1]).open(&cookie).as_ref(), Some(&draft.keys));
                assert!(seen.insert(cookie), "a cookie was given twice");
            }
        }
    }
}

#[test]
fn placeholders_count_in_any_order_and_sealed_ones_as_well() {
    let mut draft = draft(Algorithm::AesSivCmac256, 5);
    draft.fields.rotate_left(3);
    assert_eq!(plain_worker().time(&draft).cookies.len(), 6);
    let length = KeySet::cookie_len(Algorithm::AesSivCmac256);
    draft.text = field(FieldType::CookiePlaceholder, &vec![0; length]);
    assert_eq!(plain_worker().time(&draft).cookies.len(), 7);
}

#[test]
fn a_cookie_that_nobody_of_ours_sealed_gets_a_nak_and_so_does_a_request_that_was_changed() {
    for algorithm in ALGORITHMS {
        let mut worker = plain_worker();
        let stranger = Draft::new(request(), &mut key_set(&[2]), algorithm, 0);
        worker.check_nak(&stranger.bytes());
        let mut garbage = draft(algorithm, 0);
        garbage.fields[1].1 = vec![0; 64];
        worker.check_nak(&garbage.bytes());
        let mut of_another = draft(algorithm, 0);
        of_another.keys = SessionKeys { c2s: of_another.keys.s2c.clone(), ..of_another.keys };
        worker.check_nak(&of_another.bytes());
        let mut changed = draft(algorithm, 0).bytes();
        changed[47] ^= 1;
        worker.check_nak(&changed);
    }
}

#[test]
fn cookies_of_every_key_that_is_kept_are_accepted_and_new_ones_are_of_the_newest() {
    let old = draft(Algorithm::AesSivCmac256, 2);
    let mut worker = worker(&config(&[4]), &[1, 2]);
    for cookie in worker.time(&old).cookies {
        assert_eq!(key_set(&[1]).open(&cookie), None);
        assert_eq!(key_set(&[2]).open(&cookie).as_ref(), Some(&old.keys));
    }
    worker.responder.set_keys(key_set(&[2, 3]));
    worker.check_nak(&old.bytes());
    worker.time(&Draft::new(request(), &mut key_set(&[2]), Algorithm::AesSivCmac256, 0));
}

#[test]
fn a_replayed_request_gets_nothing_more_than_its_first_time() {
    let mut worker = plain_worker();
    let bytes = draft(Algorithm::AesSivCmac256, 3).bytes();
    let lengths: BTreeSet<_> = (0..100).map(|_| worker.ask(&bytes).expect("time").1.len()).collect();
    assert_eq!(lengths, BTreeSet::from([bytes.len()]));
}

#[test]
fn without_keys_the_fields_of_nts_are_fields_that_nobody_knows() {
    let reply = answer(&draft(Algorithm::AesSivCmac256, 0).bytes(), &variables());
    assert_eq!(reply.map(|reply| reply.len()), Ok(Header::LEN));
}

#[test]
fn version_3_knows_no_nts() {
    let version_3 =
        Draft { header: Header { version: 3, ..request() }, ..draft(Algorithm::AesSivCmac256, 0) };
    let (answer, reply) = plain_worker().ask(&version_3.bytes()).expect("it is answered");
    assert_eq!((answer.nts, answer.version, reply.len()), (false, 3, Header::LEN));
}

#[test]
fn a_unique_identifier_alone_is_returned_and_nothing_else_is() {
    let asked = |fields: &[(FieldType, usize)], end: &[u8]| {
        let mut bytes = request().emit().to_vec();
        fields.iter().for_each(|(kind, length)| bytes.extend(field(*kind, &vec![0x1D; *length])));
        bytes.extend(end);
        let (answer, reply) = plain_worker().ask(&bytes).expect("it is answered");
        assert!(!answer.nts);
        reply[Header::LEN..].to_vec()
    };
    let identifier = field(FieldType::UniqueIdentifier, &IDENTIFIER);
    assert_eq!(asked(&[(FieldType::UniqueIdentifier, 32)], &[]), identifier);
    assert_eq!(
        asked(&[(FieldType::CookiePlaceholder, 64), (FieldType::UniqueIdentifier, 32)], &[]),
        identifier
    );
    // With a crypto-NAK, for a MAC.
    assert_eq!(asked(&[(FieldType::UniqueIdentifier, 32)], &[1; 20]), [&identifier[..], &[0; 4]].concat());
    // Too short to tell replies apart.
    assert!(asked(&[(FieldType::UniqueIdentifier, 28)], &[]).is_empty());
    assert!(asked(&[(FieldType::UniqueIdentifier, 32), (FieldType::UniqueIdentifier, 32)], &[]).is_empty());
}
