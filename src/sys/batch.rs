//! Many datagrams with one system call each way, in memory that is allocated once. Waits for nothing, and retries nothing.

use super::address::AddressBuffer;
use super::cmsg::ControlBuffer;
use super::message::{control_length, from_control_length, io_vector, multi_header};
use super::packet_info::{self, PacketInfo};
use super::timestamping::{TRANSMIT_REQUEST, software_stamp, stamped_packet};
use super::udp::TransmitStamp;
use crate::time::ClockTime;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

/// Room for so many datagrams that arrived, and as many that are to leave.
///
/// Nothing here allocates after `new`, errors included: they are bare numbers of the kernel, without the call named.
pub struct Batch {
    arrived: Box<[Slot]>,
    leaving: Box<[Slot]>,
    /// What the kernel is told, in one direction at a time; written anew before each call, so that no pointer gets old.
    headers: Box<[libc::mmsghdr]>,
    parts: Box<[libc::iovec]>,
    received: usize,
    queued: usize,
}

/// Longer datagrams are cut off and marked, or not queued: NTP's stay below it, with NTS too.
pub const LONGEST: usize = 2048;

/// One datagram and what is known of it. What is used of every packet comes first, to touch few cache lines.
#[repr(C, align(64))]
struct Slot {
    length: usize,
    truncated: bool,
    /// Whether `name` is to be told; a connected socket needs none.
    named: bool,
    name: AddressBuffer,
    control: ControlBuffer,
    bytes: [u8; LONGEST],
}

/// One datagram that arrived. Each question reads what the kernel wrote, so what is not asked costs nothing.
#[derive(Clone, Copy)]
pub struct Datagram<'a>(&'a Slot);

/// A datagram to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// At most [`LONGEST`].
    pub bytes: &'a [u8],
    /// None on a connected socket.
    pub to: Option<SocketAddr>,
    /// The address of ours that it leaves from.
    pub from: Option<PacketInfo>,
    /// Whether the kernel shall say when it left ([`Batch::transmit_stamps`]).
    pub stamped: bool,
}

impl Batch {
    /// For so many datagrams each way; at least one.
    pub fn new(slots: usize) -> Self {
        let slots = slots.clamp(1, MOST);
        let make = || (0..slots).map(|_| Slot::empty()).collect();
        let parts = (0..slots).map(|_| io_vector(std::ptr::null_mut(), 0)).collect();
        let headers = (0..slots).map(|_| multi_header()).collect();
        Self { arrived: make(), leaving: make(), headers, parts, received: 0, queued: 0 }
    }

    /// Slots each way.
    pub fn capacity(&self) -> usize {
        self.arrived.len()
    }

    /// Takes what is there, and says how many that are; `WouldBlock` if there is nothing. What came before is gone.
    pub fn receive(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.fill(socket, libc::MSG_DONTWAIT)
    }

