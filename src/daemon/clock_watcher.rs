//! Watches what moves the clock or the network behind our back. What follows is the engine's to decide.

use super::jump_detector::{JumpDetector, Jumps};
use super::readiness;
use crate::sys::clock::Readings;
use crate::sys::clock_watch::ClockWatch;
use crate::sys::netlink::NetworkWatch;
use crate::time::Span;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Duration, Instant, sleep_until};

/// Kernel notifications where the kernel has them, and a comparison of its clocks in any case.
#[derive(Debug)]
pub(super) struct ClockWatcher {
    jumps: JumpDetector,
    set: Option<AsyncFd<ClockWatch>>,
    network: Option<AsyncFd<NetworkWatch>>,
    /// The network changed; told once it has been quiet.
    settling: Option<Settling>,
}

#[derive(Debug, Clone, Copy)]
struct Settling {
    since: Instant,
    latest: Instant,
}

/// What the kernel told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    ClockSet,
    Network,
}

/// Interfaces come up with a dozen messages in a second; shorter would start a dozen bursts, longer delays the first one.
const QUIET: Duration = Duration::from_secs(1);
/// A network that never rests is told of now and then.
const LONGEST_SETTLING: Duration = Duration::from_secs(10);

impl Settling {
    fn end(self) -> Instant {
        (self.latest + QUIET).min(self.since + LONGEST_SETTLING)
    }
}

impl ClockWatcher {
    /// From now on. A kernel without these notifications is watched at each turn of the loop only.
    pub(super) fn new(readings: Readings) -> Self {
        Self {
            jumps: JumpDetector::new(readings),
            set: watch("clock", ClockWatch::new()),
            network: watch("network", NetworkWatch::new()),
            settling: None,
        }
    }

    /// What jumped since the last call.
    pub(super) fn check(&mut self, readings: Readings, was_set: bool) -> Jumps {
        self.jumps.check(readings, was_set)
    }

    /// We moved the clock ourselves.
    pub(super) fn on_own_step(&mut self, by: Span) {
        self.jumps.on_own_step(by);
    }

    pub(super) fn on_leap_pending(&mut self, pending: bool) {
        self.jumps.on_leap_pending(pending);
    }

    /// Waits for a change.
    pub(super) async fn changed(&mut self) -> Change {
        loop {
            let settled = self.settling.map(Settling::end);
            tokio::select! {
                () = readable(self.set.as_mut(), clock_set) => return Change::ClockSet,
                () = readable(self.network.as_mut(), network_changed) => {
                    let latest = Instant::now();
                    let since = self.settling.map_or(latest, |settling| settling.since);
                    self.settling = Some(Settling { since, latest });
                }
                () = quiet(settled) => {
                    self.settling = None;
                    return Change::Network;
                }
            }
        }
    }
}

fn clock_set(watch: &mut ClockWatch) -> io::Result<()> {
    watch.was_set()
}

fn network_changed(watch: &mut NetworkWatch) -> io::Result<()> {
    // All that is queued is read before "would block" is said: the kernel tells of new messages only, not of old ones.
    while !watch.changed()? {}
    Ok(())
}

fn watch<T: std::os::fd::AsFd + std::os::fd::AsRawFd>(
    what: &str,
    opened: io::Result<T>,
) -> Option<AsyncFd<T>> {
    let registered = opened.and_then(|watch| readiness::watch(watch, Interest::READABLE));
    registered.inspect_err(|error| tracing::debug!("No notification of {what} changes: {error}")).ok()
}

/// Until `read` succeeds; for ever without a descriptor, or once it fails.
async fn readable<T: std::os::fd::AsRawFd>(
    watch: Option<&mut AsyncFd<T>>,
    mut read: impl FnMut(&mut T) -> io::Result<()>,
) {
    if let Some(watch) = watch {
        while let Ok(mut ready) = watch.readable_mut().await {
            match ready.try_io(|inner| read(inner.get_mut())) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    tracing::debug!("Notification lost: {error}");
                    break;
                }
                Err(_would_block) => {}
            }
        }
    }
    std::future::pending().await
}

async fn quiet(settled: Option<Instant>) {
    match settled {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock;

    #[test]
    fn changes_in_quick_succession_are_told_when_they_are_over_and_an_endless_row_at_last() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(Settling { since: start, latest: start }.end(), at(1));
        assert_eq!(Settling { since: start, latest: at(5) }.end(), at(6));
        assert_eq!(Settling { since: start, latest: at(60) }.end(), at(10));
    }

    #[tokio::test]
    async fn a_change_of_the_network_is_told_once_it_has_settled() {
        let mut watcher = ClockWatcher::new(clock::readings());
        assert!(watcher.set.is_some() && watcher.network.is_some(), "the kernel tells");
        let long_ago = Instant::now() - LONGEST_SETTLING;
        watcher.settling = Some(Settling { since: long_ago, latest: long_ago });
        assert_eq!(watcher.changed().await, Change::Network);
        assert!(watcher.settling.is_none());
    }
}
