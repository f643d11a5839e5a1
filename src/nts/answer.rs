//! The client's side of a key exchange: what it offers, and its judgement of the answer (RFC 8915 §4). Resolves no name, sends nothing.

use super::message::{self, MalformedMessage, Progress, Records};
use super::record::{Record, RecordType, emit_critical, emit_numbers, emit_optional};
use super::server_name::ServerName;
use super::{Algorithm, ErrorCode, Exporter, LONGEST_COOKIE, Protocol};
use std::fmt;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What keys are wanted for, the preferred first; at least one.
    pub protocols: Vec<Protocol>,
    /// The preferred first; at least one.
    pub algorithms: Vec<Algorithm>,
    /// Servers that the client has already, exactly as [`Answer::server`] named them: a pool should give another
    /// (draft-ietf-ntp-nts-keyexchange-pool). Others ignore it.
    pub denied: Vec<String>,
}

/// What a client gets, all of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was agreed; its keys belong to the cookies.
    pub exporter: Exporter,
    /// One to eight, each of 1 to [`LONGEST_COOKIE`] bytes.
    pub cookies: Vec<Vec<u8>>,
    /// The NTP server; the one that answered, without.
    pub server: Option<ServerName>,
    /// Its port; 123 without. Never 0.
    pub port: Option<u16>,
}

/// Why there are no keys. Each text goes on after "the key exchange server sent" or stands alone in a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerError {
    /// The records do not make a message.
    Malformed(MalformedMessage),
    /// The server refused.
    Refused(ErrorCode),
    /// No warning is defined, and one that is not known is an error (RFC 8915 §4.1.4).
    Warned(u16),
    /// A critical record of this type is not known.
    UnknownCritical(u16),
    /// A record that only clients send.
    NotForClients(RecordType),
    /// There must be no more than one of it.
    Repeated(RecordType),
    /// Its body has not the form of its type.
    BadBody(RecordType),
    /// There must be one of it.
    Missing(RecordType),
    /// The server knows none of the protocols.
    NoProtocol,
    /// The server knows none of the algorithms.
    NoAlgorithm,
    /// This protocol was not offered.
    ProtocolNotOffered(u16),
    /// This algorithm was not offered.
    AlgorithmNotOffered(u16),
    /// Without a cookie nothing can be asked.
    NoCookie,
    /// A cookie without a byte.
    EmptyCookie,
    /// A cookie of so many bytes, with which no request fits into a packet.
    LongCookie(usize),
    /// The NTP server is neither an address nor a name.
    BadServer,
    /// No NTP server has port 0.
    PortZero,
}

/// The longest answer that is read, bytes: eight cookies of the longest and all other records together have half of it.
/// chrony's bound is the same.
pub const LONGEST_ANSWER: usize = 16 * 1024;
/// What one request is filled up to with servers that are denied, bytes; each that does not fit is left out. ntpsec's buffer for a whole
/// request has 2048.
const LONGEST_OFFER: usize = 1024;
/// More cookies are no use (RFC 8915 §5.7).
const COOKIES: usize = 8;

impl Default for Offer {
    /// Keys for NTPv4 of any algorithm.
    fn default() -> Self {
        Self { protocols: vec![Protocol::NtpV4], algorithms: Algorithm::ALL.to_vec(), denied: Vec::new() }
    }
}

impl Offer {
    /// The whole request.
    pub fn emit(&self) -> Vec<u8> {
        let mut request = Vec::new();
        emit_numbers(
            &mut request,
            RecordType::NextProtocol,
            self.protocols.iter().map(|offered| offered.id()),
        );
        emit_numbers(&mut request, RecordType::Aead, self.algorithms.iter().map(|offered| offered.id()));
        if self.algorithms.contains(&Algorithm::Aes128GcmSiv) {
            emit_optional(&mut request, RecordType::CompliantExporter, &[]);
        }
        for name in &self.denied {
            // Twice a record's header: its own and that of End of Message.
            if request.len() + 8 + name.len() <= LONGEST_OFFER {
                emit_optional(&mut request, RecordType::ServerDeny, name.as_bytes());
            }
        }
        emit_critical(&mut request, RecordType::EndOfMessage, &[]);
        request
    }

