//! Requests with NTS, made once and sent again and again, so that the generator's own work is little; and whether a reply is one to them.
//! Exchanges no keys.

use crate::key_exchange::Established;
use crate::random::Random;
use crate::wire;
use ntpd_rs::nts::field::{
    Authenticator, FIELD_HEADER_LEN, FieldType, Fields, Opened, write_authenticator, write_field,
};
use ntpd_rs::nts::{Cipher, SessionKeys, TAG_LEN};
use ntpd_rs::packet::Packet;

/// All requests of one session.
#[derive(Debug)]
pub(crate) struct Sealed {
    keys: SessionKeys,
    requests: Vec<Request>,
    /// Cookies that a reply is to have.
    cookies: usize,
    heard: u64,
}

#[derive(Debug)]
struct Request {
    identifier: [u8; IDENTIFIER_LEN],
    bytes: Vec<u8>,
}

const IDENTIFIER_LEN: usize = 32;
/// One reply of so many is opened: the others are known by length, header and identifier.
const SAMPLE: u64 = 256;

impl Sealed {
    /// A request of version 4 for each of these values of the transmit timestamp; `None` if a cookie is too long.
    pub(crate) fn new(established: Established, timestamps: &[u64], placeholders: usize) -> Option<Self> {
        let Established { keys, cookies } = established;
        let mut random = Random::new();
        let with_cookies = timestamps.iter().zip(cookies.iter().cycle());
        let request = |(timestamp, cookie): (&u64, &Vec<u8>)| {
            Request::new(&keys, *timestamp, cookie, placeholders, &mut random)
        };
        let requests = with_cookies.map(request).collect::<Option<_>>()?;
        Some(Self { keys, requests, cookies: 1 + placeholders, heard: 0 })
    }

    /// The request of this slot.
    pub(crate) fn request(&self, slot: usize) -> &[u8] {
        self.requests.get(slot).map_or(&[], |request| &request.bytes)
    }

    /// Whether this is a good reply to the request of this slot.
    pub(crate) fn is_reply(&mut self, slot: usize, bytes: &[u8]) -> bool {
        let Some(request) = self.requests.get(slot) else { return false };
        let end = wire::LENGTH + FIELD_HEADER_LEN + IDENTIFIER_LEN;
        let identifier = bytes.get(wire::LENGTH + FIELD_HEADER_LEN..end);
        if bytes.len() > request.bytes.len() || identifier != Some(&request.identifier) {
            return false;
        }
        self.heard += 1;
        !self.heard.is_multiple_of(SAMPLE) && bytes.len() > end || self.opens(bytes) == Some(self.cookies)
    }

    /// How many cookies a reply has, if it is authentic.
    fn opens(&self, bytes: &[u8]) -> Option<usize> {
        let packet = Packet::parse(bytes).ok()?;
        let Authenticator { associated, nonce, sealed, .. } =
            Fields::find(bytes, &packet).ok()?.authenticator?;
        let mut text = vec![0; sealed.len()];
        let length = Cipher::new(&self.keys.s2c)?.open(nonce, associated, sealed, &mut text)?;
        let fields = Opened::new(text.get(..length)?).map(|field| {
            field.is_ok_and(|field| FieldType::from_id(field.field_type) == Some(FieldType::Cookie))
        });
        Some(fields.filter(|is_cookie| *is_cookie).count())
    }
}

impl Request {
    fn new(
        keys: &SessionKeys,
        timestamp: u64,
        cookie: &[u8],
        placeholders: usize,
        random: &mut Random,
    ) -> Option<Self> {
        let mut identifier = [0; IDENTIFIER_LEN];
        identifier.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&random.next().to_ne_bytes()));
        let mut bytes = wire::request(4, timestamp).to_vec();
        push(&mut bytes, FieldType::UniqueIdentifier, &identifier)?;
        push(&mut bytes, FieldType::Cookie, cookie)?;
        for _ in 0..placeholders {
            push(&mut bytes, FieldType::CookiePlaceholder, &vec![0; cookie.len()])?;
        }
        let nonce: Vec<u8> =
            random.next().to_ne_bytes().into_iter().cycle().take(keys.algorithm().nonce_len()).collect();
        let mut field = vec![0; Authenticator::field_len(nonce.len(), TAG_LEN)];
        let sealed = write_authenticator(&mut field, &nonce, TAG_LEN)?;
        Cipher::new(&keys.c2s)?.seal(&nonce, &bytes, &[], sealed)?;
        bytes.extend(field);
        Some(Self { identifier, bytes })
    }
}

