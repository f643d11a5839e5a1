//! Pools: several requests on one connection, with the keys of their clients.

use super::*;
use crate::nts::record::{Record, RecordType};

const KEYS: [u8; 64] = [9; 64];

/// Cookies for [`KEYS`], and then more.
pub(super) fn fixed_keys(token: &[u8]) -> Vec<u8> {
    request(&[(1, &[0, 0]), (4, &[0, 15]), (12, &KEYS), (14, token), (8, &[])])
}

/// The records of the next answer.
pub(super) async fn next_answer(stream: &mut client::Tls) -> Vec<(RecordType, Vec<u8>)> {
    let (mut bytes, mut records) = (Vec::new(), Vec::new());
    loop {
        let mut rest = &bytes[..];
        records.clear();
        while let Some((record, after)) = Record::parse(rest) {
            records.push((record.kind, record.body.to_vec()));
            rest = after;
        }
        if records.last().is_some_and(|(kind, _)| *kind == RecordType::EndOfMessage) {
            return records;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "it closes");
    }
}

fn keeps_alive(records: &[(RecordType, Vec<u8>)]) -> bool {
    records.iter().any(|(kind, _)| *kind == RecordType::KeepAlive)
}

#[tokio::test]
async fn a_pool_asks_again_on_its_connection_for_keys_of_its_clients() {
    let server = start(|_| ());
    let mut stream = connect(&server).await;
    for _ in 0..3 {
        stream.write_all(&fixed_keys(b"let me in")).await.unwrap();
        let records = next_answer(&mut stream).await;
        assert!(keeps_alive(&records));
        let keys = SessionKeys::new(Algorithm::AesSivCmac256, &KEYS[..32], &KEYS[32..]).unwrap();
        let cookies: Vec<_> = records.iter().filter(|(kind, _)| *kind == RecordType::NewCookie).collect();
        assert_eq!(cookies.len(), 8);
        assert!(cookies.iter().all(|(_, cookie)| key_set(&[1], 0).open(cookie).as_ref() == Some(&keys)));
    }
    // Two at once.
    stream.write_all(&[fixed_keys(b"let me in"), fixed_keys(b"let me in")].concat()).await.unwrap();
    eventually(|| server.counters.ended(KeyExchangeEnd::Completed) == 5).await;
    drop(stream);
    server.counted(KeyExchangeEnd::Completed, 5).await;
}

#[tokio::test]
async fn beyond_the_limit_of_those_that_stay_a_pool_is_answered_and_closed() {
    let server = start(|_| ());
    let mut stays = connect(&server).await;
    stays.write_all(&fixed_keys(b"let me in")).await.unwrap();
    assert!(keeps_alive(&next_answer(&mut stays).await));
    let mut goes = connect(&server).await;
    goes.write_all(&fixed_keys(b"let me in")).await.unwrap();
    assert!(!keeps_alive(&next_answer(&mut goes).await));
    assert_eq!(end_of(&mut goes).await, b"");
    drop(stays);
    eventually(|| server.counters.open() == 0).await;
    let mut again = connect(&server).await;
    again.write_all(&fixed_keys(b"let me in")).await.unwrap();
    assert!(keeps_alive(&next_answer(&mut again).await));
}

#[tokio::test]
async fn a_pool_without_a_good_token_is_refused() {
    let server = start(|_| ());
    assert_eq!(answer_to(&server, &fixed_keys(b"let me out")).await, ErrorCode::BadRequest.emit());
    server.counted(KeyExchangeEnd::NotAuthorized, 1).await;
}

#[tokio::test]
async fn a_pool_that_takes_no_answers_has_its_place_no_longer_than_the_timeout() {
    let server = start(|section| section.timeout = Span::from_millis(300));
    let mut stream = connect(&server).await;
    let requests = fixed_keys(b"let me in").repeat(50);
    // Until both kernels hold as much of both as they may, and the server gives up.
    let ask = async { while stream.write_all(&requests).await.is_ok() {} };
    let gone = async {
        eventually(|| server.counters.ended(KeyExchangeEnd::TimedOut) == 1).await;
        eventually(|| server.counters.open() == 0).await;
    };
    tokio::join!(ask, gone);
    assert!(server.counters.ended(KeyExchangeEnd::Completed) > 50);
}
