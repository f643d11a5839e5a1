//! Tests of access: which of several networks decides.

use super::*;
use crate::config::Network;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const DENY: Decision = Some(FilterAction::Deny);
const IGNORE: Decision = Some(FilterAction::Ignore);

fn network(text: &str) -> Network {
    let (address, bits) = text.split_once('/').unwrap();
    Network { address: address.parse().unwrap(), bits: bits.parse().unwrap() }
}

fn list(networks: &[&str], action: FilterAction) -> FilterList {
    FilterList { networks: networks.iter().map(|text| network(text)).collect(), action }
}

/// The allowlist ignores and the denylist denies, so that a decision tells where it comes from.
fn access(allow: Option<&[&str]>, deny: &[&str]) -> Access {
    let allow = allow.map(|networks| list(networks, FilterAction::Ignore));
    Access::new(allow.as_ref(), Some(&list(deny, FilterAction::Deny)))
}

#[track_caller]
fn check(access: &Access, client: &str, decision: Decision) {
    assert_eq!(access.decision(client.parse().unwrap()), decision, "{client}");
}

#[test]
fn without_lists_everybody_is_answered() {
    let access = Access::new(None, None);
    check(&access, "0.0.0.0", None);
    check(&access, "255.255.255.255", None);
    check(&access, "2001:db8::1", None);
}

#[test]
fn who_is_not_on_the_allowlist_meets_its_action() {
    let access = access(Some(&["192.0.2.0/24", "2001:db8::/32"]), &[]);
    check(&access, "192.0.2.0", None);
    check(&access, "192.0.2.255", None);
    check(&access, "192.0.1.255", IGNORE);
    check(&access, "192.0.3.0", IGNORE);
    check(&access, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", None);
    check(&access, "2001:db9::", IGNORE);
}

#[test]
fn an_empty_allowlist_lets_nobody_in_and_an_empty_denylist_keeps_nobody_out() {
    check(&access(Some(&[]), &[]), "192.0.2.1", IGNORE);
    check(&access(None, &[]), "192.0.2.1", None);
}

#[test]
fn the_families_have_nothing_to_do_with_each_other() {
    let access = access(Some(&["0.0.0.0/0"]), &["::/0"]);
    check(&access, "192.0.2.1", None);
    check(&access, "::1", DENY);
}

#[test]
fn the_longest_prefix_decides_whichever_list_it_stands_in() {
    let access = access(Some(&["10.0.0.0/8", "10.1.2.0/24"]), &["10.1.0.0/16", "10.1.2.128/25"]);
    check(&access, "10.0.0.1", None);
    check(&access, "10.1.0.1", DENY);
    check(&access, "10.1.2.1", None);
    check(&access, "10.1.2.129", DENY);
    check(&access, "10.1.3.0", DENY);
    check(&access, "10.2.0.0", None);
    check(&access, "11.0.0.0", IGNORE);
}

#[test]
fn of_equal_networks_the_denied_one_decides() {
    let access = access(Some(&["10.0.0.0/8", "::/0"]), &["10.0.0.0/8", "::/0"]);
    check(&access, "10.0.0.1", DENY);
    check(&access, "::1", DENY);
}

#[test]
fn the_ends_of_the_address_space_belong_to_it() {
    let access = access(Some(&["255.255.255.255/32", "0.0.0.0/32", "ffff::/16"]), &[]);
    check(&access, "255.255.255.255", None);
    check(&access, "255.255.255.254", IGNORE);
    check(&access, "0.0.0.0", None);
    check(&access, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None);
    check(&access, "fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", IGNORE);
}

#[test]
fn neighbours_with_one_decision_are_one_range() {
    let access = access(None, &["10.0.0.0/9", "10.128.0.0/9", "10.3.0.0/16"]);
    assert_eq!(access.v4.starts.len(), 2);
}

#[test]
fn thousands_of_networks_decide_each_for_itself() {
    let every_other: Vec<String> = (0..4096_u32).map(|n| format!("{}/24", Ipv4Addr::from(n << 9))).collect();
    let denied: Vec<&str> = every_other.iter().map(String::as_str).collect();
    let access = access(None, &denied);
    for n in 0..8192_u32 {
        let expected = if n % 2 == 0 { DENY } else { None };
        assert_eq!(access.decision(Ipv4Addr::from((n << 8) + 77).into()), expected);
    }
}

/// What the lists say by looking at every network.
fn by_search(allow: Option<&FilterList>, deny: &FilterList, client: IpAddr) -> Decision {
    let contains = |network: &&Network| match (network.address, client) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(network.bits)
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).leading_zeros() >= u32::from(network.bits)
        }
        _ => false,
    };
    let longest = |list: &FilterList| list.networks.iter().filter(contains).map(|n| n.bits).max();
    match (allow.map(longest), longest(deny)) {
        (Some(Some(allowed)), Some(denied)) if denied < allowed => None,
        (_, Some(_)) => Some(deny.action),
        (Some(None), None) => allow.map(|list| list.action),
        _ => None,
    }
}

/// Few different bits, so that networks are often inside each other and clients inside networks.
fn an_address() -> impl Strategy<Value = IpAddr> {
    (any::<bool>(), 0..16_u8, 0..16_u8, prop_oneof![Just(0), Just(255), any::<u8>()]).prop_map(
        |(v6, a, b, c)| {
            let four = [a << 4, b << 4, c, c];
            if v6 {
                let mut bytes = [c; 16];
                bytes[..4].copy_from_slice(&four);
                return Ipv6Addr::from(bytes).into();
            }
            Ipv4Addr::from(four).into()
        },
    )
}

fn networks() -> impl Strategy<Value = Vec<Network>> {
    let network = (an_address(), 0..=128_u8).prop_map(|(address, bits)| match address {
        IpAddr::V4(v4) => {
            let bits = bits % 33;
            let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            Network { address: Ipv4Addr::from(v4.to_bits() & !host).into(), bits }
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            Network { address: Ipv6Addr::from(v6.to_bits() & !host).into(), bits }
        }
    });
    proptest::collection::vec(network, 0..12)
}

proptest! {
    #[test]
    fn the_ranges_say_what_a_search_through_both_lists_says(
        allow in proptest::option::of(networks()), deny in networks(),
        clients in proptest::collection::vec(an_address(), 1..20),
    ) {
        let allow = allow.map(|networks| FilterList { networks, action: FilterAction::Ignore });
        let deny = FilterList { networks: deny, action: FilterAction::Deny };
        let access = Access::new(allow.as_ref(), Some(&deny));
        let edges = deny.networks.iter().map(|network| network.address);
        for client in clients.into_iter().chain(edges) {
            prop_assert_eq!(access.decision(client), by_search(allow.as_ref(), &deny, client), "{}", client);
        }
    }
}
