//! With NTS: what is sent, what is believed, and when other keys are wanted. The server has the real master keys and is otherwise a small one.

use super::*;
use crate::nts::field::{Authenticator, FieldType, Fields, write_authenticator, write_field};
use crate::nts::{Algorithm, Cipher, Key, KeySet, MasterKey, Session, SessionKeys, TAG_LEN};
use crate::packet::{KissCode, Packet};
use rand_core::Rng;

const NOT_AUTHENTIC: Outcome = Outcome::Discarded(Discard::NotAuthentic);
const NAK: Outcome = Outcome::Discarded(Discard::NtsNak);
const IDENTIFIER_END: usize = Header::LEN + 36;

fn master_keys() -> KeySet {
    let key = Key::new(Algorithm::AesSivCmac512, &[4; 64]).unwrap();
    KeySet::new(vec![MasterKey { id: 1, key }], 0).unwrap()
}

fn keys(algorithm: Algorithm) -> SessionKeys {
    let length = algorithm.key_len();
    SessionKeys::new(algorithm, &vec![1; length], &vec![2; length]).unwrap()
}

fn cookie(keys: &SessionKeys, random: &mut impl Rng) -> Vec<u8> {
    let mut nonce = [0; 16];
    random.fill_bytes(&mut nonce);
    let mut cookie = vec![0; KeySet::cookie_len(keys.algorithm())];
    master_keys().seal(keys, nonce, &mut cookie).unwrap();
    cookie
}

fn session(algorithm: Algorithm, cookies: usize, seed: u64) -> Session {
    let (keys, mut random) = (keys(algorithm), ChaCha8Rng::seed_from_u64(seed));
    Session::new(keys.clone(), (0..cookies).map(|_| cookie(&keys, &mut random)).collect::<Vec<_>>())
}

/// A reply that only returns the unique identifier.
fn unprotected(request: &[u8], header: &Header) -> Vec<u8> {
    let mut bytes = header.emit().to_vec();
    bytes.extend_from_slice(&request[Header::LEN..IDENTIFIER_END]);
    bytes
}

/// A reply of the server, with this sealed.
fn sealed(request: &[u8], header: &Header, text: &[u8]) -> Vec<u8> {
    let packet = Packet::parse(request).unwrap();
    let keys = master_keys().open(Fields::find(request, &packet).unwrap().cookie.unwrap()).unwrap();
    let mut bytes = unprotected(request, header);
    let nonce = vec![7; keys.algorithm().nonce_len()];
    bytes.resize(IDENTIFIER_END + Authenticator::field_len(nonce.len(), text.len() + TAG_LEN), 0);
    let (associated, rest) = bytes.split_at_mut(IDENTIFIER_END);
    let place = write_authenticator(rest, &nonce, text.len() + TAG_LEN).unwrap();
    Cipher::new(&keys.s2c).unwrap().seal(&nonce, associated, text, place).unwrap();
    bytes
}

fn fields(cookies: &[Vec<u8>]) -> Vec<u8> {
    let mut text = vec![];
    for cookie in cookies {
        let at = text.len();
        text.resize(at + 4 + cookie.len().next_multiple_of(4).max(12), 0);
        write_field(&mut text[at..], FieldType::Cookie, cookie.len().max(12)).unwrap()[..cookie.len()]
            .copy_from_slice(cookie);
    }
    text
}

impl Bench {
    fn secured(algorithm: Algorithm, cookies: usize) -> Self {
        let mut bench = Self::new();
        let settings = Settings::new(server_address(), limits(4, 10));
        let session = session(algorithm, cookies, 3);
        bench.association = Association::secured(SourceId(7), settings, session, bench.now.mono);
        bench
    }

    fn cookies(&self) -> usize {
        self.association.session().unwrap().cookies_left()
    }

    /// How many cookies the request wants; it must be authentic.
    fn wanted(asked: &Asked) -> usize {
        let packet = Packet::parse(&asked.bytes).unwrap();
        let fields = Fields::find(&asked.bytes, &packet).unwrap();
        let keys = master_keys().open(fields.cookie.unwrap()).unwrap();
        let Authenticator { associated, nonce, sealed, .. } = fields.authenticator.unwrap();
        let opened = Cipher::new(&keys.c2s).unwrap().open(nonce, associated, sealed, &mut []);
        assert_eq!(opened, Some(0), "the request is authentic");
        1 + fields.placeholders
    }

