//! The generator against servers that grant, refuse, hang up and know another group: what it counts must be what they did.

use super::options::Options;
use super::run::{Outcome, run};
use clap::Parser;
use ntpd_rs::nts::{Algorithm, ErrorCode, Policy, Progress, Protocol, Request};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use tempfile::TempDir;

/// Of one connection: the whole answer to its request.
type Answering = fn(&Request) -> Vec<u8>;

fn grant(request: &Request) -> Vec<u8> {
    assert!(matches!(request, Request::Keys(exporter) if exporter.algorithm == Algorithm::AesSivCmac256));
    policy().answer(request, [&[7; 100][..]; 8], false)
}

fn policy() -> Policy {
    Policy {
        protocols: vec![Protocol::NtpV4],
        algorithms: Algorithm::ALL.to_vec(),
        pool_tokens: Vec::new(),
        ntp_server: None,
        ntp_port: None,
    }
}

/// Serves as many connections as come, as long as the test runs; where, and who signed its certificate.
fn serve(group: &'static dyn SupportedKxGroup, answering: Answering) -> (String, TempDir) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
    let provider = rustls::crypto::CryptoProvider { kx_groups: vec![group], ..default_provider() };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.into()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = vec![b"ntske/1".to_vec()];
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            // What a client does not like is the client's to tell.
            let _ = answer(StreamOwned::new(tls, tcp.unwrap()), answering);
        }
    });
    (format!("localhost:{port}"), folder)
}

fn answer<S: Read + Write>(
    mut tls: StreamOwned<ServerConnection, S>,
    answering: Answering,
) -> io::Result<()> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let length = tls.read(&mut chunk)?;
        bytes.extend(&chunk[..length]);
        if let Progress::Done { value, .. } = policy().judge(&bytes).unwrap() {
            tls.write_all(&answering(&value))?;
            tls.conn.send_close_notify();
            return tls.flush();
        }
    }
}

fn load((server, folder): &(String, TempDir), arguments: &[&str]) -> io::Result<Outcome> {
    let ca = format!("--ca={}", folder.path().join("ca.pem").display());
    let options = Options::parse_from(["key-exchange-load", server, &ca].iter().chain(arguments));
    options.check().unwrap();
    run(&options)
}

#[test]
fn every_exchange_is_counted_with_its_cookies_however_many_run_at_once() {
    let server = serve(kx_group::X25519, grant);
    for connections in ["--connections=1", "--connections=3"] {
        let found = load(&server, &["--count=7", "--wait=10", connections]).unwrap();
        assert_eq!((found.completed, found.failed, found.cookies), (7, 0, 56), "{found:?}");
    }
    let found = load(&server, &["--seconds=0.05"]).unwrap();
    assert!(found.completed > 0 && found.failed == 0 && found.seconds >= 0.05, "{found:?}");
    let json: serde_json::Value = serde_json::from_str(&found.json()).unwrap();
    assert!(json["exchanges_per_second"].as_f64().unwrap() > 0.0, "{json}");
    assert!(found.text().contains("cookies "), "{}", found.text());
}

#[test]
fn what_is_no_answer_with_cookies_is_a_failure_and_says_why() {
    let refused = |_: &Request| ErrorCode::InternalServerError.emit();
    let cut_off = |request: &Request| grant(request)[..90].to_vec();
    let bare = |request: &Request| policy().answer(request, [], false);
    let cases: [(Answering, &str); 3] =
        [(refused, "the server refused"), (cut_off, "the answer has no end"), (bare, "no cookie")];
    for (answering, reason) in cases {
        let found = load(&serve(kx_group::X25519, answering), &["--count=2"]).unwrap();
        assert_eq!((found.completed, found.failed), (0, 2), "{reason}");
        assert!(found.failure.as_ref().is_some_and(|told| told.contains(reason)), "{reason}: {found:?}");
    }
}

#[test]
fn only_the_group_that_was_asked_for_is_offered() {
    let groups = [("x25519", kx_group::X25519), ("hybrid", kx_group::X25519MLKEM768)];
    for (known, group) in groups.into_iter().chain([("p256", kx_group::SECP256R1)]) {
        let server = serve(group, grant);
        for offered in ["x25519", "hybrid", "p256"] {
            let found = load(&server, &["--count=1", &format!("--group={offered}")]).unwrap();
            assert_eq!(found.completed == 1, known == offered, "{known}, {offered}: {found:?}");
        }
    }
}

#[test]
fn a_server_that_never_answers_is_not_waited_for_forever() {
    let (_, folder) = serve(kx_group::X25519, grant);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = load(&(closed.to_string(), folder), &["--wait=0.1"]).unwrap_err().to_string();
    assert!(error.contains("not once within 0.1 s"), "{error}");
}
