//! The pages of this program's own code and constants. Frees nothing that was ever written.

use super::error::check;
use std::ffi::{c_int, c_void};
use std::io;

/// A part of the program as it was mapped: where, and how long.
type Segment = (usize, usize);

/// Lets go of all of them. Those that are needed come back from the page cache as they are used: what only the start needed does not.
///
/// # Errors
/// The kernel's refusal; then they simply stay.
pub fn let_go() -> io::Result<()> {
    let mut segments: Vec<Segment> = Vec::new();
    // SAFETY: `note` casts the pointer back to what it is here, which lives during the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut segments).cast()) };
    for (start, length) in segments {
        // SAFETY: the range is mapped from the program's file and was never written, so each page reads the same again.
        let result = unsafe { libc::madvise(start as *mut c_void, length, libc::MADV_DONTNEED) };
        check("madvise", result)?;
    }
    Ok(())
}

/// Notes the program's segments that cannot be written, and ends the iteration: libraries, which other programs use too, come later.
///
/// # Safety
/// `info` is `dl_iterate_phdr`'s, and `out` points to a `Vec<Segment>`.
unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, out: *mut c_void) -> c_int {
    // SAFETY: the caller's promise; nobody else has it meanwhile.
    let segments = unsafe { &mut *out.cast::<Vec<Segment>>() };
    // SAFETY: the caller's promise.
    let info = unsafe { &*info };
    // SAFETY: the loader's table of the program's segments, which lives as long as the program.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    // What can be written, relocations that are read only later too, is in segments that are marked so.
    let kept =
        headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
    // Of either width of address.
    let base = usize::try_from(info.dlpi_addr).ok();
    segments.extend(kept.filter_map(|header| {
        let start = base?.checked_add(usize::try_from(header.p_vaddr).ok()?)?;
        whole_pages(start, start.checked_add(usize::try_from(header.p_filesz).ok()?)?)
    }));
    1
}

/// Of a segment: only pages that hold nothing else.
fn whole_pages(start: usize, end: usize) -> Option<Segment> {
    let start = start.checked_next_multiple_of(PAGE)?;
    Some((start, (end & !(PAGE - 1)).checked_sub(start)?))
}

/// Bytes: the largest page that Linux is built with.
const PAGE: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn resident_code() -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let program = std::env::current_exe().unwrap();
        let mut lines = maps.lines();
        let ours = lines.find(|line| line.contains("r-xp") && line.ends_with(program.to_str().unwrap()));
        assert!(ours.is_some(), "{maps}");
        let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn code_that_is_not_needed_is_let_go_and_what_is_needed_comes_back() {
        let before = resident_code();
        let_go().unwrap();
        assert!(resident_code() < before, "{} KiB of {before}", resident_code());
    }
}