    /// One of those that [`Batch::receive`] counted.
    pub fn datagram(&self, slot: usize) -> Option<Datagram<'_>> {
        self.arrived.get(..self.received)?.get(slot).map(Datagram)
    }

    /// All of them.
    pub fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> {
        self.arrived.iter().take(self.received).map(Datagram)
    }

    /// Queues an answer to a datagram that arrived, from the address of ours that it came to: one to a group is answered from
    /// whichever address the route has. Says where in the queue it is; none if it is full, the answer too long, or the asker unknown.
    pub fn reply(&mut self, slot: usize, bytes: &[u8], stamped: bool) -> Option<usize> {
        let asked = self.arrived.get(..self.received)?.get(slot)?;
        // Whoever has no address can be sent nothing.
        asked.name.parse()?;
        let from = Datagram(asked).local().filter(|info| !info.local.is_multicast());
        let leaving = self.leaving.get_mut(self.queued)?;
        leaving.name = asked.name;
        leaving.named = true;
        leaving.write(bytes, from, stamped)?;
        self.queued += 1;
        Some(self.queued - 1)
    }

    /// Queues a datagram, and says where in the queue it is; none if it is full or the datagram too long.
    pub fn push(&mut self, outgoing: &Outgoing<'_>) -> Option<usize> {
        let leaving = self.leaving.get_mut(self.queued)?;
        leaving.named = outgoing.to.is_some();
        if let Some(to) = outgoing.to {
            leaving.name = AddressBuffer::of(to);
        }
        leaving.write(outgoing.bytes, outgoing.from, outgoing.stamped)?;
        self.queued += 1;
        Some(self.queued - 1)
    }

    /// Datagrams that wait to be sent.
    pub const fn queued(&self) -> usize {
        self.queued
    }

    /// Sends what is queued, and says how many left. One that cannot be sent is told to `failed`, with its place in the queue, and
    /// does not hold up those behind it, unless the kernel has no room at all: then they fail with it.
    pub fn send(&mut self, socket: &impl AsFd, mut failed: impl FnMut(usize, &io::Error)) -> usize {
        let queued = std::mem::take(&mut self.queued);
        let leaving = self.leaving.iter_mut().take(queued);
        for ((slot, part), header) in leaving.zip(&mut self.parts).zip(&mut self.headers) {
            slot.arm_to_send(part, header);
        }
        let (mut next, mut sent) = (0, 0);
        while let Some(rest) = self.headers.get_mut(next..queued).filter(|rest| !rest.is_empty()) {
            match send_many(socket, rest) {
                Ok(count) => {
                    next += count;
                    sent += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let end = if has_no_room(&error) { queued } else { next + 1 };
                    (next..end).for_each(|place| failed(place, &error));
                    next = end;
                }
            }
        }
        sent
    }

    /// Takes stamps of datagrams that left from the socket's error queue, without waiting; says whether there may be more.
    ///
    /// What arrived is gone then: the room is the same.
    pub fn transmit_stamps(
        &mut self,
        socket: &impl AsFd,
        mut each: impl FnMut(TransmitStamp),
    ) -> io::Result<bool> {
        let count = match self.fill(socket, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            result => result?,
        };
        self.received = 0;
        for slot in self.arrived.iter().take(count) {
            let packet = slot.control.messages().find_map(|message| stamped_packet(&message));
            if let (Some(packet), Some(time)) = (packet, Datagram(slot).stamp()) {
                each(TransmitStamp { packet, time });
            }
        }
        Ok(count == self.capacity())
    }

    fn fill(&mut self, socket: &impl AsFd, flags: libc::c_int) -> io::Result<usize> {
        self.received = 0;
        for ((slot, part), header) in self.arrived.iter_mut().zip(&mut self.parts).zip(&mut self.headers) {
            slot.arm_to_receive(part, header);
        }
        let count = receive_many(socket, &mut self.headers, flags)?;
        for (slot, header) in self.arrived.iter_mut().zip(&self.headers).take(count) {
            slot.name.set_length(header.msg_hdr.msg_namelen);
            slot.control.set_length(from_control_length(header.msg_hdr.msg_controllen));
            slot.length = usize::try_from(header.msg_len).unwrap_or_default();
            slot.truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        }
        self.received = count;
        Ok(count)
    }
}

