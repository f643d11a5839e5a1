//! Socket addresses as the kernel reads and writes them. Opens nothing.

use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for an IPv4 or IPv6 address, aligned as the kernel's `sockaddr_storage`.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub(super) struct AddressBuffer {
    bytes: [u8; CAPACITY],
    length: usize,
}

const CAPACITY: usize = 32;
const V4_LENGTH: usize = 16;
const V6_LENGTH: usize = 28;

const _: () = {
    assert!(offset_of!(AddressBuffer, bytes) == 0);
    assert!(V4_LENGTH <= CAPACITY && V6_LENGTH <= CAPACITY);
    assert!(size_of::<libc::sockaddr_in>() == V4_LENGTH);
    assert!(offset_of!(libc::sockaddr_in, sin_family) == 0);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == 2);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4);
    assert!(size_of::<libc::sockaddr_in6>() == V6_LENGTH);
    assert!(offset_of!(libc::sockaddr_in6, sin6_family) == 0);
    assert!(offset_of!(libc::sockaddr_in6, sin6_port) == 2);
    assert!(offset_of!(libc::sockaddr_in6, sin6_flowinfo) == 4);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == 8);
    assert!(offset_of!(libc::sockaddr_in6, sin6_scope_id) == 24);
};

impl AddressBuffer {
    /// To be written by the kernel, all of it.
    pub(super) const fn empty() -> Self {
        Self { bytes: [0; CAPACITY], length: CAPACITY }
    }

    /// To be read by the kernel.
    pub(super) fn of(address: SocketAddr) -> Self {
        let mut buffer = Self::empty();
        match address {
            SocketAddr::V4(v4) => {
                let port = v4.port().to_be_bytes();
                buffer.write(&[&family(libc::AF_INET).to_ne_bytes(), &port, &v4.ip().octets(), &[0; 8]]);
            }
            SocketAddr::V6(v6) => buffer.write(&[
                &family(libc::AF_INET6).to_ne_bytes(),
                &v6.port().to_be_bytes(),
                // In network order in the structure, as is in ours.
                &v6.flowinfo().to_ne_bytes(),
                &v6.ip().octets(),
                &v6.scope_id().to_ne_bytes(),
            ]),
        }
        buffer
    }

    fn write(&mut self, fields: &[&[u8]]) {
        let mut rest = self.bytes.as_mut_slice();
        self.length = 0;
        for field in fields {
            let Some((to, after)) = rest.split_at_mut_checked(field.len()) else { return };
            to.copy_from_slice(field);
            rest = after;
            self.length += field.len();
        }
    }

    /// What the kernel wrote: an IPv4 or IPv6 address, or nothing.
    pub(super) fn parse(&self) -> Option<SocketAddr> {
        let (family_bytes, rest) = self.bytes.split_first_chunk::<2>()?;
        let (port, rest) = rest.split_first_chunk::<2>()?;
        let port = u16::from_be_bytes(*port);
        let present = u16::from_ne_bytes(*family_bytes);
        if present == family(libc::AF_INET) && self.length >= V4_LENGTH {
            let (ip, _) = rest.split_first_chunk::<4>()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(*ip), port).into())
        } else if present == family(libc::AF_INET6) && self.length >= V6_LENGTH {
            let (flow, rest) = rest.split_first_chunk::<4>()?;
            let (ip, rest) = rest.split_first_chunk::<16>()?;
            let (scope, _) = rest.split_first_chunk::<4>()?;
            let (flow, scope) = (u32::from_ne_bytes(*flow), u32::from_ne_bytes(*scope));
            Some(SocketAddrV6::new(Ipv6Addr::from(*ip), port, flow, scope).into())
        } else {
            None
        }
    }

    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        std::ptr::from_ref(self).cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::sockaddr {
        std::ptr::from_mut(self).cast()
    }

    /// In bytes, at most the capacity.
    #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
    pub(super) fn length(&self) -> libc::socklen_t {
        self.length.min(CAPACITY) as libc::socklen_t
    }

    /// As the kernel reported it.
    pub(super) fn set_length(&mut self, length: libc::socklen_t) {
        self.length = usize::try_from(length).map_or(CAPACITY, |length| length.min(CAPACITY));
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the families used here are below 2^8"
)]
pub(super) const fn family(family: libc::c_int) -> u16 {
    family as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_to_the_kernel_and_back() {
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 123, 7, 3).into();
        for address in ["192.0.2.1:123".parse().unwrap(), "[2001:db8::1]:4460".parse().unwrap(), scoped] {
            assert_eq!(AddressBuffer::of(address).parse(), Some(address));
        }
    }

    #[test]
    fn a_short_or_foreign_address_is_none() {
        let mut buffer = AddressBuffer::of("[::1]:123".parse().unwrap());
        buffer.set_length(16);
        assert_eq!(buffer.parse(), None);
        assert_eq!(AddressBuffer::empty().parse(), None);
    }
}
