//! Files of certificates that change under a running server.

use super::*;
use crate::daemon::certificate::tests::{at, make};
use rustls::{CipherSuite, ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use std::fs;
use std::path::Path;

fn config(folder: &Path) -> KeyExchangeServerConfig {
    let listen = "127.0.0.1:0".parse().unwrap();
    KeyExchangeServerConfig::new(listen, folder.join("chain.pem"), folder.join("key.pem"))
}

fn open(folder: &Path) -> Credentials {
    Credentials::open(&config(folder), Arc::default(), at(2030), false).unwrap()
}

#[test]
fn a_certificate_that_changed_is_in_force_at_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 2020..2040);
    let mut credentials = open(folder.path());
    let before = credentials.tls();
    credentials.look(false, at(2030));
    assert!(Arc::ptr_eq(&before, &credentials.tls()), "nothing has changed");
    let made = make(folder.path(), 2020..2050);
    credentials.look(false, at(2030));
    assert!(!Arc::ptr_eq(&before, &credentials.tls()));
    assert_eq!(credentials.certificate.certified.cert, [made.root]);
    let expires = credentials.counters.certificate_expires().unwrap();
    assert_eq!(Date::of(expires).to_string(), "2050-01-01");
}

#[test]
fn a_link_that_moves_is_followed() {
    let (folder, one, two) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link = folder.path().join("live");
    make(one.path(), 2020..2040);
    let made = make(two.path(), 2020..2050);
    std::os::unix::fs::symlink(one.path(), &link).unwrap();
    let mut credentials = open(&link);
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(two.path(), &link).unwrap();
    credentials.look(false, at(2030));
    assert_eq!(credentials.certificate.certified.cert, [made.root]);
}

#[test]
fn files_of_no_use_change_nothing_and_are_told_of_once_or_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), 2020..2040);
    let mut credentials = open(folder.path());
    let before = credentials.tls();
    let good = fs::read(&made.key).unwrap();
    let told = |credentials: &Credentials| credentials.problem.as_ref().map(|problem| problem.told);
    fs::write(&made.key, "half").unwrap();
    credentials.look(false, at(2030));
    assert_eq!(told(&credentials), Some(false), "it may be being written");
    credentials.look(false, at(2030));
    assert_eq!(told(&credentials), Some(true));
    assert!(Arc::ptr_eq(&before, &credentials.tls()));
    fs::write(&made.key, good).unwrap();
    credentials.look(false, at(2030));
    assert_eq!(told(&credentials), None);
    fs::remove_file(&made.chain).unwrap();
    credentials.look(true, at(2030));
    assert_eq!(told(&credentials), Some(true), "somebody waits for it");
    assert_eq!(credentials.certificate.certified.cert, [made.root]);
}

#[test]
fn a_certificate_that_has_expired_serves_all_the_same_and_none_is_refused_with_78() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 2010..2020);
    let credentials = open(folder.path());
    assert_eq!(Date::of(credentials.counters.certificate_expires().unwrap()).to_string(), "2020-01-01");
    fs::remove_file(folder.path().join("key.pem")).unwrap();
    let error = Credentials::open(&config(folder.path()), Arc::default(), at(2030), false).unwrap_err();
    assert_eq!(error.exit_code.code(), 78);
}

#[test]
fn the_suite_with_sha_256_is_preferred_whatever_the_client_prefers_and_no_suite_of_tls_1_3_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 2020..2040);
    let credentials = open(folder.path());
    let chosen = |offered: &[SupportedCipherSuite]| -> CipherSuite {
        let cipher_suites = offered.to_vec();
        let provider = CryptoProvider { cipher_suites, ..CryptoProvider::clone(&certificate::provider()) };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let builder = builder.with_protocol_versions(&[&TLS13]).unwrap();
        let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        let name = "localhost".try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = ServerConnection::new(credentials.tls()).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        server.read_tls(&mut hello.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        server.negotiated_cipher_suite().unwrap().suite()
    };
    let [first, second, third] = SUITES;
    assert_eq!(chosen(&[third, second, first]), CipherSuite::TLS13_AES_128_GCM_SHA256);
    for only in SUITES {
        assert_eq!(chosen(&[only]), only.suite());
    }
}
