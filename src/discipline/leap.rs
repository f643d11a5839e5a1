//! Whether today ends with a leap second: by the table, else by the sources' vote. Does not insert it: the kernel does.

use crate::time::{ClockTime, Date, Leap, LeapTable};

/// The announcement of more than half of the voters; without a majority there is none (RFC 5905 §11.3 leaves the vote to the implementation).
pub(super) fn vote(announcements: impl Iterator<Item = Leap> + Clone) -> Leap {
    let voters = announcements.clone().count();
    let majority = |leap: Leap| announcements.clone().filter(|vote| *vote == leap).count() * 2 > voters;
    [Leap::AddSecond, Leap::DeleteSecond].into_iter().find(|leap| majority(*leap)).unwrap_or(Leap::NoWarning)
}

/// What the table says of the day of `now`; nothing without one, and nothing once it has expired.
pub(super) fn by_table(table: Option<&LeapTable>, now: ClockTime) -> Option<Leap> {
    table.and_then(|table| table.end_of_day(now))
}

/// Whether `now` is on the last day of a UTC month, the only day that can end with a leap second (ITU-R TF.460-6).
///
/// The kernel inserts one at the very next midnight, and some servers announce it weeks ahead.
pub(super) fn is_possible(now: ClockTime) -> bool {
    Date::of(Date::next_midnight(now)).day == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_second_is_possible_on_the_last_day_of_a_month_alone() {
        let year_2016_from_day = |day: i64| ClockTime::from_unix_secs(1_451_606_400 + day * 86_400 + 43_200);
        let possible: Vec<i64> = (0..366).filter(|day| is_possible(year_2016_from_day(*day))).collect();
        assert_eq!(possible, [30, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]);
        assert!(is_possible(ClockTime::from_unix_secs(-1)), "1969-12-31");
        assert!(is_possible(ClockTime::from_unix_secs(1_488_326_399)), "2017-02-28");
    }

    #[test]
    fn a_majority_announces_a_leap_second() {
        let votes = [Leap::AddSecond, Leap::NoWarning, Leap::AddSecond];
        assert_eq!(vote(votes.into_iter()), Leap::AddSecond);
    }

    #[test]
    fn a_minority_announces_nothing() {
        let votes = [Leap::AddSecond, Leap::NoWarning, Leap::DeleteSecond, Leap::NoWarning];
        assert_eq!(vote(votes.into_iter()), Leap::NoWarning);
    }

    #[test]
    fn half_is_no_majority() {
        assert_eq!(vote([Leap::DeleteSecond, Leap::NoWarning].into_iter()), Leap::NoWarning);
    }

    #[test]
    fn nobody_announces_nothing() {
        assert_eq!(vote(std::iter::empty()), Leap::NoWarning);
    }
}