    /// Judges the answer to [`Offer::emit`]: `bytes` are all that have arrived so far.
    pub fn judge(&self, bytes: &[u8]) -> Result<Progress<Answer>, AnswerError> {
        match message::find(bytes, LONGEST_ANSWER).map_err(AnswerError::Malformed)? {
            Progress::NeedMore => Ok(Progress::NeedMore),
            Progress::Done { length, .. } if length < bytes.len() => {
                Err(AnswerError::Malformed(MalformedMessage::BytesAfterEnd))
            }
            Progress::Done { value, length } => {
                let value = self.accept(Found::read(value)?)?;
                Ok(Progress::Done { value, length })
            }
        }
    }

    fn accept(&self, found: Found<'_>) -> Result<Answer, AnswerError> {
        let protocol = self.protocol(found.protocols)?;
        let algorithm = self.algorithm(found.algorithms)?;
        if found.cookies.is_empty() {
            return Err(AnswerError::NoCookie);
        }
        let server = found.server.map(|record| ServerName::parse(record.body).ok_or(AnswerError::BadServer));
        let compliant = found.compliant.is_some();
        Ok(Answer {
            exporter: Exporter { protocol, algorithm, compliant },
            cookies: found.cookies.into_iter().map(<[u8]>::to_vec).collect(),
            server: server.transpose()?,
            port: found.port,
        })
    }

    /// The server may name several of those that were offered (RFC 8915 §4.1.2); the one that we prefer is taken.
    fn protocol(&self, record: Option<Record<'_>>) -> Result<Protocol, AnswerError> {
        let record = record.ok_or(AnswerError::Missing(RecordType::NextProtocol))?;
        let ids = record.numbers().ok_or(AnswerError::BadBody(RecordType::NextProtocol))?;
        let offered = |id: u16| self.protocols.iter().any(|protocol| protocol.id() == id);
        if let Some(id) = ids.clone().find(|id| !offered(*id)) {
            return Err(AnswerError::ProtocolNotOffered(id));
        }
        if ids.clone().count() > self.protocols.len() {
            return Err(AnswerError::BadBody(RecordType::NextProtocol));
        }
        let chosen = self.protocols.iter().find(|protocol| ids.clone().any(|id| id == protocol.id()));
        chosen.copied().ok_or(AnswerError::NoProtocol)
    }

    /// One at most (RFC 8915 §4.1.5).
    fn algorithm(&self, record: Option<Record<'_>>) -> Result<Algorithm, AnswerError> {
        let record = record.ok_or(AnswerError::Missing(RecordType::Aead))?;
        if record.body.is_empty() {
            return Err(AnswerError::NoAlgorithm);
        }
        let id = record.number().ok_or(AnswerError::BadBody(RecordType::Aead))?;
        let offered = self.algorithms.iter().find(|algorithm| algorithm.id() == id);
        offered.copied().ok_or(AnswerError::AlgorithmNotOffered(id))
    }
}

/// The records of an answer, each where it belongs.
#[derive(Default)]
struct Found<'a> {
    protocols: Option<Record<'a>>,
    algorithms: Option<Record<'a>>,
    server: Option<Record<'a>>,
    port: Option<u16>,
    compliant: Option<Record<'a>>,
    cookies: Vec<&'a [u8]>,
}

