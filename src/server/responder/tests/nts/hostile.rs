//! Requests that somebody made wrong on purpose, or damaged.

use super::*;
use crate::nts::field::Authenticator;

#[test]
fn no_bit_of_a_request_can_be_changed_and_the_reply_still_be_protected() {
    for algorithm in ALGORITHMS {
        let draft = draft(algorithm, 2);
        let good = draft.bytes();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok((answer, reply)) = plain_worker().ask(&bytes) {
                assert!(answer.kiss == Some(Refusal::NotAuthentic) || !answer.nts, "bit {bit}");
                assert!(reply.len() <= Header::LEN + 36, "bit {bit}");
                assert_eq!(open(&reply, &draft.keys.s2c), None);
            }
        }
    }
}

#[test]
fn a_request_cut_off_anywhere_gets_no_protected_reply() {
    let draft = draft(Algorithm::AesSivCmac512, 1);
    let good = draft.bytes();
    for length in 0..good.len() {
        let answer = plain_worker().ask(&good[..length]);
        assert!(answer.is_err() || answer.is_ok_and(|(_, reply)| open(&reply, &draft.keys.s2c).is_none()));
    }
}

#[test]
fn lengths_that_lie_are_malformed() {
    let good = draft(Algorithm::AesSivCmac256, 0).bytes();
    let authenticator = good.len() - 40;
    // Of nonce and sealed text, so that both together do not fit; of the field itself; of the cookie.
    for (at, length) in [(4, 0xFFFF_u16), (4, 21), (6, 0xFFFF), (6, 17)] {
        let mut bytes = good.clone();
        bytes[authenticator + at..][..2].copy_from_slice(&length.to_be_bytes());
        plain_worker().check_malformed(&bytes);
    }
    for (at, length) in [(authenticator + 2, 44_u16), (authenticator + 2, 0), (86, 0xFFFC), (86, 110)] {
        let mut bytes = good.clone();
        bytes[at..][..2].copy_from_slice(&length.to_be_bytes());
        let refused = plain_worker().ask(&bytes).expect_err("nothing is sent");
        assert_eq!(refused.reason, Refusal::Malformed);
    }
}

#[test]
fn a_nonce_or_a_sealed_text_that_is_too_short_is_not_authentic_or_malformed() {
    for algorithm in ALGORITHMS {
        let good = draft(algorithm, 0).bytes();
        let authenticator = good.len() - Authenticator::field_len(algorithm.nonce_len(), 16);
        for sealed in 0..16_u8 {
            let mut bytes = good.clone();
            bytes[authenticator + 7] = sealed;
            plain_worker().check_nak(&bytes);
        }
    }
}

#[test]
fn a_request_that_leaves_no_room_for_the_nonce_of_its_reply_is_discarded() {
    for algorithm in [Algorithm::AesSivCmac256, Algorithm::AesSivCmac512] {
        for (nonce, more, answered) in
            [(8, 0, false), (8, 4, false), (8, 8, true), (1, 12, true), (0, 12, false)]
        {
            let draft = Draft { nonce: vec![7; nonce], more, ..draft(algorithm, 0) };
            if answered {
                assert_eq!(plain_worker().time(&draft).cookies.len(), 1);
            } else {
                plain_worker().check_malformed(&draft.bytes());
            }
        }
    }
}

#[test]
fn a_request_has_one_identifier_one_cookie_and_one_authenticator() {
    let good = draft(Algorithm::AesSivCmac256, 0);
    let with = |change: fn(&mut Vec<(FieldType, Vec<u8>)>)| {
        let mut draft = good.clone();
        change(&mut draft.fields);
        draft.bytes()
    };
    for bytes in [
        with(|fields| drop(fields.remove(0))),
        with(|fields| drop(fields.remove(1))),
        with(|fields| fields[0].1.truncate(28)),
        with(|fields| fields.push(fields[0].clone())),
        with(|fields| fields.push(fields[1].clone())),
        with(|fields| fields.extend(vec![fields[1].clone(); 15])),
        with(|fields| fields.extend(vec![(FieldType::Cookie, vec![0; 12]); 100])),
        good.bytes()[..good.bytes().len() - 40].to_vec(),
    ] {
        plain_worker().check_malformed(&bytes);
    }
}

