//! Typed, range-checked access to a parsed TOML table; every mismatch is reported at its place. Knows no key's meaning.

use super::diagnostic::Report;
use super::keys::{Schema, unknown_key};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use toml::de::{DeTable, DeValue};

/// One table of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    schema: &'static Schema,
    /// Byte offset of its header.
    pub(super) start: usize,
    pub(super) report: &'a Report,
}

impl<'a> Section<'a> {
    /// Reports every key that the schema does not have.
    pub(super) fn open(
        table: &'a DeTable<'a>,
        start: usize,
        schema: &'static Schema,
        report: &'a Report,
    ) -> Self {
        for key in table.keys().filter(|key| !schema.keys.contains(&key.get_ref().as_ref())) {
            report.error(key.span().start, unknown_key(key.get_ref(), schema));
        }
        Self { table, schema, start, report }
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        debug_assert!(
            self.schema.keys.contains(&key),
            "{key} is missing in the schema of {}",
            self.schema.title
        );
        let (key, value) = self.table.get_key_value(key)?;
        Some(Item {
            name: key.get_ref(),
            key_start: key.span().start,
            start: value.span().start,
            value: value.get_ref(),
            report: self.report,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn require(&self, key: &'static str, example: &str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            self.report
                .error(self.start, format!("`{key}` is missing in {}; add {example}", self.schema.title));
        }
        item
    }

    /// A boolean, or `default`.
    pub(super) fn boolean(&self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(|item| item.boolean()).unwrap_or(default)
    }

    /// A path.
    pub(super) fn path(&self, key: &'static str) -> Option<PathBuf> {
        self.get(key)?.path()
    }

    /// A whole number.
    pub(super) fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        self.get(key)?.integer(range)
    }

    /// The same key must not be given under both names.
    pub(super) fn both(&self, key: &'static str, other: &'static str) -> Option<Item<'a>> {
        self.get(other).and(self.get(key))
    }
}

/// One value of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// Its key.
    pub(super) name: &'a str,
    /// Byte offset of the key.
    pub(super) key_start: usize,
    /// Byte offset of the value.
    pub(super) start: usize,
    /// What stands there.
    pub(super) value: &'a DeValue<'a>,
    pub(super) report: &'a Report,
}

impl<'a> Item<'a> {
    /// Refuses the value: `is` completes "`key` …", `hint` says what to write.
    pub(super) fn refuse(&self, is: &str, hint: &str) {
        self.report.error(self.start, format!("`{}` {is}; {hint}", self.name));
    }

    /// Refuses a value whose function does not exist yet.
    pub(super) fn not_supported_yet(&self, what: &str, hint: &str) {
        self.report.error(self.start, format!("{what} is not supported yet; {hint}"));
    }

    fn refuse_type(&self, wanted: &str) {
        self.refuse(&format!("is {}", kind(self.value)), &format!("write {wanted}"));
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.refuse_type("true or false");
                None
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn text(&self, wanted: &str) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) if !text.is_empty() => Some(text),
            DeValue::String(_) => {
                self.refuse("is empty", &format!("write {wanted}, or remove the key"));
                None
            }
            _ => {
                self.refuse_type(wanted);
                None
            }
        }
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text("a path in quotes")?;
        if text.contains('\0') {
            self.refuse("contains a zero byte", "write a path");
            return None;
        }
        let path = PathBuf::from(text);
        self.report.file(self.start, self.name, path.clone());
        Some(path)
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let quoted: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let wanted = format!("one of {}", quoted.join(", "));
        let text = self.text(&wanted)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            self.refuse(&format!("is \"{text}\""), &format!("write {wanted}"));
        }
        found
    }

    pub(super) fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let DeValue::Integer(written) = self.value else {
            self.refuse_type(&wanted);
            return None;
        };
        // An integer that does not fit is out of any range.
        let value = i64::from_str_radix(written.as_str(), written.radix()).ok();
        let good = value.filter(|v| range.contains(v));
        if good.is_none() {
            self.refuse(&format!("is {written}"), &format!("write {wanted}"));
        }
        good
    }

    /// A finite number, whole or not, for which `good` holds.
    pub(super) fn number(&self, wanted: &str, good: impl Fn(f64) -> bool) -> Option<f64> {
        let Some(value) = self.any_number() else {
            self.refuse_type(wanted);
            return None;
        };
        if value.is_finite() && good(value) {
            return Some(value);
        }
        self.refuse(&format!("is {value}"), &format!("write {wanted}"));
        None
    }

    /// A number, infinite ones and NaN included; reports nothing.
    pub(super) fn any_number(&self) -> Option<f64> {
        match self.value {
            #[expect(clippy::cast_precision_loss, reason = "seconds and probabilities need no 2^53")]
            DeValue::Integer(written) => {
                i64::from_str_radix(written.as_str(), written.radix()).ok().map(|v| v as f64)
            }
            DeValue::Float(written) => written.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The elements of a list.
    pub(super) fn list(&self, wanted: &str) -> Option<Vec<Self>> {
        let DeValue::Array(array) = self.value else {
            self.refuse_type(wanted);
            return None;
        };
        let item = |value: &'a toml::Spanned<DeValue<'a>>| Self {
            start: value.span().start,
            value: value.get_ref(),
            ..*self
        };
        Some(array.iter().map(item).collect())
    }

    /// A table; its place is the key's.
    pub(super) fn section(&self, schema: &'static Schema) -> Option<Section<'a>> {
        match self.value {
            DeValue::Table(table) => Some(Section::open(table, self.start, schema, self.report)),
            _ => {
                self.refuse_type(&format!("a table with {}", schema.keys.join(" and ")));
                None
            }
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text in quotes",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
