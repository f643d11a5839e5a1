//! Key exchanges with servers that service records name: whose certificate is believed, and what happens without an answer.

use super::super::exchange::Patience;
use super::*;
use crate::daemon::service_records::tests::name_server::{Manner as Answers, NameServer, Signs, Zone};
use hickory_resolver::proto::op::ResponseCode;
use tokio::net::TcpListener;

fn loopback(host: &str) -> io::Result<Vec<IpAddr>> {
    match host {
        "time.example" | "ke1.example." | "ke2.example." => Ok(vec![IpAddr::from([127, 0, 0, 1])]),
        _ => Err(io::Error::other("Name or service not known")),
    }
}

fn zone() -> Zone {
    Zone::new(day(TODAY).unix_secs())
}

/// A key exchange server whose certificate is for this name.
async fn server(name: &str) -> Server {
    let certificates = Certificates { names: vec![name.to_owned()], ..Certificates::default() };
    Server::start(certificates, answers()).await
}

/// Nobody is at the configured port.
fn request(server: &Server) -> KeyRequest {
    KeyRequest { port: 1, enable_srv_resolution: true, ..server.request("time.example") }
}

async fn exchange(request: KeyRequest, zone: Zone, answers: Answers) -> Result<Box<Established>, String> {
    let name_server = NameServer::start(zone, answers).await;
    let patience = Patience { whole: Duration::from_secs(4), address: Duration::from_secs(2) };
    let names = Names::new(Duration::from_secs(5), loopback);
    let (mut client, mut outcomes) = KeyClient::with(names, ServiceRecords::of(&name_server), patience);
    client.exchange(QueryId(1), request);
    outcomes.recv().await.unwrap().1
}

#[tokio::test]
async fn with_authenticated_records_the_certificate_is_for_the_target() {
    let mut server = server("ke1.example").await;
    let zone = || zone().service("time.example", 0, 0, server.port, "ke1.example.");
    let got = exchange(request(&server), zone(), Answers::Answers(Signs::Well)).await.unwrap();
    assert_eq!(got.origin, Origin { name: None, target: Some("ke1.example".to_owned()) });
    assert_eq!(got.servers, ["127.0.0.1:123".parse().unwrap()]);
    assert_eq!(got.session.keys(), &server.made.recv().await.unwrap().0);
    let other = self::server("time.example").await;
    let zone = self::zone().service("time.example", 0, 0, other.port, "ke1.example.");
    let got = exchange(request(&other), zone, Answers::Answers(Signs::Well)).await;
    check(got, "not valid for ke1.example, only for time.example");
}

