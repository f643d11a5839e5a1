//! One connection of a key exchange: TCP, TLS 1.3, request, answer, keys (RFC 8915 §3, §4, §5.1). Has no deadline of its own.

use super::trust::{self, Trusted};
use super::verifier::Verifier;
use super::words;
use crate::daemon::certificate::ALPN;
use crate::nts::{Answer, CertificateTime, Offer, Progress, SessionKeys, Validity};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// What the server gives.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) keys: SessionKeys,
    pub(super) answer: Answer,
    pub(super) validity: Validity,
}

/// Exchanges keys with one address of `host`, which its certificate must name.
///
/// # Errors
/// For people.
pub(super) async fn agree(
    server: SocketAddr,
    host: &str,
    time: CertificateTime,
    trusted: &Arc<Trusted>,
    offer: &Offer,
) -> Result<Agreed, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "it is neither an address nor a host name".to_owned())?;
    let verifier = Arc::new(Verifier::new(Arc::clone(trusted), time)?);
    let config = trust::configuration(Arc::clone(&verifier), time)?;
    let told = |error| words::of_io(&error, server.port(), time);
    let tcp = TcpStream::connect(server).await.map_err(told)?;
    // The request follows the handshake's last flight: it need not wait until that is acknowledged. A kernel that refuses sends it later.
    let _ = tcp.set_nodelay(true);
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(told)?;
    let (_, connection) = tls.get_ref();
    if connection.alpn_protocol() != Some(ALPN) {
        return Err(words::NO_KEY_EXCHANGE.to_owned());
    }
    let validity = verifier.validity().ok_or("its certificate was not judged")?;
    tls.write_all(&offer.emit()).await.map_err(told)?;
    tls.flush().await.map_err(told)?;
    let answer = read(&mut tls, offer, told).await?;
    let keys = keys(tls.get_ref().1, &answer)?;
    // Everything is here: whether the farewell arrives does not matter, and a few bytes find room in the socket.
    let _ = tls.shutdown().await;
    Ok(Agreed { keys, answer, validity })
}

/// What is read at most is bounded by `judge`.
async fn read(
    tls: &mut TlsStream<TcpStream>,
    offer: &Offer,
    told: impl Fn(std::io::Error) -> String,
) -> Result<Answer, String> {
    // Cookies are secrets. Room for what is usual, so that few copies of them stay behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(USUAL_ANSWER));
    loop {
        if tls.read_buf(&mut *bytes).await.map_err(&told)? == 0 {
            return Err(words::CLOSED.to_owned());
        }
        match offer.judge(&bytes) {
            Ok(Progress::NeedMore) => {}
            Ok(Progress::Done { value, .. }) => return Ok(value),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Bytes: eight cookies of ours have less, in TLS records that are read whole.
const USUAL_ANSWER: usize = 4096;

fn keys(connection: &ClientConnection, answer: &Answer) -> Result<SessionKeys, String> {
    let exported = answer
        .exporter
        .keys(|out, label, context| connection.export_keying_material(out, label, Some(context)).map(|_| ()));
    match exported {
        Ok(Some(keys)) => Ok(keys),
        Ok(None) => Err("the keys have a wrong length".to_owned()),
        Err(error) => Err(format!("the keys cannot be taken from the TLS connection: {error}")),
    }
}
