//! A client's requests one after the other, what is kept of them, and what forgers and crowds can do about it.

use super::*;
use crate::packet::Mode;
use crate::time::Span;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const KEY: [u8; 16] = *b"an unguessed key";
const START: ClockTime = ClockTime::from_unix_secs(1_800_000_000);
/// From a request's arrival until its reply says that it leaves, and until it leaves.
const ANSWERING: Span = Span::from_micros(5);
const LEAVING: Span = Span::from_micros(40);

fn client(address: impl Into<IpAddr>) -> Client {
    Client::new(SocketAddr::new(address.into(), 4123), &KEY)
}

fn v4(last: u32) -> Client {
    client(Ipv4Addr::from_bits(0x0a00_0000 + last))
}

fn bits(time: ClockTime) -> u64 {
    NtpTimestamp::from_clock(time).bits()
}

/// A server, and how many requests it has seen.
struct Bench {
    interleave: Interleave,
    now: ClockTime,
    asked: u64,
}

impl Bench {
    fn new() -> Self {
        Self { interleave: Interleave::new(KEY), now: START, asked: 0 }
    }

    fn entries(&self) -> usize {
        self.interleave.sets.as_flattened().iter().filter(|entry| entry.receive != 0).count()
    }

    /// A request with this origin, and two random fields.
    fn request(&mut self, origin: u64) -> Header {
        self.asked += 1;
        let field = |odd: u64| NtpTimestamp::from_bits(self.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ odd);
        Header {
            version: 4,
            mode: Mode::Client,
            origin_timestamp: NtpTimestamp::from_bits(origin),
            receive_timestamp: field(1),
            transmit_timestamp: field(0x5555),
            ..Header::default()
        }
    }

    fn basic(&self, request: &Header) -> Header {
        Header {
            leap: Leap::NoWarning,
            version: request.version,
            mode: Mode::Server,
            stratum: 1,
            origin_timestamp: request.transmit_timestamp,
            receive_timestamp: NtpTimestamp::from_clock(self.now),
            transmit_timestamp: NtpTimestamp::from_clock(self.now + ANSWERING),
            ..Header::default()
        }
    }

    fn answer(&mut self, client: &Client, request: Header) -> Reply {
        let basic = self.basic(&request);
        self.interleave.reply(client, &Packet::parse(&request.emit()).unwrap(), basic)
    }

    /// A request with this origin; its reply leaves and is stamped, if that is wanted.
    fn ask(&mut self, client: &Client, origin: u64) -> Reply {
        let request = self.request(origin);
        let reply = self.answer(client, request);
        if let Some(place) = &reply.place {
            self.interleave.on_left(place, self.now + LEAVING);
        }
        self.now += Span::from_secs(1);
        reply
    }

    /// T2 of an exchange that such a reply will be about.
    fn begun(&mut self, client: &Client) -> u64 {
        let first = receive(&self.ask(client, 0));
        receive(&self.ask(client, first))
    }
}

fn receive(reply: &Reply) -> u64 {
    reply.header.receive_timestamp.bits()
}

#[test]
fn a_client_that_never_asks_for_it_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut last = Header::default();
    for _ in 0..1000 {
        // As RFC 5905 has it: the origin is the T3 of the last reply.
        let reply = bench.ask(&v4(1), last.transmit_timestamp.bits());
        assert!(!reply.interleaved && reply.place.is_none());
        last = reply.header;
    }
    assert_eq!(bench.entries(), 0);
}

#[test]
fn the_second_request_is_remembered_and_the_third_answered_with_when_its_reply_left() {
    let mut bench = Bench::new();
    let client = v4(1);
    let first = bench.ask(&client, 0);
    assert!(first.place.is_none(), "nobody knows yet that it will ask");
    let second = bench.ask(&client, receive(&first));
    assert!(!second.interleaved && second.place.is_some());
    let left = bench.now - Span::from_secs(1) + LEAVING;
    let request = bench.request(receive(&second));
    let third = bench.answer(&client, request);
    assert!(third.interleaved && third.place.is_some());
    assert_eq!(third.header.origin_timestamp, request.receive_timestamp);
    assert!((third.header.transmit_timestamp.near(left) - left).abs() <= Span::from_nanos(1));
    assert!(receive(&third).abs_diff(bits(bench.now)) < 256, "T2 is of this request");
    assert_eq!(bench.entries(), 1, "what was told is forgotten");
}

#[test]
fn every_further_request_is_answered_so() {
    let mut bench = Bench::new();
    let client = client(Ipv6Addr::LOCALHOST);
    let mut origin = bench.begun(&client);
    for _ in 0..100 {
        let reply = bench.ask(&client, origin);
        assert!(reply.interleaved);
        origin = receive(&reply);
    }
    assert_eq!(bench.entries(), 1);
}