impl<'a> Found<'a> {
    /// A record whose critical bit is not as the RFC says is read as if it were: nothing depends on it.
    fn read(records: Records<'a>) -> Result<Self, AnswerError> {
        let mut found = Self::default();
        for record in records {
            match record.kind {
                RecordType::NextProtocol => once(&mut found.protocols, record)?,
                RecordType::Aead => once(&mut found.algorithms, record)?,
                RecordType::Server => once(&mut found.server, record)?,
                RecordType::CompliantExporter => once(&mut found.compliant, empty(record)?)?,
                RecordType::Port => found.read_port(record)?,
                RecordType::NewCookie => found.read_cookie(record.body)?,
                RecordType::Error => {
                    return Err(AnswerError::Refused(ErrorCode::from_number(number(record)?)));
                }
                RecordType::Warning => return Err(AnswerError::Warned(number(record)?)),
                RecordType::FixedKeys
                | RecordType::ServerDeny
                | RecordType::SupportedProtocols
                | RecordType::SupportedAlgorithms => return Err(AnswerError::NotForClients(record.kind)),
                RecordType::Unknown(kind) if record.critical => {
                    return Err(AnswerError::UnknownCritical(kind));
                }
                RecordType::KeepAlive
                | RecordType::Authentication
                | RecordType::Unknown(_)
                | RecordType::EndOfMessage => {}
            }
        }
        Ok(found)
    }

    fn read_port(&mut self, record: Record<'a>) -> Result<(), AnswerError> {
        if self.port.is_some() {
            return Err(AnswerError::Repeated(record.kind));
        }
        match number(record)? {
            0 => Err(AnswerError::PortZero),
            port => {
                self.port = Some(port);
                Ok(())
            }
        }
    }

    /// Those after the eighth are checked and left.
    fn read_cookie(&mut self, cookie: &'a [u8]) -> Result<(), AnswerError> {
        match cookie.len() {
            0 => Err(AnswerError::EmptyCookie),
            length if length > LONGEST_COOKIE => Err(AnswerError::LongCookie(length)),
            _ => {
                if self.cookies.len() < COOKIES {
                    self.cookies.push(cookie);
                }
                Ok(())
            }
        }
    }
}

fn once<'a>(place: &mut Option<Record<'a>>, record: Record<'a>) -> Result<(), AnswerError> {
    match place.replace(record) {
        Some(_) => Err(AnswerError::Repeated(record.kind)),
        None => Ok(()),
    }
}

fn empty(record: Record<'_>) -> Result<Record<'_>, AnswerError> {
    if record.body.is_empty() { Ok(record) } else { Err(AnswerError::BadBody(record.kind)) }
}

fn number(record: Record<'_>) -> Result<u16, AnswerError> {
    record.number().ok_or(AnswerError::BadBody(record.kind))
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "the server sent {error}"),
            Self::Refused(code) => write!(f, "the server refused: {code}"),
            Self::Warned(number) => write!(f, "the server sent warning {number}, which is not defined"),
            Self::UnknownCritical(kind) => {
                write!(f, "the server sent a record of type {kind}, which is critical and not known")
            }
            Self::NotForClients(kind) => write!(f, "the server sent a record that only clients send: {kind}"),
            Self::Repeated(kind) => write!(f, "the server sent more than one record: {kind}"),
            Self::BadBody(kind) => write!(f, "the server sent a record of a wrong form: {kind}"),
            Self::Missing(kind) => write!(f, "the server left a record out: {kind}"),
            Self::NoProtocol => f.write_str("the server knows no protocol of ours (NTPv4)"),
            Self::NoAlgorithm => f.write_str("the server knows no AEAD algorithm of ours"),
            Self::ProtocolNotOffered(id) => {
                write!(f, "the server chose protocol {id}, which was not offered")
            }
            Self::AlgorithmNotOffered(id) => {
                write!(f, "the server chose AEAD algorithm {id}, which was not offered")
            }
            Self::NoCookie => f.write_str("the server sent no cookie"),
            Self::EmptyCookie => f.write_str("the server sent a cookie without a byte"),
            Self::LongCookie(length) => {
                write!(f, "the server sent a cookie of {length} bytes; {LONGEST_COOKIE} is the most")
            }
            Self::BadServer => {
                f.write_str("the server named an NTP server that is neither an address nor a host name")
            }
            Self::PortZero => f.write_str("the server gave port 0 for NTP"),
        }
    }
}

impl std::error::Error for AnswerError {}

#[cfg(test)]
mod tests;
