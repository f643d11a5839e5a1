//! Opening, binding and configuring a datagram socket. What passes through it is `udp`'s.

use super::address::AddressBuffer;
use super::error::check;
use std::io;
use std::mem::size_of;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// A socket that never blocks and that children do not inherit.
pub(super) fn open(domain: libc::c_int, kind: libc::c_int, protocol: libc::c_int) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes no pointer.
    let descriptor = check("socket", unsafe { libc::socket(domain, kind, protocol) })?;
    // SAFETY: the call above just opened this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Of the address's family.
pub(super) fn open_datagram(address: SocketAddr) -> io::Result<OwnedFd> {
    open(if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }, libc::SOCK_DGRAM, 0)
}

/// An option with an integer value.
pub(super) fn set_option(
    socket: &impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let descriptor = socket.as_fd().as_raw_fd();
    let pointer = std::ptr::from_ref(&value).cast();
    // SAFETY: the pointer is to a c_int that lives during the call, and its size is given.
    let result = unsafe { libc::setsockopt(descriptor, level, option, pointer, INTEGER) };
    check("setsockopt", result).map(drop)
}

/// The value of such an option.
pub(super) fn get_option(
    socket: &impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = INTEGER;
    let descriptor = socket.as_fd().as_raw_fd();
    let pointer = (&raw mut value).cast();
    // SAFETY: the first pointer is to a c_int, the second to its size; both are ours during the call.
    let result = unsafe { libc::getsockopt(descriptor, level, option, pointer, &raw mut length) };
    check("getsockopt", result).map(|_| value)
}

#[expect(clippy::cast_possible_truncation, reason = "it is 4")]
const INTEGER: libc::socklen_t = size_of::<libc::c_int>() as libc::socklen_t;

pub(super) fn bind(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    let buffer = AddressBuffer::of(address);
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to a socket address of the length given, and it lives during the call.
    let result = unsafe { libc::bind(descriptor, buffer.as_ptr(), buffer.length()) };
    check("bind", result).map(drop)
}

/// From then on only this peer is sent to and heard; the kernel chooses a random port of ours.
pub(super) fn connect(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    let buffer = AddressBuffer::of(address);
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the pointer is to a socket address of the length given, and it lives during the call.
    let result = unsafe { libc::connect(descriptor, buffer.as_ptr(), buffer.length()) };
    check("connect", result).map(drop)
}

pub(super) fn local_address(socket: &impl AsFd) -> io::Result<SocketAddr> {
    let mut buffer = AddressBuffer::empty();
    let mut length = buffer.length();
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the first pointer is to a buffer of the length that the second one points to; both are ours.
    let result = unsafe { libc::getsockname(descriptor, buffer.as_mut_ptr(), &raw mut length) };
    check("getsockname", result)?;
    buffer.set_length(length);
    buffer.parse().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "getsockname: no IP address"))
}
