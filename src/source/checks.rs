//! What a reply must pass before its time is looked at, in the order of RFC 5905. Keeps no state.

use super::arithmetic::{is_before, root_distance, server_variables};
use super::outcome::Context;
use crate::packet::{Header, KissCode, Mode, Packet, ParseError};
use crate::time::{Leap, NtpTimestamp, Span};
use crate::verdict::Discard;
use std::net::SocketAddr;

/// The version that requests are sent with.
pub(super) const VERSION: u8 = 4;

/// MAXDISP (RFC 5905 §7.2): at this root distance the RFC's packet procedure discards a reply.
pub const MAXIMUM_ROOT_DISTANCE: Span = Span::from_secs(16);

/// Codes at stratum 0 that say that the server has no time, and ask nothing of us (RFC 5905 §7.4; ntpd-rs's own XNON).
const NOT_SYNCHRONIZED: [[u8; 4]; 3] = [*b"INIT", *b"STEP", *b"XNON"];

/// A server's reply, as far as form and sender go; not yet known to answer *our* request.
///
/// # Errors
/// `Malformed`, `WrongAddress`, `WrongVersion` or `WrongMode`.
pub(super) fn reply(bytes: &[u8], from: SocketAddr, asked: SocketAddr) -> Result<Packet<'_>, Discard> {
    let packet = Packet::parse(bytes).map_err(|error| match error {
        ParseError::Version(_) => Discard::WrongVersion,
        _ => Discard::Malformed,
    })?;
    if !is_same_address(from, asked) {
        Err(Discard::WrongAddress)
    } else if packet.header.version != VERSION {
        Err(Discard::WrongVersion)
    } else if packet.header.mode != Mode::Server {
        Err(Discard::WrongMode)
    } else {
        Ok(packet)
    }
}

/// The kiss of a reply that answers our request; `None` if it is no kiss or gives no order.
pub(super) fn kiss(header: &Header) -> Option<KissCode> {
    let code = KissCode::from_reference_id(header.reference_id);
    let is_order = matches!(code, KissCode::Deny | KissCode::Restrict | KissCode::Rate);
    (header.stratum == 0 && is_order).then_some(code)
}

/// The server's own timestamps in their order, for a reply whose T3 is its own (RFC 5905 §8).
pub(super) const fn is_ordered(header: &Header) -> bool {
    !is_before(header.transmit_timestamp, header.receive_timestamp)
        && !is_later_reference(header, header.transmit_timestamp)
}

/// The same for a reply in interleaved mode: T3 follows the T2 of an earlier exchange, `received`, and comes before this one's.
pub(super) const fn is_ordered_interleaved(header: &Header, received: NtpTimestamp) -> bool {
    // The server may have been set after T2 of this request, but before the reply.
    let latest = NtpTimestamp::from_bits(header.receive_timestamp.bits().wrapping_add(ONE_SECOND));
    !is_before(header.transmit_timestamp, received) && !is_later_reference(header, latest)
}

const ONE_SECOND: u64 = 1 << 32;

const fn is_later_reference(header: &Header, latest: NtpTimestamp) -> bool {
    header.reference_timestamp.bits() != 0 && is_before(latest, header.reference_timestamp)
}

/// What remains to be checked of a reply that answers our request and is no order (RFC 5905 §8, §9.2).
///
/// # Errors
/// `Unsynchronized`, `UnknownKiss`, `BadStratum`, `InvalidTimestamps`, `RootDistance` or `Loop`.
pub(super) fn server_state(
    header: &Header,
    is_ordered: bool,
    maximum_root_distance: Span,
    context: &Context<'_>,
) -> Result<(), Discard> {
    let server = server_variables(header);
    if header.stratum == 0 {
        Err(if has_no_time(header) { Discard::Unsynchronized } else { Discard::UnknownKiss })
    } else if header.leap == Leap::Unsynchronized
        || header.receive_timestamp == NtpTimestamp::ZERO
        || header.transmit_timestamp == NtpTimestamp::ZERO
    {
        Err(Discard::Unsynchronized)
    } else if header.stratum >= 16 {
        Err(Discard::BadStratum)
    } else if !is_ordered {
        Err(Discard::InvalidTimestamps)
    } else if root_distance(&server) >= maximum_root_distance {
        Err(Discard::RootDistance)
    } else if header.stratum > 1 && context.own_reference_ids.contains(&header.reference_id) {
        Err(Discard::Loop)
    } else {
        Ok(())
    }
}

/// At stratum 0: an unset clock rather than a word to us. Servers that are not synchronized send no code, or one of a few.
fn has_no_time(header: &Header) -> bool {
    let id = header.reference_id;
    header.leap == Leap::Unsynchronized && (id.ascii().is_none() || NOT_SYNCHRONIZED.contains(&id.bytes()))
}

/// Flow labels do not tell hosts apart; scopes do where both are known.
fn is_same_address(from: SocketAddr, asked: SocketAddr) -> bool {
    let same_scope = match (from, asked) {
        (SocketAddr::V6(a), SocketAddr::V6(b)) => {
            a.scope_id() == 0 || b.scope_id() == 0 || a.scope_id() == b.scope_id()
        }
        _ => true,
    };
    same_scope && from.port() == asked.port() && from.ip().to_canonical() == asked.ip().to_canonical()
}
