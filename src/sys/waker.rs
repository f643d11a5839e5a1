//! Sleeping until a socket has something, or until another thread says so. Reads no socket.

use super::error::{check, check_length};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// Wakes one thread that sleeps. What for is agreed upon elsewhere.
#[derive(Debug)]
pub struct Waker {
    descriptor: OwnedFd,
}

impl Waker {
    /// Nobody has been woken yet.
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd takes no pointer.
        let result = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        let descriptor = check("eventfd", result)?;
        // SAFETY: the call above just opened this descriptor, and nobody else knows it.
        Ok(Self { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    /// The thread that sleeps wakes up; one that does not will not fall asleep the next time.
    pub fn wake(&self) -> io::Result<()> {
        let bytes = 1_u64.to_ne_bytes();
        // SAFETY: the pointer is to as many bytes as are said, and they live during the call.
        let result = unsafe { libc::write(self.descriptor.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        match check_length("write (eventfd)", result) {
            // It counts to 2⁶⁴, and has not been looked at since.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result.map(drop),
        }
    }

    /// Sleeps until the socket has a datagram or an error, or somebody wakes this, which is forgotten then.
    ///
    /// Without a socket, until somebody wakes this; in either case at most for so long, if a limit is given.
    pub fn sleep(&self, socket: Option<&dyn AsFd>, limit: Option<Duration>) -> io::Result<()> {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // The kernel skips negative descriptors.
        let socket = socket.map_or(NONE, |socket| socket.as_fd().as_raw_fd());
        let mut entries = [entry(socket), entry(self.descriptor.as_raw_fd())];
        let milliseconds =
            limit.map_or(FOR_EVER, |limit| i32::try_from(limit.as_millis()).unwrap_or(i32::MAX));
        // SAFETY: the pointer is to as many entries as are said, and they are ours during the call.
        let result = unsafe { libc::poll(entries.as_mut_ptr(), ENTRIES, milliseconds) };
        match check("poll", result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        };
        let [_, woken] = entries;
        if woken.revents != 0 { self.forget() } else { Ok(()) }
    }

    fn forget(&self) -> io::Result<()> {
        let mut bytes = [0_u8; 8];
        let (pointer, length) = (bytes.as_mut_ptr().cast(), bytes.len());
        // SAFETY: the pointer is to eight bytes that are ours and writable during the call.
        let result = unsafe { libc::read(self.descriptor.as_raw_fd(), pointer, length) };
        check_length("read (eventfd)", result).map(drop)
    }
}

const NONE: i32 = -1;
const FOR_EVER: i32 = -1;
const ENTRIES: libc::nfds_t = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Stamping;
    use crate::sys::udp::UdpSocket;
    use std::sync::Arc;

    const SOON: Option<Duration> = Some(Duration::from_millis(1));

    #[test]
    fn a_sleeper_is_woken_by_a_datagram_and_by_a_waker_even_if_that_came_first() {
        let waker = Arc::new(Waker::new().unwrap());
        let socket = UdpSocket::listen("127.0.0.1:0".parse().unwrap(), false, Stamping::None).unwrap();
        waker.wake().unwrap();
        waker.wake().unwrap();
        waker.sleep(Some(&socket), None).unwrap();
        // Forgotten by now, so that only the limit ends these.
        waker.sleep(Some(&socket), SOON).unwrap();
        waker.sleep(None, SOON).unwrap();

        let client = UdpSocket::connect(socket.local_address().unwrap(), Stamping::None).unwrap();
        client.send(b"?").unwrap();
        waker.sleep(Some(&socket), None).unwrap();

        socket.receive(&mut [0; 8]).unwrap();
        let sleeper = Arc::clone(&waker);
        let thread = std::thread::spawn(move || sleeper.sleep(Some(&socket), None));
        waker.wake().unwrap();
        thread.join().unwrap().unwrap();
    }
}