    /// The reply with all cookies that were asked for.
    fn genuine(&mut self, asked: &Asked, header: &Header) -> Vec<u8> {
        let packet = Packet::parse(&asked.bytes).unwrap();
        let fields_of = Fields::find(&asked.bytes, &packet).unwrap();
        let keys = master_keys().open(fields_of.cookie.unwrap()).unwrap();
        let cookies: Vec<_> = (0..Self::wanted(asked)).map(|_| cookie(&keys, &mut self.random)).collect();
        sealed(&asked.bytes, header, &fields(&cookies))
    }

    /// A good reply, on its way.
    fn good(&mut self, asked: &Asked) -> Vec<u8> {
        self.advance(ONE_WAY);
        let header = self.good_reply(asked);
        let bytes = self.genuine(asked, &header);
        self.advance(ONE_WAY);
        bytes
    }

    fn nak(&self, asked: &Asked) -> Vec<u8> {
        unprotected(&asked.bytes, &self.kiss(asked, *b"NTSN"))
    }

    fn get(&mut self, bytes: &[u8]) -> Outcome {
        self.receive_bytes(bytes, server_address())
    }

    #[track_caller]
    fn exchange(&mut self) -> Asked {
        let asked = self.ask();
        let reply = self.good(&asked);
        let outcome = self.get(&reply);
        assert!(matches!(outcome, Outcome::Measurement(_)), "{outcome:?}");
        asked
    }

    /// Lets the reply be given up.
    fn expire(&mut self) {
        self.advance(Span::from_secs(8));
        let outcome = self.association.on_timer(self.now, &mut self.random);
        assert!(matches!(outcome, TimerOutcome::Send(_) | TimerOutcome::Expired));
    }
}

#[test]
fn eight_cookies_are_seven_on_the_way_and_eight_again() {
    for algorithm in Algorithm::ALL {
        let mut bench = Bench::secured(algorithm, 8);
        for _ in 0..20 {
            let asked = bench.ask();
            assert_eq!((bench.cookies(), Bench::wanted(&asked)), (7, 1));
            let reply = bench.good(&asked);
            assert!(reply.len() <= asked.bytes.len());
            assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
            assert_eq!(bench.cookies(), 8);
            assert!(!bench.association.wants_keys());
        }
    }
}

#[test]
fn no_cookie_and_no_identifier_is_sent_twice() {
    let mut bench = Bench::secured(Algorithm::Aes128GcmSiv, 8);
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..40 {
        let asked = if n % 3 == 0 { bench.ask() } else { bench.exchange() };
        let packet = Packet::parse(&asked.bytes).unwrap();
        let fields = Fields::find(&asked.bytes, &packet).unwrap();
        assert!(seen.insert(fields.cookie.unwrap().to_vec()));
        assert!(seen.insert(fields.unique_identifier.unwrap().to_vec()));
    }
}

#[test]
fn lost_replies_are_made_up_for_by_placeholders() {
    for algorithm in Algorithm::ALL {
        for lost in 0..7 {
            let mut bench = Bench::secured(algorithm, 8);
            for n in 0..lost {
                // More do not fit into 1024 bytes.
                let fitting = 900 / (4 + KeySet::cookie_len(algorithm));
                assert_eq!(Bench::wanted(&bench.ask()), fitting.min(n + 1));
            }
            let asked = bench.exchange();
            assert!(asked.bytes.len() <= 1024);
            assert_eq!(bench.cookies(), 7 - lost + Bench::wanted(&asked), "after {lost}");
            bench.exchange();
            bench.exchange();
            assert_eq!(bench.cookies(), 8);
        }
    }
}

#[test]
fn after_eight_losses_other_keys_are_wanted_and_nothing_is_sent_without_them() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    for _ in 0..8 {
        assert!(!bench.association.wants_keys());
        bench.ask();
    }
    assert!(!bench.association.wants_keys(), "the last reply may still come");
    let mut wakeups = 0;
    let end = bench.now.mono + Span::from_secs(86_400);
    while bench.now.mono < end {
        bench.advance_to(bench.association.next_wakeup().unwrap());
        let outcome = bench.association.on_timer(bench.now, &mut bench.random);
        assert!(matches!(outcome, TimerOutcome::Expired));
        assert!(bench.association.next_wakeup().unwrap() > bench.now.mono, "it was served");
        assert!(bench.association.wants_keys());
        wakeups += 1;
    }
    assert!(wakeups < 1500, "{wakeups} wakeups in a day");
    assert!(!bench.association.reach().is_reachable());
    assert_eq!(bench.association.counters().requests(), 8);
    bench.association.set_session(session(Algorithm::Aes128GcmSiv, 8, 9));
    assert!(!bench.association.wants_keys());
    bench.exchange();
    assert!(bench.association.reach().is_reachable());
}

