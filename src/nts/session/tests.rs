//! Proves what a request holds, and what is taken from a reply. The server is made of fields here.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

fn session(algorithm: Algorithm, cookies: impl IntoIterator<Item = Vec<u8>>) -> Session {
    let length = algorithm.key_len();
    Session::new(SessionKeys::new(algorithm, &vec![1; length], &vec![2; length]).unwrap(), cookies)
}

fn eight(length: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..8).map(move |n| vec![n; length])
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// Cookies asked for by the request, the one in place of its own included; `None` unless it opens.
fn wanted(session: &Session, request: &[u8]) -> Option<usize> {
    let packet = Packet::parse(request).unwrap();
    let fields = Fields::find(request, &packet).unwrap();
    let Authenticator { associated, nonce, sealed, nonce_room } = fields.authenticator?;
    assert_eq!((fields.unique_identifiers, fields.cookies), (1, 1));
    assert!(nonce_room >= session.algorithm().nonce_len());
    assert_eq!(fields.unique_identifier?.len(), 32);
    assert_eq!(Cipher::new(&session.keys.c2s)?.open(nonce, associated, sealed, &mut []), Some(0));
    Some(1 + fields.placeholders)
}

/// A reply with this identifier and this text sealed.
fn reply(session: &Session, identifier: &UniqueIdentifier, text: &[u8]) -> Vec<u8> {
    let mut writer = Writer(vec![0; 100_000], Header::LEN);
    writer.0[..Header::LEN].copy_from_slice(&Header::default().emit());
    writer.field(FieldType::UniqueIdentifier, &identifier.0).unwrap();
    let Writer(mut bytes, at) = writer;
    let (associated, rest) = bytes.split_at_mut(at);
    let nonce = vec![7; session.algorithm().nonce_len()];
    let sealed = write_authenticator(rest, &nonce, text.len() + TAG_LEN).unwrap();
    Cipher::new(&session.keys.s2c).unwrap().seal(&nonce, associated, text, sealed).unwrap();
    bytes.truncate(at + Authenticator::field_len(nonce.len(), text.len() + TAG_LEN));
    bytes
}

fn fields(cookies: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer(vec![0; 80_000], 0);
    cookies.iter().for_each(|cookie| writer.field(FieldType::Cookie, cookie).unwrap());
    writer.0.truncate(writer.1);
    writer.0
}

fn open(
    session: &Session,
    bytes: &[u8],
    identifier: &UniqueIdentifier,
) -> Result<Vec<Vec<u8>>, NotAuthentic> {
    session.open(bytes, &Packet::parse(bytes).map_err(|_| NotAuthentic)?, identifier)
}

#[test]
fn every_request_spends_a_cookie_and_asks_for_all_that_are_missing() {
    for algorithm in Algorithm::ALL {
        let mut session = session(algorithm, eight(64));
        let mut seen = Vec::new();
        for n in 0..8 {
            let Protected { bytes, unique_identifier } =
                session.protect(&Header::default(), &mut random()).unwrap();
            assert_eq!(wanted(&session, &bytes), Some(usize::from(n) + 1), "{algorithm}");
            assert_eq!(bytes.len() % 4, 0);
            let packet = Packet::parse(&bytes).unwrap();
            let fields = Fields::find(&bytes, &packet).unwrap();
            assert!(unique_identifier.is_in(&fields));
            assert_eq!(fields.cookie, Some([n; 64].as_slice()));
            seen.push(bytes);
        }
        assert_eq!(session.cookies_left(), 0);
        assert!(session.protect(&Header::default(), &mut random()).is_none());
    }
}

#[test]
fn no_request_is_longer_than_1024_bytes_and_even_the_longest_cookie_fits() {
    for algorithm in Algorithm::ALL {
        for length in (1..LONGEST_COOKIE).step_by(19).chain([LONGEST_COOKIE]) {
            let mut session = session(algorithm, eight(length));
            assert_eq!(session.cookies_left(), 8, "of {length} bytes");
            for missing in 1..=8 {
                let request = session.protect(&Header::default(), &mut random()).unwrap().bytes;
                assert!(request.len() <= LONGEST_DATAGRAM, "{} bytes", request.len());
                let field = FIELD_HEADER_LEN + padded(length).max(SHORTEST_VALUE);
                let wanted = wanted(&session, &request).unwrap();
                assert!(wanted == missing || request.len() + field > LONGEST_DATAGRAM, "{wanted}");
            }
        }
        assert_eq!(session(algorithm, eight(LONGEST_COOKIE + 1)).cookies_left(), 0);
        assert_eq!(session(algorithm, eight(0)).cookies_left(), 0);
    }
}

