//! The server's side of a key exchange: a request judged under a policy, and the answer (RFC 8915 §4;
//! draft-ietf-ntp-nts-keyexchange-pool for pools, as ntpd-rs 1.9 has it). Seals no cookie, has no connection.

use super::message::{self, MalformedMessage, Progress, Records};
use super::record::{Record, RecordType, emit_critical, emit_numbers, emit_optional};
use super::{Algorithm, ErrorCode, Exporter, Protocol, SessionKeys};
use std::fmt;

/// What a server grants, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What keys are given for.
    pub protocols: Vec<Protocol>,
    /// The client's order decides (RFC 8915 §4.1.5 leaves it to the server).
    pub algorithms: Vec<Algorithm>,
    /// Who may ask as a pool.
    pub pool_tokens: Vec<String>,
    /// The NTP server that clients are sent to; the one they exchanged keys with, without.
    pub ntp_server: Option<String>,
    /// Its port; 123 without.
    pub ntp_port: Option<u16>,
}

/// A request that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Cookies for the connection's own keys. Nothing may follow.
    Keys(Exporter),
    /// A pool's: cookies for its client's keys.
    FixedKeys {
        /// What they are for.
        protocol: Protocol,
        /// The keys.
        keys: SessionKeys,
        /// The pool wishes to ask more.
        keep_alive: bool,
    },
    /// A pool's: what is granted here.
    Support {
        /// It wants [`Policy::protocols`].
        protocols: bool,
        /// It wants [`Policy::algorithms`].
        algorithms: bool,
        /// The pool wishes to ask more.
        keep_alive: bool,
    },
    /// There is no protocol, or for this protocol no algorithm, that both sides know.
    NothingInCommon(Option<Protocol>),
}

/// Why a request is refused; [`RequestError::code`] is what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// The records do not make a message.
    Malformed(MalformedMessage),
    /// A critical record of this type is not known.
    UnknownCritical(u16),
    /// A record that only servers send.
    NotForServers(RecordType),
    /// There must be no more than one of it.
    Repeated(RecordType),
    /// Its body has not the form of its type.
    BadBody(RecordType),
    /// There must be one of it.
    Missing(RecordType),
    /// Records that exclude each other.
    Contradiction,
    /// A pool's request without a token that is accepted.
    NotAuthorized,
}

/// The longest request that is read, bytes: what a client sends has fifty, what a pool sends some hundreds; ntpd-rs 1.x has the same bound.
pub const LONGEST_REQUEST: usize = 4096;

impl Policy {
    /// Judges a request: `bytes` are all that have arrived so far. After a pool's request with `keep_alive` more bytes may be there
    /// already; after any other nothing may.
    pub fn judge(&self, bytes: &[u8]) -> Result<Progress<Request>, RequestError> {
        match message::find(bytes, LONGEST_REQUEST).map_err(RequestError::Malformed)? {
            Progress::NeedMore => Ok(Progress::NeedMore),
            Progress::Done { value, length } => {
                let value = self.accept(&Found::read(value)?)?;
                if length < bytes.len() && !value.keeps_alive() {
                    return Err(RequestError::Malformed(MalformedMessage::BytesAfterEnd));
                }
                Ok(Progress::Done { value, length })
            }
        }
    }

    fn accept(&self, found: &Found<'_>) -> Result<Request, RequestError> {
        if found.wants_protocols.is_some() || found.wants_algorithms.is_some() {
            return self.support(found);
        }
        let protocols = ids(found.protocols, RecordType::NextProtocol)?;
        let protocol = protocols
            .iter()
            .find_map(|id| Protocol::from_id(*id).filter(|protocol| self.protocols.contains(protocol)));
        // The algorithms of protocols that are not known need not be there (RFC 8915 §4.1.5).
        let algorithms = match protocol {
            None if found.fixed_keys.is_none() && found.algorithms.is_none() => Vec::new(),
            _ => ids(found.algorithms, RecordType::Aead)?,
        };
        let algorithm = algorithms
            .iter()
            .find_map(|id| Algorithm::from_id(*id).filter(|algorithm| self.algorithms.contains(algorithm)));
        if let Some(record) = found.fixed_keys {
            self.authorize(found)?;
            if protocols.len() != 1 || algorithms.len() != 1 {
                return Err(RequestError::Contradiction);
            }
            let (Some(protocol), Some(algorithm)) = (protocol, algorithm) else {
                return Ok(Request::NothingInCommon(protocol));
            };
            let keys = fixed_keys(record, algorithm)?;
            return Ok(Request::FixedKeys { protocol, keys, keep_alive: found.keep_alive });
        }
        match (protocol, algorithm) {
            (Some(protocol), Some(algorithm)) => {
                let compliant = found.compliant.is_some();
                Ok(Request::Keys(Exporter { protocol, algorithm, compliant }))
            }
            _ => Ok(Request::NothingInCommon(protocol)),
        }
    }

