//! Days of the calendar, for what is only allowed on some of them and for people. Knows no hours and no time zones.

use super::ClockTime;
use std::fmt;

/// A UTC day of the proleptic Gregorian calendar, written `2016-12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// 1 BC is 0.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
}

impl Date {
    /// The day that `time` belongs to.
    pub const fn of(time: ClockTime) -> Self {
        // Years that begin in March have their leap day at the end; 400 of them are 146 097 days, and months a pattern of 153 days in five.
        let days = time.unix_secs().div_euclid(SECONDS_OF_A_DAY) + DAYS_FROM_MARCH_OF_YEAR_0;
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year_from_march = year_of_era + 400 * days.div_euclid(146_097);
        Self { year: if month <= 2 { year_from_march + 1 } else { year_from_march }, month, day }
    }

    /// The first moment of the day after the one that `time` belongs to.
    pub const fn next_midnight(time: ClockTime) -> ClockTime {
        let day = time.unix_secs().div_euclid(SECONDS_OF_A_DAY);
        ClockTime::from_unix_secs((day + 1) * SECONDS_OF_A_DAY)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// POSIX days: a leap second is none of their seconds.
const SECONDS_OF_A_DAY: i64 = 86_400;
/// From 0000-03-01 to 1970-01-01.
const DAYS_FROM_MARCH_OF_YEAR_0: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unix_seconds: i64, date: &str) {
        assert_eq!(Date::of(ClockTime::from_unix_secs(unix_seconds)).to_string(), date);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        check(0, "1970-01-01");
        check(-1, "1969-12-31");
        check(951_782_400, "2000-02-29");
        check(951_868_800, "2000-03-01");
        check(1_483_228_799, "2016-12-31");
        check(1_483_228_800, "2017-01-01");
        check(4_107_542_399, "2100-02-28");
        check(4_107_542_400, "2100-03-01");
    }

    #[test]
    fn every_day_follows_the_one_before_for_three_centuries() {
        let mut last = Date::of(ClockTime::from_unix_secs(-2_208_988_800));
        assert_eq!(last.to_string(), "1900-01-01");
        for number in 1..109_573 {
            let date = Date::of(ClockTime::from_unix_secs(-2_208_988_800 + number * 86_400));
            let same_month = (date.year, date.month) == (last.year, last.month) && date.day == last.day + 1;
            assert!(same_month || date.day == 1 && date > last && last.day >= 28, "{last} {date}");
            last = date;
        }
        assert_eq!(last.to_string(), "2199-12-31");
    }

    #[test]
    fn midnight_belongs_to_the_day_that_it_begins() {
        let midnight = ClockTime::from_unix_secs(1_483_228_800);
        assert_eq!(Date::next_midnight(ClockTime::from_unix_secs(1_483_228_799)), midnight);
        assert_eq!(Date::next_midnight(midnight), ClockTime::from_unix_secs(1_483_315_200));
    }
}
