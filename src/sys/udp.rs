//! Datagram sockets with kernel timestamps and packet information. Never blocks; waits for nothing.

use super::PacketInfo;
use super::address::AddressBuffer;
use super::cmsg::ControlBuffer;
use super::error::check_length;
use super::message::{control_length, from_control_length, io_vector, message_header};
use super::socket;
use super::timestamping::{Stamping, software_stamp, stamped_packet};
use crate::time::ClockTime;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A datagram socket of ours. Closed when dropped.
#[derive(Debug)]
pub struct UdpSocket {
    descriptor: OwnedFd,
    stamping: Stamping,
}

/// One datagram that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes written to the buffer.
    pub length: usize,
    /// The datagram was longer than the buffer.
    pub truncated: bool,
    /// The sender; none only if the kernel names no IP address.
    pub from: Option<SocketAddr>,
    /// When the kernel saw it, by `CLOCK_REALTIME`.
    pub stamp: Option<ClockTime>,
    /// Which address of ours it was sent to; listening wildcards only.
    pub local: Option<PacketInfo>,
}

/// When a datagram left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransmitStamp {
    /// Which datagram of this socket, from 0.
    pub packet: u32,
    /// When the kernel gave it to the driver, by `CLOCK_REALTIME`.
    pub time: ClockTime,
}

impl UdpSocket {
    /// For one peer, from a random port of ours: everybody else's datagrams are dropped by the kernel, and ICMP
    /// errors come back as errors of `receive` and `send`.
    ///
    /// A kernel that refuses to stamp is lived with: [`UdpSocket::stamping`] says what is in force.
    pub fn connect(peer: SocketAddr, stamping: Stamping) -> io::Result<Self> {
        let this = Self::open(peer, stamping)?;
        socket::connect(&this.descriptor, peer)?;
        Ok(this)
    }

    /// As [`UdpSocket::connect`], from this address of ours.
    pub fn connect_from(local: SocketAddr, peer: SocketAddr, stamping: Stamping) -> io::Result<Self> {
        let this = Self::open(peer, stamping)?;
        socket::bind(&this.descriptor, local)?;
        socket::connect(&this.descriptor, peer)?;
        Ok(this)
    }

    /// Of the address's family.
    fn open(address: SocketAddr, stamping: Stamping) -> io::Result<Self> {
        let mut this = Self { descriptor: socket::open_datagram(address)?, stamping: Stamping::None };
        this.set_stamping(stamping);
        Ok(this)
    }

    /// For everybody who asks. An IPv6 wildcard also serves IPv4 unless `only_v6`.
    ///
    /// The address is never shared (no `SO_REUSEADDR`): a second server on it is an error. A wildcard has many addresses of ours, so
    /// each datagram says which was asked; that costs a lookup of a route, and a listener on one address is spared it.
    pub fn listen(address: SocketAddr, only_v6: bool, stamping: Stamping) -> io::Result<Self> {
        let this = Self::open_listener(address, only_v6, stamping)?;
        socket::bind(&this.descriptor, address)?;
        Ok(this)
    }

    /// So many sockets on one address, among which the kernel shares out what arrives; [`UdpSocket::steer_by_source`] says how.
    ///
    /// The first is bound alone, so that it fails if somebody else is there, and shares its address only then.
    pub fn listen_together(
        address: SocketAddr,
        only_v6: bool,
        stamping: Stamping,
        count: usize,
    ) -> io::Result<Vec<Self>> {
        let first = Self::listen(address, only_v6, stamping)?;
        let address = if count > 1 { first.local_address()? } else { address };
        let mut sockets = vec![first];
        while sockets.len() < count {
            let next = Self::open_listener(address, only_v6, stamping)?;
            for socket in sockets.first().into_iter().chain([&next]) {
                socket.set_option(libc::SO_REUSEPORT, 1)?;
            }
            socket::bind(&next.descriptor, address)?;
            sockets.push(next);
        }
        Ok(sockets)
    }

    /// A socket that somebody else opened and bound, maybe used by a process before this one: with the options of
    /// [`UdpSocket::listen`]. Who else has its descriptor keeps it, with these options.
    pub fn adopt(descriptor: OwnedFd, stamping: Stamping) -> io::Result<Self> {
        // What it is does not matter to this call, and std has it without unsafe.
        let socket = std::net::UdpSocket::from(descriptor);
        socket.set_nonblocking(true)?;
        let mut this = Self { descriptor: socket.into(), stamping: Stamping::None };
        this.set_stamping(stamping);
        // The kernel goes on counting where the process before stopped.
        this.restart_numbers()?;
        this.ask_for_local_addresses(this.local_address()?)?;
        Ok(this)
    }

    fn open_listener(address: SocketAddr, only_v6: bool, stamping: Stamping) -> io::Result<Self> {
        let this = Self::open(address, stamping)?;
        if address.is_ipv6() {
            socket::set_option(&this.descriptor, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only_v6.into())?;
        }
        this.ask_for_local_addresses(address)?;
        Ok(this)
    }

