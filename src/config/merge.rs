//! Several parsed files made one, in which everything keeps its place. Judges nothing.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The sections that may stand in a configuration any number of times.
pub(super) const LISTS: [&str; 3] = ["source", "server", "nts-ke-server"];
/// Deeper than anything that is read, so that a hostile nesting costs no stack.
const DEEPEST: usize = 8;

/// Moves a table to where its text begins among the texts of the configuration.
pub(super) fn moved(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    moved_table(table, by, DEEPEST)
}

fn moved_table(table: DeTable<'_>, by: usize, levels: usize) -> DeTable<'_> {
    let entries = table.into_iter().map(|(key, value)| {
        let span = key.span();
        let key = Spanned::new(span.start + by..span.end + by, key.into_inner());
        (key, moved_value(value, by, levels))
    });
    entries.collect()
}

fn moved_value(value: Spanned<DeValue<'_>>, by: usize, levels: usize) -> Spanned<DeValue<'_>> {
    let span = value.span();
    let value = match (value.into_inner(), levels.checked_sub(1)) {
        (DeValue::Table(table), Some(levels)) => DeValue::Table(moved_table(table, by, levels)),
        (DeValue::Array(array), Some(levels)) => {
            DeValue::Array(array.into_iter().map(|value| moved_value(value, by, levels)).collect())
        }
        (value, _) => value,
    };
    Spanned::new(span.start + by..span.end + by, value)
}

/// Adds a later file: its lists of sections are added, and the keys of its other sections go before those that are there.
pub(super) fn add<'a>(all: &mut DeTable<'a>, later: DeTable<'a>) {
    for (key, value) in later {
        let name = key.get_ref().clone();
        let Some((old_key, old)) = all.remove_entry(&*name) else {
            all.insert(key, value);
            continue;
        };
        let (old_span, span) = (old.span(), value.span());
        let (key, value) = match (old.into_inner(), value.into_inner()) {
            (DeValue::Array(old), DeValue::Array(new)) => {
                (key, Spanned::new(span, DeValue::Array(old.into_iter().chain(new).collect())))
            }
            (DeValue::Table(old), DeValue::Table(new)) => {
                (key, Spanned::new(span, DeValue::Table(overlaid(old, new, DEEPEST))))
            }
            // One of the two is no such section: it is kept, so that it is refused at its place.
            (old, _) if LISTS.contains(&name.as_ref()) != matches!(old, DeValue::Array(_)) => {
                (old_key, Spanned::new(old_span, old))
            }
            (_, new) => (key, Spanned::new(span, new)),
        };
        all.insert(key, value);
    }
}

/// Of two tables the keys of both, and where both have one the later value; of two tables in them likewise.
fn overlaid<'a>(mut earlier: DeTable<'a>, later: DeTable<'a>, levels: usize) -> DeTable<'a> {
    for (key, value) in later {
        let span = value.span();
        // Taken out before, because a map that has a key keeps it, and with it the earlier place.
        let old = earlier.remove(&**key.get_ref()).map(Spanned::into_inner);
        let value = match (old, value.into_inner(), levels.checked_sub(1)) {
            (Some(DeValue::Table(old)), DeValue::Table(new), Some(levels)) => {
                DeValue::Table(overlaid(old, new, levels))
            }
            (_, new, _) => new,
        };
        earlier.insert(key, Spanned::new(span, value));
    }
    earlier
}
