//! Key exchanges with TLS clients over loopback: good ones, rude ones and too many.

mod client;
mod crowd;
mod pools;
mod segments;

use super::*;
use crate::daemon::certificate::tests::make;
use crate::nts::{ErrorCode, Key, MasterKey, Offer, SessionKeys};
use crate::snapshot::{KeyExchangeCounters, KeyExchangeEnd};
use crate::time::Span;
use client::{answer_to, connect, connect_with, end_of, eventually, exchange, request};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep};

/// A server in its own thread.
struct Server {
    running: Option<KeyServers>,
    address: SocketAddr,
    counters: Arc<KeyExchangeCounters>,
    keys: watch::Sender<Arc<KeySet>>,
    files: watch::Sender<()>,
    folder: TempDir,
    root: CertificateDer<'static>,
}

fn key_set(ids: &[u32], primary: usize) -> KeySet {
    let master = |id: &u32| MasterKey {
        id: *id,
        key: Key::new(Algorithm::AesSivCmac512, &[u8::try_from(*id).unwrap(); 64]).unwrap(),
    };
    KeySet::new(ids.iter().map(master).collect(), primary).unwrap()
}

/// With a certificate of its own.
fn listening(
    folder: &TempDir,
    change: impl FnOnce(&mut KeyExchangeServerConfig),
) -> (Listening, CertificateDer<'static>) {
    let made = make(folder.path(), 2020..2099);
    let mut section = KeyExchangeServerConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        certificate_chain: made.chain,
        private_key: made.key,
        timeout: Span::from_secs(20),
        concurrent_connections: 16,
        longlived_connections: 1,
        ntp_server: None,
        ntp_port: None,
        versions: vec![4],
        pool_tokens: vec!["let me in".to_owned()],
    };
    change(&mut section);
    let config = Config { key_exchange_servers: vec![section], ..Config::default() };
    (listen(&config).unwrap().remove(0), made.root)
}

fn start(change: impl FnOnce(&mut KeyExchangeServerConfig)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let (listening, root) = listening(&folder, change);
    let KeyExchangeServer { address, counters } = listening.report();
    let (keys, files) = (watch::Sender::new(Arc::new(key_set(&[1], 0))), watch::Sender::new(()));
    let running = Some(KeyServers::start(vec![listening], keys.subscribe(), files.subscribe()).unwrap());
    Server { running, address, counters, keys, files, folder, root }
}

impl Server {
    async fn counted(&self, end: KeyExchangeEnd, count: u64) {
        eventually(|| self.counters.ended(end) == count).await;
        let all: u64 = KeyExchangeEnd::ALL.iter().map(|end| self.counters.ended(*end)).sum();
        assert_eq!(all, count, "nothing else was counted");
        eventually(|| self.counters.open() == 0).await;
    }
}

#[tokio::test]
async fn eight_cookies_open_to_exactly_the_keys_that_the_client_exports() {
    let server = start(|_| ());
    for algorithm in Algorithm::ALL {
        for compliant in [false, true] {
            let offer = Offer { algorithms: vec![algorithm], ..Offer::default() };
            let (answer, keys) = exchange(&server, &offer, compliant).await;
            assert_eq!(answer.exporter.algorithm, algorithm);
            assert_eq!(answer.exporter.compliant, compliant && algorithm == Algorithm::Aes128GcmSiv);
            assert_eq!((answer.cookies.len(), answer.server, answer.port), (8, None, None));
            for (index, cookie) in answer.cookies.iter().enumerate() {
                assert_eq!(key_set(&[1], 0).open(cookie).as_ref(), Some(&keys));
                assert!(!answer.cookies[..index].contains(cookie), "none is like another");
            }
        }
    }
    server.counted(KeyExchangeEnd::Completed, 6).await;
}

#[tokio::test]
async fn clients_are_sent_to_the_ntp_server_that_is_configured_and_keys_are_those_of_the_moment() {
    let server = start(|section| {
        section.ntp_server = Some("ntp.example.org".to_owned());
        section.ntp_port = Some(11_123);
    });
    server.keys.send_replace(Arc::new(key_set(&[1, 2], 1)));
    let (answer, keys) = exchange(&server, &Offer::default(), true).await;
    assert_eq!(answer.server.unwrap().as_str(), "ntp.example.org");
    assert_eq!(answer.port, Some(11_123));
    assert_eq!(key_set(&[2], 0).open(&answer.cookies[0]), Some(keys));
}

#[tokio::test]
async fn who_does_not_offer_our_protocol_in_tls_gets_nothing() {
    let server = start(|_| ());
    let mut stream = connect_with(&server, &[]).await.unwrap();
    assert_eq!(end_of(&mut stream).await, b"");
    assert!(connect_with(&server, &[b"h2"]).await.is_err());
    server.counted(KeyExchangeEnd::TlsFailed, 2).await;
}

#[tokio::test]
async fn older_tls_and_what_is_no_tls_get_an_alert() {
    let server = start(|_| ());
    // A ClientHello of TLS 1.2 without extensions: one cipher suite, no compression.
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0xC0, 0x2F, 1, 0]].concat();
    let length = u8::try_from(hello.len()).unwrap();
    let older = [&[22, 3, 1, 0, length + 4, 1, 0, 0, length][..], &hello].concat();
    for bytes in [&older[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        assert_eq!(end_of(&mut stream).await.first(), Some(&21), "an alert");
    }
    server.counted(KeyExchangeEnd::TlsFailed, 2).await;
}

