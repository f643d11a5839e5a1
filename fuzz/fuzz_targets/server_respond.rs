//! Any bytes as requests, one after another, at any moments, to a server configured anyhow, some of them with NTS and good but for a flaw:
//! a reply is well-formed, of mode 4, and not longer than its request; modes other than 3 get none; only what is authentic gets a
//! protected reply, and no more cookies than it asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::{FilterAction, FilterList, LeapSmear, Network, RateLimit, ServerConfig, SmearShape};
use ntpd_rs::nts::field::{
    Authenticator, FIELD_HEADER_LEN, FieldType, Fields, Opened, padded, write_authenticator, write_field,
};
use ntpd_rs::nts::{Algorithm, Cipher, Key, KeySet, MasterKey, SessionKeys, TAG_LEN};
use ntpd_rs::packet::{Header, Mode, Packet, ReferenceId};
use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::time::{ClockTime, Leap, Mono, Span};
use ntpd_rs::verdict::Refusal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Takes values off the front; zeros when there is no more.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn number(&mut self) -> i64 {
        i64::from_be_bytes(self.array())
    }
}

fn action(byte: u8) -> FilterAction {
    if byte & 1 == 0 { FilterAction::Deny } else { FilterAction::Ignore }
}

/// Some of the addresses of [`client`].
fn list(bytes: &mut Bytes<'_>) -> FilterList {
    let network = Network { address: Ipv4Addr::new(192, 0, 2, bytes.byte() & 0xf0).into(), bits: 28 };
    FilterList { networks: vec![network], action: action(bytes.byte()) }
}

fn config(bytes: &mut Bytes<'_>) -> ServerConfig {
    let choice = bytes.byte();
    let wanted = |bit: u8| choice & (1 << bit) != 0;
    ServerConfig {
        versions: if wanted(0) { vec![3, 4] } else { vec![4] },
        allowlist: wanted(1).then(|| list(bytes)),
        denylist: wanted(2).then(|| list(bytes)),
        require_nts: wanted(3).then(|| action(bytes.byte())),
        rate_limit: wanted(4).then(|| RateLimit {
            cache_size: 1 + usize::from(bytes.byte()),
            cutoff: Span::from_nanos(bytes.number().saturating_abs().max(1)),
            burst: 1 + u32::from(bytes.byte()),
        }),
        leap_smear: wanted(5).then(|| LeapSmear {
            shape: if bytes.byte() & 1 == 0 { SmearShape::Linear } else { SmearShape::Cosine },
            window: Span::from_secs(7200),
        }),
        client_statistics: if wanted(6) { 8 } else { 0 },
        ..ServerConfig::new((Ipv6Addr::UNSPECIFIED, 123).into())
    }
}

fn variables(bytes: &mut Bytes<'_>) -> SystemVariables {
    let stratum = bytes.byte();
    let (updated, span) = (bytes.number(), bytes.number());
    SystemVariables {
        leap: Leap::from_bits(stratum >> 6),
        stratum: stratum & 31,
        precision: i8::from_be_bytes(bytes.array()),
        root_delay: Span::from_nanos(span),
        root_dispersion: Span::from_nanos(updated),
        dispersion_rate: f64::from_be_bytes(bytes.array()),
        reference_id: ReferenceId::NONE,
        reference_timestamp: (stratum & 1 == 0).then(|| ClockTime::from_unix_nanos(span)),
        updated: ClockTime::from_unix_nanos(updated),
        leap_second: None,
    }
}

fn key_set(id: u32) -> KeySet {
    let key = Key::new(Algorithm::AesSivCmac512, &[id as u8; 64]).unwrap();
    KeySet::new(vec![MasterKey { id, key }], 0).unwrap()
}

/// A request with NTS.
struct Protected {
    bytes: Vec<u8>,
    keys: SessionKeys,
    placeholders: usize,
    /// Something in it is wrong.
    is_flawed: bool,
}

fn push(request: &mut Vec<u8>, kind: FieldType, value: &[u8]) {
    let mut field = vec![0; FIELD_HEADER_LEN + padded(value.len())];
    write_field(&mut field, kind, value.len()).unwrap()[..value.len()].copy_from_slice(value);
    request.extend(field);
}