impl Slot {
    const fn empty() -> Self {
        Self {
            length: 0,
            truncated: false,
            named: false,
            name: AddressBuffer::empty(),
            control: ControlBuffer::empty(),
            bytes: [0; LONGEST],
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    fn write(&mut self, bytes: &[u8], from: Option<PacketInfo>, stamped: bool) -> Option<()> {
        self.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        self.length = bytes.len();
        self.control.clear();
        if let Some(from) = from {
            from.emit(&mut self.control);
        }
        if stamped {
            let flags = TRANSMIT_REQUEST.to_ne_bytes();
            self.control.push(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &flags);
        }
        Some(())
    }

    fn arm_to_receive(&mut self, part: &mut libc::iovec, header: &mut libc::mmsghdr) {
        *part = io_vector(self.bytes.as_mut_ptr(), LONGEST);
        let message = &mut header.msg_hdr;
        message.msg_name = self.name.as_mut_ptr().cast();
        message.msg_namelen = AddressBuffer::empty().length();
        message.msg_control = self.control.as_mut_ptr();
        message.msg_controllen = control_length(ControlBuffer::capacity());
        (message.msg_iov, message.msg_iovlen) = (part, 1);
        message.msg_flags = 0;
    }

    fn arm_to_send(&mut self, part: &mut libc::iovec, header: &mut libc::mmsghdr) {
        *part = io_vector(self.bytes.as_mut_ptr(), self.length.min(LONGEST));
        let message = &mut header.msg_hdr;
        message.msg_name = if self.named { self.name.as_mut_ptr().cast() } else { std::ptr::null_mut() };
        message.msg_namelen = if self.named { self.name.length() } else { 0 };
        let length = self.control.length();
        message.msg_control = if length > 0 { self.control.as_mut_ptr() } else { std::ptr::null_mut() };
        message.msg_controllen = control_length(length);
        (message.msg_iov, message.msg_iovlen) = (part, 1);
        message.msg_flags = 0;
    }
}

impl<'a> Datagram<'a> {
    /// What it says, as far as there was room.
    pub fn bytes(self) -> &'a [u8] {
        self.0.bytes()
    }

    /// Whether it was longer than [`LONGEST`].
    pub const fn is_truncated(self) -> bool {
        self.0.truncated
    }

    /// The sender; none only if the kernel names no IP address.
    pub fn from(self) -> Option<SocketAddr> {
        self.0.name.parse()
    }

    /// When the kernel saw it, by `CLOCK_REALTIME`; none before the kernel has begun to stamp.
    pub fn stamp(self) -> Option<ClockTime> {
        self.0.control.messages().find_map(|message| software_stamp(&message))
    }

    /// Whether it came to a group or a broadcast address, so that every socket that listens there has it.
    pub fn is_to_group(self) -> bool {
        self.0.control.messages().any(|message| packet_info::is_to_group(&message))
    }

    /// Which address of ours it came to, on wildcards that listen.
    pub fn local(self) -> Option<PacketInfo> {
        self.0.control.messages().find_map(|message| PacketInfo::parse(&message))
    }
}

/// The kernel's own limit for one call (`UIO_MAXIOV`).
const MOST: usize = 1024;

fn receive_many(socket: &impl AsFd, headers: &mut [libc::mmsghdr], flags: libc::c_int) -> io::Result<usize> {
    let descriptor = socket.as_fd().as_raw_fd();
    let (count, flags) = (vector_length(headers), call_flags(flags));
    // SAFETY: as many headers as are said, each with pointers to writable buffers of the lengths beside them, all of them
    // borrowed from the batch during the call; no time limit is given, which a null pointer means.
    let result =
        unsafe { libc::recvmmsg(descriptor, headers.as_mut_ptr(), count, flags, std::ptr::null_mut()) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn send_many(socket: &impl AsFd, headers: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let descriptor = socket.as_fd().as_raw_fd();
    let (count, flags) = (vector_length(headers), call_flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL));
    // SAFETY: as many headers as are said, each with pointers to buffers of the lengths beside them, all of them borrowed from
    // the batch during the call, which writes to the headers only.
    let result = unsafe { libc::sendmmsg(descriptor, headers.as_mut_ptr(), count, flags) };
    match usize::try_from(result) {
        // Never, as at least one is asked for; but the loop around this must go forward.
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(sent) => Ok(sent),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

fn has_no_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM))
}

#[expect(clippy::cast_possible_truncation, reason = "at most MOST")]
const fn vector_length(headers: &[libc::mmsghdr]) -> libc::c_uint {
    headers.len() as libc::c_uint
}

/// They are signed in one C library and unsigned in another.
#[cfg(target_env = "musl")]
const fn call_flags(flags: libc::c_int) -> libc::c_uint {
    flags.cast_unsigned()
}

#[cfg(not(target_env = "musl"))]
const fn call_flags(flags: libc::c_int) -> libc::c_int {
    flags
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("capacity", &self.capacity())
            .field("received", &self.received)
            .field("queued", &self.queued)
            .finish()
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram")
            .field("from", &self.from())
            .field("length", &self.0.length)
            .field("stamp", &self.stamp())
            .field("local", &self.local())
            .finish()
    }
}

#[cfg(test)]
mod tests;
