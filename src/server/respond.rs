//! One request to its reply, or to the reason why there is none. Who may ask, and how often, is not decided here.

use super::SystemVariables;
use crate::packet::{Header, Mode, Packet, ParseError};
use crate::time::{ClockTime, Leap, NtpShort, NtpTimestamp};
use crate::verdict::Refusal;

/// A reply on its way to the socket; never longer than the request that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    bytes: [u8; Header::LEN + CRYPTO_NAK_LEN],
    length: usize,
}

/// A key identifier of 0, alone (RFC 5905 §7.3).
const CRYPTO_NAK_LEN: usize = 4;

impl Reply {
    /// The datagram.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// Answers a client, or says why it gets no answer; allocates nothing.
///
/// `received` is when the request arrived (T2, from the kernel) and `transmit` the latest reading of the same clock (T3). Only mode 3 is
/// answered: a reply to a reply would set two servers at each other. A request with a MAC gets a crypto-NAK, for there are no
/// keys to check it with (RFC 5905 §9.2); extension fields are not understood, and left unanswered (RFC 7822 §3).
///
/// # Errors
/// [`Refusal`] by name, for the counters.
pub fn respond(
    request: &[u8],
    received: ClockTime,
    transmit: ClockTime,
    variables: &SystemVariables,
    versions: &[u8],
) -> Result<Reply, Refusal> {
    // Before anything else, and of any length: management packets (modes 6 and 7) are shorter than a header.
    let first = request.first().ok_or(Refusal::Malformed)?;
    if Mode::from_bits(*first) != Mode::Client {
        return Err(Refusal::WrongMode);
    }
    let packet = Packet::parse(request).map_err(|error| match error {
        ParseError::Version(_) => Refusal::WrongVersion,
        ParseError::TooShort | ParseError::ExtensionLength | ParseError::MacLength => Refusal::Malformed,
    })?;
    if !versions.contains(&packet.header.version) {
        return Err(Refusal::WrongVersion);
    }
    let header = reply_header(&packet.header, received, transmit, variables);
    let length = if packet.mac.is_some() { Header::LEN + CRYPTO_NAK_LEN } else { Header::LEN };
    let mut bytes = [0; Header::LEN + CRYPTO_NAK_LEN];
    for (to, from) in bytes.iter_mut().zip(header.emit()) {
        *to = from;
    }
    Ok(Reply { bytes, length })
}

/// RFC 5905 §9.2, figure 30 (`fast_xmit`).
fn reply_header(
    request: &Header,
    received: ClockTime,
    transmit: ClockTime,
    variables: &SystemVariables,
) -> Header {
    let synchronized = variables.is_synchronized();
    let reference_timestamp = match variables.reference_timestamp {
        Some(time) => NtpTimestamp::from_clock(time),
        None if synchronized => NtpTimestamp::from_clock(received),
        None => NtpTimestamp::ZERO,
    };
    Header {
        leap: if synchronized { variables.leap } else { Leap::Unsynchronized },
        version: request.version,
        mode: Mode::Server,
        stratum: if synchronized { variables.stratum } else { 0 },
        poll: request.poll,
        precision: variables.precision,
        root_delay: NtpShort::from_span(variables.root_delay),
        root_dispersion: NtpShort::from_span(variables.root_dispersion_at(transmit)),
        reference_id: variables.reference_id,
        reference_timestamp,
        origin_timestamp: request.transmit_timestamp,
        receive_timestamp: NtpTimestamp::from_clock(received),
        transmit_timestamp: NtpTimestamp::from_clock(transmit),
    }
}

#[cfg(test)]
mod tests;