/// Good, or with another server's cookie, a byte changed, a field too many, or a text that means nothing.
fn protected(mut request: Vec<u8>, bytes: &mut Bytes<'_>) -> Protected {
    let (choice, flaws) = (bytes.byte(), bytes.byte());
    let algorithm = Algorithm::ALL[usize::from(choice % 3)];
    let length = algorithm.key_len();
    let keys = SessionKeys::new(algorithm, &vec![1; length], &vec![2; length]).unwrap();
    let is_foreign = flaws & 1 == 1;
    let mut cookie = vec![0; KeySet::cookie_len(algorithm)];
    key_set(if is_foreign { 2 } else { 1 }).seal(&keys, bytes.array(), &mut cookie).unwrap();
    request.resize(Header::LEN, 0);
    let mut placeholders = usize::from(choice >> 4);
    (0..placeholders / 2)
        .for_each(|_| push(&mut request, FieldType::CookiePlaceholder, &vec![9; cookie.len()]));
    push(&mut request, FieldType::UniqueIdentifier, &[7; 32]);
    push(&mut request, FieldType::Cookie, &cookie);
    (placeholders / 2..placeholders)
        .for_each(|_| push(&mut request, FieldType::CookiePlaceholder, &vec![0; cookie.len()]));
    if flaws & 2 == 2 {
        let kind = FieldType::from_id(u16::from(bytes.byte() & 7) << 8 | 4).unwrap_or(FieldType::Cookie);
        let value = bytes.take(usize::from(bytes.0.first().copied().unwrap_or(0)));
        if value.len() >= 12 {
            push(&mut request, kind, value);
            placeholders += 1;
        }
    }
    let text = if flaws & 4 == 4 { bytes.take(12 + usize::from(choice)).to_vec() } else { Vec::new() };
    placeholders += text.len() / FIELD_HEADER_LEN;
    let nonce = vec![bytes.byte(); algorithm.nonce_len()];
    let mut field = vec![0; Authenticator::field_len(nonce.len(), text.len() + TAG_LEN)];
    let to = write_authenticator(&mut field, &nonce, text.len() + TAG_LEN).unwrap();
    Cipher::new(&keys.c2s).unwrap().seal(&nonce, &request, &text, to).unwrap();
    request.extend(field);
    let damage = if flaws & 8 == 8 { bytes.byte() } else { 0 };
    let at = usize::from(u16::from_be_bytes(bytes.array())) % request.len();
    request[at] ^= damage;
    // Nobody protects the padding of a text that does not end with a word.
    let is_flawed = is_foreign || (damage != 0 && text.len() % 4 == 0);
    if flaws & 16 == 16 {
        request.extend(bytes.take(usize::from(flaws)));
    }
    Protected { bytes: request, keys, placeholders, is_flawed }
}

/// How many cookies a reply has that is protected.
fn cookies(reply: &[u8], asked: &Protected) -> Option<usize> {
    let packet = Packet::parse(reply).unwrap();
    let Authenticator { associated, nonce, sealed, .. } =
        Fields::find(reply, &packet).unwrap().authenticator?;
    let mut text = vec![0; sealed.len()];
    let opened = Cipher::new(&asked.keys.s2c).unwrap().open(nonce, associated, sealed, &mut text);
    let fields = Opened::new(&text[..opened.expect("the server has the client's keys")]);
    Some(
        fields
            .map(|field| assert_eq!(key_set(1).open(field.unwrap().value).as_ref(), Some(&asked.keys)))
            .count(),
    )
}

fn client(byte: u8) -> SocketAddr {
    let address = match byte & 3 {
        0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(byte))),
        1 => Ipv4Addr::new(192, 0, 2, byte).to_ipv6_mapped().into(),
        _ => IpAddr::V4(Ipv4Addr::new(192, 0, 2, byte)),
    };
    (address, 123).into()
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let config = config(&mut bytes);
    let responder = Responder::new(&config, 1, variables(&mut bytes), [7; 16]);
    let mut responder = responder.with_keys(key_set(1), [8; 32]);
    let mut last_receive = [0; 8];
    while !bytes.0.is_empty() {
        let (from, shape) = (client(bytes.byte()), bytes.byte());
        let mut request = bytes.take(Header::LEN + usize::from(shape >> 2)).to_vec();
        // Interleaved mode asks by the receive timestamp of the reply before, which no fuzzer would guess.
        if shape & 1 == 1 && request.len() >= Header::LEN {
            request[24..32].copy_from_slice(&last_receive);
        }
        let received = ClockTime::from_unix_nanos(bytes.number());
        let transmit = ClockTime::from_unix_nanos(bytes.number());
        let mono = Mono::from_nanos(bytes.number());
        let with_nts = (shape & 4 == 4).then(|| protected(request.clone(), &mut bytes));
        if let Some(with_nts) = &with_nts {
            request.clone_from(&with_nts.bytes);
        }
        let mut reply = [0; REPLY_CAPACITY];
        let asked = Request { bytes: &request, from, received, transmit, mono };
        let Ok(answer) = responder.answer(&asked, &mut reply) else { continue };
        let reply = &reply[..answer.length];
        assert_eq!(request[0] & 7, Mode::Client.bits());
        assert!(reply.len() <= request.len());
        let header = Packet::parse(reply).expect("a reply is well-formed").header;
        assert_eq!(header.mode, Mode::Server);
        assert!(header.stratum < 16 && (header.stratum == 0) == (header.leap == Leap::Unsynchronized));
        assert!(answer.kiss.is_none() || header.stratum == 0);
        match &with_nts {
            Some(with_nts) => {
                let cookies = cookies(reply, with_nts);
                let is_protected = answer.nts && answer.kiss != Some(Refusal::NotAuthentic);
                assert_eq!(cookies.is_some(), is_protected);
                assert!(!(is_protected && with_nts.is_flawed));
                assert!(
                    cookies
                        .is_none_or(|cookies| cookies >= 1 && cookies <= (1 + with_nts.placeholders).min(8))
                );
            }
            None => assert!(!answer.nts || answer.kiss == Some(Refusal::NotAuthentic)),
        }
        last_receive = header.receive_timestamp.bits().to_be_bytes();
        if let Some(token) = answer.stamp {
            responder.on_transmitted(token, ClockTime::from_unix_nanos(bytes.number()));
        }
        if shape & 2 == 2 {
            responder.set_variables(variables(&mut bytes));
        }
    }
    assert!(responder.clients(usize::MAX, Mono::from_nanos(0)).len() <= 16);
});
