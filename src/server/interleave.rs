//! Interleaved mode, the server's half (RFC 9769 §2): when the last replies to a few clients left. Sends and stamps nothing.
//!
//! A request whose origin timestamp is the T2 of an earlier reply asks when that reply left. Such a client is worth an entry here
//! and a transmit stamp of its next reply; the request after that one is answered with the stamp.
//!
//! The RFC's security considerations (§6), and what is done here:
//! - *State can be exhausted, by many requests or by forged addresses.* The table has one size, and a request costs nothing in it before
//!   it proves that its sender has seen a reply of ours: the low bits of every T2 are a keyed tag of the rest and of the client's address.
//!   A forged packet hits it once in 128 times, and what such a hit makes is displaced before what a client has that asked again.
//!   One IPv6 network (/64) can displace only what is in one set.
//! - *Clients must not rely on an interleaved reply.* Without an entry or a stamp they get a basic one, as any other client.
//! - *Replayed requests.* An entry answers once (§2), so a replay gets a basic reply and takes one more place of its client's.
//! - *T2 must stay between the two.* It is told to nobody else, and two of one client are never the same.
//! - *Tracking.* The client names T2 to us alone; nothing is kept of it beyond its entry.

use super::client::Client;
use crate::packet::{Header, Packet};
use crate::time::{ClockTime, Leap, NtpTimestamp};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// Bits of T2 that carry the tag and the flag below it: 2⁻²⁴ s, 60 ns, a small part of what a kernel's stamp is uncertain. RFC 5905 §6
/// would have them random. More bits would be seen in T2, fewer guessed more often.
const TAG: u64 = 0xff;
/// Set in every T2 and in no T3: clients of RFC 5905 return T3, and cost no hash.
const FLAG: u64 = 1;

/// Sets of the table, and entries of one: some 4000 clients, in 128 KiB.
const SETS: usize = 512;
const WAYS: usize = 8;
/// Entries of one address: several hosts may share it, and each needs a second entry when packets are doubled or lost.
const PER_CLIENT: usize = 4;

/// A client that asked again keeps its place before others for so long: three times the longest usual poll interval.
const KEPT: u64 = 3200 << 32;

/// Longer than this no reply takes to leave; such a stamp is by a clock that was set meanwhile.
const LONGEST_DEPARTURE: u64 = 8 << 32;

/// A reply that a client may ask about.
#[derive(Debug, Clone, Copy)]
struct Entry {
    client: u64,
    /// T2 as the client was told; zero in a free entry.
    receive: u64,
    /// When the reply left; zero while that is not known.
    left: u64,
    /// The client had an entry before: it is no forger who guessed a tag.
    returned: bool,
}

const FREE: Entry = Entry { client: 0, receive: 0, left: 0, returned: false };

/// Names the entry of one reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    set: usize,
    client: u64,
    receive: u64,
}

/// A reply as it is sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) header: Header,
    /// It tells when an earlier one left.
    pub(super) interleaved: bool,
    /// The moment at which it leaves is of interest.
    pub(super) place: Option<Place>,
}

/// Of one worker, which alone reads and writes it.
#[derive(Debug)]
pub(super) struct Interleave {
    key: [u8; 16],
    sets: Box<[[Entry; WAYS]]>,
}

impl Interleave {
    /// `key` is secret; a client may come to another worker with the same one.
    pub(super) fn new(key: [u8; 16]) -> Self {
        // Another one than addresses are hashed with.
        let key = key.map(|byte| byte ^ 0x5a);
        Self { key, sets: vec![[FREE; WAYS]; SETS].into() }
    }

