//! How this thread shares processors with others. Which thread should give way is not known here.

use super::error::check;
use std::io;
use std::mem::size_of;

/// The longest slice of time that Linux grants, ns.
const LONGEST_SLICE: u64 = 100_000_000;

/// Has this thread give way to any other that wakes up, at once and not when its own slice of time is over; in the long run its share of the
/// processor stays the same (sched(7), `sched_setattr(2)`). Does nothing before Linux 6.12, which knows no slices for single threads, nor to a
/// thread that was given a policy of its own.
///
/// # Errors
/// The kernel's, or that of a filter of system calls.
pub fn give_way() -> io::Result<()> {
    let mut attributes = attributes()?;
    if attributes.sched_policy != NORMAL {
        return Ok(());
    }
    attributes.sched_runtime = LONGEST_SLICE;
    let this_thread: libc::pid_t = 0;
    let flags: libc::c_uint = 0;
    let pointer = &raw const attributes;
    // SAFETY: the pointer is to attributes that say how long they are, and that live during the call.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, this_thread, pointer, flags) };
    check("sched_setattr", i32::try_from(result).unwrap_or(-1)).map(drop)
}

/// `SCHED_OTHER`, which is also called normal.
const NORMAL: u32 = libc::SCHED_OTHER.cast_unsigned();

#[expect(clippy::cast_possible_truncation, reason = "it is some 50")]
const SIZE: u32 = size_of::<libc::sched_attr>() as u32;

/// Of this thread.
fn attributes() -> io::Result<libc::sched_attr> {
    let mut attributes = libc::sched_attr {
        size: SIZE,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    let this_thread: libc::pid_t = 0;
    let flags: libc::c_uint = 0;
    let pointer = &raw mut attributes;
    // SAFETY: the pointer is to attributes of ours, of the size that is given, which live during the call.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, this_thread, pointer, SIZE, flags) };
    check("sched_getattr", i32::try_from(result).unwrap_or(-1))?;
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_gives_way_keeps_its_policy_and_its_nice_value() {
        let thread = std::thread::spawn(|| {
            let before = attributes().unwrap();
            give_way().unwrap();
            (before, attributes().unwrap())
        });
        let (before, after) = thread.join().unwrap();
        assert_eq!((after.sched_policy, after.sched_nice), (before.sched_policy, before.sched_nice));
        // Since Linux 6.12 the kernel tells the slice.
        assert!([0, LONGEST_SLICE].contains(&after.sched_runtime), "{}", after.sched_runtime);
    }
}