#[test]
fn identifiers_and_nonces_never_repeat() {
    let mut session = session(Algorithm::AesSivCmac256, eight(100));
    let mut random = random();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let request = session.protect(&Header::default(), &mut random).unwrap();
        let packet = Packet::parse(&request.bytes).unwrap();
        let nonce = Fields::find(&request.bytes, &packet).unwrap().authenticator.unwrap().nonce.to_vec();
        assert!(seen.insert(nonce) && seen.insert(request.unique_identifier.0.to_vec()));
    }
}

fn cookies(session: Session) -> Vec<Vec<u8>> {
    session.into_parts().1.iter().map(|cookie| cookie.to_vec()).collect()
}

#[test]
fn a_cookie_whose_request_did_not_leave_is_used_for_the_next_one_and_once_only() {
    let mut session = session(Algorithm::Aes128GcmSiv, eight(64));
    session.on_send_failed();
    assert_eq!(session.cookies_left(), 8);
    session.protect(&Header::default(), &mut random()).unwrap();
    session.on_send_failed();
    session.on_send_failed();
    assert_eq!(cookies(session), eight(64).collect::<Vec<_>>());
}

#[test]
fn cookies_of_a_reply_come_out_in_their_order_and_no_more_than_eight() {
    for algorithm in Algorithm::ALL {
        let mut session = session(algorithm, eight(64).take(1));
        let identifier = session.protect(&Header::default(), &mut random()).unwrap().unique_identifier;
        let fresh: Vec<Vec<u8>> = (0..100).map(|n| vec![100 + n; 64]).collect();
        let bytes = reply(&session, &identifier, &fields(&fresh));
        assert_eq!(open(&session, &bytes, &identifier).as_deref(), Ok(&fresh[..8]));
        assert_eq!(open(&session, &bytes, &UniqueIdentifier([0; 32])), Err(NotAuthentic));
        for n in 0..bytes.len() {
            let mut other = bytes.clone();
            other[n] ^= 1;
            assert_eq!(open(&session, &other, &identifier), Err(NotAuthentic), "byte {n}");
            assert_eq!(open(&session, &bytes[..n], &identifier), Err(NotAuthentic), "{n} bytes");
        }
        session.keep(fresh);
        assert_eq!(session.cookies_left(), 8);
    }
}

#[test]
fn cookies_that_are_none_or_not_new_are_not_kept() {
    let mut session = session(Algorithm::AesSivCmac256, eight(100).take(2));
    session.protect(&Header::default(), &mut random()).unwrap();
    session.keep([vec![], vec![0; 100], vec![1; 100], vec![5; 2000], vec![6; 100], vec![6; 100]]);
    assert_eq!(cookies(session), [vec![1; 100], vec![6; 100]]);
}

#[test]
fn a_reply_with_one_bad_field_under_its_seal_is_refused_whole() {
    let mut session = session(Algorithm::AesSivCmac256, eight(100));
    let identifier = session.protect(&Header::default(), &mut random()).unwrap().unique_identifier;
    let good = fields(&[vec![9; 100], vec![8; 100]]);
    assert!(open(&session, &reply(&session, &identifier, &good), &identifier).is_ok());
    for length in [0_u16, 3, 4, 12, 15, 102, 106, 212, 65535] {
        let mut text = good.clone();
        text[106..108].copy_from_slice(&length.to_be_bytes());
        let bytes = reply(&session, &identifier, &text);
        assert_eq!(open(&session, &bytes, &identifier), Err(NotAuthentic), "length {length}");
    }
    let cut = reply(&session, &identifier, &good[..good.len() - 1]);
    assert_eq!(open(&session, &cut, &identifier), Err(NotAuthentic));
}

#[test]
fn a_reply_sealed_with_the_key_of_requests_is_not_authentic() {
    let mut session = session(Algorithm::AesSivCmac256, eight(100));
    let request = session.protect(&Header::default(), &mut random()).unwrap();
    assert_eq!(open(&session, &request.bytes, &request.unique_identifier), Err(NotAuthentic));
}

#[test]
fn a_session_prints_no_secret() {
    let session = session(Algorithm::AesSivCmac256, eight(100));
    assert_eq!(format!("{session:?}"), "Session(AEAD_AES_SIV_CMAC_256, 8 cookies)");
}

#[test]
fn what_is_reserved_is_never_used_and_is_asked_for_again() {
    let mut session = session(Algorithm::Aes128GcmSiv, eight(64));
    let reserved = cookies(session.reserve().unwrap());
    assert_eq!((reserved.len(), session.cookies_left()), (4, 4));
    let request = session.protect(&Header::default(), &mut random()).unwrap();
    assert_eq!(wanted(&session, &request.bytes), Some(5));
    assert!(cookies(session).iter().all(|cookie| !reserved.contains(cookie)));
}

#[test]
fn the_last_cookie_is_not_reserved() {
    let mut session = session(Algorithm::Aes128GcmSiv, eight(64).take(1));
    assert!(session.reserve().is_none());
    assert_eq!(session.cookies_left(), 1);
}
