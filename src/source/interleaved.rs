//! Interleaved mode, the client's half (RFC 9769 §2): the exchange that waits for its true T3, and how requests name it. Judges no reply's form.
//!
//! A server learns when a reply left only after it has left. So the reply to the next request says it: that request names the exchange
//! by its T2 (origin timestamp), and the reply returns the request's receive timestamp in place of its transmit timestamp.
//!
//! Of the RFC's two sets of timestamps the first is taken: T1, T2 and T4 of the earlier exchange beside its T3. All four belong to
//! one round trip, so the delay contains no poll interval's worth of frequency error, and the filter can judge the sample by its delay
//! as any other. The price: the offset is one poll interval old when it is known. `Measurement::mono` says so, the discipline converts the
//! local stamps when they are taken ([`Pending`]), and it advises a poll interval with that age in mind.

use super::arithmetic::{self, CLOCKS_MAY_PART_BY};
use super::exchange::Reply;
use crate::measurement::{Measurement, Pending, ServerVariables};
use crate::time::{ClockTime, Mono, NtpTimestamp, Span, Stamp};
use crate::verdict::Discard;
use rand_core::Rng;

/// So many requests in a row may name one exchange. Fewer give up where replies are often lost; more measure what is long past.
const REQUESTS: u8 = 4;

/// And none after this time, twice the longest usual interval: what the oscillator did meanwhile outweighs any error of T3.
const LONGEST_MEMORY: Span = Span::from_secs(2200);

/// After so many exchanges in a row whose T3 cannot be theirs, the server is not asked for more.
const IMPOSSIBLE: u8 = 3;

/// What two clocks may part in a second: 500 ppm each, as kernels allow.
const LARGEST_RATE: f64 = 1e-3;

/// Which exchange a reply's T3 belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Its own.
    Basic,
    /// The one that the request named.
    Interleaved,
}

/// The random timestamps of one request. A reply returns one of them, and can come only from somebody who saw the request.
///
/// They tell the network nothing about our clock (RFC 9769 §6, draft-ietf-ntp-data-minimization).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookies {
    transmit: NtpTimestamp,
    /// Zero, which no reply may return, in a basic request.
    receive: NtpTimestamp,
}

impl Cookies {
    /// Those of a basic request.
    pub(super) fn basic(random: &mut impl Rng) -> Self {
        Self { transmit: cookie(random), receive: NtpTimestamp::ZERO }
    }

    /// Those of a request in interleaved mode: two different ones.
    fn interleaved(random: &mut impl Rng) -> Self {
        let Self { transmit, .. } = Self::basic(random);
        let receive = match cookie(random) {
            same if same == transmit => NtpTimestamp::from_bits(same.bits() ^ (1 << 63) | 1),
            receive => receive,
        };
        Self { transmit, receive }
    }

    /// The request's transmit timestamp.
    pub(super) const fn transmit(self) -> NtpTimestamp {
        self.transmit
    }

    /// The request's receive timestamp.
    pub(super) const fn receive(self) -> NtpTimestamp {
        self.receive
    }

    /// What a reply with this origin timestamp answers; `None` if it does not answer this request.
    pub(super) fn answered_by(self, origin: NtpTimestamp) -> Option<Mode> {
        if origin == NtpTimestamp::ZERO {
            None
        } else if origin == self.transmit {
            Some(Mode::Basic)
        } else {
            (origin == self.receive).then_some(Mode::Interleaved)
        }
    }
}

/// Never zero: that is what an empty timestamp looks like.
fn cookie(random: &mut impl Rng) -> NtpTimestamp {
    NtpTimestamp::from_bits(random.next_u64().max(1))
}

/// The last good exchange, if interleaved mode is wanted.
#[derive(Debug)]
pub(super) struct Memory {
    wanted: bool,
    last: Option<Last>,
    impossible: u8,
}

#[derive(Debug)]
struct Last {
    /// T1.
    sent: Stamp,
    reply: Reply,
    /// By the T3 of its own reply: the true one is not a second sample, for the waits on the way are the same.
    measured: bool,
    /// Requests that have named it.
    requests: u8,
}

impl Memory {
    pub(super) const fn new(wanted: bool) -> Self {
        Self { wanted, last: None, impossible: 0 }
    }