#[test]
fn the_last_cookie_is_enough_if_its_reply_comes() {
    let mut bench = Bench::secured(Algorithm::Aes128GcmSiv, 1);
    let asked = bench.exchange();
    assert_eq!((Bench::wanted(&asked), bench.cookies()), (8, 8));
}

#[test]
fn a_request_that_did_not_leave_costs_no_cookie() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    for _ in 0..100 {
        let mut asked = bench.ask_unsent();
        bench.association.on_send_failed(asked.token.take().unwrap(), bench.now);
    }
    assert_eq!((bench.cookies(), bench.association.wants_keys()), (8, false));
    let mut asked = bench.ask_unsent();
    let nak = bench.nak(&asked);
    bench.get(&nak);
    bench.association.on_send_failed(asked.token.take().unwrap(), bench.now);
    assert_eq!((bench.cookies(), bench.association.wants_keys()), (7, false), "somebody has seen it");
}

#[test]
fn no_unprotected_reply_is_believed_and_the_genuine_one_still_counts() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let asked = bench.ask();
    bench.advance(ONE_WAY);
    let header = bench.good_reply(&asked);
    assert_eq!(bench.receive(&header), NOT_AUTHENTIC);
    assert_eq!(bench.get(&unprotected(&asked.bytes, &header)), NOT_AUTHENTIC);
    for code in [*b"DENY", *b"RSTR", *b"RATE", *b"INIT"] {
        for _ in 0..10 {
            let kiss = unprotected(&asked.bytes, &bench.kiss(&asked, code));
            assert_eq!(bench.get(&kiss), NOT_AUTHENTIC);
        }
    }
    let mut open_cookie = unprotected(&asked.bytes, &header);
    open_cookie.extend(fields(&[vec![5; 100]]));
    assert_eq!(bench.get(&open_cookie), NOT_AUTHENTIC);
    assert_eq!((bench.cookies(), bench.association.server()), (7, None));
    assert_eq!(bench.association.poll(), Poll::new(4));
    let reply = bench.genuine(&asked, &header);
    assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
}

#[test]
fn no_byte_of_a_reply_may_differ_and_none_may_be_missing() {
    for algorithm in Algorithm::ALL {
        let mut bench = Bench::secured(algorithm, 8);
        let asked = bench.ask();
        let reply = bench.good(&asked);
        for at in 0..reply.len() {
            for bit in 0..8 {
                let mut other = reply.clone();
                other[at] ^= 1 << bit;
                assert!(matches!(bench.get(&other), Outcome::Discarded(_)), "byte {at}");
            }
            assert!(matches!(bench.get(&reply[..at]), Outcome::Discarded(_)), "{at} bytes");
        }
        assert_eq!((bench.cookies(), bench.association.server()), (7, None));
        assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
    }
}

#[test]
fn cookies_after_the_authenticator_are_not_taken() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 4);
    let asked = bench.ask();
    let mut reply = bench.good(&asked);
    reply.extend(fields(&[vec![5; 100]]));
    assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
    let (_, cookies) = bench.association.take_session().unwrap().into_parts();
    assert!(cookies.iter().all(|cookie| **cookie != [5; 100]));
}

#[test]
fn a_replay_brings_nothing() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 2);
    let asked = bench.ask();
    let header = Header { leap: Leap::Unsynchronized, ..bench.good_reply(&asked) };
    let useless = sealed(&asked.bytes, &header, &fields(&[vec![5; 100]]));
    assert_eq!(bench.get(&useless), Outcome::Discarded(Discard::Unsynchronized));
    assert_eq!(bench.cookies(), 2, "the server is not synchronized, but it is the server");
    let other = sealed(&asked.bytes, &header, &fields(&[vec![6; 100]]));
    for _ in 0..10 {
        assert_eq!(bench.get(&useless), Outcome::Discarded(Discard::Unsynchronized));
        assert_eq!(bench.get(&other), Outcome::Discarded(Discard::Unsynchronized));
    }
    assert_eq!(bench.cookies(), 2);
    let reply = bench.good(&asked);
    assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
    assert_eq!(bench.get(&reply), Outcome::Discarded(Discard::Duplicate));
    bench.ask();
    assert_eq!(bench.get(&reply), Outcome::Discarded(Discard::Duplicate));
}

