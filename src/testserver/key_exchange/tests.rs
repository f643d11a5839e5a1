//! What the bad answers and packets say, judged by the client's half of `nts`. The connections are tried out in `tests/daemon`.

use super::message::{Contents, answer, endless, request};
use super::packets::Packets;
use super::{Identity, KeyExchangeBehaviour as Behaviour, KeyExchangeOptions, Tampering};
use crate::nts::{Algorithm, Answer, Key, KeySet, MasterKey, Offer, Progress, Session, SessionKeys};
use crate::packet::{Header, Mode, Packet};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

fn judged(behaviour: Behaviour) -> Result<Progress<Answer>, String> {
    let (algorithm, cookies) = (Algorithm::AesSivCmac256, vec![vec![7; 100]; 8]);
    let contents = Contents { algorithm, compliant: false, cookies, port: 1123 };
    let mut bytes = answer(behaviour, &contents);
    bytes.extend(endless(behaviour).into_iter().flatten());
    Offer::default().judge(&bytes).map_err(|error| error.to_string())
}

#[track_caller]
fn check(behaviour: Behaviour, words: &str) {
    let error = judged(behaviour).unwrap_err();
    assert!(error.contains(words), "{behaviour}: {error}");
}

#[test]
fn every_bad_answer_is_refused_for_what_is_wrong_with_it_and_for_nothing_else() {
    check(Behaviour::EmptyCookie, "without a byte");
    check(Behaviour::LongCookie, "longer than");
    check(Behaviour::ThousandCookies, "longer than");
    check(Behaviour::NoCookie, "no cookie");
    check(Behaviour::EndlessCookies, "longer than");
    check(Behaviour::EndlessUnknown, "256 records");
    check(Behaviour::UnknownCritical, "critical");
    check(Behaviour::Error, "error 2");
    check(Behaviour::Warning, "warning 7");
    check(Behaviour::TwoProtocols, "more than one record: Next Protocol");
    check(Behaviour::NotOffered, "algorithm 99");
    for name in [Behaviour::EmptyName, Behaviour::ForeignName, Behaviour::ZeroInName] {
        check(name, "neither an address nor a host name");
    }
    check(Behaviour::LongName, "longer than");
    check(Behaviour::PortZero, "port 0");
    check(Behaviour::AfterEnd, "after the End of Message");
}

#[test]
fn what_does_not_end_is_waited_for_and_what_is_good_is_accepted() {
    for behaviour in [Behaviour::NoEnd, Behaviour::TruncatedRecord] {
        assert_eq!(judged(behaviour), Ok(Progress::NeedMore), "{behaviour}");
    }
    for (behaviour, server) in [
        (Behaviour::Honest, None),
        (Behaviour::Localhost, Some("localhost")),
        (Behaviour::Elsewhere, Some("192.0.2.1")),
    ] {
        let Ok(Progress::Done { value, .. }) = judged(behaviour) else { panic!("{behaviour}") };
        assert_eq!((value.cookies.len(), value.port), (8, Some(1123)));
        assert_eq!(value.server.as_ref().map(crate::nts::ServerName::as_str), server);
    }
}

#[test]
fn a_request_is_read_when_it_is_whole() {
    let bytes = Offer::default().emit();
    assert_eq!(request(&bytes[..bytes.len() - 1]), None);
    let asked = request(&bytes).unwrap();
    assert_eq!((asked.algorithm, asked.compliant), (Some(Algorithm::Aes128GcmSiv), true));
}

#[test]
fn words_and_behaviours_are_the_same() {
    for (behaviour, word) in Behaviour::ALL {
        assert_eq!((behaviour.to_string().as_str(), word.parse()), (word, Ok(behaviour)));
    }
    for (tampering, word) in Tampering::ALL {
        assert_eq!((tampering.to_string().as_str(), word.parse()), (word, Ok(tampering)));
    }
    assert!("nice".parse::<Behaviour>().unwrap_err().contains("stall-in-tls"));
}

fn nobody() -> Identity {
    Identity { chain: Vec::new(), key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(Vec::new())) }
}

/// What comes back to two requests, the second one's replies; how many of them a client takes for genuine.
fn genuine(tampering: Tampering, withhold: bool) -> (usize, usize) {
    let key = Key::new(Algorithm::AesSivCmac512, &[4; 64]).unwrap();
    let mut master_keys = KeySet::new(vec![MasterKey { id: 1, key }], 0).unwrap();
    let algorithm = Algorithm::Aes128GcmSiv;
    let keys = SessionKeys::new(algorithm, &[1; 16], &[2; 16]).unwrap();
    let cookies = [1, 2].map(|n| {
        let mut cookie = vec![0; KeySet::cookie_len(algorithm)];
        master_keys.seal(&keys, [n; 16], &mut cookie).unwrap();
        cookie
    });
    let mut session = Session::new(keys, cookies);
    let options = KeyExchangeOptions {
        behaviour: Behaviour::Honest,
        faulty_connections: None,
        shown: nobody(),
        honest: nobody(),
        tampering,
        faulty_packets: None,
        withhold,
    };
    let mut packets = Packets::new(&options, master_keys);
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let plain = Header { mode: Mode::Server, stratum: 1, ..Header::default() };
    let [_, (identifier, replies)] = [(); 2].map(|()| {
        let request = session.protect(&Header::default(), &mut random).unwrap();
        (request.unique_identifier, packets.replies(&request.bytes, &plain).unwrap())
    });
    let opens = |bytes: &&Vec<u8>| {
        Packet::parse(bytes).is_ok_and(|packet| session.open(bytes, &packet, &identifier).is_ok())
    };
    (replies.len(), replies.iter().filter(opens).count())
}

#[test]
fn what_is_forged_is_not_genuine_and_comes_first() {
    for (tampering, _) in Tampering::ALL {
        let forged = usize::from(tampering != Tampering::None);
        assert_eq!(genuine(tampering, false), (1 + forged, 1), "{tampering}");
        assert_eq!(genuine(tampering, true), (1, 1 - forged), "{tampering}");
    }
}
