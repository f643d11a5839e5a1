//! The bytes of replies: what is the same in all of them is computed once for each change of the system variables.

use super::SystemVariables;
use super::smear::Served;
use crate::packet::{Header, KissCode, Mode, ReferenceId};
use crate::time::{Leap, NtpShort, NtpTimestamp};

/// Room for the longest reply: as much as there is for a request, for no reply is longer than its request.
pub const REPLY_CAPACITY: usize = 2048;
/// A key identifier of 0, alone (RFC 5905 §7.3).
const CRYPTO_NAK: [u8; 4] = [0; 4];

/// Where a reply is written; what a reply leaves of it is as it was.
pub type ReplyBuffer = [u8; REPLY_CAPACITY];

/// What every reply says of this server, ready for the wire.
#[derive(Debug, Clone)]
pub(super) struct Template {
    variables: SystemVariables,
    header: Header,
    /// A synchronized clock that was never corrected is its own reference: it is right whenever it is asked.
    is_own_reference: bool,
}

impl Template {
    pub(super) fn new(variables: SystemVariables) -> Self {
        let synchronized = variables.is_synchronized();
        let reference_timestamp = variables.reference_timestamp.map(NtpTimestamp::from_clock);
        let header = Header {
            leap: if synchronized { variables.leap } else { Leap::Unsynchronized },
            mode: Mode::Server,
            stratum: if synchronized { variables.stratum } else { 0 },
            precision: variables.precision,
            root_delay: NtpShort::from_span(variables.root_delay),
            reference_id: variables.reference_id,
            reference_timestamp: reference_timestamp.unwrap_or(NtpTimestamp::ZERO),
            ..Header::default()
        };
        let is_own_reference = synchronized && reference_timestamp.is_none();
        Self { variables, header, is_own_reference }
    }

    /// RFC 5905 §9.2, figure 30 (`fast_xmit`). A reply that a client may take for time.
    pub(super) fn time(&self, request: &Header, served: &Served) -> Header {
        let receive_timestamp = NtpTimestamp::from_clock(served.received);
        let reference_timestamp =
            if self.is_own_reference { receive_timestamp } else { self.header.reference_timestamp };
        let smeared = served.smeared && self.header.stratum > 0;
        let reference_id = if smeared { ReferenceId::SMEARED } else { self.header.reference_id };
        Header {
            version: request.version,
            poll: request.poll,
            root_dispersion: NtpShort::from_span(self.variables.root_dispersion_at(served.transmit)),
            reference_id,
            reference_timestamp,
            origin_timestamp: request.transmit_timestamp,
            receive_timestamp,
            transmit_timestamp: NtpTimestamp::from_clock(served.transmit),
            ..self.header
        }
    }
}

/// An order in place of time (RFC 5905 §7.4): stratum 0, the leap warning, and the code.
///
/// Its timestamps say nothing of our clock but copy the request's, so that the client knows the kiss for an answer to it.
pub(super) fn kiss(request: &Header, code: KissCode) -> Header {
    Header {
        leap: Leap::Unsynchronized,
        version: request.version,
        mode: Mode::Server,
        stratum: 0,
        poll: request.poll,
        reference_id: code.reference_id(),
        origin_timestamp: request.transmit_timestamp,
        receive_timestamp: request.transmit_timestamp,
        transmit_timestamp: request.transmit_timestamp,
        ..Header::default()
    }
}

/// Writes the header; how many bytes the reply has.
pub(super) fn write(header: &Header, to: &mut ReplyBuffer) -> usize {
    put(&header.emit(), 0, to)
}

/// Puts a crypto-NAK behind the first `length` bytes; how many the reply has. For a request with a MAC: there are no keys to check it
/// with (RFC 5905 §9.2).
pub(super) fn write_crypto_nak(length: usize, to: &mut ReplyBuffer) -> usize {
    put(&CRYPTO_NAK, length, to)
}

fn put(bytes: &[u8], at: usize, to: &mut ReplyBuffer) -> usize {
    let end = at + bytes.len();
    if let Some(place) = to.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
    end
}