    fn support(&self, found: &Found<'_>) -> Result<Request, RequestError> {
        self.authorize(found)?;
        if found.protocols.is_some() || found.algorithms.is_some() || found.fixed_keys.is_some() {
            return Err(RequestError::Contradiction);
        }
        Ok(Request::Support {
            protocols: found.wants_protocols.is_some(),
            algorithms: found.wants_algorithms.is_some(),
            keep_alive: found.keep_alive,
        })
    }

    /// Every request of a connection bears the token: a pool that was let in once may have been put out since.
    fn authorize(&self, found: &Found<'_>) -> Result<(), RequestError> {
        let token = found.token.ok_or(RequestError::NotAuthorized)?.body;
        // All of them are compared, so that time does not tell which came near.
        let known = self.pool_tokens.iter().fold(false, |known, good| known | same(good.as_bytes(), token));
        if known { Ok(()) } else { Err(RequestError::NotAuthorized) }
    }

    /// The whole answer. `cookies` are those for the keys of the request, none where it wants none; `keep_alive` says whether more requests
    /// will be read.
    pub fn answer<'a>(
        &self,
        request: &Request,
        cookies: impl IntoIterator<Item = &'a [u8]>,
        keep_alive: bool,
    ) -> Vec<u8> {
        let mut answer = Vec::new();
        match request {
            Request::Keys(exporter) => {
                self.emit_keys(&mut answer, exporter.protocol, exporter.algorithm);
                if exporter.algorithm == Algorithm::Aes128GcmSiv && exporter.compliant {
                    emit_optional(&mut answer, RecordType::CompliantExporter, &[]);
                }
            }
            Request::FixedKeys { protocol, keys, .. } => {
                self.emit_keys(&mut answer, *protocol, keys.algorithm());
            }
            Request::Support { protocols, algorithms, .. } => {
                if *algorithms {
                    let lengths = self.algorithms.iter().map(|known| [known.id(), key_len(*known)]);
                    emit_numbers(&mut answer, RecordType::SupportedAlgorithms, lengths.flatten());
                }
                if *protocols {
                    let ids = self.protocols.iter().map(|known| known.id());
                    emit_numbers(&mut answer, RecordType::SupportedProtocols, ids);
                }
            }
            Request::NothingInCommon(protocol) => {
                emit_numbers(&mut answer, RecordType::NextProtocol, protocol.map(Protocol::id));
                if protocol.is_some() {
                    emit_critical(&mut answer, RecordType::Aead, &[]);
                }
            }
        }
        for cookie in cookies {
            emit_optional(&mut answer, RecordType::NewCookie, cookie);
        }
        if keep_alive {
            emit_optional(&mut answer, RecordType::KeepAlive, &[]);
        }
        emit_critical(&mut answer, RecordType::EndOfMessage, &[]);
        answer
    }

    /// Critical: who ignored where to ask would ask a server that cannot open the cookies.
    fn emit_keys(&self, to: &mut Vec<u8>, protocol: Protocol, algorithm: Algorithm) {
        emit_numbers(to, RecordType::NextProtocol, [protocol.id()]);
        emit_numbers(to, RecordType::Aead, [algorithm.id()]);
        if let Some(name) = &self.ntp_server {
            emit_critical(to, RecordType::Server, name.as_bytes());
        }
        if let Some(port) = self.ntp_port {
            emit_numbers(to, RecordType::Port, [port]);
        }
    }
}

impl Request {
    /// How many cookies its answer should have (RFC 8915 §4.1.6).
    pub const fn cookies(&self) -> usize {
        match self {
            Self::Keys(_) | Self::FixedKeys { .. } => 8,
            Self::Support { .. } | Self::NothingInCommon(_) => 0,
        }
    }

