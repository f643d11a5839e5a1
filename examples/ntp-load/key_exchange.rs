//! One NTS key exchange (RFC 8915 §4): to the point, and for a server that one trusts. Sends no NTP.

use ntpd_rs::nts::{Algorithm, SessionKeys};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What an exchange brings.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) keys: SessionKeys,
    pub(crate) cookies: Vec<Vec<u8>>,
}

const PATIENCE: Duration = Duration::from_secs(5);
/// Longer than any answer.
const LONGEST_ANSWER: u64 = 65_536;
/// Record types (RFC 8915 §4.1, and chrony's for the keys of algorithm 30).
const END: u16 = 0;
const NEXT_PROTOCOL: u16 = 1;
const ERROR: u16 = 2;
const ALGORITHM: u16 = 4;
const COOKIE: u16 = 5;
const COMPLIANT_EXPORTER: u16 = 1024;
const CRITICAL: u16 = 0x8000;

/// With the key exchange server `at`, as `HOST:PORT`, whose certificate an authority in this file of PEM signed.
pub(crate) fn establish(at: &str, authority: &Path, algorithm: Algorithm) -> io::Result<Established> {
    let (host, _) = at.rsplit_once(':').ok_or_else(|| wrong("HOST:PORT is expected"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| wrong(&error.to_string()))?;
    let connection = ClientConnection::new(Arc::new(config(authority)?), name).map_err(io::Error::other)?;
    let stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    stream.write_all(&request(algorithm))?;
    stream.flush()?;
    let answer = read(&mut stream)?;
    let cookies = understood(&answer, algorithm)?;
    let key = |direction: u8| {
        let [high, low] = algorithm.id().to_be_bytes();
        let key = vec![0; algorithm.key_len()];
        let context = [0, 0, high, low, direction];
        let label = b"EXPORTER-network-time-security";
        stream.conn.export_keying_material(key, label, Some(&context)).map_err(io::Error::other)
    };
    let keys = SessionKeys::new(algorithm, &key(0)?, &key(1)?);
    Ok(Established { keys: keys.ok_or_else(|| wrong("the keys have another length"))?, cookies })
}

fn config(authority: &Path) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authority).map_err(io::Error::other)? {
        roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"ntske/1".to_vec()];
    Ok(config)
}

fn request(algorithm: Algorithm) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, body) in [
        (CRITICAL | NEXT_PROTOCOL, &[0, 0][..]),
        (CRITICAL | ALGORITHM, &algorithm.id().to_be_bytes()),
        (COMPLIANT_EXPORTER, &[]),
        (CRITICAL | END, &[]),
    ] {
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, u8::try_from(body.len()).unwrap_or(0)]);
        bytes.extend(body);
    }
    bytes
}

/// Up to the record that ends the answer; who closes without saying so in TLS has said it in that record.
fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    match stream.take(LONGEST_ANSWER).read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

/// The cookies of an answer.
fn understood(mut answer: &[u8], algorithm: Algorithm) -> io::Result<Vec<Vec<u8>>> {
    let mut cookies = Vec::new();
    let mut agreed = false;
    while let Some(([a, b, c, d], rest)) = answer.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (body, rest) = rest.split_at_checked(length).ok_or_else(|| wrong("the answer is cut off"))?;
        answer = rest;
        match u16::from_be_bytes([*a, *b]) & !CRITICAL {
            END if agreed && !cookies.is_empty() => return Ok(cookies),
            END => return Err(wrong("the server has no cookies for this algorithm")),
            ERROR => return Err(wrong(&format!("the server answers with error {body:?}"))),
            ALGORITHM => agreed = body == algorithm.id().to_be_bytes(),
            COOKIE => cookies.push(body.to_vec()),
            _ => {}
        }
    }
    Err(wrong("the answer has no end"))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("key exchange: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap();
        [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn an_answer_is_its_cookies_or_says_what_is_missing() {
        let (agreed, cookie) = (record(CRITICAL | ALGORITHM, &[0, 15]), record(COOKIE, &[5; 100]));
        let end = record(CRITICAL | END, &[]);
        let understood = |parts: &[&Vec<u8>]| {
            let answer: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            understood(&answer, Algorithm::AesSivCmac256).map_err(|error| error.to_string())
        };
        assert_eq!(understood(&[&agreed, &cookie, &cookie, &end]), Ok(vec![vec![5; 100]; 2]));
        assert!(understood(&[&cookie, &end]).unwrap_err().contains("no cookies for this algorithm"));
        assert!(understood(&[&agreed, &end]).unwrap_err().contains("no cookies"));
        assert!(understood(&[&agreed, &cookie]).unwrap_err().contains("no end"));
        assert!(understood(&[&record(CRITICAL | ERROR, &[0, 1])]).unwrap_err().contains("error [0, 1]"));
        assert!(understood(&[&cookie[..50].to_vec()]).unwrap_err().contains("cut off"));
    }
}
