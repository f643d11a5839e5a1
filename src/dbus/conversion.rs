//! From the house's units to those of D-Bus. Reads nothing.

use crate::measurement::Measurement;
use crate::snapshot::Source;
use crate::time::{ClockTime, Span};
use std::net::SocketAddr;

/// `NTPMessage` of `org.freedesktop.timesync1`: leap, version, mode, stratum, precision, root delay, root dispersion, reference id,
/// T1 to T4, a flag that is not used, packets, jitter. Times are microseconds.
pub(super) type NtpMessage = (u32, u32, u32, u32, i32, u64, u64, Vec<u8>, u64, u64, u64, u64, bool, u64, u64);

/// Microseconds to the nearest; nothing below zero.
pub(super) fn micros(span: Span) -> u64 {
    (u64::try_from(span.nanos()).unwrap_or(0)).saturating_add(500) / 1000
}

/// Microseconds since 1970.
pub(super) fn clock_micros(time: ClockTime) -> u64 {
    micros(Span::from_nanos(time.unix_nanos()))
}

/// Family and bytes; family 0 without an address.
pub(super) fn address(address: Option<SocketAddr>) -> (i32, Vec<u8>) {
    match address {
        None => (0, Vec::new()),
        Some(SocketAddr::V4(v4)) => (INET, v4.ip().octets().to_vec()),
        Some(SocketAddr::V6(v6)) => (INET6, v6.ip().octets().to_vec()),
    }
}

/// Linux's numbers (`AF_INET`, `AF_INET6`), as they are on the bus.
const INET: i32 = 2;
const INET6: i32 = 10;

/// The source's last exchange; all zero before the first.
pub(super) fn ntp_message(source: Option<&Source>) -> NtpMessage {
    let measured = source.and_then(|source| Some((source, source.measurement.as_ref()?)));
    let Some((source, exchange)) = measured else {
        return (0, 0, 0, 0, 0, 0, 0, vec![0; 4], 0, 0, 0, 0, false, 0, 0);
    };
    let server = &exchange.server;
    let [t1, t2, t3, t4] = times(exchange);
    (
        u32::from(server.leap.bits()),
        u32::from(server.version),
        SERVER_MODE,
        u32::from(server.stratum),
        i32::from(server.precision),
        micros(server.root_delay),
        micros(server.root_dispersion),
        server.reference_id.bytes().to_vec(),
        t1,
        t2,
        t3,
        t4,
        false,
        source.replies,
        source.estimate.map_or(0, |estimate| micros(estimate.jitter)),
    )
}

/// What answers a client (RFC 5905 §7.3).
const SERVER_MODE: u32 = 4;

/// T1 to T4. timedatectl refuses an exchange that took less time than the server had it, as rounding each by itself could make it.
fn times(exchange: &Measurement) -> [u64; 4] {
    let (t1, t2) = (clock_micros(exchange.origin_timestamp), clock_micros(exchange.receive_timestamp));
    let held = micros(exchange.transmit_timestamp - exchange.receive_timestamp);
    let took = micros(exchange.destination_timestamp - exchange.origin_timestamp).max(held);
    [t1, t2, t2.saturating_add(held), t1.saturating_add(took)]
}

#[cfg(test)]
mod tests;
