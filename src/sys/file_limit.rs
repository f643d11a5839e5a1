//! How many descriptors this process may have open (`RLIMIT_NOFILE`). Who needs them is not known here.

use super::error::{check, errno};
use std::io;

/// Has the kernel allow `needed` descriptors if it may: how many it allows from now on, never fewer than before. More than the hard
/// limit is not asked for, even where root could.
pub fn raise(needed: usize) -> io::Result<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to an rlimit of ours, which lives during the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    check("getrlimit", result)?;
    let needed = libc::rlim_t::try_from(needed).unwrap_or(libc::rlim_t::MAX).min(limit.rlim_max);
    if limit.rlim_cur < needed {
        limit.rlim_cur = needed;
        // SAFETY: the pointer is to an rlimit of ours, which lives during the call.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
        check("setrlimit", result)?;
    }
    Ok(usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX))
}

/// Whether a call failed because this process, or the whole machine, may open no more.
pub fn is_reached(error: &io::Error) -> bool {
    matches!(errno(error), Some(libc::EMFILE | libc::ENFILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be_and_never_lowered() {
        let before = raise(0).unwrap();
        assert!(raise(before + 1).unwrap() >= before);
        let most = raise(usize::MAX).unwrap();
        assert_eq!(raise(1).unwrap(), most);
    }
}
