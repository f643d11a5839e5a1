//! The kernel's packet timestamps (`SO_TIMESTAMPING`), as bytes. Asking the socket for them is `udp`'s.

use super::cmsg::ControlMessage;
use crate::time::ClockTime;
use std::mem::{offset_of, size_of};

/// What the kernel stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stamping {
    /// Nothing.
    None,
    /// What arrives.
    Receive,
    /// What arrives and what leaves.
    ReceiveAndTransmit,
}

impl Stamping {
    /// The value of the socket option, or none.
    ///
    /// Transmit stamps come without the packet (`OPT_TSONLY`) and with its number (`OPT_ID`), from the error queue.
    pub(super) const fn flags(self) -> Option<libc::c_uint> {
        let receive = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
        match self {
            Self::None => None,
            Self::Receive => Some(receive),
            Self::ReceiveAndTransmit => Some(
                receive
                    | libc::SOF_TIMESTAMPING_TX_SOFTWARE
                    | libc::SOF_TIMESTAMPING_OPT_ID
                    | libc::SOF_TIMESTAMPING_OPT_TSONLY,
            ),
        }
    }
}

/// `struct scm_timestamping`: three timespecs, of which the first is the software stamp and the last the hardware's.
const STAMPS: usize = 3;

/// The software stamp of a control message, if it is one and was taken.
pub(super) fn software_stamp(message: &ControlMessage<'_>) -> Option<ClockTime> {
    if (message.level, message.kind) != (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) {
        return None;
    }
    let (seconds, nanos) = match message.data.len() {
        LONG => {
            let (seconds, rest) = message.data.split_first_chunk::<8>()?;
            let (nanos, _) = rest.split_first_chunk::<8>()?;
            (i64::from_ne_bytes(*seconds), i64::from_ne_bytes(*nanos))
        }
        SHORT => {
            let (seconds, rest) = message.data.split_first_chunk::<4>()?;
            let (nanos, _) = rest.split_first_chunk::<4>()?;
            (i32::from_ne_bytes(*seconds).into(), i32::from_ne_bytes(*nanos).into())
        }
        _ => return None,
    };
    let taken = (seconds, nanos) != (0, 0);
    let time = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    taken.then(|| ClockTime::from_unix_nanos(time))
}

/// With 64-bit timespecs.
const LONG: usize = STAMPS * 16;
/// With 32-bit ones, on 32-bit systems of the old kind.
const SHORT: usize = STAMPS * 8;

/// What the error queue says of a stamp: which packet it belongs to (`OPT_ID`), counted from 0 for each socket.
///
/// None for anything but a stamp taken when the packet left for the driver.
pub(super) fn stamped_packet(message: &ControlMessage<'_>) -> Option<u32> {
    let is_error = matches!(
        (message.level, message.kind),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    );
    let (error, rest) = message.data.split_first_chunk::<4>()?;
    let (&origin, rest) = rest.split_first()?;
    let (_type_code_padding, rest) = rest.split_first_chunk::<3>()?;
    let (info, rest) = rest.split_first_chunk::<4>()?;
    let (data, _) = rest.split_first_chunk::<4>()?;
    let is_stamp = is_error
        && u32::from_ne_bytes(*error) == libc::ENOMSG.cast_unsigned()
        && origin == libc::SO_EE_ORIGIN_TIMESTAMPING
        && u32::from_ne_bytes(*info) == SCM_TSTAMP_SND;
    is_stamp.then(|| u32::from_ne_bytes(*data))
}

/// `SCM_TSTAMP_SND`: the driver took the packet, or will in a moment.
const SCM_TSTAMP_SND: u32 = 0;

const _: () = {
    assert!(size_of::<libc::sock_extended_err>() == 16);
    assert!(offset_of!(libc::sock_extended_err, ee_errno) == 0);
    assert!(offset_of!(libc::sock_extended_err, ee_origin) == 4);
    assert!(offset_of!(libc::sock_extended_err, ee_info) == 8);
    assert!(offset_of!(libc::sock_extended_err, ee_data) == 12);
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stamps(data: &[u8]) -> Option<ClockTime> {
        software_stamp(&ControlMessage { level: libc::SOL_SOCKET, kind: libc::SCM_TIMESTAMPING, data })
    }

    #[test]
    fn the_first_of_three_stamps_is_the_kernels() {
        let mut data = [0; LONG];
        assert_eq!(stamps(&data), None, "not taken");
        data[..8].copy_from_slice(&1_700_000_000_i64.to_ne_bytes());
        data[8..16].copy_from_slice(&5_i64.to_ne_bytes());
        assert_eq!(stamps(&data), Some(ClockTime::from_unix_nanos(1_700_000_000_000_000_005)));
        assert_eq!(stamps(&data[..40]), None, "cut off");
    }

    #[test]
    fn only_a_transmit_stamp_names_a_packet() {
        fn message(data: &[u8]) -> ControlMessage<'_> {
            ControlMessage { level: libc::IPPROTO_IPV6, kind: libc::IPV6_RECVERR, data }
        }
        let mut data = [0; 16];
        data[..4].copy_from_slice(&libc::ENOMSG.to_ne_bytes());
        data[4] = libc::SO_EE_ORIGIN_TIMESTAMPING;
        data[12..].copy_from_slice(&9_u32.to_ne_bytes());
        assert_eq!(stamped_packet(&message(&data)), Some(9));
        assert_eq!(stamped_packet(&message(&data[..15])), None);
        data[4] = libc::SO_EE_ORIGIN_ICMP;
        assert_eq!(stamped_packet(&message(&data)), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = stamps(&data);
            let _ = stamped_packet(&ControlMessage { level: libc::IPPROTO_IP, kind: libc::IP_RECVERR, data: &data });
        }
    }
}
