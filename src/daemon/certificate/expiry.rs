//! When people are told that a certificate ends. Reads no clock.

use crate::nts::Validity;
use crate::time::{ClockTime, Date};

/// What was told of one certificate.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expiry {
    told: usize,
}

/// How much is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// No more than so many days.
    Days(i64),
    /// Nothing.
    Expired,
}

const DAY: i64 = 86_400;
const AHEAD: [i64; 4] = [14, 7, 3, 1];
/// Certificates of six days are renewed every three or four: two weeks ahead would be always.
const PART_OF_LIFE: i64 = 3;

impl Expiry {
    /// What is to be told now; each time ahead once.
    pub(crate) fn due(&mut self, validity: Validity, now: ClockTime) -> Option<Left> {
        let end = validity.not_after.unix_secs();
        let (life, left) =
            (end.saturating_sub(validity.not_before.unix_secs()), end.saturating_sub(now.unix_secs()));
        let ahead = AHEAD.into_iter().filter(|days| days * DAY * PART_OF_LIFE <= life);
        let mut reached: Vec<Left> = ahead.filter(|days| left <= days * DAY).map(Left::Days).collect();
        if left < 0 {
            reached.push(Left::Expired);
        }
        let news = reached.last().copied().filter(|_| reached.len() > self.told);
        self.told = self.told.max(reached.len());
        news
    }
}

/// Of a certificate that is good until then, and no more than so many days.
pub(crate) fn ends_soon(end: ClockTime, days: i64) -> String {
    let plural = if days == 1 { "" } else { "s" };
    let end = Date::of(end);
    format!(
        "the certificate expires on {end}, in no more than {days} day{plural}; renew it, and it is read again by itself"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told, and with how many days left, of a certificate that lives so many days.
    #[track_caller]
    fn check(life: i64, told: &[(i64, Left)]) {
        let at = |days: i64| ClockTime::from_unix_secs(days * DAY);
        let validity = Validity { not_before: at(20_000), not_after: at(20_000 + life) };
        let mut expiry = Expiry::default();
        let days = 20_000..20_003 + life;
        let all: Vec<_> = days
            .filter_map(|day| expiry.due(validity, at(day)).map(|left| (20_000 + life - day, left)))
            .collect();
        assert_eq!(all, told);
        assert_eq!(expiry.due(validity, at(20_000)), None, "a clock that is set back tells nothing twice");
    }

    #[test]
    fn each_warning_comes_once_and_the_last_after_the_end() {
        let all = [14, 7, 3, 1].map(|days| (days, Left::Days(days)));
        check(90, &[&all[..], &[(-1, Left::Expired)]].concat());
    }

    #[test]
    fn a_short_life_is_not_all_warnings() {
        check(6, &[(1, Left::Days(1)), (-1, Left::Expired)]);
        check(2, &[(-1, Left::Expired)]);
    }

    #[test]
    fn who_starts_late_is_told_the_nearest_alone() {
        let at = |days: i64| ClockTime::from_unix_secs(days * DAY);
        let validity = Validity { not_before: at(0), not_after: at(90) };
        let mut expiry = Expiry::default();
        assert_eq!(expiry.due(validity, at(88)), Some(Left::Days(3)));
        assert_eq!(expiry.due(validity, at(88)), None);
        assert_eq!(expiry.due(validity, at(89)), Some(Left::Days(1)));
    }
}
