//! A timer that the kernel cancels when somebody sets `CLOCK_REALTIME`. By how much it moved is not said here.

use super::error::errno;
use super::timer_descriptor::TimerDescriptor;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// Becomes readable when the clock was set, by us or by others, or the machine woke up.
///
/// Some kernels and sandboxes refuse such timers; then clocks have to be compared now and then instead.
#[derive(Debug)]
pub struct ClockWatch {
    descriptor: TimerDescriptor,
}

impl ClockWatch {
    /// Watches from now on.
    pub fn new() -> io::Result<Self> {
        let this = Self { descriptor: TimerDescriptor::new(libc::CLOCK_REALTIME)? };
        this.arm()?;
        Ok(this)
    }

    /// Whether the clock was set since the last call; `WouldBlock` if it was not.
    pub fn was_set(&self) -> io::Result<()> {
        match self.descriptor.expired() {
            Err(error) if errno(&error) == Some(libc::ECANCELED) => self.arm(),
            // Or it ran out: so the clock is beyond the end of time.
            result => result,
        }
    }

    fn arm(&self) -> io::Result<()> {
        let never = libc::timespec { tv_sec: libc::time_t::MAX, tv_nsec: 0 };
        match self.descriptor.arm(never, libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET) {
            // The clock was set between the last look and now; the timer is armed all the same.
            Err(error) if errno(&error) == Some(libc::ECANCELED) => Ok(()),
            result => result,
        }
    }
}

impl AsFd for ClockWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for ClockWatch {
    fn as_raw_fd(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_sets_is_not_reported() {
        let watch = ClockWatch::new().unwrap();
        assert_eq!(watch.was_set().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    #[ignore = "sets the kernel's clock: for a node of User-mode Linux (vm-tests/kernel-clock), and refused elsewhere"]
    fn a_clock_that_somebody_sets_is_reported_once() {
        assert!(
            crate::sys::adjtime::in_user_mode_linux(),
            "refused: this machine's clock is not a test node's"
        );
        let watch = ClockWatch::new().unwrap();
        for _ in 0..2 {
            crate::sys::adjtime::step(crate::time::Span::from_millis(-250)).unwrap();
            watch.was_set().unwrap();
            assert_eq!(watch.was_set().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        }
    }
}