    /// Each datagram says which address of ours it came to, if it may be one of many.
    fn ask_for_local_addresses(&self, bound: SocketAddr) -> io::Result<()> {
        let has_many_addresses = bound.ip().is_unspecified();
        match (has_many_addresses, bound.is_ipv4()) {
            (true, true) => socket::set_option(&self.descriptor, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
            (true, false) => {
                socket::set_option(&self.descriptor, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
            }
            (false, _) => Ok(()),
        }
    }

    /// A socket that only keeps the kernel stamping: it turns the work off when the last socket that wants it closes,
    /// and on again too late for the first packets of the next.
    pub fn keep_stamping(stamping: Stamping) -> io::Result<Self> {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        Self::open(any, stamping)
    }

    /// Asks for less and less until the kernel agrees.
    fn set_stamping(&mut self, wanted: Stamping) {
        let weaker = [Stamping::ReceiveAndTransmit, Stamping::OnRequest, Stamping::Receive];
        for stamping in weaker.into_iter().filter(|stamping| *stamping <= wanted) {
            let set = |(option, value)| self.set_option(option, value);
            if stamping.options().iter().copied().try_for_each(set).is_ok() {
                self.stamping = stamping;
                return;
            }
        }
    }

    /// Counts stamped datagrams from 0 again, after one that could not be sent: whether it was counted depends on the kernel.
    pub fn restart_numbers(&self) -> io::Result<()> {
        self.set_option(libc::SO_TIMESTAMPING, 0)?;
        self.stamping.options().iter().try_for_each(|(option, value)| self.set_option(*option, *value))
    }

    fn set_option(&self, option: libc::c_int, value: libc::c_uint) -> io::Result<()> {
        socket::set_option(&self.descriptor, libc::SOL_SOCKET, option, value.cast_signed())
    }

    /// What the kernel agreed to stamp.
    pub const fn stamping(&self) -> Stamping {
        self.stamping
    }

    /// Room for datagrams that wait to be received, in bytes as the kernel counts them: some 800 for one of NTP. More than the machine's
    /// limit (`net.core.rmem_max`) is had by root only; the kernel says nothing of giving less.
    pub fn set_receive_buffer(&self, bytes: i32) -> io::Result<()> {
        let force = socket::set_option(&self.descriptor, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes);
        force.or_else(|_| socket::set_option(&self.descriptor, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes))
    }

    /// The same for a socket whose opener may have given it more room than this process could: never less than it has. Without the right
    /// to more than the machine's limit, it stays as it is.
    pub fn raise_receive_buffer(&self, bytes: i32) -> io::Result<()> {
        let has = socket::get_option(&self.descriptor, libc::SOL_SOCKET, libc::SO_RCVBUF)?;
        if has < bytes {
            // Refused, it is the opener's business.
            let _ = socket::set_option(&self.descriptor, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes);
        }
        Ok(())
    }

    /// Where it is bound.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        socket::local_address(&self.descriptor)
    }

    /// Sends one datagram to the peer.
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let descriptor = self.descriptor.as_raw_fd();
        // SAFETY: the pointer is to as many bytes as are said, and they live during the call.
        let result =
            unsafe { libc::send(descriptor, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        check_length("send", result).map(drop)
    }

    /// Sends one datagram, from the given address of ours if any.
    pub fn send_to(&self, bytes: &[u8], to: SocketAddr, from: Option<PacketInfo>) -> io::Result<()> {
        let mut address = AddressBuffer::of(to);
        let mut control = ControlBuffer::empty();
        if let Some(info) = from {
            info.emit(&mut control);
        }
        let mut part = io_vector(bytes.as_ptr().cast_mut(), bytes.len());
        let mut message = message_header(&mut part);
        message.msg_name = address.as_mut_ptr().cast();
        message.msg_namelen = address.length();
        if from.is_some() {
            message.msg_control = control.as_mut_ptr();
            message.msg_controllen = control_length(control.length());
        }
        let descriptor = self.descriptor.as_raw_fd();
        // SAFETY: the header's pointers are to buffers of the lengths given beside them, which live during the call;
        // sendmsg writes to none of them.
        let result = unsafe { libc::sendmsg(descriptor, &raw const message, libc::MSG_NOSIGNAL) };
        check_length("sendmsg", result).map(drop)
    }

    /// The next datagram, or an ICMP error about one of ours, or `WouldBlock`.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let (received, control) = self.receive_message(buffer, 0)?;
        let stamp = control.messages().find_map(|message| software_stamp(&message));
        let local = control.messages().find_map(|message| PacketInfo::parse(&message));
        Ok(Received { stamp, local, ..received })
    }

    /// The next transmit stamp, or `WouldBlock`. Other entries of the error queue are skipped.
    pub fn transmit_stamp(&self) -> io::Result<TransmitStamp> {
        loop {
            let (_, control) = self.receive_message(&mut [], libc::MSG_ERRQUEUE)?;
            let time = control.messages().find_map(|message| software_stamp(&message));
            let packet = control.messages().find_map(|message| stamped_packet(&message));
            if let (Some(packet), Some(time)) = (packet, time) {
                return Ok(TransmitStamp { packet, time });
            }
        }
    }

    fn receive_message(
        &self,
        buffer: &mut [u8],
        flags: libc::c_int,
    ) -> io::Result<(Received, ControlBuffer)> {
        let mut address = AddressBuffer::empty();
        let mut control = ControlBuffer::empty();
        let mut part = io_vector(buffer.as_mut_ptr(), buffer.len());
        let mut message = message_header(&mut part);
        message.msg_name = address.as_mut_ptr().cast();
        message.msg_namelen = address.length();
        message.msg_control = control.as_mut_ptr();
        message.msg_controllen = control_length(ControlBuffer::capacity());
        let descriptor = self.descriptor.as_raw_fd();
        // SAFETY: the header's pointers are to writable buffers of the lengths given beside them, all of them ours
        // during the call.
        let result = unsafe { libc::recvmsg(descriptor, &raw mut message, flags) };
        let length = check_length("recvmsg", result)?;
        address.set_length(message.msg_namelen);
        control.set_length(from_control_length(message.msg_controllen));
        let truncated = message.msg_flags & libc::MSG_TRUNC != 0;
        let received = Received { length, truncated, from: address.parse(), stamp: None, local: None };
        Ok((received, control))
    }
}

/// An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`, from a socket that serves both) as what it is.
pub fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}

#[cfg(test)]
pub(super) mod tests;
