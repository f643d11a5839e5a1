//! Key exchanges with servers on loopback, from the request to keys or to words for people.

mod server;
mod services;

use super::super::resolver::Names;
use super::super::service_records::ServiceRecords;
use super::exchange::{Patience, offer};
use super::{KeyClient, Outcome};
use crate::engine::QueryId;
use crate::nts::{
    Algorithm, CertificateTime, Established, KeyRequest, NtpServer, Origin, Policy, Protocol, Validity,
};
use crate::time::Span;
use rcgen::{BasicConstraints, IsCa};
use rustls::NamedGroup;
use server::{Certificates, Day, Manner, Server, day};
use std::io;
use std::net::IpAddr;
use tokio::time::Duration;

const TODAY: Day = (2026, 6, 1);

fn policy(algorithm: Algorithm) -> Policy {
    Policy {
        protocols: vec![Protocol::NtpV4],
        algorithms: vec![algorithm],
        pool_tokens: Vec::new(),
        ntp_server: None,
        ntp_port: None,
    }
}

fn answers() -> Manner {
    Manner::Answers(policy(Algorithm::AesSivCmac256))
}

fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    let loopback = |last| IpAddr::from([127, 0, 0, last]);
    match host {
        "time.example" | "time.example." => Ok(vec![loopback(1)]),
        // Nobody is at the first of them.
        "two.example" => Ok(vec![loopback(2), loopback(1)]),
        "ntp.example." => Ok(vec![loopback(7), loopback(8)]),
        _ => Err(io::Error::other("Name or service not known")),
    }
}

fn client() -> (KeyClient, tokio::sync::mpsc::Receiver<Outcome>) {
    let patience = Patience { whole: Duration::from_secs(5), address: Duration::from_secs(3) };
    KeyClient::with(Names::new(Duration::from_secs(5), look_up), ServiceRecords::of_the_system(), patience)
}

impl Server {
    fn request(&self, host: &str) -> KeyRequest {
        KeyRequest {
            host: host.to_owned(),
            port: self.port,
            certificate_authority: Some(self.authority.path().to_owned()),
            enable_srv_resolution: false,
            algorithms: Algorithm::ALL.to_vec(),
            denied: Vec::new(),
            certificate_time: CertificateTime::Clock(day(TODAY)),
        }
    }
}

async fn exchange(request: KeyRequest) -> Result<Box<Established>, String> {
    let (mut client, mut outcomes) = client();
    client.exchange(QueryId(7), request);
    let (query, result) = outcomes.recv().await.unwrap();
    assert_eq!(query, QueryId(7));
    assert!(outcomes.try_recv().is_err(), "an exchange ends once");
    result
}

#[track_caller]
fn check(result: Result<Box<Established>, String>, words: &str) {
    let reason = result.unwrap_err();
    assert!(reason.contains(words), "{reason}");
}

async fn check_certificate(certificates: Certificates, host: &str, words: &str) {
    let server = Server::start(certificates, answers()).await;
    check(exchange(server.request(host)).await, words);
}

#[tokio::test]
async fn keys_are_those_that_the_server_exported_for_every_algorithm() {
    for algorithm in Algorithm::ALL {
        let mut server = Server::start(Certificates::default(), Manner::Answers(policy(algorithm))).await;
        let got = exchange(server.request("time.example.")).await.unwrap();
        let (keys, group) = server.made.recv().await.unwrap();
        assert_eq!(got.session.keys(), &keys);
        assert_eq!(got.session.algorithm(), algorithm);
        assert_eq!(got.session.cookies_left(), 8);
        assert_eq!(got.servers, ["127.0.0.1:123".parse().unwrap()]);
        assert_eq!(
            group,
            NamedGroup::X25519MLKEM768,
            "what is recorded today is safe from tomorrow's computers"
        );
    }
}

#[tokio::test]
async fn the_period_is_that_in_which_every_certificate_is_valid() {
    let server = Server::start(Certificates::default(), answers()).await;
    let got = exchange(server.request("127.0.0.1")).await.unwrap();
    let validity = Validity { not_before: day((2026, 3, 1)), not_after: day((2026, 12, 1)) };
    assert_eq!(got.validity, validity);
    let mut request = server.request("127.0.0.1");
    request.certificate_time = CertificateTime::Unknown { not_before: day((2026, 1, 5)) };
    let got = exchange(request.clone()).await.unwrap();
    assert_eq!(got.validity, validity);
    assert_eq!(got.certificate_time, request.certificate_time);
}

