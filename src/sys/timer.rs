//! One timer of the kernel's: exact to the moment, where a wheel of timers wakes up on the way.

use super::adjtime::narrow;
use super::error::{check, check_length};
use crate::time::Mono;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Becomes readable when its time has come.
#[derive(Debug)]
pub struct Timer {
    descriptor: OwnedFd,
}

impl Timer {
    /// Not set yet.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn new() -> io::Result<Self> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: timerfd_create takes no pointer.
        let result = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) };
        let descriptor = check("timerfd_create", result)?;
        // SAFETY: the call above just opened this descriptor, and nobody else knows it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { descriptor })
    }

    /// In place of any time before; one that is past has come at once.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn set(&self, at: Mono) -> io::Result<()> {
        // Zero would mean never.
        let nanos = at.nanos().max(1);
        let it_value =
            libc::timespec { tv_sec: narrow(nanos / 1_000_000_000), tv_nsec: narrow(nanos % 1_000_000_000) };
        let timer = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        let (descriptor, pointer) = (self.descriptor.as_raw_fd(), &raw const timer);
        let flags = libc::TFD_TIMER_ABSTIME;
        // SAFETY: the first pointer is to an itimerspec that lives during the call; the second may be null.
        let result = unsafe { libc::timerfd_settime(descriptor, flags, pointer, std::ptr::null_mut()) };
        check("timerfd_settime", result).map(drop)
    }

    /// Takes notice that the time has come; `WouldBlock` if it has not.
    ///
    /// # Errors
    /// As said, or the kernel's refusal.
    pub fn expired(&self) -> io::Result<()> {
        let mut expirations = [0_u8; 8];
        let (pointer, length) = (expirations.as_mut_ptr().cast(), expirations.len());
        // SAFETY: the pointer is to eight bytes that are ours and writable during the call.
        let result = unsafe { libc::read(self.descriptor.as_raw_fd(), pointer, length) };
        check_length("read (timerfd)", result).map(drop)
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::monotonic;
    use crate::time::Span;

    #[test]
    fn a_time_that_is_past_has_come_and_one_to_come_has_not() {
        let timer = Timer::new().unwrap();
        let is_expired = || timer.expired().is_ok();
        assert!(!is_expired(), "never set");
        for past in [Mono::from_nanos(0), monotonic() - Span::from_secs(1)] {
            timer.set(past).unwrap();
            assert!(is_expired());
            assert!(!is_expired(), "it comes once");
        }
        timer.set(monotonic() + Span::from_secs(3600)).unwrap();
        assert_eq!(timer.expired().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
