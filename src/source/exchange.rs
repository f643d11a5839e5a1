//! One request on its way and what has come of it so far. Judges no reply.

use crate::measurement::ServerVariables;
use crate::time::{Mono, Now, NtpTimestamp, Stamp};
use crate::verdict::Discard;

/// The one outstanding request.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Which request: matches its token.
    pub(super) sequence: u64,
    /// The random transmit timestamp that a reply must return as its origin timestamp.
    ///
    /// It tells the network nothing about our clock (draft-ietf-ntp-data-minimization); the real T1 stays here.
    pub(super) cookie: NtpTimestamp,
    /// When the request was handed over.
    pub(super) asked: Now,
    /// When to stop waiting.
    pub(super) deadline: Mono,
    /// T1.
    pub(super) transmit_stamp: Option<Stamp>,
    /// A reply that passed every check and waits for T1.
    pub(super) reply: Option<Reply>,
    /// A kiss was taken: a second one would be the same order again.
    pub(super) kissed: bool,
    /// Why a genuine reply was not usable.
    pub(super) refusal: Option<Discard>,
    /// Our clock moved meanwhile: T1 and T4 belong to two clocks.
    pub(super) void: bool,
}

/// A reply that passed every check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    /// T2.
    pub(super) receive_timestamp: NtpTimestamp,
    /// T3.
    pub(super) transmit_timestamp: NtpTimestamp,
    /// T4.
    pub(super) stamp: Stamp,
    /// When it was processed.
    pub(super) arrived: Now,
    /// What the server says about itself.
    pub(super) server: ServerVariables,
}

impl Exchange {
    pub(super) const fn new(sequence: u64, cookie: NtpTimestamp, asked: Now, deadline: Mono) -> Self {
        Self {
            sequence,
            cookie,
            asked,
            deadline,
            transmit_stamp: None,
            reply: None,
            kissed: false,
            refusal: None,
            void: false,
        }
    }
}
