//! The kernel's description of a datagram: where its bytes, its address and its control messages are. Calls nothing.

pub(super) fn io_vector(base: *mut u8, length: usize) -> libc::iovec {
    libc::iovec { iov_base: base.cast(), iov_len: length }
}

pub(super) fn message_header(part: &mut libc::iovec) -> libc::msghdr {
    let mut message = multi_header().msg_hdr;
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message
}

/// Of no datagram yet.
pub(super) fn multi_header() -> libc::mmsghdr {
    // SAFETY: an mmsghdr is integers and pointers only, and all of them may be zero.
    unsafe { std::mem::zeroed() }
}

/// `msg_controllen` is a `size_t` or a `socklen_t`, after the C library.
#[allow(clippy::cast_possible_truncation, reason = "control buffers have 256 bytes")]
pub(super) const fn control_length(length: usize) -> ControlLength {
    length as ControlLength
}

#[allow(clippy::unnecessary_cast, reason = "as above")]
pub(super) const fn from_control_length(length: ControlLength) -> usize {
    length as usize
}

#[cfg(target_env = "musl")]
type ControlLength = libc::socklen_t;
#[cfg(not(target_env = "musl"))]
type ControlLength = usize;
