//! Waiting for the kernel objects of `sys` in tokio's loop. Reads and writes nothing.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor of ours with the runtime that this is called in.
///
/// `AsFd` besides `AsRawFd` asks for what tokio needs: that the descriptor is open as long as its owner lives.
#[expect(
    deprecated,
    reason = "its successor is unsafe, which only sys may be; AsFd is the promise that it asks for"
)]
pub(super) fn watch<T: AsRawFd + AsFd>(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    AsyncFd::with_interest(inner, interest)
}