fn push(bytes: &mut Vec<u8>, kind: FieldType, value: &[u8]) -> Option<()> {
    let mut field = vec![0; FIELD_HEADER_LEN + value.len().next_multiple_of(4)];
    write_field(&mut field, kind, value.len())?.get_mut(..value.len())?.copy_from_slice(value);
    bytes.extend(field);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ntpd_rs::config::ServerConfig;
    use ntpd_rs::nts::{Algorithm, Key, KeySet, MasterKey};
    use ntpd_rs::packet::ReferenceId;
    use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
    use ntpd_rs::time::{ClockTime, Leap, Mono, Span};

    fn key_set() -> KeySet {
        let key = Key::new(Algorithm::AesSivCmac512, &[1; 64]).unwrap();
        KeySet::new(vec![MasterKey { id: 1, key }], 0).unwrap()
    }

    fn sealed(algorithm: Algorithm) -> Sealed {
        let length = algorithm.key_len();
        let keys = SessionKeys::new(algorithm, &vec![2; length], &vec![3; length]).unwrap();
        let mut cookie = vec![0; KeySet::cookie_len(algorithm)];
        key_set().seal(&keys, [4; 16], &mut cookie).unwrap();
        Sealed::new(Established { keys, cookies: vec![cookie] }, &[7, 8, 9], 2).unwrap()
    }

    fn variables() -> SystemVariables {
        let updated = ClockTime::from_unix_secs(1_700_000_000);
        SystemVariables {
            leap: Leap::NoWarning,
            stratum: 1,
            precision: -20,
            root_delay: Span::ZERO,
            root_dispersion: Span::ZERO,
            dispersion_rate: 0.0,
            reference_id: ReferenceId::NONE,
            reference_timestamp: None,
            updated,
            leap_second: None,
        }
    }

    #[test]
    fn a_server_that_knows_the_keys_answers_every_request_and_its_replies_are_told_from_others() {
        let config = ServerConfig::new("127.0.0.1:123".parse().unwrap());
        let mut responder = Responder::new(&config, 1, variables(), [5; 16]).with_keys(key_set(), [6; 32]);
        for algorithm in Algorithm::ALL {
            let mut sealed = sealed(algorithm);
            sealed.heard = SAMPLE - 2;
            let mut reply = |sealed: &Sealed, slot| {
                let mut buffer = [0; REPLY_CAPACITY];
                let now = ClockTime::from_unix_secs(1_700_000_000);
                let (bytes, from) = (sealed.request(slot), "127.0.0.1:9".parse().unwrap());
                let request = Request { bytes, from, received: now, transmit: now, mono: Mono::default() };
                let length = responder.answer(&request, &mut buffer).unwrap().length;
                buffer[..length].to_vec()
            };
            let mut replies: Vec<_> = (0..3).map(|slot| reply(&sealed, slot)).collect();
            assert!(sealed.is_reply(0, &replies[0]) && !sealed.is_reply(0, &replies[1]));
            assert!(sealed.is_reply(1, &replies[1]), "the one that is opened");
            *replies[2].last_mut().unwrap() ^= 1;
            sealed.heard = SAMPLE - 1;
            assert!(!sealed.is_reply(2, &replies[2]), "it is not authentic");
            assert!(!sealed.is_reply(2, &replies[2][..84]), "a NAK has no authenticator");
            assert!(!sealed.is_reply(3, &replies[2]) && !sealed.is_reply(2, &[]));
        }
    }
}