#[tokio::test]
async fn where_the_time_is_unknown_no_period_begins_before_what_is_surely_past() {
    let server = Server::start(Certificates::default(), answers()).await;
    let mut request = server.request("127.0.0.1");
    let not_before = day(TODAY);
    request.certificate_time = CertificateTime::Unknown { not_before };
    let got = exchange(request.clone()).await.unwrap();
    assert_eq!(got.validity, Validity { not_before, not_after: day((2026, 12, 1)) });
    request.certificate_time =
        CertificateTime::Unknown { not_before: day((2026, 12, 1)) + Span::from_millis(1000) };
    check(exchange(request).await, "expired on 2026-12-01, and it is surely later than 2026-12-01");
}

#[tokio::test]
async fn certificates_whose_periods_never_meet_are_refused_at_any_time() {
    let certificates = Certificates { intermediate: ((2024, 1, 1), (2025, 1, 1)), ..Certificates::default() };
    let server = Server::start(certificates, answers()).await;
    let mut request = server.request("127.0.0.1");
    request.certificate_time = CertificateTime::Unknown { not_before: day((2020, 1, 1)) };
    check(exchange(request).await, "expired on 2025-01-01");
}

#[tokio::test]
async fn every_fault_of_a_certificate_is_told_with_its_remedy() {
    let with = |leaf| Certificates { leaf, ..Certificates::default() };
    let expired = with(((2026, 1, 1), (2026, 5, 1)));
    check_certificate(expired, "time.example", "expired on 2026-05-01, and the clock says 2026-06-01").await;
    let early = with(((2026, 7, 1), (2027, 1, 1)));
    check_certificate(early, "time.example", "valid from 2026-07-01, and the clock says 2026-06-01").await;
    let other = Certificates { names: vec!["other.example".to_owned()], ..Certificates::default() };
    let words = "not valid for time.example, only for other.example";
    check_certificate(other.clone(), "time.example", words).await;
    check_certificate(other, "127.0.0.1", "not valid for 127.0.0.1, only for other.example").await;
    let long = Certificates { copies: 6, ..Certificates::default() };
    check_certificate(long, "time.example", "more than 6 certificates").await;
}

#[tokio::test]
async fn an_issuer_who_is_not_trusted_is_told_with_its_remedy() {
    let server = Server::start(Certificates::default(), answers()).await;
    let other = Server::start(Certificates::default(), answers()).await;
    let mut request = server.request("time.example");
    request.certificate_authority = Some(other.authority.path().to_owned());
    check(exchange(request.clone()).await, "certificate-authority must name its new certificate");
    request.certificate_authority = None;
    check(exchange(request).await, "certificate-authority");
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_accepted_where_it_is_named_and_all_else_holds() {
    let unconstrained = IsCa::Ca(BasicConstraints::Unconstrained);
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, unconstrained] {
        let with = |leaf| Certificates { itself: Some(is_ca), leaf, ..Certificates::default() };
        let leaf = ((2026, 1, 1), (2027, 1, 1));
        let server = Server::start(with(leaf), answers()).await;
        let mut request = server.request("time.example");
        let validity = Validity { not_before: day(leaf.0), not_after: day(leaf.1) };
        assert_eq!(exchange(request.clone()).await.unwrap().validity, validity);
        request.certificate_time = CertificateTime::Unknown { not_before: day((2020, 1, 1)) };
        assert_eq!(exchange(request).await.unwrap().validity, validity);
        check(exchange(server.request("two.example")).await, "only for 127.0.0.1, time.example");
        let expired = ((2026, 1, 1), (2026, 5, 1));
        check_certificate(with(expired), "time.example", "expired on 2026-05-01").await;
        let early = ((2026, 7, 1), (2027, 1, 1));
        check_certificate(with(early), "time.example", "valid from 2026-07-01").await;
    }
    let itself = Certificates { itself: Some(unconstrained), ..Certificates::default() };
    let server = Server::start(itself.clone(), answers()).await;
    let other = Server::start(itself, answers()).await;
    let mut request = server.request("time.example");
    request.certificate_authority = Some(other.authority.path().to_owned());
    check(exchange(request).await, "name this very certificate as certificate-authority");
}

