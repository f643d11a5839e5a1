//! Key exchange servers as the client sees them, with certificates that are no more than their dates; and NTP servers that seal their
//! replies with the keys of these exchanges. No TLS, and no check of what clients send.

use ntpd_rs::nts::field::{FieldType, Fields, padded, write_authenticator, write_field};
use ntpd_rs::nts::{
    Algorithm, CertificateTime, Cipher, Established, KeyRequest, Origin, Session, SessionKeys, TAG_LEN,
    Validity,
};
use ntpd_rs::packet::{Header, Packet};
use ntpd_rs::time::Date;
use std::net::SocketAddr;

/// How long a key exchange takes, seconds.
pub(crate) const EXCHANGE_SECONDS: f64 = 0.1;
const COOKIE_LEN: usize = 100;

/// One key exchange server.
#[derive(Debug, Clone)]
pub(crate) struct KeyServer {
    /// The NTP servers that it names.
    pub(crate) servers: Vec<SocketAddr>,
    /// Of its certificate.
    pub(crate) validity: Validity,
    /// Whether it answers.
    pub(crate) works: bool,
}

impl KeyServer {
    /// What comes of the exchange; a certificate is judged as a client of TLS judges it.
    pub(crate) fn exchange(&self, request: &KeyRequest) -> Result<Box<Established>, String> {
        if !self.works {
            return Err("the connection was refused".to_owned());
        }
        let is_valid = match request.certificate_time {
            CertificateTime::Clock(time) => self.validity.contains(time),
            CertificateTime::Unknown { not_before } => self.validity.not_after >= not_before,
        };
        if !is_valid {
            return Err(format!("its certificate is not valid after {}", Date::of(self.validity.not_after)));
        }
        let is_denied = |server: &SocketAddr| request.denied.iter().any(|denied| denied.address == *server);
        let servers = self.servers.iter().filter(|server| !is_denied(server)).copied().collect();
        let session = session().ok_or("it has no keys")?;
        let origin = Origin::default();
        let certificate_time = request.certificate_time;
        Ok(Box::new(Established { session, servers, origin, validity: self.validity, certificate_time }))
    }
}

/// Eight cookies and the keys that every server here has.
pub(crate) fn session() -> Option<Session> {
    Some(Session::new(keys()?, (0..8).map(|number| vec![number; COOKIE_LEN])))
}

fn keys() -> Option<SessionKeys> {
    SessionKeys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32])
}

/// The reply as a server with these keys sends it, with a new cookie; as it is, where the request is a plain one.
pub(crate) fn protect(request: &[u8], reply: Vec<u8>) -> Vec<u8> {
    sealed(request, &reply).unwrap_or(reply)
}

fn sealed(request: &[u8], reply: &[u8]) -> Option<Vec<u8>> {
    let packet = Packet::parse(request).ok()?;
    let unique_identifier = Fields::find(request, &packet).ok()?.unique_identifier?;
    let mut text = vec![0; 4 + COOKIE_LEN];
    // Never the same twice.
    let cookie = write_field(&mut text, FieldType::Cookie, COOKIE_LEN)?;
    cookie.get_mut(..unique_identifier.len())?.copy_from_slice(unique_identifier);
    let nonce = [3; 16];
    let at = Header::LEN + 4 + padded(unique_identifier.len());
    let mut bytes = reply.to_vec();
    bytes.resize(at + 8 + nonce.len() + text.len() + TAG_LEN, 0);
    let (associated, rest) = bytes.split_at_mut_checked(at)?;
    let room = associated.get_mut(Header::LEN..)?;
    let identifier = write_field(room, FieldType::UniqueIdentifier, unique_identifier.len())?;
    identifier.get_mut(..unique_identifier.len())?.copy_from_slice(unique_identifier);
    let place = write_authenticator(rest, &nonce, text.len() + TAG_LEN)?;
    Cipher::new(&keys()?.s2c)?.seal(&nonce, associated, &text, place)?;
    Some(bytes)
}
