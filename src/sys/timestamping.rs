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
    /// What arrives; and what leaves, for each datagram that asks for it.
    OnRequest,
    /// What arrives and what leaves.
    ReceiveAndTransmit,
}

impl Stamping {
    /// Socket options with their values.
    ///
    /// Transmit stamps come without the packet (`OPT_TSONLY`) and with its number (`OPT_ID`), from the error queue.
    pub(super) const fn options(self) -> &'static [(libc::c_int, libc::c_uint)] {
        match self {
            Self::None => &[],
            Self::Receive => &[(libc::SO_TIMESTAMPING, RECEIVE)],
            // The plain stamp is a third of the detailed one, which the kernel would write beside it if `SOFTWARE` were set. It comes
            // with what the error queue says, too.
            Self::OnRequest => &[(libc::SO_TIMESTAMPNS, 1), (libc::SO_TIMESTAMPING, NUMBERED)],
            Self::ReceiveAndTransmit => {
                &[(libc::SO_TIMESTAMPING, RECEIVE | NUMBERED | libc::SOF_TIMESTAMPING_TX_SOFTWARE)]
            }
        }
    }
}

const RECEIVE: libc::c_uint = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
const NUMBERED: libc::c_uint = libc::SOF_TIMESTAMPING_OPT_ID | libc::SOF_TIMESTAMPING_OPT_TSONLY;

/// What a control message asks for, for one datagram: the stamp of its leaving. The socket's flags say the rest.
pub(super) const TRANSMIT_REQUEST: libc::c_uint = libc::SOF_TIMESTAMPING_TX_SOFTWARE;

/// `struct scm_timestamping`: three timespecs, of which the first is the software stamp and the last the hardware's.
const STAMPS: usize = 3;

/// The software stamp of a control message, if it is one and was taken.
pub(super) fn software_stamp(message: &ControlMessage<'_>) -> Option<ClockTime> {
    let stamps = match (message.level, message.kind) {
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => 1,
        (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => STAMPS,
        _ => return None,
    };
    let length = message.data.len();
    let (seconds, nanos) = if length == stamps * LONG {
        let (seconds, rest) = message.data.split_first_chunk::<8>()?;
        let (nanos, _) = rest.split_first_chunk::<8>()?;
        (i64::from_ne_bytes(*seconds), i64::from_ne_bytes(*nanos))
    } else if length == stamps * SHORT {
        let (seconds, rest) = message.data.split_first_chunk::<4>()?;
        let (nanos, _) = rest.split_first_chunk::<4>()?;
        (i32::from_ne_bytes(*seconds).into(), i32::from_ne_bytes(*nanos).into())
    } else {
        return None;
    };
    let taken = (seconds, nanos) != (0, 0);
    let time = seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    taken.then(|| ClockTime::from_unix_nanos(time))
}

/// A timespec of 64 bits.
const LONG: usize = 16;
/// One of 32 bits, on 32-bit systems of the old kind.
const SHORT: usize = 8;

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
        let mut data = [0; STAMPS * LONG];
        assert_eq!(stamps(&data), None, "not taken");
        data[..8].copy_from_slice(&1_700_000_000_i64.to_ne_bytes());
        data[8..16].copy_from_slice(&5_i64.to_ne_bytes());
        assert_eq!(stamps(&data), Some(ClockTime::from_unix_nanos(1_700_000_000_000_000_005)));
        assert_eq!(stamps(&data[..40]), None, "cut off");
    }

    #[test]
    fn the_plain_stamp_is_one_timespec() {
        let stamp = |data: &[u8]| {
            software_stamp(&ControlMessage { level: libc::SOL_SOCKET, kind: libc::SCM_TIMESTAMPNS, data })
        };
        let data = [7_i64.to_ne_bytes(), 9_i64.to_ne_bytes()];
        assert_eq!(stamp(data.as_flattened()), Some(ClockTime::from_unix_nanos(7_000_000_009)));
        assert_eq!(stamp(&data.as_flattened()[..15]), None, "cut off");
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
