//! A request on its way, and the token that its transmit stamp comes back with. Not its contents.

use crate::verdict::SourceId;
use std::net::SocketAddr;

/// Bytes to send, and where.
#[derive(Debug)]
pub struct Request {
    /// To this server.
    pub to: SocketAddr,
    /// The datagram, at least 48 bytes.
    pub bytes: Vec<u8>,
    /// To report the moment of sending with, once.
    pub token: RequestToken,
}

/// Stands for one sent packet: neither `Copy` nor `Clone`, so its stamp is reported once and only for a packet that was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestToken {
    source: SourceId,
    sequence: u64,
}

impl RequestToken {
    /// For the association alone.
    pub(super) const fn new(source: SourceId, sequence: u64) -> Self {
        Self { source, sequence }
    }

    /// Whether it stands for this request.
    pub(super) fn is_for(&self, source: SourceId, sequence: u64) -> bool {
        self.source == source && self.sequence == sequence
    }

    /// Whose request.
    pub const fn source(&self) -> SourceId {
        self.source
    }

    /// Which of its requests.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }
}