#[tokio::test]
async fn with_records_that_anybody_could_have_written_the_certificate_is_for_the_configured_name() {
    for unsigned in [true, false] {
        let zone = |port| {
            let zone = zone().service("time.example", 0, 0, port, "ke1.example.");
            if unsigned { zone.unsigned("time.example.") } else { zone }
        };
        let manner = || Answers::Answers(if unsigned { Signs::Well } else { Signs::Never });
        let right = server("time.example").await;
        let got = exchange(request(&right), zone(right.port), manner()).await.unwrap();
        assert_eq!(got.origin.target.as_deref(), Some("ke1.example"));
        let wrong = server("ke1.example").await;
        let reason = exchange(request(&wrong), zone(wrong.port), manner()).await.unwrap_err();
        assert!(
            reason.contains("not valid for time.example, only for ke1.example; DNSSEC does not"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn signatures_that_are_wrong_or_expired_are_an_error_even_where_the_configured_host_would_do() {
    for signs in [Signs::Wrongly, Signs::Expired] {
        let server = server("time.example").await;
        let zone = zone().service("time.example", 0, 0, server.port, "ke1.example.");
        let request = KeyRequest { port: server.port, ..request(&server) };
        check(exchange(request, zone, Answers::Answers(signs)).await, "cannot be believed");
    }
}

#[tokio::test]
async fn where_the_time_is_unknown_records_are_used_and_not_believed() {
    for (name, works) in [("time.example", true), ("ke1.example", false)] {
        let server = server(name).await;
        let zone = zone().service("time.example", 0, 0, server.port, "ke1.example.");
        let certificate_time = CertificateTime::Unknown { not_before: day((2026, 1, 5)) };
        let request = KeyRequest { certificate_time, ..request(&server) };
        let got = exchange(request, zone, Answers::Answers(Signs::Expired)).await;
        assert_eq!(got.is_ok(), works, "{name}: {got:?}");
    }
}

#[tokio::test]
async fn without_records_or_an_answer_keys_are_exchanged_with_the_configured_host_and_port() {
    let refuses = Answers::Says(ResponseCode::ServFail);
    for manner in [Answers::Answers(Signs::Well), Answers::Answers(Signs::Never), Answers::Silent, refuses] {
        let server = server("time.example").await;
        let request = KeyRequest { port: server.port, ..request(&server) };
        let got = exchange(request, zone(), manner).await.unwrap();
        assert_eq!(got.origin, Origin::default());
    }
    let server = server("other.example").await;
    let request = KeyRequest { port: server.port, ..request(&server) };
    let reason = exchange(request, zone(), Answers::Says(ResponseCode::ServFail)).await.unwrap_err();
    let words =
        "only for other.example; its service records are not found: the name server says \"Server Failure\"";
    assert!(reason.contains(words), "{reason}");
}

#[tokio::test]
async fn a_service_that_is_decidedly_absent_is_not_asked() {
    let server = server("time.example").await;
    let request = KeyRequest { port: server.port, ..request(&server) };
    let zone = zone().service("time.example", 0, 0, 0, ".");
    check(exchange(request, zone, Answers::Answers(Signs::Well)).await, "say that it exchanges no keys");
}

#[tokio::test]
async fn targets_are_tried_in_their_order_until_one_gives_keys() {
    let server = server("ke2.example").await;
    // Nobody is there: whoever had it is gone.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let zone = |last: &str| {
        let zone = zone().service("time.example", 1, 0, 4460, "unknown.example.");
        let zone = zone.service("time.example", 2, 0, gone, "ke1.example.");
        zone.service("time.example", 3, 0, server.port, last)
    };
    let got = exchange(request(&server), zone("ke2.example."), Answers::Answers(Signs::Well)).await.unwrap();
    assert_eq!(got.origin.target.as_deref(), Some("ke2.example"));
    let reason =
        exchange(request(&server), zone("ke1.example."), Answers::Answers(Signs::Well)).await.unwrap_err();
    for words in [
        "unknown.example: Name or service not known; ",
        "ke1.example (127.0.0.1): the connection to port",
        "ke1.example (127.0.0.1): its certificate is not valid",
    ] {
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_target_that_led_to_a_server_of_the_pool_is_tried_after_the_others() {
    let (used, other) = (server("ke1.example").await, server("ke2.example").await);
    let zone = || {
        let zone = zone().service("time.example", 1, 0, used.port, "ke1.example.");
        zone.service("time.example", 2, 0, other.port, "ke2.example.")
    };
    let target = |target: &str| Origin { name: None, target: Some(target.to_owned()) };
    let address = "127.0.0.9:123".parse().unwrap();
    let denied = vec![NtpServer { address, origin: target("ke1.example") }];
    let request = KeyRequest { denied, ..request(&other) };
    let got = exchange(request.clone(), zone(), Answers::Answers(Signs::Well)).await.unwrap();
    assert_eq!(got.origin, target("ke2.example"));
    let request = KeyRequest { certificate_authority: Some(used.authority.path().to_owned()), ..request };
    let got = exchange(request, zone(), Answers::Answers(Signs::Well)).await.unwrap();
    assert_eq!(got.origin, target("ke1.example"), "last, and not never");
}

#[tokio::test]
async fn a_literal_address_has_no_service_records() {
    let server = server("127.0.0.1").await;
    let request = KeyRequest { enable_srv_resolution: true, ..server.request("127.0.0.1") };
    assert!(exchange(request, zone(), Answers::Silent).await.is_ok());
}
