//! TLS clients as the tests need them, polite or not.

use super::Server;
use crate::daemon::certificate::provider;
use crate::nts::record::RecordType;
use crate::nts::{Algorithm, Answer, Offer, Progress, SessionKeys};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(super) type Tls = TlsStream<TcpStream>;

fn config(server: &Server, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(server.root.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

pub(super) async fn connect_with(server: &Server, alpn: &[&[u8]]) -> io::Result<Tls> {
    let stream = TcpStream::connect(server.address).await?;
    TlsConnector::from(config(server, alpn)).connect(name(), stream).await
}

/// A connection as the kernel makes it, even if the server resets it at once.
pub(super) fn connect_tcp(server: &Server) -> TcpStream {
    let stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

/// A whole ClientHello.
pub(super) fn hello(server: &Server) -> Vec<u8> {
    let mut connection = ClientConnection::new(config(server, &[b"ntske/1"]), name()).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

pub(super) async fn connect(server: &Server) -> Tls {
    connect_with(server, &[b"ntske/1"]).await.unwrap()
}

/// What the server sends until it closes.
pub(super) async fn end_of(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await.unwrap();
    if let Err(error) = read {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
    bytes
}

/// What the server answers to these bytes.
pub(super) async fn answer_to(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(server).await;
    // It may close before it has read all.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    end_of(&mut stream).await
}

/// A message of critical records, with its end.
pub(super) fn request(records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (kind, body) in records.iter().chain(&[(0, &[][..])]) {
        message.extend((kind | 0x8000).to_be_bytes());
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(*body);
    }
    message
}

/// A whole exchange: the answer, and the keys as the client exports them. Without `compliant` the client does not know that record.
pub(super) async fn exchange(server: &Server, offer: &Offer, compliant: bool) -> (Answer, SessionKeys) {
    let mut message = offer.emit();
    if !compliant && offer.algorithms.contains(&Algorithm::Aes128GcmSiv) {
        let record = [&RecordType::CompliantExporter.number().to_be_bytes()[..], &[0, 0]].concat();
        let at = message.windows(4).position(|window| window == record).unwrap();
        message.drain(at..at + 4);
    }
    let mut stream = connect(server).await;
    stream.write_all(&message).await.unwrap();
    stream.flush().await.unwrap();
    let bytes = end_of(&mut stream).await;
    let Progress::Done { value: answer, length } = offer.judge(&bytes).unwrap() else { panic!("cut off") };
    assert_eq!(length, bytes.len());
    let connection = stream.get_ref().1;
    let export = |to: &mut [u8], label: &[u8], context: &[u8]| {
        connection.export_keying_material(to, label, Some(context)).map(drop)
    };
    let keys = answer.exporter.keys(export).unwrap().unwrap();
    (answer, keys)
}

/// The server counts in its own thread, a moment after the client has seen the end.
pub(super) async fn eventually(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "it never comes to that");
        sleep(Duration::from_millis(1)).await;
    }
}
