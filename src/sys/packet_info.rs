//! Which of our addresses a datagram was sent to (`IP_PKTINFO`, `IPV6_PKTINFO`), and answering from it.

use super::cmsg::{ControlBuffer, ControlMessage};
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of ours that a datagram was sent to, and where it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketInfo {
    /// Ours; a unicast address where the kernel can say (for a broadcast, that of the interface).
    pub local: IpAddr,
    /// The interface's number.
    pub interface: u32,
}

const _: () = {
    assert!(size_of::<libc::in_pktinfo>() == 12);
    assert!(offset_of!(libc::in_pktinfo, ipi_ifindex) == 0);
    assert!(offset_of!(libc::in_pktinfo, ipi_spec_dst) == 4);
    assert!(offset_of!(libc::in_pktinfo, ipi_addr) == 8);
    assert!(size_of::<libc::in6_pktinfo>() == 20);
    assert!(offset_of!(libc::in6_pktinfo, ipi6_addr) == 0);
    assert!(offset_of!(libc::in6_pktinfo, ipi6_ifindex) == 16);
};

impl PacketInfo {
    /// From a received control message, if it is one of these.
    pub(super) fn parse(message: &ControlMessage<'_>) -> Option<Self> {
        match (message.level, message.kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let (interface, rest) = message.data.split_first_chunk::<4>()?;
                let (local, _) = rest.split_first_chunk::<4>()?;
                Some(Self { local: Ipv4Addr::from(*local).into(), interface: u32::from_ne_bytes(*interface) })
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let (local, rest) = message.data.split_first_chunk::<16>()?;
                let (interface, _) = rest.split_first_chunk::<4>()?;
                Some(Self { local: Ipv6Addr::from(*local).into(), interface: u32::from_ne_bytes(*interface) })
            }
            _ => None,
        }
    }

    /// Adds the control message that sends from this address.
    ///
    /// The interface is left to the routing table, except for link-local addresses, which mean nothing without it.
    pub(super) fn emit(&self, control: &mut ControlBuffer) {
        match self.local {
            IpAddr::V4(local) => {
                let fields = [[0; 4], local.octets(), [0; 4]];
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, fields.as_flattened());
            }
            IpAddr::V6(local) => {
                let interface = if local.is_unicast_link_local() { self.interface } else { 0 };
                let mut fields = [0; 20];
                if let Some((address, number)) = fields.split_first_chunk_mut::<16>() {
                    *address = local.octets();
                    number.copy_from_slice(&interface.to_ne_bytes());
                }
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &fields);
            }
        }
    }
}

/// Whether a received control message tells of a datagram to a group or a broadcast address.
pub(super) fn is_to_group(message: &ControlMessage<'_>) -> bool {
    match (message.level, message.kind) {
        // The address of ours to answer from, and the one that it was sent to.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => message.data.get(4..8) != message.data.get(8..12),
        _ => PacketInfo::parse(message).is_some_and(|info| info.local.is_multicast()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(local: &str, interface_sent: u32) {
        let info = PacketInfo { local: local.parse().unwrap(), interface: 7 };
        let mut buffer = ControlBuffer::empty();
        info.emit(&mut buffer);
        let message = buffer.messages().next().unwrap();
        let sent = PacketInfo { interface: interface_sent, ..info };
        assert_eq!(PacketInfo::parse(&message), Some(sent));
    }

    #[test]
    fn only_link_local_addresses_fix_the_interface() {
        check("127.0.0.5", 0);
        check("2001:db8::5", 0);
        check("::ffff:192.0.2.1", 0);
        check("fe80::5", 7);
    }

    #[test]
    fn a_group_is_told_from_an_address_of_ours() {
        let v4 = |ours: [u8; 4], sent_to: [u8; 4]| {
            let data = [[1, 0, 0, 0], ours, sent_to];
            is_to_group(&ControlMessage {
                level: libc::IPPROTO_IP,
                kind: libc::IP_PKTINFO,
                data: data.as_flattened(),
            })
        };
        assert!(!v4([10, 0, 0, 1], [10, 0, 0, 1]));
        assert!(v4([10, 0, 0, 1], [10, 0, 0, 255]));
        assert!(v4([10, 0, 0, 1], [224, 0, 1, 1]));
        for (local, group) in [("ff02::101", true), ("fd00::1", false), ("fe80::1", false)] {
            let mut buffer = ControlBuffer::empty();
            PacketInfo { local: local.parse().unwrap(), interface: 1 }.emit(&mut buffer);
            assert_eq!(buffer.messages().any(|message| is_to_group(&message)), group, "{local}");
        }
    }

    #[test]
    fn short_and_foreign_messages_are_none() {
        let short = ControlMessage { level: libc::IPPROTO_IP, kind: libc::IP_PKTINFO, data: &[0; 7] };
        assert_eq!(PacketInfo::parse(&short), None);
        let foreign = ControlMessage { level: libc::SOL_SOCKET, kind: libc::IP_PKTINFO, data: &[0; 20] };
        assert_eq!(PacketInfo::parse(&foreign), None);
    }
}
