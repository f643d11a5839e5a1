//! Who asks, in the form that every table of a worker is keyed by. Decides nothing.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

/// A client: its address without the port, for many ask from a new port each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// An IPv4 address as what it is, also when it comes through a socket of both families.
    pub(super) address: IpAddr,
    /// Keyed, so that nobody outside can choose addresses that fall into one place of a table.
    pub(super) hash: u64,
}

impl Client {
    pub(super) fn new(from: SocketAddr, key: &[u8; 16]) -> Self {
        let address = from.ip().to_canonical();
        let mut hasher = SipHasher13::new_with_key(key);
        match address {
            IpAddr::V4(v4) => hasher.write_u32(v4.to_bits()),
            IpAddr::V6(v6) => hasher.write_u128(v6.to_bits()),
        }
        Self { address, hash: hasher.finish() }
    }

    /// Of the link that an IPv6 client is on (/64, RFC 4291 §2.5.1), where one host can have any number of addresses.
    pub(super) fn network_hash(&self, key: &[u8; 16]) -> Option<u64> {
        let IpAddr::V6(v6) = self.address else { return None };
        let [a, b, c, d, ..] = v6.segments();
        let mut hasher = SipHasher13::new_with_key(key);
        [a, b, c, d].iter().for_each(|segment| hasher.write_u16(*segment));
        Some(hasher.finish())
    }
}

/// Which of so many sets one half of a hash leads to. A product spreads 32 bits over any number of them, and costs a tenth of a division.
pub(super) fn place(half: u32, sets: usize) -> usize {
    let product = u128::from(half) * sets as u128;
    usize::try_from(product >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Server, WorkerCounters};
    use crate::time::Mono;
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    #[test]
    fn neighbours_in_a_network_are_as_good_as_any_others_for_the_estimate_of_recent_clients() {
        for (key, count) in (0..).zip([10_u32, 1_000, 200_000]) {
            let counters = WorkerCounters::default();
            for n in 0..count {
                let from = SocketAddr::from((Ipv4Addr::from_bits(0x0A00_0000 + n), 123));
                counters.note_client(Client::new(from, &[key; 16]).hash, Mono::default());
            }
            let address = "[::]:123".parse().unwrap();
            let server = Server { address, workers: vec![Arc::new(counters)] };
            let estimate = f64::from(u32::try_from(server.recent_clients(Mono::default())).unwrap());
            assert!((estimate / f64::from(count) - 1.0).abs() < 0.049, "{estimate} for {count}");
        }
    }

    #[test]
    fn a_hash_leads_to_every_set_and_to_no_other() {
        for sets in [1, 2, 3, 1000, 65_536] {
            assert_eq!((place(0, sets), place(u32::MAX, sets)), (0, sets - 1));
            assert_eq!(place(1 << 31, sets), sets / 2);
        }
    }

    #[test]
    fn a_client_is_its_address_whatever_port_and_socket_it_comes_through() {
        let client = |from: &str| Client::new(from.parse().unwrap(), &[7; 16]);
        assert_eq!(client("192.0.2.1:123"), client("[::ffff:192.0.2.1]:40000"));
        assert_ne!(client("192.0.2.1:123").hash, client("192.0.2.2:123").hash);
        assert_ne!(
            client("[2001:db8::1]:1").hash,
            Client::new("[2001:db8::1]:1".parse().unwrap(), &[8; 16]).hash
        );
    }
}
