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
    fn short_and_foreign_messages_are_none() {
        let short = ControlMessage { level: libc::IPPROTO_IP, kind: libc::IP_PKTINFO, data: &[0; 7] };
        assert_eq!(PacketInfo::parse(&short), None);
        let foreign = ControlMessage { level: libc::SOL_SOCKET, kind: libc::IP_PKTINFO, data: &[0; 20] };
        assert_eq!(PacketInfo::parse(&foreign), None);
    }
}
