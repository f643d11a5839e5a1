//! One NTS key exchange as a client makes it (RFC 8915 §4), blocking. The answer is judged by the library; what it is for is not known here.

use ntpd_rs::nts::{Algorithm, Answer, Offer, Progress};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Asks one server.
#[derive(Debug)]
pub(crate) struct Client {
    at: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    offer: Offer,
}

/// What an exchange brings.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) answer: Answer,
    pub(crate) tls: ClientConnection,
}

const PATIENCE: Duration = Duration::from_secs(5);
/// More than an answer with eight cookies.
const CHUNK: usize = 4096;

impl Client {
    /// Of the key exchange server `at`, as `HOST:PORT`, whose certificate an authority in this file of PEM signed. Nothing is ever resumed.
    pub(crate) fn new(
        at: &str,
        authority: &Path,
        algorithm: Algorithm,
        provider: CryptoProvider,
    ) -> io::Result<Self> {
        let (host, _) = at.rsplit_once(':').ok_or_else(|| wrong("HOST:PORT is expected"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(wrong)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).map_err(wrong)? {
            roots.add(certificate.map_err(wrong)?).map_err(wrong)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(wrong)?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"ntske/1".to_vec()];
        config.resumption = Resumption::disabled();
        let offer = Offer { algorithms: vec![algorithm], ..Offer::default() };
        Ok(Self { at: at.to_owned(), name, tls: Arc::new(config), offer })
    }

    /// From the first segment to the last.
    pub(crate) fn exchange(&self) -> io::Result<Agreed> {
        let mut tcp = TcpStream::connect(&self.at)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        let mut tls = ClientConnection::new(Arc::clone(&self.tls), self.name.clone()).map_err(wrong)?;
        let mut stream = Stream::new(&mut tls, &mut tcp);
        stream.write_all(&self.offer.emit())?;
        stream.flush()?;
        let answer = self.read(&mut stream)?;
        tls.send_close_notify();
        // All is here: a server that has gone already does not hear it.
        let _ = tls.write_tls(&mut tcp);
        Ok(Agreed { answer, tls })
    }

    /// What is read at most is bounded by `judge`.
    fn read(&self, stream: &mut impl Read) -> io::Result<Answer> {
        let mut bytes = Vec::with_capacity(CHUNK);
        let mut chunk = [0; CHUNK];
        loop {
            let length = stream.read(&mut chunk)?;
            if length == 0 {
                return Err(wrong("the answer has no end"));
            }
            bytes.extend(chunk.iter().take(length));
            if let Progress::Done { value, .. } = self.offer.judge(&bytes).map_err(wrong)? {
                return Ok(value);
            }
        }
    }
}

fn wrong(what: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("key exchange: {}", what.to_string()))
}
