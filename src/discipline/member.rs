//! One source as the discipline keeps it: marks, what its server says, filter and verdict. Does not compare sources.

use super::filter::{Filter, Prior, Sample};
use super::line::Line;
use super::orphan::{Identity, Standing};
use super::select::Interval;
use super::system::{Advice, Voucher};
use super::timescale::{LocalTime, Timescale};
use crate::measurement::{Measurement, Pending, ServerVariables};
use crate::time::{Leap, Poll, Span};
use crate::verdict::{Marks, Verdict};

/// Tolerance of an oscillator that nobody watches, s/s (RFC 5905 §7.2, PHI).
pub(super) const PHI: f64 = 15e-6;

/// What a claim loses with age beyond what its frequency's own uncertainty explains, s/s. PHI itself would let sources that are
/// polled seldom agree with anything.
const RESIDUAL_RATE: f64 = 1e-7;

/// Sources farther from the primary source than this are of no use, seconds (RFC 5905 §11.1, MAXDIST; 1.5 as in the reference implementation).
const MAXIMUM_DISTANCE: f64 = 1.5;

/// Standard deviations that a correctness interval allows for noise.
const NOISE_SIGMAS: f64 = 3.0;

/// A round trip outside these, seconds, is none: the association refuses it, and one that came through would spoil the least delay.
const PLAUSIBLE_DELAY: std::ops::RangeInclusive<f64> = -0.01..=16.0;

/// A predicted error of this part of the round trip is as good as the unknown asymmetry allows.
const WORTHWHILE: f64 = 0.035;

/// And below this, seconds, nothing is worth a packet.
const WORTHLESS: f64 = 18e-6;

/// A longer interval is clearly long enough if the error at its end is this part of what is allowed. More flaps, less sends more packets.
const CLEARLY: f64 = 0.8;

/// One source.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub marks: Marks,
    pub reachable: Option<bool>,
    pub demobilized: bool,
    /// Why its last reply was not usable: what it said before counts no more (RFC 5905 §11.2.1, fit).
    pub refused: Option<Verdict>,
    pub server: Option<ServerVariables>,
    pub filter: Filter,
    pub verdict: Verdict,
    pub agreed: bool,
    /// Its and ours, as far as elections go.
    pub identities: Option<(Identity, Identity)>,
    /// With NTS.
    pub voucher: Option<Voucher>,
    last: Option<LocalTime>,
    /// An exchange in interleaved mode, and when it was sent and received on the undisciplined timescale.
    held: Option<(Pending, LocalTime, LocalTime)>,
    poll: Poll,
}

/// What a usable source says at one instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// `line.offset` counts from here.
    pub base: Span,
    pub line: Line,
    /// Seconds.
    pub root_delay: f64,
    /// Seconds: half the root delay, dispersion, noise.
    pub distance: f64,
    /// Seconds: the server's dispersion and our age.
    pub dispersion: f64,
}

impl Claim {
    /// The interval that must contain the truth, seconds from `origin`.
    pub(super) fn interval(&self, origin: Span) -> Interval {
        let offset = (self.base - origin).seconds() + self.line.offset;
        Interval { offset, distance: self.distance, trusted: false }
    }

    /// The same line counted from `origin`.
    pub(super) fn line_from(&self, origin: Span) -> Line {
        Line { offset: (self.base - origin).seconds() + self.line.offset, ..self.line }
    }
}

impl Member {
    pub(super) const fn new(marks: Marks, prior: Prior) -> Self {
        Self {
            marks,
            reachable: None,
            demobilized: false,
            refused: None,
            server: None,
            filter: Filter::new(prior),
            verdict: Verdict::Waiting,
            agreed: false,
            identities: None,
            voucher: None,
            last: None,
            held: None,
            poll: Poll::new(6),
        }
    }

    /// The stamps of an exchange that is measured later, read while the map still reaches back to them.
    pub(super) fn hold(&mut self, scale: &Timescale, pending: Pending) {
        let sent = scale.local(pending.origin_timestamp);
        self.held = Some((pending, sent, scale.local(pending.destination_timestamp)));
    }

    pub(super) fn measure(&mut self, scale: &Timescale, measurement: &Measurement) -> Advice {
        let held = self.held_stamps(measurement);
        let convert =
            || (scale.local(measurement.origin_timestamp), scale.local(measurement.destination_timestamp));
        let (sent, received) = held.unwrap_or_else(convert);
        let up = sent.behind(measurement.receive_timestamp);
        let down = received.behind(measurement.transmit_timestamp);
        let sample = Sample {
            time: sent.midpoint(received),
            up,
            down,
            stamp_uncertainty: measurement.stamp_uncertainty_seconds.abs().min(*PLAUSIBLE_DELAY.end()),
        };
        if !PLAUSIBLE_DELAY.contains(&sample.delay()) {
            return Advice { surprise: false, poll: self.poll };
        }
        self.server = Some(measurement.server);
        self.refused = None;
        self.last = Some(received);
        let surprise = self.filter.measure(sample);
        // A sample in interleaved mode is one poll interval old when it comes.
        let intervals = if held.is_some() { 2.0 } else { 1.0 };
        Advice { surprise, poll: self.wanted_poll(intervals) }
    }