#[tokio::test]
async fn bad_requests_are_told_why() {
    let server = start(|_| ());
    let bad = ErrorCode::BadRequest.emit();
    let whole = Offer::default().emit();
    let after_end = [&whole[..], b"x"].concat();
    let unknown = [&[0xC0, 0, 0, 0][..], &whole].concat();
    let long = [[0x40, 0, 0xFF, 0xFF].as_slice(), &[0; 9000]].concat();
    for (bytes, answer) in [
        (&after_end[..], &bad),
        (&unknown, &ErrorCode::UnrecognizedCriticalRecord.emit()),
        (&long, &bad),
        (&[0x80, 0, 0, 0], &bad),
    ] {
        assert_eq!(answer_to(&server, bytes).await, *answer);
    }
    let mut stream = connect(&server).await;
    stream.write_all(&whole[..5]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(end_of(&mut stream).await, bad, "it ends too early");
    server.counted(KeyExchangeEnd::BadRequest, 5).await;
}

#[tokio::test]
async fn who_knows_nothing_that_we_know_is_told_so() {
    let server = start(|_| ());
    let answer = answer_to(&server, &request(&[(1, &[0, 0]), (4, &[0, 99])])).await;
    assert_eq!(answer, request(&[(1, &[0, 0]), (4, &[])]));
    server.counted(KeyExchangeEnd::NothingInCommon, 1).await;
}

#[tokio::test]
async fn a_slow_client_gets_its_answer_within_its_time() {
    let server = start(|_| ());
    let mut stream = connect(&server).await;
    for byte in Offer::default().emit() {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    assert!(Offer::default().judge(&end_of(&mut stream).await).is_ok());
    server.counted(KeyExchangeEnd::Completed, 1).await;
}

#[tokio::test]
async fn who_takes_too_long_is_closed_and_after_the_handshake_told_so() {
    let server = start(|section| section.timeout = Span::from_millis(150));
    let mut mute = TcpStream::connect(server.address).await.unwrap();
    let mut stream = connect(&server).await;
    stream.write_all(&Offer::default().emit()[..7]).await.unwrap();
    assert_eq!(end_of(&mut stream).await, ErrorCode::BadRequest.emit());
    assert_eq!(end_of(&mut mute).await, b"");
    server.counted(KeyExchangeEnd::TimedOut, 2).await;
}

#[tokio::test]
async fn who_goes_away_is_counted_as_broken() {
    let server = start(|_| ());
    drop(TcpStream::connect(server.address).await.unwrap());
    drop(connect(&server).await);
    server.counted(KeyExchangeEnd::Broken, 2).await;
}

#[tokio::test]
async fn beyond_the_limit_connections_are_closed_at_once_and_later_ones_served_again() {
    let server = start(|section| section.concurrent_connections = 1);
    let held = connect(&server).await;
    let mut more = client::connect_tcp(&server);
    assert_eq!(end_of(&mut more).await, b"");
    eventually(|| server.counters.ended(KeyExchangeEnd::Shed) == 1).await;
    assert_eq!(server.counters.open(), 1);
    drop(held);
    eventually(|| server.counters.open() == 0).await;
    exchange(&server, &Offer::default(), true).await;
}

#[tokio::test]
async fn new_connections_get_the_certificate_that_was_put_there_and_a_bad_one_changes_nothing() {
    let mut server = start(|_| ());
    let before = connect(&server).await;
    let made = make(server.folder.path(), 2020..2098);
    server.root = made.root;
    server.files.send_replace(());
    let deadline = Instant::now() + Duration::from_secs(10);
    while connect_with(&server, &[b"ntske/1"]).await.is_err() {
        assert!(Instant::now() < deadline, "it is never read");
        sleep(Duration::from_millis(2)).await;
    }
    std::fs::write(&made.chain, "nothing").unwrap();
    server.files.send_replace(());
    for _ in 0..3 {
        exchange(&server, &Offer::default(), true).await;
    }
    drop(before);
}

#[tokio::test]
async fn the_end_closes_every_connection_and_frees_the_address() {
    let mut server = start(|_| ());
    let mut stream = connect(&server).await;
    drop(server.running.take());
    // Cut off, without close_notify.
    assert!(stream.read(&mut [0; 9]).await.is_err());
    assert_eq!(server.counters.open(), 0);
    sys::tcp::listen(server.address, false).unwrap();
}

#[test]
fn an_address_that_is_taken_is_an_error_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = listening(&folder, |_| ());
    let mut section = first.config.clone();
    section.listen = first.report.address;
    let config = Config { key_exchange_servers: vec![section.clone()], ..Config::default() };
    let error = listen(&config).unwrap_err();
    assert_eq!(error.exit_code.code(), 1);
    assert!(
        error.message.contains("another program, or another [[nts-ke-server]], listens there"),
        "{error}"
    );
    section.private_key = folder.path().join("none");
    let config = Config { key_exchange_servers: vec![section], ..Config::default() };
    assert_eq!(listen(&config).unwrap_err().exit_code.code(), 78);
}

#[test]
fn ipv6_and_ipv4_may_share_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = listening(&folder, |_| ());
    let v4 = KeyExchangeServerConfig { listen: first.report.address, ..first.config.clone() };
    let listen = SocketAddr::new("::".parse().unwrap(), v4.listen.port());
    let both = [v4, KeyExchangeServerConfig { listen, ..first.config.clone() }];
    assert_eq!(Listening::new(&both[1], &both[..1], &both).unwrap().report.address, listen);
    assert_eq!(
        Listening::new(&both[1], &[], &both[1..]).unwrap_err().exit_code.code(),
        1,
        "it would take IPv4 too"
    );
}

#[test]
fn without_a_section_there_is_no_thread() {
    let keys = watch::Sender::new(Arc::new(key_set(&[1], 0)));
    let files = watch::Sender::new(());
    let servers = KeyServers::start(Vec::new(), keys.subscribe(), files.subscribe()).unwrap();
    assert!(servers.thread.is_none());
}
