//! One timer of the kernel's: exact to the moment, where a wheel of timers wakes up on the way.

use super::adjtime::narrow;
use super::timer_descriptor::TimerDescriptor;
use crate::time::Mono;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Becomes readable when its time has come.
#[derive(Debug)]
pub struct Timer {
    descriptor: TimerDescriptor,
}

impl Timer {
    /// Not set yet.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn new() -> io::Result<Self> {
        TimerDescriptor::new(libc::CLOCK_MONOTONIC).map(|descriptor| Self { descriptor })
    }

    /// In place of any time before; one that is past has come at once.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn set(&self, at: Mono) -> io::Result<()> {
        // Zero would mean never.
        let nanos = at.nanos().max(1);
        let at =
            libc::timespec { tv_sec: narrow(nanos / 1_000_000_000), tv_nsec: narrow(nanos % 1_000_000_000) };
        self.descriptor.arm(at, libc::TFD_TIMER_ABSTIME)
    }

    /// Takes notice that the time has come; `WouldBlock` if it has not.
    ///
    /// # Errors
    /// As said, or the kernel's refusal.
    pub fn expired(&self) -> io::Result<()> {
        self.descriptor.expired()
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
