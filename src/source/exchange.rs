//! One request on its way and what has come of it so far. Judges no reply.

use super::arithmetic;
use super::interleaved::{Cookies, Mode};
use crate::measurement::ServerVariables;
use crate::nts::UniqueIdentifier;
use crate::time::{Mono, Now, NtpTimestamp, Stamp};
use crate::verdict::Discard;

/// The one outstanding request.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Which request: matches its token.
    pub(super) sequence: u64,
    /// What a reply must return as its origin timestamp; the real T1 stays here.
    pub(super) cookies: Cookies,
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
    /// A reply in interleaved mode could not be true, and a better one may still come.
    pub(super) impossible: bool,
    /// Our clock moved meanwhile: T1 and T4 belong to two clocks.
    pub(super) void: bool,
    /// With NTS: what a reply must return.
    pub(super) unique_identifier: Option<UniqueIdentifier>,
    /// With NTS: an authentic reply came, useful or not.
    pub(super) authentic: bool,
    /// With NTS: somebody says that the server does not open our cookie.
    pub(super) nak: bool,
}

/// A reply that passed every check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    /// Which exchange its T3 belongs to.
    pub(super) mode: Mode,
    /// T2.
    pub(super) receive_timestamp: NtpTimestamp,
    /// T3, of this exchange or of an earlier one, as `mode` says.
    pub(super) transmit_timestamp: NtpTimestamp,
    /// T4.
    pub(super) stamp: Stamp,
    /// When it was processed.
    pub(super) arrived: Now,
    /// What the server says about itself.
    pub(super) server: ServerVariables,
}

impl Exchange {
    pub(super) const fn new(sequence: u64, cookies: Cookies, asked: Now, deadline: Mono) -> Self {
        Self {
            sequence,
            cookies,
            asked,
            deadline,
            transmit_stamp: None,
            reply: None,
            kissed: false,
            refusal: None,
            impossible: false,
            void: false,
            unique_identifier: None,
            authentic: false,
            nak: false,
        }
    }

    /// Whether the local clock did not run evenly until this reply came.
    pub(super) fn is_void(&self, reply: &Reply) -> bool {
        self.void || arithmetic::clock_was_set(self.asked, reply.arrived)
    }
}
