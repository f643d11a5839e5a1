//! The leap second at hand: remembered after nobody announces it any more, and told apart from the second that it repeats.
//! What is served in its place is `smear`'s.

use crate::time::{ClockTime, Leap, LeapTable, Mono, Now, Span};

/// A leap second that is announced, or was passed within the last half day, and where the clock stands beside it.
///
/// The clock shows the second before midnight twice when one is inserted (the kernel steps it back), and leaves that second out
/// when one is deleted. Its *steady* time is what it would show had it never done so. It is found with the monotonic clock, which
/// runs at the same rate and has no steps: a clock that is stepped late, or for another reason, is followed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeapSecond {
    /// The beginning of the day after it.
    midnight: ClockTime,
    /// By what the clock falls behind steady time: 1 s, or −1 s for a deleted second.
    shift: Span,
    /// Steady time at `at`.
    steady: ClockTime,
    at: Mono,
}

/// A smear reaches so far to both sides of midnight at most: from noon to noon.
pub(super) const REACH: Span = Span::from_secs(DAY / 2);
/// A leap second that the clock has not followed so long after it is none: sources are asked more often than that.
const LATEST: Span = Span::from_secs(3600);
/// Readings that are farther from what is expected say that the clock was set meanwhile.
const PLAUSIBLE: Span = Span::from_millis(500);
const DAY: i64 = 86_400;

impl LeapSecond {
    /// What is known `now`, when `leap` is announced and `before` was known.
    ///
    /// An announcement that is withdrawn before noon is forgotten. Later it is kept, or a majority that comes and goes would make
    /// the served time jump to and fro: then only a clock that does not follow, an hour after midnight, shows that it was wrong.
    pub fn next(before: Option<Self>, leap: Leap, now: Now) -> Option<Self> {
        let announced = match leap {
            Leap::AddSecond => Some(Span::from_secs(1)),
            Leap::DeleteSecond => Some(Span::from_secs(-1)),
            Leap::NoWarning | Leap::Unsynchronized => None,
        };
        let kept = before.map(|before| before.moved_to(now));
        if let Some(kept) = kept.filter(|kept| kept.has_begun() && !kept.is_over()) {
            return kept.may_still_come(now.clock).then_some(kept);
        }
        let shift = announced?;
        let midnight = ClockTime::from_unix_secs((now.clock.unix_secs().div_euclid(DAY) + 1) * DAY);
        Some(Self { midnight, shift, steady: now.clock, at: now.mono })
    }

    /// One that was before this day, for a program that started after it and has a table. Its clock has stepped.
    pub fn passed(table: &LeapTable, now: Now) -> Option<Self> {
        let midnight = ClockTime::from_unix_secs(now.clock.unix_secs().div_euclid(DAY) * DAY);
        let since = i64::from(table.tai_offset(midnight)?);
        let until = i64::from(table.tai_offset(midnight - Span::from_nanos(1))?);
        let shift = Some(Span::from_secs(since - until)).filter(|shift| *shift != Span::ZERO)?;
        let passed = Self { midnight, shift, steady: now.clock + shift, at: now.mono };
        (!passed.is_over()).then_some(passed)
    }

    fn moved_to(self, now: Now) -> Self {
        Self { steady: self.steady(now.clock, self.expected(now.mono)), at: now.mono, ..self }
    }

    fn has_begun(&self) -> bool {
        self.steady >= self.midnight - REACH
    }

    /// Whether it is given up `now` if it is not kept: it was smeared, and somebody still would.
    pub fn ends_early(&self, now: Now) -> bool {
        let now = self.moved_to(now);
        now.has_begun() && !now.is_over()
    }

    /// Nobody smears it any more.
    fn is_over(&self) -> bool {
        self.steady >= self.midnight + self.shift + REACH
    }

    /// The clock has followed it, or has time left to do so.
    fn may_still_come(&self, clock: ClockTime) -> bool {
        self.steady != clock || clock < self.midnight + LATEST
    }

    /// The beginning of the day after it.
    pub(super) const fn midnight(&self) -> ClockTime {
        self.midnight
    }

    /// By what the clock falls behind steady time: 1 s, or −1 s for a deleted second.
    pub(super) const fn shift(&self) -> Span {
        self.shift
    }

    /// Steady time at the moment for which this was made.
    pub(super) const fn now(&self) -> ClockTime {
        self.steady
    }

    /// Steady time at `mono`, if the clock is not set meanwhile.
    pub(super) fn expected(&self, mono: Mono) -> ClockTime {
        self.steady + (mono - self.at)
    }

    /// Steady time when the clock showed `reading`, at a steady time of about `near`.
    pub(super) fn steady(&self, reading: ClockTime, near: ClockTime) -> ClockTime {
        let shifted = reading + self.shift;
        if (reading - near).abs() < PLAUSIBLE {
            reading
        } else if (shifted - near).abs() < PLAUSIBLE {
            shifted
        } else {
            self.steady_by_date(reading)
        }
    }

    /// The same with nothing to go by but the reading: an inserted second is taken for the one that it repeats.
    pub(super) fn steady_by_date(&self, reading: ClockTime) -> ClockTime {
        if reading < self.midnight { reading } else { reading + self.shift }
    }
}

#[cfg(test)]
mod tests;
