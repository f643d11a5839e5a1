//! Random requests from random clients to randomly configured servers: what holds of every answer.

use super::*;
use crate::config::{FilterList, Network, RateLimit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

fn action() -> impl Strategy<Value = FilterAction> {
    prop_oneof![Just(FilterAction::Deny), Just(FilterAction::Ignore)]
}

/// One of few, so that clients come back and lists concern them.
fn address() -> impl Strategy<Value = IpAddr> {
    (0..3_u8, prop_oneof![0..2_u8, 254..=255_u8]).prop_map(|(kind, n)| match kind {
        0 => Ipv4Addr::new(192, 0, 2, n).into(),
        1 => Ipv4Addr::new(192, 0, 2, n).to_ipv6_mapped().into(),
        _ => Ipv6Addr::new(0x2001, 0xdb8, 0, u16::from(n) & 1, 0, 0, 0, n.into()).into(),
    })
}

fn filter_list() -> impl Strategy<Value = FilterList> {
    let network = (any::<bool>(), 0..=8_u8, any::<u8>()).prop_map(|(v6, more, n)| {
        let masked = n & 0xFF_u8.checked_shl(u32::from(8 - more)).unwrap_or(0);
        if v6 {
            Network {
                address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, masked.into()).into(),
                bits: 120 + more,
            }
        } else {
            Network { address: Ipv4Addr::new(192, 0, 2, masked).into(), bits: 24 + more }
        }
    });
    (proptest::collection::vec(network, 0..5), action())
        .prop_map(|(networks, action)| FilterList { networks, action })
}

fn any_config() -> impl Strategy<Value = ServerConfig> {
    let rate_limit = (0..40_usize, 1..5000_i64, 1..4_u32).prop_map(|(cache_size, cutoff, burst)| RateLimit {
        cache_size,
        cutoff: Span::from_millis(cutoff),
        burst,
    });
    let versions = prop_oneof![Just(vec![3, 4]), Just(vec![4]), Just(vec![3])];
    let require_nts = proptest::option::weighted(0.2, action());
    let lists = (proptest::option::of(filter_list()), proptest::option::of(filter_list()));
    (versions, lists, require_nts, proptest::option::of(rate_limit)).prop_map(
        |(versions, (allowlist, denylist), require_nts, rate_limit)| ServerConfig {
            allowlist,
            denylist,
            require_nts,
            rate_limit,
            ..config(&versions)
        },
    )
}

/// Of any length, with any mode and version, and often in the shape of a request with extension fields or a MAC.
fn any_datagram() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![0..=2048_usize, Just(48), Just(52), Just(68), Just(72), Just(76), 47..100_usize];
    let first = prop_oneof![3 => Just(0x23_u8), 1 => Just(0x1b), 1 => any::<u8>()];
    let field = prop_oneof![any::<u16>(), Just(28), Just(16)];
    // Bytes of a generator, for a strategy for each of 2048 would take its time; or all zero, as extension fields may be.
    (length, first, field, prop_oneof![Just(0_u64), any::<u64>()]).prop_map(|(length, first, field, seed)| {
        let mut state = seed;
        let mut bytes = Vec::from_iter(
            std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed);
                state.to_be_bytes()[0]
            })
            .take(length),
        );
        if let Some(byte) = bytes.first_mut() {
            *byte = first;
        }
        if let Some(place) = bytes.get_mut(50..52) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        bytes
    })
}

/// Everything of a header but what a reply must repeat (first byte, poll, transmit timestamp) and what may ask when another one left
/// (origin timestamp).
fn scramble(bytes: &[u8], noise: [u8; 29]) -> Vec<u8> {
    let mut other = bytes.to_vec();
    for (place, noise) in [1].into_iter().chain(3..24).chain(32..39).zip(noise) {
        if let Some(byte) = other.get_mut(place) {
            *byte ^= noise;
        }
    }
    other
}

fn ask(
    responder: &mut Responder,
    bytes: &[u8],
    from: IpAddr,
    millis: i64,
) -> Result<(Answer, Vec<u8>), Refusal> {
    let mono = Mono::default() + Span::from_millis(millis);
    let request = Request { bytes, from: SocketAddr::new(from, 40_000), received: T2, transmit: T3, mono };
    let mut buffer = [0xA5; REPLY_CAPACITY];
    let answer = responder.answer(&request, &mut buffer).map_err(|refused| refused.reason)?;
    let bytes = buffer[..answer.length].to_vec();
    Ok((answer, bytes))
}

proptest! {
    #[test]
    fn whatever_comes_a_reply_is_short_of_mode_4_and_says_nothing_but_its_header(
        config in any_config(),
        requests in proptest::collection::vec((any_datagram(), address(), 0..500_i64, any::<[u8; 29]>()), 1..60),
    ) {
        let mut one = Responder::new(&config, 1, variables(), [9; 16]);
        let mut other = Responder::new(&config, 1, variables(), [9; 16]);
        let mut now = 0;
        for (bytes, from, pause, noise) in requests {
            now += pause;
            let answer = ask(&mut one, &bytes, from, now);
            // Nothing else of a request is repeated, or makes a difference: with that changed, the answer is the same.
            prop_assert_eq!(&answer, &ask(&mut other, &scramble(&bytes, noise), from, now));
            let Ok((answer, reply)) = answer else { continue };
            prop_assert_eq!(bytes[0] & 7, Mode::Client.bits());
            prop_assert!(reply.len() <= bytes.len() && (reply.len() == 48 || reply[48..] == [0; 4]));
            let header = Packet::parse(&reply).expect("a reply is well-formed").header;
            let asked = Packet::parse(&bytes).expect("only requests are answered").header;
            prop_assert_eq!((header.mode, header.version), (Mode::Server, asked.version));
            prop_assert!(config.versions.contains(&header.version));
            prop_assert_eq!(header.origin_timestamp, asked.transmit_timestamp);
            let code = match answer.kiss {
                Some(Refusal::RateLimited) => Some(KissCode::Rate.reference_id()),
                Some(_) => Some(KissCode::Deny.reference_id()),
                None => None,
            };
            prop_assert_eq!(code.is_some(), header.stratum == 0 && header.leap == Leap::Unsynchronized);
            prop_assert!(code.is_none_or(|code| header.reference_id == code));
        }
    }
}
