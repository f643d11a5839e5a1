//! The error of a system call, with the call named. What it means is the caller's to say.

use std::fmt;
use std::io;

/// What the kernel said, and to which call.
#[derive(Debug)]
struct CallError {
    call: &'static str,
    error: io::Error,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.error)
    }
}

impl std::error::Error for CallError {}

/// The kernel's error number, whether or not the call is named.
pub fn errno(error: &io::Error) -> Option<i32> {
    let inner = || error.get_ref()?.downcast_ref::<CallError>()?.error.raw_os_error();
    error.raw_os_error().or_else(inner)
}

/// Whether the right is missing; a seccomp filter may also say that there is no such call.
pub fn is_not_permitted(error: &io::Error) -> bool {
    matches!(errno(error), Some(libc::EPERM | libc::EACCES | libc::ENOSYS))
}

/// What the last system call of this thread failed with. "Would block" stays bare: it is no failure, and it is frequent.
pub(super) fn last(call: &'static str) -> io::Error {
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock {
        return error;
    }
    io::Error::new(error.kind(), CallError { call, error })
}

/// The result of a call that gives −1 on failure.
pub(super) fn check(call: &'static str, result: i32) -> io::Result<i32> {
    if result < 0 { Err(last(call)) } else { Ok(result) }
}

/// The result of a call that gives a length, or −1 on failure.
pub(super) fn check_length(call: &'static str, result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| last(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_is_named_and_keeps_its_number() {
        // SAFETY: close takes no pointer, and −1 is nobody's descriptor.
        let result = unsafe { libc::close(-1) };
        let error = check("close", result).unwrap_err();
        assert_eq!(errno(&error), Some(libc::EBADF));
        assert!(error.to_string().starts_with("close: "), "{error}");
    }
}