    /// It is a pool's, and the pool wishes to ask more.
    pub const fn keeps_alive(&self) -> bool {
        match self {
            Self::FixedKeys { keep_alive, .. } | Self::Support { keep_alive, .. } => *keep_alive,
            Self::Keys(_) | Self::NothingInCommon(_) => false,
        }
    }
}

/// The records of a request, each where it belongs.
#[derive(Default)]
struct Found<'a> {
    protocols: Option<Record<'a>>,
    algorithms: Option<Record<'a>>,
    compliant: Option<Record<'a>>,
    server: Option<Record<'a>>,
    port: Option<Record<'a>>,
    wants_protocols: Option<Record<'a>>,
    wants_algorithms: Option<Record<'a>>,
    fixed_keys: Option<Record<'a>>,
    token: Option<Record<'a>>,
    keep_alive: bool,
}

impl<'a> Found<'a> {
    /// A record whose critical bit is not as the RFC says is read as if it were: nothing depends on it. Which NTP server the client
    /// wishes for (Server, Port) or has already (a pool's business) is read and not granted.
    fn read(records: Records<'a>) -> Result<Self, RequestError> {
        let mut found = Self::default();
        for record in records {
            let place = match record.kind {
                RecordType::NextProtocol => &mut found.protocols,
                RecordType::Aead => &mut found.algorithms,
                RecordType::CompliantExporter if record.body.is_empty() => &mut found.compliant,
                RecordType::CompliantExporter => return Err(RequestError::BadBody(record.kind)),
                RecordType::Server => &mut found.server,
                RecordType::Port => &mut found.port,
                RecordType::SupportedProtocols => &mut found.wants_protocols,
                RecordType::SupportedAlgorithms => &mut found.wants_algorithms,
                RecordType::FixedKeys => &mut found.fixed_keys,
                RecordType::Authentication => &mut found.token,
                RecordType::KeepAlive => {
                    found.keep_alive = true;
                    continue;
                }
                RecordType::Error | RecordType::Warning | RecordType::NewCookie => {
                    return Err(RequestError::NotForServers(record.kind));
                }
                RecordType::Unknown(kind) if record.critical => {
                    return Err(RequestError::UnknownCritical(kind));
                }
                RecordType::ServerDeny | RecordType::Unknown(_) | RecordType::EndOfMessage => continue,
            };
            if place.replace(record).is_some() {
                return Err(RequestError::Repeated(record.kind));
            }
        }
        Ok(found)
    }
}

/// At least one.
fn ids(record: Option<Record<'_>>, kind: RecordType) -> Result<Vec<u16>, RequestError> {
    let numbers = record.ok_or(RequestError::Missing(kind))?.numbers();
    let ids: Vec<u16> = numbers.ok_or(RequestError::BadBody(kind))?.collect();
    if ids.is_empty() { Err(RequestError::BadBody(kind)) } else { Ok(ids) }
}

/// First what the client sends with, then what the server does.
fn fixed_keys(record: Record<'_>, algorithm: Algorithm) -> Result<SessionKeys, RequestError> {
    let bad = RequestError::BadBody(record.kind);
    let (c2s, s2c) = record.body.split_at_checked(algorithm.key_len()).ok_or(bad)?;
    SessionKeys::new(algorithm, c2s, s2c).ok_or(bad)
}

fn key_len(algorithm: Algorithm) -> u16 {
    u16::try_from(algorithm.key_len()).unwrap_or(u16::MAX)
}

/// In a time that depends on the lengths alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

impl RequestError {
    /// What the client is told; [`ErrorCode::emit`] is the whole answer.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::UnknownCritical(_) => ErrorCode::UnrecognizedCriticalRecord,
            _ => ErrorCode::BadRequest,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "{error}"),
            Self::UnknownCritical(kind) => {
                write!(f, "a record of type {kind}, which is critical and not known")
            }
            Self::NotForServers(kind) => write!(f, "a record that only servers send: {kind}"),
            Self::Repeated(kind) => write!(f, "more than one record: {kind}"),
            Self::BadBody(kind) => write!(f, "a record of a wrong form: {kind}"),
            Self::Missing(kind) => write!(f, "a record left out: {kind}"),
            Self::Contradiction => f.write_str("records that exclude each other"),
            Self::NotAuthorized => f.write_str("a pool's request without a token that is accepted"),
        }
    }
}

impl std::error::Error for RequestError {}

#[cfg(test)]
mod tests;