#[test]
fn what_follows_the_authenticator_means_nothing() {
    let draft = draft(Algorithm::AesSivCmac256, 1);
    let cookie = draft.fields[1].clone();
    for end in [
        field(FieldType::CookiePlaceholder, &vec![0; cookie.1.len()]),
        field(FieldType::UniqueIdentifier, &[5; 32]),
        field(cookie.0, &cookie.1),
        field(FieldType::Authenticator, &[0xFF; 32]),
        vec![1; 20],
        vec![0; 4],
    ] {
        let (answer, reply) = plain_worker().ask(&[draft.bytes(), end].concat()).expect("it is answered");
        let opening = open(&reply, &draft.keys.s2c).expect("the reply is protected");
        assert!(answer.nts && answer.kiss.is_none());
        assert_eq!((opening.cookies.len(), opening.identifier.as_deref()), (2, Some(&IDENTIFIER[..])));
    }
}

#[test]
fn a_sealed_text_that_lies_is_malformed_and_one_that_nobody_knows_does_no_harm() {
    let mut draft = draft(Algorithm::AesSivCmac256, 0);
    for text in [vec![1], vec![0; 16], vec![3, 4, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
        draft.text = text;
        plain_worker().check_malformed(&draft.bytes());
    }
    let length = KeySet::cookie_len(Algorithm::AesSivCmac256);
    draft.text =
        [field(FieldType::CookiePlaceholder, &vec![0; length - 4]), field(FieldType::Cookie, &[1; 100])]
            .concat();
    assert_eq!(plain_worker().time(&draft).cookies.len(), 1);
}

#[test]
fn a_flood_of_requests_that_are_not_authentic_does_not_make_us_flood_their_sender() {
    let bytes = Draft::new(request(), &mut key_set(&[2]), Algorithm::AesSivCmac256, 7).bytes();
    let mut worker = plain_worker();
    let mut naks = 0;
    for millis in 0..10_000 {
        worker.millis = millis;
        match worker.ask(&bytes) {
            Ok(_) => naks += 1,
            Err(refused) => assert_eq!(refused, Refused { reason: Refusal::NotAuthentic, nts: true }),
        }
    }
    assert_eq!(naks, 1099);
}

fn any_field(cookie: Vec<u8>) -> impl Strategy<Value = (FieldType, Vec<u8>)> {
    let length = cookie.len();
    prop_oneof![
        3 => Just((FieldType::UniqueIdentifier, IDENTIFIER.to_vec())),
        3 => Just((FieldType::Cookie, cookie)),
        3 => Just((FieldType::CookiePlaceholder, vec![0; length])),
        1 => (12..200_usize).prop_map(|length| (FieldType::CookiePlaceholder, vec![0; length / 4 * 4])),
        1 => (12..200_usize).prop_map(|length| (FieldType::UniqueIdentifier, vec![1; length / 4 * 4])),
        1 => (12..200_usize).prop_map(|length| (FieldType::Cookie, vec![2; length / 4 * 4])),
        1 => (0..120_usize).prop_map(|length| (FieldType::Authenticator, vec![0; length / 4 * 4 + 12])),
    ]
}

proptest! {
    /// Padding alone is protected by nothing, so there is none: the nonce is of whole words.
    #[test]
    fn whatever_fields_there_are_only_a_request_in_order_gets_protected_time_and_never_too_many_cookies(
        algorithm in proptest::sample::select(ALGORITHMS.to_vec()),
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 3..9),
        seed in any::<u64>(),
        text in prop_oneof![3 => Just(0_usize), 1 => 0..500_usize],
        nonce in prop_oneof![4 => Just(None), 1 => (0..10_usize).prop_map(|words| Some(4 * words))],
        damage in proptest::option::weighted(0.3, (any::<proptest::sample::Index>(), 1..=255_u8)),
        strange in proptest::collection::vec(any_field(vec![0; 104]), 0..3),
    ) {
        let mut draft = draft(algorithm, 1);
        let mut pool = draft.fields.clone();
        pool.extend(strange);
        draft.fields = order.iter().map(|index| index.get(&pool).clone()).collect();
        draft.text = (0..text).map(|n| seed.rotate_left(u32::try_from(n % 64).unwrap()).to_be_bytes()[0]).collect();
        if let Some(length) = nonce {
            draft.nonce = vec![3; length];
        }
        let mut bytes = draft.bytes();
        if let Some((index, mask)) = damage {
            let at = index.index(bytes.len());
            bytes[at] ^= mask;
        }
        let count = |kind| draft.fields.iter().filter(|field| field.0 == kind).count();
        if let Ok((answer, reply)) = plain_worker().ask(&bytes) {
            let opening = open(&reply, &draft.keys.s2c);
            prop_assert_eq!(opening.is_some(), answer.nts && answer.kiss.is_none());
            if let Some(opening) = opening {
                prop_assert!(damage.is_none());
                prop_assert_eq!((count(FieldType::UniqueIdentifier), count(FieldType::Cookie)), (1, 1));
                prop_assert!(opening.cookies.len() <= 1 + count(FieldType::CookiePlaceholder));
            }
        }
    }
}
