//! What an association is told besides events, and what it answers. No behaviour.

use super::Request;
use crate::measurement::Measurement;
use crate::packet::{KissCode, ReferenceId};
use crate::time::{ClockTime, Poll};
use crate::verdict::Discard;

/// What the surroundings know when a reply is judged.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The later of the local clock and the build date: server timestamps get the era nearest to it.
    pub pivot: ClockTime,
    /// Reference ids that mean the server follows us.
    pub own_reference_ids: &'a [ReferenceId],
}

/// What the discipline wishes after a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// The measurement lies outside its bound: confirm it by a burst.
    pub surprise: bool,
    /// The poll interval that the error budget wants.
    pub poll: Poll,
}

/// What came of the timer.
#[derive(Debug)]
pub enum TimerOutcome {
    /// It was not time yet.
    Nothing,
    /// Send this; no reply to an earlier request is waited for any more.
    Send(Request),
    /// The reply is not waited for any more: close the socket. With NTS also when a request is due and no cookie is left for it.
    Expired,
}

/// What came of a datagram or of a transmit stamp.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// Nothing is finished: the reply, or its request's transmit stamp, is still to come.
    Held,
    /// The exchange is complete.
    Measurement(Measurement),
    /// The exchange is complete, and gives no measurement: one in interleaved mode is measured by the reply to the next request.
    Answered,
    /// The datagram was not used. An outstanding request stays so, except after `ClockStepped`.
    Discarded(Discard),
    /// The server wants fewer requests; this is the poll interval from now on. One that is at its longest already stays
    /// `Discarded(RateKiss)`.
    RateLimited(Poll),
    /// The server refused service often enough to be believed: the association is demobilized.
    Refused(KissCode),
}
