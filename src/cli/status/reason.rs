//! Why a source is there and why it is not used, in words. What verdicts are, `docs/operation.md` says at length.

use crate::observation::Source;
use crate::time::quantity::{behind, magnitude};
use crate::verdict::{SourceOrigin, Verdict};

/// Nothing of a source that is used, or whose trouble is told already.
pub(in crate::cli) fn reason(source: &Source) -> Option<String> {
    if source.verdict.is_used() || source.problem.is_some() {
        return None;
    }
    let ago =
        source.last_update_seconds_ago.map(|ago| format!("; the last answer came {} ago", magnitude(ago)));
    let ago = ago.unwrap_or_default();
    Some(match source.verdict {
        Verdict::Waiting if source.requests == 0 => "not used yet: it has not been asked".to_owned(),
        Verdict::Waiting if source.replies == 0 => {
            format!("not used yet: none of {} requests was answered", source.requests)
        }
        Verdict::Waiting => format!("not used yet: {} answers are not enough", source.replies),
        Verdict::Offline => {
            "not used: left alone by command (`ntp-ctl online` has it asked again)".to_owned()
        }
        Verdict::Unreachable => format!("not used: its last 8 polls went unanswered{ago}"),
        Verdict::Unsynchronized => "not used: it says itself that it is not synchronized".to_owned(),
        Verdict::TooDistant => {
            let distance =
                (source.delay + source.remote_delay) / 2.0 + source.remote_uncertainty + source.uncertainty;
            format!("not used: too uncertain, its time may be {} off", magnitude(distance))
        }
        Verdict::Loop => {
            "not used: it follows this machine, or is the same server as another source".to_owned()
        }
        Verdict::Falseticker => {
            format!(
                "not used: it disagrees with the others; by its time the clock is {}",
                behind(source.offset)
            )
        }
        Verdict::Outlier => "not used: it agrees, and others are more certain or preferred".to_owned(),
        Verdict::NoQuorum => {
            "not used: it agrees, and too few others do (minimum-agreeing-sources)".to_owned()
        }
        Verdict::NoRequired => {
            "not used: it agrees, and none of the sources marked `require` does".to_owned()
        }
        Verdict::Orphan => {
            "not used: its time is the isolated network's, and another server has been elected".to_owned()
        }
        Verdict::NotSelectable => "not used: it is only measured (noselect)".to_owned(),
        Verdict::Demobilized => "not used: it told us to stop, and is asked no more".to_owned(),
        Verdict::Truechimer | Verdict::SystemPeer => return None,
    })
}

/// Who put it there, where that was not the configuration, and how it is marked.
pub(in crate::cli) fn standing(source: &Source) -> Vec<String> {
    let origin = match source.origin {
        SourceOrigin::Configuration => None,
        SourceOrigin::Added => Some("added while running".to_owned()),
        SourceOrigin::Runtime => Some("set at run time over D-Bus".to_owned()),
        SourceOrigin::Link => Some("from the network (DHCP)".to_owned()),
    };
    let marks: Vec<_> = source.marks.names().collect();
    let marks = (!marks.is_empty()).then(|| format!("marked: {}", marks.join(", ")));
    [origin, marks].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::State;
    use crate::snapshot::example::{later, snapshot};

    #[test]
    fn every_source_that_is_not_used_says_why_and_no_other_does() {
        let snapshot = snapshot();
        let mut source = State::new(&snapshot, later(&snapshot, 0)).sources.remove(0);
        for verdict in Verdict::ALL {
            source.verdict = verdict;
            let reason = reason(&source);
            assert_eq!(reason.is_none(), verdict.is_used(), "{verdict}");
            assert!(reason.is_none_or(|text| text.starts_with("not used")), "{verdict}");
        }
        source.problem = Some("cannot resolve".to_owned());
        assert_eq!(reason(&source), None);
    }

    #[test]
    fn what_is_not_as_the_configuration_has_it_by_default_is_told() {
        let snapshot = snapshot();
        let mut source = State::new(&snapshot, later(&snapshot, 0)).sources.remove(0);
        assert_eq!(standing(&source), [""; 0]);
        (source.marks.trust, source.marks.require) = (true, true);
        for (origin, words) in [
            (SourceOrigin::Added, "added while running"),
            (SourceOrigin::Runtime, "set at run time over D-Bus"),
            (SourceOrigin::Link, "from the network (DHCP)"),
        ] {
            source.origin = origin;
            assert_eq!(standing(&source), [words, "marked: trust, require"]);
        }
    }

    #[test]
    fn a_source_that_waits_says_for_what() {
        let snapshot = snapshot();
        let mut source = State::new(&snapshot, later(&snapshot, 0)).sources.remove(0);
        source.verdict = Verdict::Waiting;
        for (requests, replies, words) in
            [(0, 0, "has not been asked"), (3, 0, "none of 3 requests"), (3, 2, "2 answers are not enough")]
        {
            (source.requests, source.replies) = (requests, replies);
            assert!(reason(&source).unwrap().contains(words));
        }
    }
}
