//! What listeners have been told: which announced properties are other than they were. Sends nothing.

use super::call::OBJECTS;
use super::table::{Changes, Object, Value};
use super::view::View;
use std::collections::BTreeMap;

/// Of every object, its announced properties with their last value.
#[derive(Debug)]
pub(super) struct Told(Vec<BTreeMap<&'static str, Value>>);

impl Told {
    /// What whoever asks now is told.
    pub(super) fn new(view: &View<'_>) -> Self {
        Self(OBJECTS.into_iter().map(|object| announced(object, view)).collect())
    }

    /// The objects that are otherwise now, with what has changed in them.
    pub(super) fn news(&mut self, view: &View<'_>) -> Vec<(&'static Object, BTreeMap<&'static str, Value>)> {
        let each = |(object, told): (&'static Object, &mut BTreeMap<&'static str, Value>)| {
            let now = announced(object, view);
            let mut before = std::mem::replace(told, announced(object, view));
            let new: BTreeMap<_, _> =
                now.into_iter().filter(|(name, value)| before.remove(name).as_ref() != Some(value)).collect();
            (!new.is_empty()).then_some((object, new))
        };
        OBJECTS.into_iter().zip(&mut self.0).filter_map(each).collect()
    }
}

fn announced(object: &'static Object, view: &View<'_>) -> BTreeMap<&'static str, Value> {
    let properties = object.interface.properties.iter();
    let announced = properties.filter(|property| property.changes == Changes::Announced);
    announced.map(|property| (property.name, (property.get)(view))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::view::example::with_view;
    use super::*;
    use crate::snapshot::SyncState;

    #[test]
    fn what_is_the_same_is_not_told_and_what_changed_is_told_once() {
        let mut told = with_view(|_| {}, Told::new);
        assert!(with_view(|_| {}, |view| told.news(view)).is_empty());
        let lose = |snapshot: &mut crate::snapshot::Snapshot| {
            snapshot.system.state = SyncState::Holdover;
            snapshot.sources.pop();
        };
        let news = with_view(lose, |view| told.news(view));
        let names: Vec<_> =
            news.iter().flat_map(|(object, new)| new.keys().map(|key| (object.path, *key))).collect();
        assert_eq!(
            names,
            [("/org/freedesktop/timesync1", "SystemNTPServers"), ("/org/ntpd_rs1", "State")],
            "{news:?}"
        );
        assert!(with_view(lose, |view| told.news(view)).is_empty());
    }
}
