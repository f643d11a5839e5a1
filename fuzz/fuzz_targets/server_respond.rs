//! Any bytes as requests, one after another, at any moments, to a server configured anyhow: a reply is well-formed, of mode 4, and not
//! longer than its request; modes other than 3 get none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::config::{FilterAction, FilterList, LeapSmear, Network, RateLimit, ServerConfig, SmearShape};
use ntpd_rs::packet::{Header, Mode, Packet, ReferenceId};
use ntpd_rs::server::{REPLY_CAPACITY, Request, Responder, SystemVariables};
use ntpd_rs::time::{ClockTime, Leap, Mono, Span};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Takes values off the front; zeros when there is no more.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn number(&mut self) -> i64 {
        i64::from_be_bytes(self.array())
    }
}

fn action(byte: u8) -> FilterAction {
    if byte & 1 == 0 { FilterAction::Deny } else { FilterAction::Ignore }
}

/// Some of the addresses of [`client`].
fn list(bytes: &mut Bytes<'_>) -> FilterList {
    let network = Network { address: Ipv4Addr::new(192, 0, 2, bytes.byte() & 0xf0).into(), bits: 28 };
    FilterList { networks: vec![network], action: action(bytes.byte()) }
}

fn config(bytes: &mut Bytes<'_>) -> ServerConfig {
    let choice = bytes.byte();
    let wanted = |bit: u8| choice & (1 << bit) != 0;
    ServerConfig {
        versions: if wanted(0) { vec![3, 4] } else { vec![4] },
        allowlist: wanted(1).then(|| list(bytes)),
        denylist: wanted(2).then(|| list(bytes)),
        require_nts: wanted(3).then(|| action(bytes.byte())),
        rate_limit: wanted(4).then(|| RateLimit {
            cache_size: 1 + usize::from(bytes.byte()),
            cutoff: Span::from_nanos(bytes.number().saturating_abs().max(1)),
            burst: 1 + u32::from(bytes.byte()),
        }),
        leap_smear: wanted(5).then(|| LeapSmear {
            shape: if bytes.byte() & 1 == 0 { SmearShape::Linear } else { SmearShape::Cosine },
            window: Span::from_secs(7200),
        }),
        client_statistics: if wanted(6) { 8 } else { 0 },
        ..ServerConfig::new((Ipv6Addr::UNSPECIFIED, 123).into())
    }
}

fn variables(bytes: &mut Bytes<'_>) -> SystemVariables {
    let stratum = bytes.byte();
    let (updated, span) = (bytes.number(), bytes.number());
    SystemVariables {
        leap: Leap::from_bits(stratum >> 6),
        stratum: stratum & 31,
        precision: i8::from_be_bytes(bytes.array()),
        root_delay: Span::from_nanos(span),
        root_dispersion: Span::from_nanos(updated),
        dispersion_rate: f64::from_be_bytes(bytes.array()),
        reference_id: ReferenceId::NONE,
        reference_timestamp: (stratum & 1 == 0).then(|| ClockTime::from_unix_nanos(span)),
        updated: ClockTime::from_unix_nanos(updated),
        leap_second: None,
    }
}

fn client(byte: u8) -> SocketAddr {
    let address = match byte & 3 {
        0 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(byte))),
        1 => Ipv4Addr::new(192, 0, 2, byte).to_ipv6_mapped().into(),
        _ => IpAddr::V4(Ipv4Addr::new(192, 0, 2, byte)),
    };
    (address, 123).into()
}

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let config = config(&mut bytes);
    let mut responder = Responder::new(&config, 1, variables(&mut bytes), [7; 16]);
    let mut last_receive = [0; 8];
    while !bytes.0.is_empty() {
        let (from, shape) = (client(bytes.byte()), bytes.byte());
        let mut request = bytes.take(Header::LEN + usize::from(shape >> 2)).to_vec();
        // Interleaved mode asks by the receive timestamp of the reply before, which no fuzzer would guess.
        if shape & 1 == 1 && request.len() >= Header::LEN {
            request[24..32].copy_from_slice(&last_receive);
        }
        let received = ClockTime::from_unix_nanos(bytes.number());
        let transmit = ClockTime::from_unix_nanos(bytes.number());
        let mono = Mono::from_nanos(bytes.number());
        let mut reply = [0; REPLY_CAPACITY];
        let asked = Request { bytes: &request, from, received, transmit, mono };
        let Ok(answer) = responder.answer(&asked, &mut reply) else { continue };
        let reply = &reply[..answer.length];
        assert_eq!(request[0] & 7, Mode::Client.bits());
        assert!(reply.len() <= request.len());
        let header = Packet::parse(reply).expect("a reply is well-formed").header;
        assert_eq!(header.mode, Mode::Server);
        assert!(header.stratum < 16 && (header.stratum == 0) == (header.leap == Leap::Unsynchronized));
        assert!(answer.kiss.is_none() || header.stratum == 0);
        last_receive = header.receive_timestamp.bits().to_be_bytes();
        if let Some(token) = answer.stamp {
            responder.on_transmitted(token, ClockTime::from_unix_nanos(bytes.number()));
        }
        if shape & 2 == 2 {
            responder.set_variables(variables(&mut bytes));
        }
    }
    assert!(responder.clients(usize::MAX, Mono::from_nanos(0)).len() <= 16);
});
