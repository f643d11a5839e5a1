//! What the sources announce about leap seconds, by vote. Does not insert them: the kernel does.

use crate::time::{ClockTime, Leap};

/// The announcement of more than half of the voters; without a majority there is none (RFC 5905 §11.3 leaves the vote to the implementation).
pub(super) fn vote(announcements: impl Iterator<Item = Leap> + Clone) -> Leap {
    let voters = announcements.clone().count();
    let majority = |leap: Leap| announcements.clone().filter(|vote| *vote == leap).count() * 2 > voters;
    [Leap::AddSecond, Leap::DeleteSecond].into_iter().find(|leap| majority(*leap)).unwrap_or(Leap::NoWarning)
}

/// Whether `now` is on the last day of a UTC month, the only day that can end with a leap second (ITU-R TF.460-6).
///
/// The kernel inserts one at the very next midnight, and some servers announce it weeks ahead.
pub(super) fn is_possible(now: ClockTime) -> bool {
    let tomorrow = now.unix_secs().div_euclid(86_400) + 1;
    // Years that begin in March have their leap day at the end; 400 of them are 146 097 days, and months a pattern of 153 days in five.
    let day_of_era = (tomorrow + DAYS_FROM_MARCH_OF_YEAR_0).rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    day_of_year == (153 * month + 2) / 5
}

/// From 0000-03-01 to 1970-01-01.
const DAYS_FROM_MARCH_OF_YEAR_0: i64 = 719_468;

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