    /// Origin timestamp and cookies of the next request.
    pub(super) fn ask(&mut self, now: Mono, random: &mut impl Rng) -> (NtpTimestamp, Cookies) {
        let last = self.last.as_mut().filter(|last| {
            let age = now - last.reply.arrived.mono;
            last.requests < REQUESTS && age <= LONGEST_MEMORY
        });
        match last {
            Some(last) if self.wanted && self.impossible < IMPOSSIBLE => {
                last.requests += 1;
                (last.reply.receive_timestamp, Cookies::interleaved(random))
            }
            _ => (NtpTimestamp::ZERO, Cookies::basic(random)),
        }
    }

    /// T2 of the exchange that requests name.
    pub(super) fn receive_timestamp(&self) -> Option<NtpTimestamp> {
        self.last.as_ref().map(|last| last.reply.receive_timestamp)
    }

    /// The local stamps of an exchange that is not measured yet.
    pub(super) fn pending(&self) -> Option<Pending> {
        self.last.as_ref().filter(|last| !last.measured).map(|last| Pending {
            origin_timestamp: last.sent.time,
            destination_timestamp: last.reply.stamp.time,
        })
    }

    /// The measurement that a reply in interleaved mode completes: that of the exchange before. None if there is no such exchange any
    /// more, or if it was measured already.
    ///
    /// # Errors
    /// [`Discard::BadDelay`] when T3 cannot be of that exchange, or when the present one is none; [`Discard::ClockStepped`] when
    /// the two contradict each other.
    pub(super) fn complete(
        &mut self,
        sent: Stamp,
        reply: &Reply,
        pivot: ClockTime,
    ) -> Result<Option<Measurement>, Discard> {
        if !(Span::ZERO..=arithmetic::MAXIMUM_DELAY).contains(&arithmetic::round_trip(sent, reply)) {
            return Err(Discard::BadDelay);
        }
        let Some(last) = &mut self.last else { return Ok(None) };
        let earlier = Reply {
            transmit_timestamp: reply.transmit_timestamp,
            server: worse(&last.reply.server, &reply.server),
            ..last.reply
        };
        let Ok(measurement) = arithmetic::measure(last.sent, &earlier, pivot) else {
            // Not forgotten: a reply to the present request may still come that fits.
            last.requests = REQUESTS;
            return Err(Discard::BadDelay);
        };
        self.impossible = 0;
        if contradicts(&measurement, sent, reply, pivot) {
            return Err(Discard::ClockStepped);
        }
        Ok((!last.measured).then_some(measurement))
    }

    /// This exchange is the last one.
    pub(super) fn remember(&mut self, sent: Stamp, reply: Reply) {
        if self.wanted {
            self.last = Some(Last { sent, reply, measured: reply.mode == Mode::Basic, requests: 0 });
        }
    }

    /// A reply gave an impossible T3 and no better one came, or one that belies the present exchange. That our clock was set does
    /// this too, but not several times in a row.
    pub(super) const fn on_contradiction(&mut self) {
        self.impossible = self.impossible.saturating_add(1);
        self.last = None;
    }

    /// The clock was set, so T1 and T4 say nothing any more; or we are on another network, and T2 would tell it who was on the last
    /// (RFC 9769 §6).
    pub(super) const fn forget(&mut self) {
        self.last = None;
        self.impossible = 0;
    }
}

/// What the server says now, with the root distance of both moments: the earlier times were only as good as it was then.
fn worse(then: &ServerVariables, now: &ServerVariables) -> ServerVariables {
    ServerVariables {
        root_delay: then.root_delay.max(now.root_delay),
        root_dispersion: then.root_dispersion.max(now.root_dispersion),
        ..*now
    }
}

/// Whether the local clock moved between two exchanges by more than any slew can, and nobody told us.
///
/// Without its T3, the present exchange still bounds the offset: the request was on its way for 0 to T4 − T1.
fn contradicts(earlier: &Measurement, sent: Stamp, reply: &Reply, pivot: ClockTime) -> bool {
    let highest = reply.receive_timestamp.near(pivot) - sent.time;
    let lowest = highest - arithmetic::round_trip(sent, reply);
    let slewed = (reply.arrived.mono - earlier.mono) * LARGEST_RATE;
    let allowed = CLOCKS_MAY_PART_BY + slewed + earlier.delay() / 2;
    !(lowest - allowed..=highest + allowed).contains(&earlier.offset())
}