    /// T1 and T4 on the undisciplined timescale, if the measurement is that of the exchange that was held.
    fn held_stamps(&self, measurement: &Measurement) -> Option<(LocalTime, LocalTime)> {
        let Measurement { origin_timestamp, destination_timestamp, .. } = *measurement;
        let (pending, sent, received) = self.held?;
        (pending == Pending { origin_timestamp, destination_timestamp }).then_some((sent, received))
    }

    /// Offsets are forgotten, frequency kept.
    pub(super) fn restart(&mut self, prior: Prior) {
        self.filter.restart(prior);
        self.last = None;
        self.held = None;
    }

    /// Nobody can say yet whether it is who it should be.
    pub(super) fn is_provisional(&self) -> bool {
        self.voucher.as_ref().is_some_and(|voucher| voucher.provisional)
    }

    /// Its first measurements are on their way: its vote is worth waiting for.
    pub(super) fn may_still_vote(&self) -> bool {
        self.verdict == Verdict::Waiting && !self.marks.noselect
    }

    /// The claim at `time`, if anything was measured.
    pub(super) fn claim(&self, time: LocalTime, ignore_server_dispersion: bool) -> Option<Claim> {
        let (base, line) = self.filter.predict(time)?;
        let server = self.server?;
        let age = self.last.map_or(0.0, |last| time.since(last).max(0.0));
        let root_delay = server.root_delay.seconds().max(0.0) + self.filter.present_delay();
        let said = if ignore_server_dispersion { 0.0 } else { server.root_dispersion.seconds().max(0.0) };
        let dispersion = said + RESIDUAL_RATE * age;
        let distance = root_delay / 2.0 + dispersion + NOISE_SIGMAS * line.offset_sigma() + 1e-9;
        Some(Claim { base, line, root_delay, distance, dispersion })
    }

    /// Why it may not take part, if it may not.
    pub(super) fn hindrance(&self, claim: Option<&Claim>, maximum_uncertainty: f64) -> Option<Verdict> {
        if self.demobilized {
            return Some(Verdict::Demobilized);
        }
        if self.reachable == Some(false) {
            return Some(Verdict::Unreachable);
        }
        if self.refused.is_some() {
            return self.refused;
        }
        let (Some(claim), Some(server)) = (claim, self.server) else { return Some(Verdict::Waiting) };
        if server.leap == Leap::Unsynchronized || !(1..16).contains(&server.stratum) {
            return Some(Verdict::Unsynchronized);
        }
        if !self.filter.is_ready() {
            return Some(Verdict::Waiting);
        }
        // Not "greater": a NaN is too distant.
        let near = claim.distance <= MAXIMUM_DISTANCE && claim.line.offset_sigma() <= maximum_uncertainty;
        if !near {
            return Some(Verdict::TooDistant);
        }
        self.marks.noselect.then_some(Verdict::NotSelectable)
    }

    /// Where it stands in an election of that stratum; nothing of one that does not answer.
    pub(super) fn standing(&self, stratum: u8, is_usable: bool) -> Option<Standing> {
        let silent = self.demobilized || self.reachable != Some(true) && self.refused.is_none();
        if silent || self.marks.noselect || self.is_provisional() {
            return None;
        }
        let serves = self.server.filter(|_| self.refused.is_none()).map(|server| server.stratum);
        Some(match (serves == Some(stratum), is_usable) {
            (true, true) => Standing::Parent,
            (true, false) if !self.filter.is_ready() => Standing::Rising,
            _ => Standing::Other,
        })
    }

    /// The longest interval at whose end the predicted error is still worth no packet; longer than now only if clearly so.
    ///
    /// `intervals`: from one sample's time until the next sample's arrival.
    fn wanted_poll(&mut self, intervals: f64) -> Poll {
        let worth = (WORTHWHILE * self.filter.delay()).max(WORTHLESS);
        let error_after =
            |poll: Poll| self.filter.error_after(intervals * poll.interval().seconds()).unwrap_or(0.0);
        let now = self.poll;
        while self.poll > Poll::MIN && error_after(self.poll) > worth {
            self.poll = self.poll.shorter();
        }
        while self.poll >= now && self.poll < Poll::MAX && error_after(self.poll.longer()) < CLEARLY * worth {
            self.poll = self.poll.longer();
        }
        self.poll
    }
}
