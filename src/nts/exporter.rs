//! Which secrets a TLS connection is asked for (RFC 8915 §5.1). Has no connection.

use super::{Algorithm, Protocol, SessionKeys};
use zeroize::Zeroizing;

/// What the keys of a connection depend on, as client and server have agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporter {
    /// What they are for.
    pub protocol: Protocol,
    /// What they are keys of.
    pub algorithm: Algorithm,
    /// Whether the context names [`Exporter::algorithm`], as RFC 8915 says. chrony's context for algorithm 30 names 15, unless both
    /// sides send the record [`super::RecordType::CompliantExporter`]; without meaning for other algorithms.
    pub compliant: bool,
}

/// Of [`SessionKeys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// For what the client sends: 0.
    ClientToServer,
    /// For what the server sends: 1.
    ServerToClient,
}

impl Exporter {
    /// As TLS is asked (RFC 5705, RFC 8446 §7.5).
    pub const LABEL: &[u8] = b"EXPORTER-network-time-security";

    /// Protocol, algorithm and direction.
    pub const fn context(self, direction: Direction) -> [u8; 5] {
        let named = match self.algorithm {
            Algorithm::Aes128GcmSiv if !self.compliant => Algorithm::AesSivCmac256,
            algorithm => algorithm,
        };
        let [a, b] = self.protocol.id().to_be_bytes();
        let [c, d] = named.id().to_be_bytes();
        let direction = match direction {
            Direction::ClientToServer => 0,
            Direction::ServerToClient => 1,
        };
        [a, b, c, d, direction]
    }

    /// Both keys. `export` fills the bytes that it is given from label and context, as `export_keying_material` of rustls does.
    pub fn keys<E>(
        self,
        mut export: impl FnMut(&mut [u8], &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<Option<SessionKeys>, E> {
        let length = self.algorithm.key_len();
        let (mut c2s, mut s2c) = (Zeroizing::new(vec![0; length]), Zeroizing::new(vec![0; length]));
        export(&mut c2s, Self::LABEL, &self.context(Direction::ClientToServer))?;
        export(&mut s2c, Self::LABEL, &self.context(Direction::ServerToClient))?;
        Ok(SessionKeys::new(self.algorithm, &c2s, &s2c))
    }
}
