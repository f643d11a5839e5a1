//! One connection of a test server for key exchanges: TLS, or what stands in its place. The records are `message`'s.

use super::KeyExchangeBehaviour as Behaviour;
use super::message::{self, Asked, Contents};
use super::{Identity, KeyExchangeOptions};
use crate::nts::{Algorithm, Exporter, KeySet, Protocol, SessionKeys};
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// What all connections of one kind are served with.
#[derive(Debug, Clone)]
pub(super) struct Service {
    behaviour: Behaviour,
    tls: Arc<ServerConfig>,
    master_keys: KeySet,
    /// Of the NTP server.
    port: u16,
}

const ALPN: &[u8] = b"ntske/1";
/// A client that neither speaks nor leaves is left.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two bytes.
const TRICKLE: Duration = Duration::from_millis(200);
/// No request is as long.
const LONGEST_REQUEST: usize = 16 * 1024;
const COOKIES: usize = 8;
const MAIL: &[u8] = b"220 mail.example ESMTP\r\n";
/// A ServerHello of TLS 1.2 (RFC 5246 §7.4.1.3): record, handshake message, version, 32 random bytes, no session, one cipher suite.
const OLD_HELLO: &[u8] =
    b"\x16\x03\x03\0\x2A\x02\0\0\x26\x03\x03not very random at all, 32 bytes\0\xC0\x2F\0";

impl Service {
    /// Of those connections that are treated as the options say.
    pub(super) fn faulty(options: &KeyExchangeOptions, keys: &KeySet, port: u16) -> io::Result<Self> {
        Self::new(options.behaviour, &options.shown, keys, port)
    }

    /// Of the others.
    pub(super) fn honest(options: &KeyExchangeOptions, keys: &KeySet, port: u16) -> io::Result<Self> {
        Self::new(Behaviour::Honest, &options.honest, keys, port)
    }

    fn new(behaviour: Behaviour, identity: &Identity, keys: &KeySet, port: u16) -> io::Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .and_then(|config| {
                let config = config.with_no_client_auth();
                config.with_single_cert(identity.chain.clone(), identity.key.clone_key())
            });
        let mut config = config.map_err(io::Error::other)?;
        config.alpn_protocols = match behaviour {
            Behaviour::OtherProtocol => vec![b"http/1.1".to_vec()],
            Behaviour::NoProtocol => Vec::new(),
            _ => vec![ALPN.to_vec()],
        };
        Ok(Self { behaviour, tls: Arc::new(config), master_keys: keys.clone(), port })
    }

    /// To the end of the connection.
    ///
    /// # Errors
    /// Whatever the client does: nobody need care.
    pub(super) fn serve(mut self, mut tcp: TcpStream) -> io::Result<()> {
        tcp.set_read_timeout(Some(PATIENCE))?;
        tcp.set_write_timeout(Some(PATIENCE))?;
        tcp.set_nodelay(true)?;
        match self.behaviour {
            Behaviour::CloseAtOnce => return Ok(()),
            Behaviour::StallBeforeTls => return stall(&mut tcp),
            Behaviour::NoTls => return tcp.write_all(MAIL).and_then(|()| stall(&mut tcp)),
            Behaviour::OldTls => return tcp.write_all(OLD_HELLO).and_then(|()| stall(&mut tcp)),
            _ => {}
        }
        let mut connection = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        if self.behaviour == Behaviour::StallInTls {
            return half_of_a_handshake(&mut connection, &mut tcp);
        }
        let asked = read(&mut rustls::Stream::new(&mut connection, &mut tcp))?;
        match self.behaviour {
            Behaviour::StallAfterTls => return stall(&mut tcp),
            Behaviour::CloseAfterRequest => return Ok(()),
            _ => {}
        }
        let contents = self.contents(&asked, &connection)?;
        let answer = message::answer(self.behaviour, &contents);
        send(self.behaviour, &answer, &mut connection, &mut tcp)
    }

    fn contents(&mut self, asked: &Asked, connection: &ServerConnection) -> io::Result<Contents> {
        let algorithm = asked.algorithm.unwrap_or(Algorithm::AesSivCmac256);
        let says_so = asked.compliant && algorithm == Algorithm::Aes128GcmSiv;
        let is_silent = self.behaviour == Behaviour::SilentExporter;
        let exporter = Exporter { protocol: Protocol::NtpV4, algorithm, compliant: asked.compliant };
        let keys = exporter.keys(|out, label, context| {
            connection.export_keying_material(out, label, Some(context)).map(|_| ())
        });
        let keys =
            keys.map_err(io::Error::other)?.ok_or_else(|| io::Error::other("keys of a wrong length"))?;
        let cookies = (0..COOKIES).map(|_| self.cookie(&keys)).collect::<io::Result<_>>()?;
        Ok(Contents { algorithm, compliant: says_so && !is_silent, cookies, port: self.port })
    }

    fn cookie(&mut self, keys: &SessionKeys) -> io::Result<Vec<u8>> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let mut cookie = vec![0; KeySet::cookie_len(keys.algorithm())];
        let sealed = self.master_keys.seal(keys, nonce, &mut cookie);
        sealed.map(|_| cookie).ok_or_else(|| io::Error::other("no room for a cookie"))
    }
}

/// Reads and drops what comes, until the client has enough of it.
fn stall(tcp: &mut TcpStream) -> io::Result<()> {
    io::copy(tcp, &mut io::sink()).map(|_| ())
}

fn half_of_a_handshake(connection: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    let mut said = Vec::new();
    while said.is_empty() {
        if connection.read_tls(tcp)? == 0 {
            return Ok(());
        }
        connection.process_new_packets().map_err(io::Error::other)?;
        while connection.wants_write() {
            connection.write_tls(&mut said)?;
        }
    }
    tcp.write_all(said.get(..said.len() / 2).unwrap_or_default())?;
    stall(tcp)
}

fn read(tls: &mut impl Read) -> io::Result<Asked> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        let length = tls.read(&mut chunk)?;
        bytes.extend_from_slice(chunk.get(..length).unwrap_or_default());
        if let Some(asked) = message::request(&bytes) {
            return Ok(asked);
        }
        if length == 0 || bytes.len() > LONGEST_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn send(
    behaviour: Behaviour,
    answer: &[u8],
    connection: &mut ServerConnection,
    tcp: &mut TcpStream,
) -> io::Result<()> {
    if behaviour == Behaviour::Trickle {
        return trickle(answer, connection, tcp);
    }
    let mut tls = rustls::Stream::new(connection, tcp);
    tls.write_all(answer)?;
    tls.flush()?;
    if let Some(chunk) = message::endless(behaviour) {
        loop {
            tls.write_all(&chunk)?;
        }
    }
    if behaviour == Behaviour::NoEnd {
        return stall(tcp);
    }
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(tcp)?;
    }
    Ok(())
}

/// Each byte alone, in a TLS record of its own. Between two of them the client may leave.
fn trickle(answer: &[u8], connection: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    tcp.set_read_timeout(Some(TRICKLE))?;
    for byte in answer {
        rustls::Stream::new(connection, tcp).write_all(&[*byte])?;
        match tcp.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