#[test]
fn what_was_told_once_is_not_told_again() {
    let mut bench = Bench::new();
    let origin = bench.begun(&v4(1));
    assert!(bench.ask(&v4(1), origin).interleaved);
    let again = bench.ask(&v4(1), origin);
    assert!(!again.interleaved, "a lost reply");
    assert!(bench.ask(&v4(1), receive(&again)).interleaved, "does not end it");
}

#[test]
fn both_replies_to_a_doubled_request_are_remembered() {
    let mut bench = Bench::new();
    let origin = bench.begun(&v4(1));
    let [first, second] = [(), ()].map(|()| bench.ask(&v4(1), origin));
    assert_ne!(receive(&first), receive(&second));
    assert!(bench.ask(&v4(1), receive(&first)).interleaved);
    assert!(bench.ask(&v4(1), receive(&second)).interleaved);
}

#[test]
fn several_hosts_behind_one_address_are_all_answered_so() {
    let mut bench = Bench::new();
    let mut origins: Vec<u64> = (0..PER_CLIENT).map(|_| bench.begun(&v4(1))).collect();
    for _ in 0..10 {
        for origin in &mut origins {
            let reply = bench.ask(&v4(1), *origin);
            assert!(reply.interleaved);
            *origin = receive(&reply);
        }
    }
}

#[test]
fn without_a_stamp_or_with_an_impossible_one_the_reply_is_basic() {
    let stamps: [Option<Span>; 4] =
        [None, Some(Span::from_micros(-1)), Some(Span::from_secs(9)), Some(Span::from_secs(-100_000_000))];
    for stamp in stamps {
        let mut bench = Bench::new();
        let first = receive(&bench.ask(&v4(1), 0));
        let request = bench.request(first);
        let second = bench.answer(&v4(1), request);
        if let (Some(after), Some(place)) = (stamp, &second.place) {
            bench.interleave.on_left(place, bench.now + after);
        }
        let third = bench.ask(&v4(1), receive(&second));
        assert!(!third.interleaved, "{stamp:?}");
        assert!(bench.ask(&v4(1), receive(&third)).interleaved, "and then it goes on");
    }
}

#[test]
fn a_stamp_for_an_entry_that_is_gone_changes_nothing() {
    let mut bench = Bench::new();
    let first = receive(&bench.ask(&v4(1), 0));
    let request = bench.request(first);
    let second = bench.answer(&v4(1), request);
    let third = bench.ask(&v4(1), receive(&second));
    bench.interleave.on_left(second.place.as_ref().unwrap(), bench.now);
    assert_eq!(bench.entries(), 1);
    assert!(bench.ask(&v4(1), receive(&third)).interleaved);
}

#[test]
fn requests_that_cannot_be_meant_so_are_answered_as_basic_ones() {
    let spoils: [fn(&mut Header); 5] = [
        |request| request.receive_timestamp = request.transmit_timestamp,
        |request| request.receive_timestamp = NtpTimestamp::ZERO,
        |request| request.transmit_timestamp = NtpTimestamp::ZERO,
        |request| request.version = 3,
        |request| {
            request.origin_timestamp = NtpTimestamp::from_bits(request.origin_timestamp.bits() ^ (1 << 40));
        },
    ];
    for spoil in spoils {
        let mut bench = Bench::new();
        let origin = bench.begun(&v4(1));
        let mut request = bench.request(origin);
        spoil(&mut request);
        let reply = bench.answer(&v4(1), request);
        assert!(!reply.interleaved && reply.place.is_none());
        assert!(bench.ask(&v4(1), origin).interleaved, "and nothing is lost by it");
    }
}

#[test]
fn a_crypto_nak_and_a_clock_that_is_not_right_are_not_remembered() {
    let mut bench = Bench::new();
    let origin = bench.begun(&v4(1));
    let header = bench.request(origin);
    let basic = bench.basic(&header);
    let bytes = [&header.emit()[..], &[1; 20]].concat();
    let with_mac = Packet::parse(&bytes).unwrap();
    assert!(with_mac.mac.is_some());
    assert!(bench.interleave.reply(&v4(1), &with_mac, basic).place.is_none());
    let unsynchronized = Header { leap: Leap::Unsynchronized, ..basic };
    let packet = Packet { mac: None, ..with_mac };
    assert!(bench.interleave.reply(&v4(1), &packet, unsynchronized).place.is_none());
}

#[test]
fn another_client_s_timestamp_opens_nothing() {
    let mut bench = Bench::new();
    let origins: Vec<u64> = (0..200).map(|_| bench.begun(&v4(1))).collect();
    let before = bench.entries();
    let opened = origins.iter().filter(|origin| bench.ask(&v4(2), **origin).place.is_some()).count();
    assert!(opened <= 8, "{opened}: once in 128 by chance");
    assert!(bench.entries() <= before + opened);
}

#[test]
fn a_transmit_timestamp_is_never_taken_for_a_receive_timestamp() {
    let mut bench = Bench::new();
    let mut origin = bench.begun(&v4(1));
    for _ in 0..500 {
        let reply = bench.ask(&v4(1), origin);
        let transmit = reply.header.transmit_timestamp.bits();
        let origin_timestamp = NtpTimestamp::from_bits(transmit);
        let request = Header { origin_timestamp, ..bench.request(0) };
        assert!(!bench.interleave.is_asking(&v4(1), &request));
        origin = receive(&reply);
    }
}

