//! What wakes the main loop at a time of its own choice. Knows nothing of what is to be done then.

use super::readiness;
use crate::sys::clock::monotonic;
use crate::sys::timer::Timer;
use crate::time::{Mono, Span};
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's. tokio's own wakes up two times or three on the way to a time that is half a minute off, and a daemon at rest
/// does little else than waiting.
#[derive(Debug)]
pub(super) struct Alarm {
    timer: AsyncFd<Timer>,
    set: Option<Mono>,
}

/// However long overdue: no mistake in what is asked for can make the loop spin.
const SHORTEST_WAIT: Span = Span::from_millis(1);

impl Alarm {
    /// Not set yet.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { timer: readiness::watch(Timer::new()?, Interest::READABLE)?, set: None })
    }

    /// Waits until then; for ever without a time.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub(super) async fn at(&mut self, time: Option<Mono>) -> io::Result<()> {
        let Some(time) = time else { return std::future::pending().await };
        if self.set != Some(time) {
            self.timer.get_ref().set(time.max(monotonic() + SHORTEST_WAIT))?;
            self.set = Some(time);
        }
        loop {
            let mut ready = self.timer.readable().await?;
            if let Ok(expired) = ready.try_io(|timer| timer.get_ref().expired()) {
                self.set = None;
                return expired;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use std::time::Duration;
    use tokio::time::timeout;

    #[tokio::test]
    async fn it_rings_when_asked_also_when_somebody_stopped_waiting_or_changed_his_mind() {
        let mut alarm = Alarm::new().unwrap();
        let in_millis = |n| Some(monotonic() + Span::from_millis(n));
        let moment = Duration::from_millis(20);
        for never in [None, in_millis(1_000_000)] {
            assert!(timeout(moment, alarm.at(never)).await.is_err(), "{never:?}");
        }
        let soon = in_millis(50);
        assert!(timeout(moment, alarm.at(soon)).await.is_err(), "given up");
        alarm.at(soon).await.unwrap();
        assert!(Some(monotonic()) >= soon);
    }

    #[tokio::test]
    async fn what_is_overdue_rings_after_a_moment_each_time() {
        let mut alarm = Alarm::new().unwrap();
        let began = monotonic();
        for _ in 0..3 {
            alarm.at(Some(began - Span::from_secs(1))).await.unwrap();
        }
        assert!(monotonic() - began >= SHORTEST_WAIT * 3);
    }
}
