//! A client's request, as far as a test server needs it, and the records of its answer, good or bad. What is sent when is `connection`'s.
//!
//! Written without the judgement of requests and answers in `nts`, so that a client and a server that are wrong in the same way do not agree.

use super::KeyExchangeBehaviour as Behaviour;
use crate::nts::Algorithm;
use crate::nts::record::{Record, RecordType};

/// What a client wishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    /// Its first one that is known here.
    pub(super) algorithm: Option<Algorithm>,
    /// It exports the keys of algorithm 30 as the RFC says.
    pub(super) compliant: bool,
}

/// What goes into an answer.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) algorithm: Algorithm,
    /// The client is told that keys of algorithm 30 are exported as the RFC says.
    pub(super) compliant: bool,
    pub(super) cookies: Vec<Vec<u8>>,
    /// Of the NTP server.
    pub(super) port: u16,
}

/// Type with its critical bit, and body.
type Plain = (u16, Vec<u8>);

const CRITICAL: u16 = 0x8000;
const END: u16 = CRITICAL;
const NEXT_PROTOCOL: u16 = CRITICAL | 1;
const ERROR: u16 = CRITICAL | 2;
const WARNING: u16 = CRITICAL | 3;
const AEAD: u16 = CRITICAL | 4;
const COOKIE: u16 = 5;
const SERVER: u16 = CRITICAL | 6;
const PORT: u16 = CRITICAL | 7;
const COMPLIANT: u16 = 1024;
/// Of no registry.
const UNKNOWN: u16 = 0x3FFF;
/// As long as a record can be.
const LONGEST: usize = 65_535;

/// `None` until its End of Message is here.
pub(super) fn request(mut bytes: &[u8]) -> Option<Asked> {
    let mut asked = Asked::default();
    loop {
        let (record, rest) = Record::parse(bytes)?;
        match record.kind {
            RecordType::EndOfMessage => return Some(asked),
            RecordType::Aead => asked.algorithm = record.numbers()?.find_map(Algorithm::from_id),
            RecordType::CompliantExporter => asked.compliant = true,
            _ => {}
        }
        bytes = rest;
    }
}

/// The bytes of the whole answer, or of as much of it as such a server sends.
pub(super) fn answer(behaviour: Behaviour, contents: &Contents) -> Vec<u8> {
    let mut records = honest(contents);
    spoil(&mut records, behaviour);
    let mut bytes = emit(&records);
    match behaviour {
        Behaviour::TruncatedRecord => bytes.truncate(bytes.len() - 10),
        Behaviour::AfterEnd => bytes.extend(emit(&[(COOKIE, vec![1; 100])])),
        _ => {}
    }
    bytes
}

/// What is sent again and again where an answer has no end.
pub(super) fn endless(behaviour: Behaviour) -> Option<Vec<u8>> {
    match behaviour {
        Behaviour::EndlessCookies => Some(emit(&vec![(COOKIE, vec![1; 100]); 200])),
        Behaviour::EndlessUnknown => Some(emit(&vec![(UNKNOWN, Vec::new()); 1000])),
        _ => None,
    }
}

fn honest(contents: &Contents) -> Vec<Plain> {
    let mut records = vec![
        (NEXT_PROTOCOL, vec![0, 0]),
        (AEAD, contents.algorithm.id().to_be_bytes().into()),
        (PORT, contents.port.to_be_bytes().into()),
    ];
    if contents.compliant {
        records.push((COMPLIANT, Vec::new()));
    }
    records.extend(contents.cookies.iter().map(|cookie| (COOKIE, cookie.clone())));
    records.push((END, Vec::new()));
    records
}

fn spoil(records: &mut Vec<Plain>, behaviour: Behaviour) {
    // Whatever is added stands before the End of Message.
    let end = records.pop();
    let replace = |records: &mut Vec<Plain>, kind: u16, body: &[u8]| {
        records.retain(|(known, _)| *known != kind);
        records.push((kind, body.into()));
    };
    match behaviour {
        Behaviour::EmptyCookie => records.push((COOKIE, Vec::new())),
        Behaviour::LongCookie => records.push((COOKIE, vec![1; LONGEST])),
        Behaviour::ThousandCookies => records.extend(vec![(COOKIE, vec![1; 100]); 1000]),
        Behaviour::NoCookie => records.retain(|(kind, _)| *kind != COOKIE),
        Behaviour::UnknownCritical => records.push((CRITICAL | UNKNOWN, Vec::new())),
        Behaviour::Error => *records = vec![(ERROR, vec![0, 2])],
        Behaviour::Warning => records.push((WARNING, vec![0, 7])),
        Behaviour::TwoProtocols => records.push((NEXT_PROTOCOL, vec![0, 0])),
        Behaviour::NotOffered => replace(records, AEAD, &[0, 99]),
        Behaviour::PortZero => replace(records, PORT, &[0, 0]),
        Behaviour::EmptyName => records.push((SERVER, Vec::new())),
        Behaviour::LongName => records.push((SERVER, vec![b'a'; LONGEST])),
        Behaviour::ForeignName => records.push((SERVER, "zürich.example".into())),
        Behaviour::ZeroInName => records.push((SERVER, b"time\0.example".into())),
        Behaviour::Localhost => records.push((SERVER, b"localhost".into())),
        Behaviour::Elsewhere => records.push((SERVER, b"192.0.2.1".into())),
        _ => {}
    }
    let ends =
        !matches!(behaviour, Behaviour::NoEnd | Behaviour::TruncatedRecord) && endless(behaviour).is_none();
    records.extend(end.filter(|_| ends));
}

fn emit(records: &[Plain]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, body) in records {
        let kind_number = kind & !CRITICAL;
        let record =
            Record { critical: kind & CRITICAL != 0, kind: RecordType::from_number(kind_number), body };
        record.emit(&mut bytes);
    }
    bytes
}