#[test]
fn timestamps_keep_their_order_and_lose_60_nanoseconds_at_most() {
    let mut bench = Bench::new();
    for nanos in 0..2000 {
        bench.now = START + Span::from_nanos(nanos * 1_000_003);
        let request = bench.request(0);
        for answering in [Span::ZERO, Span::from_nanos(30), ANSWERING] {
            let transmit_timestamp = NtpTimestamp::from_clock(bench.now + answering);
            let basic = Header { transmit_timestamp, ..bench.basic(&request) };
            let bytes = request.emit();
            let packet = Packet::parse(&bytes).unwrap();
            let Reply { header, .. } = bench.interleave.reply(&v4(1), &packet, basic);
            let Header { receive_timestamp, transmit_timestamp, .. } = header;
            assert!(receive_timestamp < transmit_timestamp);
            assert!(receive_timestamp.bits().abs_diff(basic.receive_timestamp.bits()) < 256);
            let moved = transmit_timestamp.bits().abs_diff(basic.transmit_timestamp.bits());
            assert!(moved < if answering < ANSWERING { 257 } else { 2 }, "{moved}");
        }
    }
}

#[test]
fn two_requests_of_a_client_at_the_same_moment_have_two_receive_timestamps() {
    let mut bench = Bench::new();
    let origins: Vec<u64> = (0..PER_CLIENT).map(|_| bench.begun(&v4(1))).collect();
    let moment = bench.now;
    let mut seen: Vec<u64> = origins
        .iter()
        .map(|origin| {
            bench.now = moment;
            receive(&bench.ask(&v4(1), *origin))
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), PER_CLIENT);
}

#[test]
fn a_flood_of_forged_addresses_displaces_no_client_that_asked_again() {
    let mut bench = Bench::new();
    let clients: Vec<Client> = (0..200).map(v4).collect();
    let mut origins: Vec<u64> = clients
        .iter()
        .map(|client| {
            let origin = bench.begun(client);
            receive(&bench.ask(client, origin))
        })
        .collect();
    let mut made = 0;
    for forged in 0..200_000_u32 {
        let guess = (u64::from(forged).wrapping_mul(0x9e37_79b9_7f4a_7c15)) | FLAG;
        let request = bench.request(guess);
        made += u32::from(bench.answer(&v4(0x0080_0000 + forged), request).place.is_some());
    }
    assert!((1_200..2_000).contains(&made), "{made}: one in 128");
    assert!(bench.entries() <= SETS * WAYS);
    bench.now += Span::from_secs(64);
    let answered =
        clients.iter().zip(&mut origins).filter(|(client, origin)| bench.ask(client, **origin).interleaved);
    assert_eq!(answered.count(), 200);
}

#[test]
fn a_network_of_many_addresses_fills_one_set() {
    let mut bench = Bench::new();
    for host in 0..2000_u128 {
        bench.begun(&client(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + host)));
    }
    assert_eq!(bench.entries(), WAYS);
}

#[test]
fn clients_that_stopped_asking_make_room() {
    let mut bench = Bench::new();
    let network = |host: u128| client(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + host));
    for host in 0..20 {
        let origin = bench.begun(&network(host));
        bench.ask(&network(host), origin);
    }
    bench.now += Span::from_secs(4000);
    let origin = bench.begun(&network(99));
    for host in 30..34 {
        bench.begun(&network(host));
    }
    assert!(bench.ask(&network(99), origin).interleaved);
}

proptest! {
    #[test]
    fn whatever_comes_the_table_stays_whole(asked in prop::collection::vec((0..6_u32, 0..12_usize, any::<u64>(), -20_i64..20), 1..200)) {
        let mut bench = Bench::new();
        let mut told = [0; 12];
        for (host, which, noise, later) in asked {
            let origin = match which {
                0 => noise,
                1 => noise | FLAG,
                _ => told[which],
            };
            let reply = bench.ask(&v4(host), origin);
            bench.now += Span::from_secs(later);
            told[usize::try_from(noise % 12).unwrap()] = receive(&reply);
            let Header { receive_timestamp, transmit_timestamp, .. } = reply.header;
            prop_assert_eq!((receive_timestamp.bits() & FLAG, transmit_timestamp.bits() & FLAG), (FLAG, 0));
            prop_assert!(!reply.interleaved || reply.place.is_some());
        }
        let entries = bench.interleave.sets.as_flattened();
        for entry in entries.iter().filter(|entry| entry.receive != 0) {
            let same = entries.iter().filter(|other| other.client == entry.client);
            prop_assert!(same.clone().count() <= PER_CLIENT);
            prop_assert_eq!(same.filter(|other| other.receive == entry.receive).count(), 1);
        }
    }
}
