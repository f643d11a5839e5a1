//! What people are told of the table of leap seconds: that it ends soon, that it has ended, that it denies what sources announce. Once each.

use super::Notice;
use crate::time::{ClockTime, Leap, LeapTable, Span};

/// What was told of the table in force.
#[derive(Debug, Default)]
pub(super) struct LeapNotice {
    expiry: Option<Expiry>,
    denied: Option<Leap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Near,
    Past,
}

/// A new table is published half a year before the old one ends, so who has none by now gets no updates.
const NEAR: Span = Span::from_secs(28 * SECONDS_OF_A_DAY);
const SECONDS_OF_A_DAY: i64 = 86_400;

impl LeapNotice {
    /// Another table is in force.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is news about the table at `now`. `denied`: what the sources announce against it.
    pub(super) fn next(
        &mut self,
        table: Option<&LeapTable>,
        denied: Option<Leap>,
        now: ClockTime,
    ) -> Vec<Notice> {
        let expiry = table.and_then(|table| self.expiry(table.expires(), now));
        let contradiction = denied.filter(|_| self.denied != denied).map(Notice::LeapDenied);
        self.denied = denied;
        expiry.into_iter().chain(contradiction).collect()
    }

    fn expiry(&mut self, expires: ClockTime, now: ClockTime) -> Option<Notice> {
        let left = expires - now;
        let (stage, notice) = if left <= Span::ZERO {
            (Expiry::Past, Notice::LeapTableExpired { on: expires })
        } else if left < NEAR {
            let days = left.nanos() / Span::from_secs(SECONDS_OF_A_DAY).nanos();
            (Expiry::Near, Notice::LeapTableExpires { on: expires, days })
        } else {
            self.expiry = None;
            return None;
        };
        (self.expiry.replace(stage) != Some(stage)).then_some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = include_str!("../../tests/vectors/leap-seconds.list");

    /// What is told so many days before the table expires.
    fn told(notice: &mut LeapNotice, days_left: i64) -> Vec<Notice> {
        let table = LeapTable::parse(TABLE).unwrap();
        notice.next(Some(&table), None, table.expires() - Span::from_secs(days_left * SECONDS_OF_A_DAY))
    }

    #[test]
    fn the_end_of_a_table_is_told_when_it_is_near_and_when_it_is_there() {
        let mut notice = LeapNotice::default();
        assert!(told(&mut notice, 200).is_empty());
        let [near] = told(&mut notice, 27).try_into().unwrap();
        assert_eq!(near.to_string(), "The table of leap seconds expires on 2026-06-28, in 27 day(s)");
        assert!(!near.is_warning());
        assert!(told(&mut notice, 26).is_empty());
        let [past] = told(&mut notice, 0).try_into().unwrap();
        assert!(past.is_warning() && past.to_string().contains("expired on 2026-06-28"), "{past}");
        assert!(told(&mut notice, -100).is_empty());
    }

    #[test]
    fn another_table_is_told_of_anew() {
        let mut notice = LeapNotice::default();
        assert_eq!(told(&mut notice, -1).len(), 1);
        notice.forget();
        assert_eq!(told(&mut notice, -1).len(), 1);
    }

    #[test]
    fn a_denied_leap_second_is_told_once_until_it_is_over() {
        let (mut notice, now) = (LeapNotice::default(), ClockTime::from_unix_secs(1_700_000_000));
        let mut told = |denied| notice.next(None, denied, now).len();
        let announced = [None, Some(Leap::AddSecond), Some(Leap::AddSecond), None, Some(Leap::AddSecond)];
        assert_eq!(announced.map(&mut told), [0, 1, 0, 0, 1]);
    }
}
