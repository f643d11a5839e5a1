//! For tests and one benchmark: how often each thread has allocated, and how much it holds. Not in the library.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts for the thread that asks.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Allocations of the calling thread so far.
pub(crate) fn of_this_thread() -> u64 {
    COUNT.get()
}

/// Bytes that the calling thread has asked for and not given back; negative where it freed what another had asked for.
pub(crate) fn held_by_this_thread() -> i64 {
    HELD.get()
}

/// Not while the thread ends, when it has no memory of its own any more.
fn count(allocations: u64, given: usize, taken_back: usize) {
    let _ = COUNT.try_with(|count| count.set(count.get() + allocations));
    // A layout's size fits into an isize by its own invariant.
    let size = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    let _ = HELD.try_with(|held| held.set(held.get() + size(given) - size(taken_back)));
}

// SAFETY: every call goes to the system's allocator with the same arguments, and counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller promises the same of the layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size(), 0);
        // SAFETY: the caller promises the same of the layout.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size, layout.size());
        // SAFETY: the caller promises the same of all three, and the block came from the system's allocator.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 0, layout.size());
        // SAFETY: the caller promises the same of both, and the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn allocations_are_counted_for_the_thread_that_makes_them() {
    let before = of_this_thread();
    let mut made = Vec::<u8>::with_capacity(10);
    assert_eq!(of_this_thread(), before + 1);
    made.resize(100, 0);
    assert_eq!(of_this_thread(), before + 2);
    let elsewhere = std::thread::spawn(|| {
        let before = of_this_thread();
        drop(std::hint::black_box(Box::new([0; 9])));
        of_this_thread() - before
    });
    assert_eq!(elsewhere.join().unwrap(), 1);
}

#[test]
fn what_a_thread_holds_grows_and_shrinks_with_its_allocations() {
    let before = held_by_this_thread();
    let mut made = Vec::<u8>::with_capacity(10);
    assert_eq!(held_by_this_thread(), before + 10);
    made.reserve_exact(100);
    assert_eq!(held_by_this_thread(), before + 100);
    drop(made);
    assert_eq!(held_by_this_thread(), before);
}
