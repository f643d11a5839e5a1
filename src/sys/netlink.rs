//! Notices that interfaces, addresses or default routes changed (rtnetlink). What follows from it is the daemon's.

use super::error::{check, check_length, errno};
use super::socket;
use std::collections::BTreeSet;
use std::io;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Becomes readable when the kernel tells of a change. Needs no right.
#[derive(Debug)]
pub struct NetworkWatch {
    descriptor: OwnedFd,
    known: Known,
}

const _: () = {
    assert!(size_of::<libc::sockaddr_nl>() == 12);
    assert!(offset_of!(libc::sockaddr_nl, nl_groups) == 8);
    assert!(size_of::<libc::nlmsghdr>() == NLMSG_HEADER);
    assert!(offset_of!(libc::nlmsghdr, nlmsg_len) == 0);
    assert!(offset_of!(libc::nlmsghdr, nlmsg_type) == 4);
};

const NLMSG_HEADER: usize = 16;
const GROUPS: [libc::c_int; 5] = [
    libc::RTMGRP_LINK,
    libc::RTMGRP_IPV4_IFADDR,
    libc::RTMGRP_IPV6_IFADDR,
    libc::RTMGRP_IPV4_ROUTE,
    libc::RTMGRP_IPV6_ROUTE,
];

impl NetworkWatch {
    /// Watches from now on.
    pub fn new() -> io::Result<Self> {
        let descriptor = socket::open(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
        // SAFETY: a sockaddr_nl is integers only, and all of them may be zero.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = super::address::family(libc::AF_NETLINK);
        address.nl_groups = GROUPS.iter().fold(0, |groups, group| groups | group.cast_unsigned());
        let pointer = (&raw const address).cast();
        // SAFETY: the pointer is to a sockaddr_nl that lives during the call, and its size is given.
        let result = unsafe { libc::bind(descriptor.as_raw_fd(), pointer, ADDRESS_LENGTH) };
        check("bind (netlink)", result)?;
        Ok(Self { descriptor, known: Known::default() })
    }

    /// Reads one bundle of messages: whether anything that matters to us changed. `WouldBlock` when there is none.
    pub fn changed(&mut self) -> io::Result<bool> {
        let mut buffer = [0_u8; 8192];
        let (pointer, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the pointer is to a buffer of the length given, ours and writable during the call.
        let result = unsafe { libc::recv(self.descriptor.as_raw_fd(), pointer, length, 0) };
        match check_length("recv (netlink)", result) {
            Ok(length) => Ok(self.known.learn(buffer.get(..length).unwrap_or_default())),
            // Messages were lost, so anything may have changed.
            Err(error) if errno(&error) == Some(libc::ENOBUFS) => {
                self.known = Known::default();
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is 12")]
const ADDRESS_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_nl>() as libc::socklen_t;

impl AsFd for NetworkWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for NetworkWatch {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}

/// What was announced so far. Lifetimes of IPv6 addresses and routes are renewed every few minutes by messages that
/// change nothing; only the first of those counts.
#[derive(Debug, Default)]
struct Known(BTreeSet<Vec<u8>>);

/// More than any host has that is not a router; beyond, everything is forgotten and counts as new.
const MAXIMUM_KNOWN: usize = 1024;

impl Known {
    fn learn(&mut self, bytes: &[u8]) -> bool {
        let mut changed = false;
        for (kind, body) in Messages(bytes) {
            changed |= match kind {
                libc::RTM_NEWADDR | libc::RTM_NEWROUTE => key(kind, body).is_some_and(|key| self.insert(key)),
                libc::RTM_DELADDR => key(libc::RTM_NEWADDR, body).is_some_and(|key| self.remove(&key)),
                libc::RTM_DELROUTE => key(libc::RTM_NEWROUTE, body).is_some_and(|key| self.remove(&key)),
                libc::RTM_NEWLINK | libc::RTM_DELLINK => self.learn_link(kind, body).unwrap_or(false),
                _ => false,
            };
        }
        changed
    }

    fn insert(&mut self, key: Vec<u8>) -> bool {
        if self.0.len() >= MAXIMUM_KNOWN {
            self.0.clear();
        }
        self.0.insert(key)
    }

    /// Something may go that was there before we looked, so every removal is a change.
    fn remove(&mut self, key: &[u8]) -> bool {
        self.0.remove(key);
        true
    }

    /// `struct ifinfomsg`: only coming up, going down and going away matter.
    fn learn_link(&mut self, kind: u16, body: &[u8]) -> Option<bool> {
        let index = body.get(4..8)?;
        let flags = body.get(8..12)?.first_chunk::<4>().map(|flags| u32::from_ne_bytes(*flags))?;
        let running = kind == libc::RTM_NEWLINK && flags & libc::IFF_RUNNING.cast_unsigned() != 0;
        let up = [b"up".as_slice(), index].concat();
        let down = [b"down".as_slice(), index].concat();
        let (now, before) = if running { (up, down) } else { (down, up) };
        self.0.remove(&before);
        Some(self.insert(now))
    }
}

/// What tells one address or default route from another: the fixed part without what may change, and the attributes
/// that name addresses, gateways and interfaces. None for what does not matter: routes to particular networks.
fn key(kind: u16, body: &[u8]) -> Option<Vec<u8>> {
    let mut key = kind.to_ne_bytes().to_vec();
    let (wanted, attributes): (&[u16], &[u8]) = if kind == libc::RTM_NEWADDR {
        // struct ifaddrmsg: family, prefix length, flags (change with duplicate detection), scope, index.
        key.extend(body.get(..2)?);
        key.extend(body.get(4..8)?);
        (&[libc::IFA_ADDRESS, libc::IFA_LOCAL], body.get(8..)?)
    } else {
        // struct rtmsg: family, destination length …
        let (&destination_length, family) = (body.get(1)?, body.first()?);
        if destination_length != 0 {
            return None;
        }
        key.push(*family);
        (&[libc::RTA_GATEWAY, libc::RTA_OIF], body.get(12..)?)
    };
    for (kind, value) in Attributes(attributes) {
        if wanted.contains(&kind) {
            key.extend(kind.to_ne_bytes());
            key.extend(value.iter().take(16));
        }
    }
    Some(key)
}

/// Netlink messages: type and body, up to the first that lies about its length.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
        let body = self.0.get(NLMSG_HEADER..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes(*kind), body))
    }
}

/// Route attributes: type and value, up to the first that lies about its length.
struct Attributes<'a>(&'a [u8]);

const RTA_HEADER: usize = 4;

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let (kind, _) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_ne_bytes(*length));
        let value = self.0.get(RTA_HEADER..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes(*kind), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::own_namespace;
    use proptest::prelude::*;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(NLMSG_HEADER + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(NLMSG_HEADER, 0);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn address(last: u8, flags: u8) -> Vec<u8> {
        let mut body = vec![2, 24, flags, 0, 3, 0, 0, 0];
        body.extend([8, 0, 1, 0, 192, 0, 2, last]);
        body
    }

    fn route(destination_length: u8) -> Vec<u8> {
        let mut body = vec![2, destination_length];
        body.resize(12, 0);
        body
    }

    #[test]
    fn an_address_counts_when_it_comes_and_when_it_goes_and_not_when_it_is_renewed() {
        let mut known = Known::default();
        assert!(known.learn(&message(libc::RTM_NEWADDR, &address(1, 0x40))));
        assert!(!known.learn(&message(libc::RTM_NEWADDR, &address(1, 0))));
        assert!(known.learn(&message(libc::RTM_NEWADDR, &address(2, 0))));
        assert!(known.learn(&message(libc::RTM_DELADDR, &address(1, 0))));
        assert!(known.learn(&message(libc::RTM_NEWADDR, &address(1, 0))));
    }

    #[test]
    fn only_default_routes_count() {
        let mut known = Known::default();
        assert!(!known.learn(&message(libc::RTM_NEWROUTE, &route(24))));
        assert!(known.learn(&message(libc::RTM_NEWROUTE, &route(0))));
        assert!(known.learn(&message(libc::RTM_DELROUTE, &route(0))));
    }

    #[test]
    fn a_link_counts_when_it_starts_or_stops_running() {
        let link = |flags: i32| {
            let mut body = vec![0, 0, 0, 0, 2, 0, 0, 0];
            body.extend(flags.to_ne_bytes());
            body.extend([0; 4]);
            message(libc::RTM_NEWLINK, &body)
        };
        let mut known = Known::default();
        assert!(known.learn(&link(libc::IFF_UP | libc::IFF_RUNNING)));
        assert!(!known.learn(&link(libc::IFF_UP | libc::IFF_RUNNING | libc::IFF_PROMISC)));
        assert!(known.learn(&link(libc::IFF_UP)));
        assert!(known.learn(&link(libc::IFF_UP | libc::IFF_RUNNING)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
            Known::default().learn(&bytes);
        }

        #[test]
        fn any_body_is_survived(kind in 16_u16..30, body in prop::collection::vec(any::<u8>(), 0..128)) {
            Known::default().learn(&message(kind, &body));
        }
    }

    /// Everything queued: whether any of it counts.
    fn any_change(watch: &mut NetworkWatch) -> bool {
        let mut any = false;
        loop {
            match watch.changed() {
                Ok(changed) => any |= changed,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return any,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_real_kernel_tells_of_links_addresses_and_default_routes() {
        let name = "sys::netlink::tests::a_real_kernel_tells_of_links_addresses_and_default_routes";
        own_namespace::run("-Urn", name, || {
            let mut watch = NetworkWatch::new().unwrap();
            let mut check = |command: &str, expected: bool| {
                let status = std::process::Command::new("ip").args(command.split(' ')).status();
                let Ok(status) = status else { return println!("skipped: ip is missing") };
                assert!(status.success(), "ip {command}");
                assert_eq!(any_change(&mut watch), expected, "ip {command}");
            };
            check("link set lo up", true);
            check("link set lo mtu 9000", false);
            check("address add 192.0.2.1/24 dev lo valid_lft 100 preferred_lft 100", true);
            check("address change 192.0.2.1/24 dev lo valid_lft 200 preferred_lft 200", false);
            check("route add 198.51.100.0/24 dev lo", false);
            check("route add default via 192.0.2.9", true);
            check("route delete default", true);
            check("address add 2001:db8::1/64 dev lo", true);
            check("address delete 192.0.2.1/24 dev lo", true);
            check("link set lo down", true);
        });
    }
}
