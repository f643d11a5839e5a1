//! Waiting for what other processes do: the only place here where time is read or slept.

use std::thread;
use std::time::{Duration, Instant};

/// Asks again every 50 ms until there is an answer; `None` when there was none `within` that time.
#[expect(clippy::disallowed_methods, reason = "other processes run in real time and do not call back")]
pub(crate) fn poll<T>(within: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Shorthand.
pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