    /// The basic reply to a request, made recognisable; and in its place the interleaved one, if the request asks for it and it can be had.
    pub(super) fn reply(&mut self, client: &Client, request: &Packet<'_>, basic: Header) -> Reply {
        let mut receive = self.tagged(client, basic.receive_timestamp.bits());
        // A crypto-NAK and a clock that is not right are not measured with.
        let is_time = request.mac.is_none() && basic.leap != Leap::Unsynchronized;
        let request = &request.header;
        let asks = is_time && self.is_asking(client, request);
        if !asks {
            return Reply { header: stamped(basic, receive), interleaved: false, place: None };
        }
        let place = self.place(client);
        let Some(set) = self.sets.get_mut(place) else {
            return Reply { header: stamped(basic, receive), interleaved: false, place: None };
        };
        let origin = request.origin_timestamp.bits();
        let named = set.iter_mut().find(|entry| entry.client == client.hash && entry.receive == origin);
        let named = named.map(|entry| std::mem::replace(entry, FREE));
        let is_taken = |receive| receive == origin || set.iter().any(|entry| entry.receive == receive);
        // At most one more than there are entries, for each step gives another value.
        while is_taken(receive) {
            receive = tagged(&self.key, client.hash, receive.wrapping_add(TAG + 1));
        }
        insert(set, Entry { client: client.hash, receive, left: 0, returned: named.is_some() });
        let header = stamped(basic, receive);
        let place = Some(Place { set: place, client: client.hash, receive });
        match named.map(|entry| entry.left).filter(|left| *left != 0) {
            None => Reply { header, interleaved: false, place },
            Some(left) => {
                let transmit_timestamp = NtpTimestamp::from_bits(left);
                let origin_timestamp = request.receive_timestamp;
                let header = Header { origin_timestamp, transmit_timestamp, ..header };
                Reply { header, interleaved: true, place }
            }
        }
    }

    /// The reply of this place left.
    pub(super) fn on_left(&mut self, place: &Place, left: ClockTime) {
        let left = NtpTimestamp::from_clock(left).bits() & !FLAG;
        let entry = self.sets.get_mut(place.set).and_then(|set| {
            set.iter_mut().find(|entry| entry.client == place.client && entry.receive == place.receive)
        });
        // Before it came, or long after: nonsense, and so the entry stays without.
        if let Some(entry) = entry.filter(|entry| left.wrapping_sub(entry.receive) <= LONGEST_DEPARTURE) {
            entry.left = left;
        }
    }

    /// RFC 9769 §2: the two fields that a reply may return differ, and the origin is a T2 of ours to this client. A mode of version 4.
    fn is_asking(&self, client: &Client, request: &Header) -> bool {
        let [origin, receive, transmit] =
            [request.origin_timestamp, request.receive_timestamp, request.transmit_timestamp]
                .map(NtpTimestamp::bits);
        origin & FLAG != 0
            && request.version == 4
            && receive != transmit
            && receive != 0
            && transmit != 0
            && self.tagged(client, origin) == origin
    }

    fn tagged(&self, client: &Client, receive: u64) -> u64 {
        tagged(&self.key, client.hash, receive)
    }

    /// One set for all of an IPv6 network: its hosts have any number of addresses.
    fn place(&self, client: &Client) -> usize {
        let hash = client.network_hash(&self.key).unwrap_or(client.hash);
        usize::try_from(hash % SETS as u64).unwrap_or(0)
    }
}

fn tagged(key: &[u8; 16], client: u64, receive: u64) -> u64 {
    let receive = receive & !TAG;
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write_u64(client);
    hasher.write_u64(receive);
    receive | (hasher.finish() & TAG) | FLAG
}

/// With this T2, and a T3 that is not before it and can never be taken for one.
fn stamped(basic: Header, receive: u64) -> Header {
    let transmit = basic.transmit_timestamp.bits() & !FLAG;
    let is_before = receive.wrapping_sub(transmit) < 1 << 63;
    let transmit = if is_before { receive.wrapping_add(1) } else { transmit };
    Header {
        receive_timestamp: NtpTimestamp::from_bits(receive),
        transmit_timestamp: NtpTimestamp::from_bits(transmit),
        ..basic
    }
}

/// In the place of a free entry, of the client's own oldest if it has enough, or of the one that is missed least.
fn insert(set: &mut [Entry; WAYS], new: Entry) {
    let own = set.iter().filter(|entry| entry.client == new.client && entry.receive != 0).count();
    let age = |entry: &Entry| new.receive.wrapping_sub(entry.receive);
    let worth = |entry: &Entry| {
        let is_free = entry.receive == 0;
        let is_spare = own >= PER_CLIENT && entry.client == new.client;
        (!is_spare, !is_free, entry.returned && age(entry) <= KEPT, u64::MAX - age(entry))
    };
    if let Some(least) = set.iter_mut().min_by_key(|entry| worth(entry)) {
        *least = new;
    }
}

#[cfg(test)]
mod tests;