#[test]
fn a_reply_to_another_request_is_not_authentic_whatever_its_origin() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let before = bench.ask();
    let asked = bench.ask();
    let header = bench.good_reply(&asked);
    assert_eq!(bench.get(&sealed(&before.bytes, &header, &[])), NOT_AUTHENTIC);
}

#[test]
fn cookies_are_taken_as_far_as_they_are_wanted_and_sound() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 1);
    let asked = bench.ask();
    let header = bench.good_reply(&asked);
    let hundred: Vec<_> = (0..100).map(|n| vec![n; 100]).collect();
    assert!(matches!(bench.get(&sealed(&asked.bytes, &header, &fields(&hundred))), Outcome::Measurement(_)));
    assert_eq!(bench.cookies(), 8);

    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 1);
    let asked = bench.ask();
    let header = bench.good_reply(&asked);
    let odd = [vec![1; 1500], vec![2; 897], vec![3; 896], vec![3; 896]];
    assert!(matches!(bench.get(&sealed(&asked.bytes, &header, &fields(&odd))), Outcome::Measurement(_)));
    assert_eq!(bench.cookies(), 1, "two are too long, one came twice");
    assert_eq!(bench.ask().bytes.len(), 1024);
}

#[test]
fn lying_lengths_under_the_seal_spoil_the_whole_reply() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 1);
    let asked = bench.ask();
    let header = bench.good_reply(&asked);
    for length in [0_u16, 4, 12, 17, 108, 65535] {
        let mut text = fields(&[vec![5; 100], vec![6; 100]]);
        text[106..108].copy_from_slice(&length.to_be_bytes());
        assert_eq!(bench.get(&sealed(&asked.bytes, &header, &text)), NOT_AUTHENTIC, "length {length}");
    }
    assert_eq!(bench.cookies(), 0);
}

#[test]
fn a_forged_nak_before_the_genuine_reply_does_nothing() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    for _ in 0..20 {
        let asked = bench.ask();
        let nak = bench.nak(&asked);
        assert_eq!(bench.get(&nak), NAK);
        assert_eq!(bench.get(&nak), Outcome::Discarded(Discard::Duplicate));
        let reply = bench.good(&asked);
        assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
        assert_eq!((bench.cookies(), bench.association.wants_keys()), (8, false));
    }
    assert_eq!(bench.association.counters().discarded(Discard::NtsNak), 20);
}

#[test]
fn a_nak_alone_is_believed_when_its_exchange_ends_and_until_an_authentic_reply() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    bench.exchange();
    let asked = bench.ask();
    let nak = bench.nak(&asked);
    assert_eq!(bench.get(&nak), NAK);
    assert!(!bench.association.wants_keys(), "a genuine reply may still come");
    bench.expire();
    assert!(bench.association.wants_keys());
    assert!(bench.cookies() > 0, "the old keys serve until others come (RFC 8915 §5.7)");
    bench.exchange();
    assert!(!bench.association.wants_keys(), "it was forged");
}

#[test]
fn a_nak_that_does_not_return_identifier_and_origin_is_nobodys() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"NTSN");
    assert_eq!(bench.receive(&kiss), NOT_AUTHENTIC);
    let mut other = bench.nak(&asked);
    other[60] ^= 1;
    assert_eq!(bench.get(&other), NOT_AUTHENTIC);
    let blind = Header { origin_timestamp: NtpTimestamp::from_bits(5), ..kiss };
    assert_eq!(bench.get(&unprotected(&asked.bytes, &blind)), Outcome::Discarded(Discard::WrongOrigin));
    let not_a_kiss = Header { stratum: 1, ..kiss };
    assert_eq!(bench.get(&unprotected(&asked.bytes, &not_a_kiss)), NOT_AUTHENTIC);
    bench.expire();
    assert!(!bench.association.wants_keys());
}

