//! What the sources announce about leap seconds, by vote. Does not insert them: the kernel does.

use crate::time::Leap;

/// The announcement of more than half of the voters; without a majority there is none (RFC 5905 §11.3 leaves the vote to the implementation).
pub(super) fn vote(announcements: impl Iterator<Item = Leap> + Clone) -> Leap {
    let voters = announcements.clone().count();
    let majority = |leap: Leap| announcements.clone().filter(|vote| *vote == leap).count() * 2 > voters;
    [Leap::AddSecond, Leap::DeleteSecond].into_iter().find(|leap| majority(*leap)).unwrap_or(Leap::NoWarning)
}

#[cfg(test)]
mod tests {
    use super::*;

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
