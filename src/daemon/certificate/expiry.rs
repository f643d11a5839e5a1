//! When people are told that a certificate ends. Reads no clock.

use crate::nts::Validity;
use crate::time::{ClockTime, Date};
use std::fmt;

/// What was told of one certificate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expiry {
    told: usize,
}

/// How much is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// No more than so many seconds.
    Seconds(i64),
    /// Nothing.
    Expired,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Days before the end.
const AHEAD: [i64; 4] = [14, 7, 3, 1];
/// The first time is no earlier than this part of a life before the end: certificates of six days are renewed every three or four, and
/// two weeks ahead would be always.
const PART_OF_LIFE: i64 = 3;

impl Expiry {
    /// What is to be told now: each time ahead once, and again only where the clock was set back before it.
    pub(crate) fn due(&mut self, validity: Validity, now: ClockTime) -> Option<Left> {
        let end = validity.not_after.unix_secs();
        let (life, left) =
            (end.saturating_sub(validity.not_before.unix_secs()), end.saturating_sub(now.unix_secs()));
        let mut ahead = AHEAD.map(|days| (days * DAY).min(life / PART_OF_LIFE)).to_vec();
        ahead.dedup();
        let mut reached: Vec<Left> =
            ahead.into_iter().filter(|ahead| left <= *ahead).map(Left::Seconds).collect();
        if left < 0 {
            reached.push(Left::Expired);
        }
        let news = reached.last().copied().filter(|_| reached.len() > self.told);
        self.told = reached.len();
        news
    }
}

/// Of a certificate that is good until then, and no longer than so.
pub(crate) fn ends_soon(end: ClockTime, left: Left) -> String {
    let end = Date::of(end);
    format!(
        "the certificate expires on {end}, in no more than {left}; renew it, and it is read again by itself"
    )
}

/// As `2 days`, rounded up.
impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Seconds(seconds) = *self else { return f.write_str("nothing") };
        let (unit, name) = if seconds < DAY { (HOUR, "hour") } else { (DAY, "day") };
        let count = seconds.saturating_add(unit - 1) / unit;
        write!(f, "{count} {name}{}", if count == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> ClockTime {
        ClockTime::from_unix_secs(hours * HOUR)
    }

    /// What is told, and with how many hours left, of a certificate that lives so many hours.
    #[track_caller]
    fn check(life: i64, told: &[(i64, Left)]) {
        let validity = Validity { not_before: at(0), not_after: at(life) };
        let mut expiry = Expiry::default();
        let all: Vec<_> = (0..life + 100)
            .filter_map(|hour| expiry.due(validity, at(hour)).map(|left| (life - hour, left)))
            .collect();
        assert_eq!(all, told);
    }

    fn days(days: i64) -> (i64, Left) {
        (24 * days, Left::Seconds(days * DAY))
    }

    const EXPIRED: (i64, Left) = (-1, Left::Expired);

    #[test]
    fn each_warning_comes_once_and_the_last_after_the_end() {
        check(24 * 90, &[days(14), days(7), days(3), days(1), EXPIRED]);
        check(24 * 30, &[days(10), days(7), days(3), days(1), EXPIRED]);
    }

    #[test]
    fn a_short_life_is_warned_of_in_its_last_third_alone() {
        check(24 * 6, &[days(2), days(1), EXPIRED]);
        check(24, &[(8, Left::Seconds(8 * HOUR)), EXPIRED]);
    }

    #[test]
    fn who_starts_late_is_told_the_nearest_alone() {
        let validity = Validity { not_before: at(0), not_after: at(24 * 90) };
        let mut expiry = Expiry::default();
        assert_eq!(expiry.due(validity, at(24 * 88)), Some(days(3).1));
        assert_eq!(expiry.due(validity, at(24 * 88)), None);
        assert_eq!(expiry.due(validity, at(24 * 89)), Some(days(1).1));
    }

    #[test]
    fn a_clock_that_was_in_the_future_silences_nothing_once_it_is_right() {
        let validity = Validity { not_before: at(0), not_after: at(24 * 90) };
        let mut expiry = Expiry::default();
        assert_eq!(expiry.due(validity, at(24 * 400)), Some(Left::Expired));
        assert_eq!(expiry.due(validity, at(24)), None);
        assert_eq!(expiry.due(validity, at(24 * 76)), Some(days(14).1));
        assert_eq!(expiry.due(validity, at(24 * 91)), Some(Left::Expired));
    }

    #[test]
    fn what_is_left_is_told_in_days_and_below_one_in_hours() {
        for (seconds, text) in [
            (14 * DAY, "14 days"),
            (2 * DAY - 1, "2 days"),
            (DAY, "1 day"),
            (8 * HOUR, "8 hours"),
            (1, "1 hour"),
        ] {
            assert_eq!(Left::Seconds(seconds).to_string(), text);
        }
    }
}
