//! A key exchange server on loopback with certificates made on the spot, good or bad. Proves nothing by itself.

use crate::daemon::certificate::{ALPN, provider};
use crate::nts::{Policy, Progress, SessionKeys};
use crate::time::ClockTime;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{NamedGroup, ServerConfig};
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub(super) type Day = (i32, u8, u8);

pub(super) fn day((year, month, day): Day) -> ClockTime {
    ClockTime::from_unix_secs(date_time_ymd(year, month, day).unix_timestamp())
}

/// What it does with a connection.
#[derive(Debug, Clone)]
pub(super) enum Manner {
    Answers(Policy),
    /// In the middle of nothing.
    Says(Vec<u8>),
    Silent,
    Endless,
    OtherProtocol,
    NoTls,
}

#[derive(Debug, Clone)]
pub(super) struct Certificates {
    pub(super) names: Vec<String>,
    pub(super) leaf: (Day, Day),
    pub(super) intermediate: (Day, Day),
    /// How often the intermediate is presented.
    pub(super) copies: usize,
    /// The leaf has signed itself, and is named as the authority; an authority's or not.
    pub(super) itself: Option<IsCa>,
}

impl Default for Certificates {
    fn default() -> Self {
        Self {
            names: vec!["127.0.0.1".to_owned(), "time.example".to_owned()],
            leaf: ((2026, 1, 1), (2027, 1, 1)),
            intermediate: ((2026, 3, 1), (2026, 12, 1)),
            copies: 1,
            itself: None,
        }
    }
}

/// What it agreed on: keys and group.
pub(super) type Made = (SessionKeys, NamedGroup);

pub(super) struct Server {
    pub(super) port: u16,
    /// The root, in PEM form.
    pub(super) authority: NamedTempFile,
    pub(super) made: mpsc::UnboundedReceiver<Made>,
    _tasks: JoinSet<()>,
}

fn authority(name: &str, (from, to): (Day, Day)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(from.0, from.1, from.2);
    params.not_after = date_time_ymd(to.0, to.1, to.2);
    (params, KeyPair::generate().unwrap())
}

impl Server {
    pub(super) async fn start(certificates: Certificates, manner: Manner) -> Self {
        let (params, key) = authority("root", ((2020, 1, 1), (2040, 1, 1)));
        let root = CertifiedIssuer::self_signed(params, key).unwrap();
        let (params, key) = authority("intermediate", certificates.intermediate);
        let intermediate = CertifiedIssuer::signed_by(params, key, &root).unwrap();
        let mut params = CertificateParams::new(certificates.names).unwrap();
        let (from, to) = certificates.leaf;
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let key = KeyPair::generate().unwrap();
        let (leaf, others) = match certificates.itself {
            None => (params.signed_by(&key, &intermediate).unwrap(), certificates.copies),
            Some(is_ca) => {
                params.is_ca = is_ca;
                (params.self_signed(&key).unwrap(), 0)
            }
        };
        let named = if certificates.itself.is_some() { leaf.pem() } else { root.pem() };
        let mut chain = vec![leaf.der().clone()];
        chain.extend(std::iter::repeat_n(intermediate.der().clone(), others));
        let config = ServerConfig::builder_with_provider(provider());
        let config = config.with_protocol_versions(&[&rustls::version::TLS13]).unwrap().with_no_client_auth();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = config.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = match manner {
            Manner::OtherProtocol => vec![b"http/1.1".to_vec()],
            _ => vec![ALPN.to_vec()],
        };
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(named.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (out, made) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let acceptor = TlsAcceptor::from(Arc::new(config));
            while let Ok((tcp, _)) = listener.accept().await {
                // One after the other is enough.
                let _ = serve(&acceptor, tcp, &manner, &out).await;
            }
        });
        Self { port, authority: file, made, _tasks: tasks }
    }
}

async fn serve(
    acceptor: &TlsAcceptor,
    mut tcp: TcpStream,
    manner: &Manner,
    out: &mpsc::UnboundedSender<Made>,
) -> std::io::Result<()> {
    if let Manner::NoTls = manner {
        return tcp.write_all(b"220 mail.example ESMTP\r\n").await;
    }
    let mut tls = acceptor.accept(tcp).await?;
    match manner {
        Manner::Answers(policy) => answer(&mut tls, policy, out).await?,
        Manner::Says(bytes) => tls.write_all(bytes).await?,
        Manner::Silent => while tls.read_u8().await.is_ok() {},
        // Records of warnings that never end.
        Manner::Endless => while tls.write_all(&[0x40, 0, 0, 0]).await.is_ok() {},
        Manner::OtherProtocol | Manner::NoTls => {}
    }
    tls.shutdown().await
}

async fn answer(
    tls: &mut TlsStream<TcpStream>,
    policy: &Policy,
    out: &mpsc::UnboundedSender<Made>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let request = loop {
        tls.read_buf(&mut bytes).await?;
        if let Progress::Done { value, .. } = policy.judge(&bytes).unwrap() {
            break value;
        }
    };
    if let crate::nts::Request::Keys(exporter) = request {
        let connection = tls.get_ref().1;
        let keys = exporter.keys(|out, label, context| {
            connection.export_keying_material(out, label, Some(context)).map(|_| ())
        });
        let group = connection.negotiated_key_exchange_group().unwrap().name();
        let _ = out.send((keys.unwrap().unwrap(), group));
    }
    let cookies: Vec<Vec<u8>> = (0..request.cookies()).map(|n| vec![n.try_into().unwrap(); 100]).collect();
    let message = policy.answer(&request, cookies.iter().map(Vec::as_slice), false);
    // In two pieces: an answer need not come at once.
    let (head, tail) = message.split_at(message.len() / 2);
    tls.write_all(head).await?;
    tls.flush().await?;
    tls.write_all(tail).await
}