#[tokio::test]
async fn a_file_of_authorities_that_is_no_use_is_named() {
    let server = Server::start(Certificates::default(), answers()).await;
    let mut request = server.request("time.example");
    let empty = tempfile::NamedTempFile::new().unwrap();
    request.certificate_authority = Some(empty.path().to_owned());
    check(exchange(request.clone()).await, &format!("{} has no certificate", empty.path().display()));
    request.certificate_authority = Some("/nowhere/ca.pem".into());
    check(exchange(request).await, "/nowhere/ca.pem cannot be read: No such file");
}

#[tokio::test]
async fn servers_that_do_not_exchange_keys_are_told_apart() {
    let cases = [
        (Manner::OtherProtocol, "no NTS key exchange server"),
        (Manner::NoTls, "no NTS key exchange server"),
        (Manner::Says(Vec::new()), "closed the connection before its answer was whole"),
        (Manner::Says(vec![0x80, 2, 0, 2, 0, 1, 0x80, 0, 0, 0]), "it calls the request bad (error 1)"),
        (Manner::Endless, "a message of more than 256 records"),
    ];
    for (manner, words) in cases {
        let server = Server::start(Certificates::default(), manner).await;
        check(exchange(server.request("time.example")).await, words);
    }
    let nobody = Policy { algorithms: Vec::new(), ..policy(Algorithm::AesSivCmac256) };
    let server = Server::start(Certificates::default(), Manner::Answers(nobody)).await;
    check(exchange(server.request("time.example")).await, "knows no AEAD algorithm of ours");
}

#[tokio::test]
async fn a_server_that_is_silent_is_left_when_the_time_is_up() {
    let server = Server::start(Certificates::default(), Manner::Silent).await;
    let whole = Duration::from_millis(100);
    let names = Names::new(Duration::from_secs(5), look_up);
    let (mut client, mut outcomes) =
        KeyClient::with(names, ServiceRecords::of_the_system(), Patience { whole, address: whole });
    for query in 0..9 {
        client.exchange(QueryId(query), server.request("127.0.0.1"));
    }
    let mut ended = std::collections::BTreeSet::new();
    for _ in 0..9 {
        let (query, result) = outcomes.recv().await.unwrap();
        assert!(result.unwrap_err().contains("within"));
        assert!(ended.insert(query), "{query:?} twice");
    }
    assert!(outcomes.try_recv().is_err());
}

#[tokio::test]
async fn an_address_where_nobody_listens_does_not_hide_the_next() {
    let names = vec!["two.example".to_owned()];
    let certificates = Certificates { names, ..Certificates::default() };
    let server = Server::start(certificates, answers()).await;
    let got = exchange(server.request("two.example")).await.unwrap();
    assert_eq!(got.servers, ["127.0.0.1:123".parse().unwrap()]);
    let mut request = server.request("two.example");
    request.certificate_time = CertificateTime::Clock(day((2028, 1, 1)));
    let reason = exchange(request).await.unwrap_err();
    assert!(reason.contains("127.0.0.2: the connection to port"), "{reason}");
    assert!(reason.contains("; 127.0.0.1: its certificate expired on"), "{reason}");
}

#[tokio::test]
async fn the_ntp_server_that_is_named_is_asked_and_those_known_are_not_wanted() {
    let named = Policy {
        ntp_server: Some("ntp.example".to_owned()),
        ntp_port: Some(4123),
        ..policy(Algorithm::Aes128GcmSiv)
    };
    let server = Server::start(Certificates::default(), Manner::Answers(named)).await;
    let mut request = server.request("time.example");
    let servers = ["127.0.0.7:4123".parse().unwrap(), "127.0.0.8:4123".parse().unwrap()];
    let got = exchange(request.clone()).await.unwrap();
    assert_eq!(got.servers, servers);
    let known = servers.map(|address| NtpServer { address, origin: got.origin.clone() });
    request.denied = known[..1].to_vec();
    assert_eq!(exchange(request.clone()).await.unwrap().servers, servers);
    request.denied = known.to_vec();
    assert_eq!(offer(&request).denied, ["ntp.example"], "once, as the key exchange named it");
    request.denied[1].origin = Origin::default();
    assert_eq!(offer(&request).denied, ["ntp.example", "127.0.0.8"]);
    check(exchange(request).await, "only servers that are asked already");
}

#[tokio::test]
async fn a_name_that_is_not_known_fails_with_the_resolvers_reason() {
    let server = Server::start(Certificates::default(), answers()).await;
    check(exchange(server.request("nobody.invalid")).await, "Name or service not known");
}
