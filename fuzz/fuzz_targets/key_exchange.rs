//! Anything as a key exchange's request or answer, whole and in pieces: never more is taken than was there, what is judged good can be answered,
//! and a client understands every answer of our own server.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::nts::record::{Record, RecordType};
use ntpd_rs::nts::{Algorithm, LONGEST_COOKIE, Offer, Policy, Progress, Protocol, Request};

fn policy() -> Policy {
    Policy {
        protocols: vec![Protocol::NtpV4],
        algorithms: Algorithm::ALL.to_vec(),
        pool_tokens: vec!["p".to_owned()],
        ntp_server: Some("192.0.2.1".to_owned()),
        ntp_port: Some(123),
    }
}

/// Records made of the input, so that most of it is well formed: a type, a length and that many bytes, again and again, and an end.
fn shaped(input: &[u8]) -> Vec<u8> {
    const TYPES: [u16; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 1024, 77];
    let mut bytes = Vec::new();
    let mut rest = input;
    while let [kind, length, more @ ..] = rest {
        let (body, after) = more.split_at(usize::from(length % 72).min(more.len()));
        let number = TYPES[usize::from(kind % 128) % TYPES.len()];
        Record { critical: kind & 128 != 0, kind: RecordType::from_number(number), body }.emit(&mut bytes);
        rest = after;
    }
    Record { critical: true, kind: RecordType::EndOfMessage, body: &[] }.emit(&mut bytes);
    bytes
}

fn serve(bytes: &[u8]) {
    let policy = policy();
    let Ok(Progress::Done { value, length }) = policy.judge(bytes) else { return };
    assert!(length <= bytes.len());
    assert_eq!(policy.judge(&bytes[..length - 1]), Ok(Progress::NeedMore));
    let cookies = vec![[1; 104]; value.cookies()];
    let answer = policy.answer(&value, cookies.iter().map(|cookie| &cookie[..]), false);
    if let Request::Keys(exporter) = value {
        let offer = Offer { algorithms: vec![exporter.algorithm], ..Offer::default() };
        let Ok(Progress::Done { value, .. }) = offer.judge(&answer) else { panic!("our own answer") };
        assert_eq!((value.exporter.algorithm, value.cookies.len()), (exporter.algorithm, 8));
    }
}

fuzz_target!(|input: &[u8]| {
    for bytes in [input.to_vec(), shaped(input)] {
        serve(&bytes);
        if let Ok(Progress::Done { value, length }) = Offer::default().judge(&bytes) {
            assert_eq!(length, bytes.len());
            assert!((1..=8).contains(&value.cookies.len()));
            assert!(value.cookies.iter().all(|cookie| (1..=LONGEST_COOKIE).contains(&cookie.len())));
        }
    }
});
