//! From four timestamps to a measurement. Whether the reply is genuine was decided before.

use super::exchange::Reply;
use crate::measurement::{Measurement, ServerVariables};
use crate::packet::Header;
use crate::time::{ClockTime, Now, NtpTimestamp, Span, Stamp};
use crate::verdict::Discard;

/// The longest round trip that is believed: MAXDISP, 16 s (RFC 5905 §7.2).
pub(super) const MAXIMUM_DELAY: Span = Span::from_secs(16);

/// How far the two local clocks may part in one exchange before the one that is disciplined must have been set.
///
/// Too small: a slew (500 ppm over the reply timeout is 4 ms) or a process that lost its processor between
/// reading the one and the other voids good exchanges. Too large: a step of this size becomes half as much offset.
pub(super) const CLOCKS_MAY_PART_BY: Span = Span::from_millis(20);

/// The coarsest precision that excuses a negative delay: that of clocks that tick 64 times a second.
const COARSEST_PRECISION: i8 = -6;

/// How much later than its reply left a server's T3 may be: it stands in the reply before that leaves, and some servers foretell it.
///
/// Too small: replies over a path that takes no time are lost. Too large: a stranger on the path moves the offset by half of it more.
const FORETOLD_TOO_LATE: Span = Span::from_micros(100);

/// T1 to T4 as a measurement (RFC 5905 §8); the server's in the era nearest to `pivot`. The local clock ran evenly meanwhile.
///
/// No reply arrives before it left: where the delay comes out negative by little, T3 is as much earlier, and the delay is none.
///
/// # Errors
/// [`Discard::BadDelay`] when the round trip is negative or too long.
pub(super) fn measure(
    transmit_stamp: Stamp,
    reply: &Reply,
    pivot: ClockTime,
) -> Result<Measurement, Discard> {
    let receive_timestamp = reply.receive_timestamp.near(pivot);
    let uncertainty =
        transmit_stamp.source.uncertainty_seconds().hypot(reply.stamp.source.uncertainty_seconds());
    let mut measurement = Measurement {
        origin_timestamp: transmit_stamp.time,
        receive_timestamp,
        transmit_timestamp: reply.transmit_timestamp.near(receive_timestamp),
        destination_timestamp: reply.stamp.time,
        mono: reply.arrived.mono,
        stamp_uncertainty_seconds: uncertainty,
        server: reply.server,
    };
    let round_trip = round_trip(transmit_stamp, reply);
    let delay = measurement.delay();
    let stamps_err_by = Span::from_seconds(precision_seconds(reply.server.precision) + 3.0 * uncertainty);
    let is_possible = !(delay + stamps_err_by + FORETOLD_TOO_LATE).is_negative();
    if round_trip.is_negative() || delay > MAXIMUM_DELAY || !is_possible {
        return Err(Discard::BadDelay);
    }
    measurement.transmit_timestamp += delay.min(Span::ZERO);
    Ok(measurement)
}

/// T4 − T1: the round trip with the server's own time.
pub(super) fn round_trip(transmit_stamp: Stamp, reply: &Reply) -> Span {
    reply.stamp.time - transmit_stamp.time
}

/// Half the root delay plus the root dispersion (RFC 5905 §11.2 Λ, the server's part).
pub(super) fn root_distance(server: &ServerVariables) -> Span {
    server.root_delay / 2 + server.root_dispersion
}

/// Whether `earlier` comes before `later`, whatever their era: they must lie within 68 years of each other.
pub(super) const fn is_before(earlier: NtpTimestamp, later: NtpTimestamp) -> bool {
    earlier.bits() != later.bits() && later.bits().wrapping_sub(earlier.bits()) < 1 << 63
}

/// The header's words about the server.
pub(super) fn server_variables(header: &Header) -> ServerVariables {
    ServerVariables {
        leap: header.leap,
        version: header.version,
        stratum: header.stratum,
        precision: header.precision,
        root_delay: header.root_delay.span(),
        root_dispersion: header.root_dispersion.span(),
        reference_id: header.reference_id,
        reference_timestamp: header.reference_timestamp,
    }
}

/// Whether the local clock did not run evenly from one instant to a later one.
pub(super) fn clock_was_set(from: Now, to: Now) -> bool {
    ((to.clock - from.clock) - (to.mono - from.mono)).abs() > CLOCKS_MAY_PART_BY
}

fn precision_seconds(log2_seconds: i8) -> f64 {
    f64::from(log2_seconds.min(COARSEST_PRECISION)).exp2()
}
