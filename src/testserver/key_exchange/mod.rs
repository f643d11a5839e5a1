//! Deliberately misbehaving key exchange servers (RFC 8915 §4), each with an NTP server that knows its cookies. Makes no certificates.
//!
//! | file | holds |
//! |---|---|
//! | `behaviour` | what is done wrong, by name |
//! | `message` | the request, and the answer's records, good or bad |
//! | `connection` | one connection: TLS, or what stands in its place |
//! | `packets` | replies with NTS, and those of somebody on the path |
//! | `running` | sockets and threads |

mod behaviour;
mod connection;
mod message;
mod packets;
mod running;

pub use behaviour::{KeyExchangeBehaviour, Tampering};
pub use running::KeyExchangeServer;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server shows, and proves to be its own.
#[derive(Debug)]
pub struct Identity {
    /// The server's certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Of the first one.
    pub key: PrivateKeyDer<'static>,
}

/// What one server does.
#[derive(Debug)]
pub struct KeyExchangeOptions {
    /// What it does wrong.
    pub behaviour: KeyExchangeBehaviour,
    /// So many connections are treated like that, and those after them honestly; without, all.
    pub faulty_connections: Option<u64>,
    /// What those see, which may be wrong as well.
    pub shown: Identity,
    /// What the others see.
    pub honest: Identity,
    /// What somebody on the path does to replies of the NTP server.
    pub tampering: Tampering,
    /// So many requests are answered like that, and those after them honestly; without, all.
    pub faulty_packets: Option<u64>,
    /// The genuine replies to them are lost; otherwise they come after the forged ones.
    pub withhold: bool,
}

#[cfg(test)]
mod tests;
