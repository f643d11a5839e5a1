//! The kernel's timer descriptors: one is opened, armed and read. What its time means is its owner's.

use super::error::{check, check_length};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Closed when dropped; never waits.
#[derive(Debug)]
pub(super) struct TimerDescriptor(OwnedFd);

impl TimerDescriptor {
    /// Of one of the kernel's clocks, not armed yet.
    pub(super) fn new(clock: libc::clockid_t) -> io::Result<Self> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: timerfd_create takes no pointer.
        let result = unsafe { libc::timerfd_create(clock, flags) };
        let descriptor = check("timerfd_create", result)?;
        // SAFETY: the call above just opened this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// For one time, in place of any before.
    pub(super) fn arm(&self, it_value: libc::timespec, flags: libc::c_int) -> io::Result<()> {
        let timer = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        let (descriptor, pointer) = (self.as_raw_fd(), &raw const timer);
        // SAFETY: the first pointer is to an itimerspec that lives during the call; the second may be null.
        let result = unsafe { libc::timerfd_settime(descriptor, flags, pointer, std::ptr::null_mut()) };
        check("timerfd_settime", result).map(drop)
    }

    /// Takes notice that the time has come; `WouldBlock` if it has not.
    pub(super) fn expired(&self) -> io::Result<()> {
        let mut expirations = [0_u8; 8];
        let (pointer, length) = (expirations.as_mut_ptr().cast(), expirations.len());
        // SAFETY: the pointer is to eight bytes that are ours and writable during the call.
        let result = unsafe { libc::read(self.as_raw_fd(), pointer, length) };
        check_length("read (timerfd)", result).map(drop)
    }
}

impl AsFd for TimerDescriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for TimerDescriptor {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}