#[test]
fn fresh_keys_forget_a_nak_and_the_exchange_on_its_way() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let asked = bench.ask();
    let nak = bench.nak(&asked);
    bench.get(&nak);
    let reply = bench.good(&asked);
    bench.association.set_session(session(Algorithm::Aes128GcmSiv, 8, 9));
    assert!(!bench.association.awaits_reply());
    assert_eq!(bench.get(&reply), Outcome::Discarded(Discard::Unsolicited));
    assert_eq!((bench.cookies(), bench.association.unanswered_polls()), (8, 0));
    bench.exchange();
    assert!(!bench.association.wants_keys());
}

#[test]
fn an_exchange_on_its_way_ends_with_the_keys_that_it_began_with() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    bench.exchange();
    let asked = bench.ask();
    let reply = bench.good(&asked);
    bench.association.set_session(session(Algorithm::Aes128GcmSiv, 8, 9));
    assert!(matches!(bench.get(&reply), Outcome::Measurement(_)));
    assert_eq!(bench.cookies(), 8, "no cookie of the old keys is among them");
    let asked = bench.ask();
    bench.association.set_session(session(Algorithm::AesSivCmac512, 8, 9));
    let nak = bench.nak(&asked);
    assert_eq!(bench.get(&nak), NAK);
    bench.expire();
    assert!(!bench.association.wants_keys(), "it says nothing of the new ones");
    bench.exchange();
}

#[test]
fn a_server_that_refuses_all_keys_is_asked_at_its_usual_pace() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let mut requests = 0;
    let start = bench.now.mono;
    while bench.now.mono - start < Span::from_secs(86_400) {
        let asked = bench.ask();
        requests += 1;
        let nak = bench.nak(&asked);
        bench.get(&nak);
        bench.expire();
        if bench.association.wants_keys() {
            bench.association.set_session(session(Algorithm::AesSivCmac256, 8, requests));
        }
    }
    assert!(requests < 200, "{requests} requests in a day");
}

#[test]
fn protected_kisses_are_orders_at_once() {
    for (bytes, code) in [(*b"DENY", KissCode::Deny), (*b"RSTR", KissCode::Restrict)] {
        let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
        let asked = bench.ask();
        let kiss = bench.kiss(&asked, bytes);
        assert_eq!(bench.get(&sealed(&asked.bytes, &kiss, &[])), Outcome::Refused(code));
        assert!(bench.association.is_demobilized() && !bench.association.wants_keys());
        bench.association.set_session(session(Algorithm::AesSivCmac256, 8, 9));
        assert!(bench.association.is_demobilized());
        assert_eq!(bench.association.next_wakeup(), None);
    }
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"RATE");
    assert_eq!(bench.get(&sealed(&asked.bytes, &kiss, &[])), Outcome::RateLimited(Poll::new(5)));
    let asked = bench.ask();
    let nak = sealed(&asked.bytes, &bench.kiss(&asked, *b"NTSN"), &[]);
    assert_eq!(
        bench.get(&nak),
        Outcome::Discarded(Discard::UnknownKiss),
        "who can seal it has opened the cookie"
    );
    bench.expire();
    assert!(!bench.association.wants_keys());
}

#[test]
fn cookies_outlive_another_network_a_restart_and_a_step() {
    let mut bench = Bench::secured(Algorithm::AesSivCmac256, 8);
    bench.exchange();
    bench.association.on_network_changed();
    bench.association.restart(bench.now.mono);
    bench.association.on_clock_stepped();
    assert_eq!(bench.cookies(), 8);
    bench.exchange();
}

#[test]
fn interleaved_mode_is_protected_too() {
    let mut bench = Bench::secured(Algorithm::Aes128GcmSiv, 8);
    let settings = Settings { interleaved: true, ..Settings::new(server_address(), limits(4, 10)) };
    let keys = session(Algorithm::Aes128GcmSiv, 8, 3);
    bench.association = Association::secured(SourceId(7), settings, keys, bench.now.mono);
    bench.exchange();
    let left = NtpTimestamp::from_clock(bench.now.clock - ONE_WAY);
    let asked = bench.ask();
    bench.advance(ONE_WAY);
    let origin_timestamp = asked.header.receive_timestamp;
    let header = Header { origin_timestamp, transmit_timestamp: left, ..bench.good_reply(&asked) };
    bench.advance(ONE_WAY);
    assert_eq!(bench.receive(&header), NOT_AUTHENTIC);
    let reply = bench.genuine(&asked, &header);
    assert_eq!(bench.get(&reply), Outcome::Answered);
    assert_eq!(bench.association.counters().interleaved(), 1);
}
