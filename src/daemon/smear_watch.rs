//! What people are to know while leap seconds are smeared. Smears nothing.

use crate::packet::ReferenceId;
use crate::server::LeapSecond;
use crate::snapshot::Snapshot;
use crate::time::Now;
use crate::verdict::SourceId;
use std::collections::BTreeSet;

/// Looks at everything that is published, and finds what a smear does not go with.
#[derive(Debug)]
pub(super) struct SmearWatch {
    /// Some listener smears.
    smears: bool,
    told: BTreeSet<SourceId>,
}

impl SmearWatch {
    pub(super) const fn new(smears: bool) -> Self {
        Self { smears, told: BTreeSet::new() }
    }

    /// Warnings, each once: a source that smears too, and a leap second that did not come.
    pub(super) fn look(
        &mut self,
        snapshot: &Snapshot,
        before: Option<LeapSecond>,
        after: Option<LeapSecond>,
    ) -> Vec<String> {
        if !self.smears {
            return Vec::new();
        }
        let smearing =
            snapshot.sources.iter().filter(|source| source.reference_id == Some(ReferenceId::SMEARED));
        let mut warnings = Vec::new();
        for source in smearing.filter(|source| self.told.insert(source.id)) {
            warnings.push(format!(
                "{} smears a leap second, and so does this server: clients would have it twice; remove this source, or \
                 `leap-smear`",
                source.name
            ));
        }
        let now = Now { mono: snapshot.at, clock: snapshot.clock };
        if after.is_none() && before.is_some_and(|before| before.ends_early(now)) {
            warnings.push(
                "The leap second that was smeared has not come: the clock is served again as it is, with a jump".to_owned(),
            );
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::example;
    use crate::time::{ClockTime, Leap, Mono, Span};

    fn at(after_midnight: i64) -> Now {
        let after = Span::from_secs(after_midnight);
        let mono = Mono::from_nanos(1_000_000_000_000_000) + after;
        Now { mono, clock: ClockTime::from_unix_secs(1_483_228_800) + after }
    }

    #[test]
    fn a_source_that_smears_too_is_told_once() {
        let mut snapshot = example::snapshot();
        let smearing = snapshot.sources.first_mut().expect("the example has sources");
        smearing.reference_id = Some(ReferenceId::SMEARED);
        let mut watch = SmearWatch::new(true);
        let warnings = watch.look(&snapshot, None, None);
        let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert!(warning.starts_with(&snapshot.sources.first().unwrap().name), "{warning}");
        assert!(watch.look(&snapshot, None, None).is_empty());
        assert!(SmearWatch::new(false).look(&snapshot, None, None).is_empty());
    }

    #[test]
    fn a_leap_second_that_did_not_come_is_told_and_one_that_is_over_is_not() {
        let known = LeapSecond::next(None, Leap::AddSecond, at(-50_000));
        let given_up = |before: i64, now: i64, stepped: i64| {
            let steps = |now: Now, by: i64| Now { clock: now.clock + Span::from_secs(by), ..now };
            let before = LeapSecond::next(
                known,
                Leap::NoWarning,
                steps(at(before), if before < 0 { 0 } else { stepped }),
            );
            assert!(before.is_some());
            let now = steps(at(now), stepped);
            let after = LeapSecond::next(before, Leap::NoWarning, now);
            let snapshot =
                crate::snapshot::Snapshot { at: now.mono, clock: now.clock, ..example::snapshot() };
            !SmearWatch::new(true).look(&snapshot, before, after).is_empty()
        };
        assert!(given_up(-900, 3601, 0));
        assert!(!given_up(-900, 3601, -1));
        assert!(!given_up(40_000, 43_300, -1));
    }
}
