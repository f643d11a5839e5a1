//! What is read and checked but has no effect yet, so that nobody gets a configuration which does not do what it says.

use super::diagnostic::Report;
use toml::de::{DeTable, DeValue};

/// The list, the key with the values that ask for it, or no key where the section does, and what to say.
type Row = (&'static str, Option<(&'static str, &'static [&'static str])>, &'static str);

const KEY_EXCHANGE_SERVERS: &str = "[[nts-ke-server]] is not supported yet; remove this section";
const SERVICE_RECORDS: &str =
    "looking up service records is not supported yet; write false, or remove the key";
const NTS_SOURCES: &str =
    "NTS is not supported yet; write mode = \"server\" or \"pool\" with the address of an NTP server";

/// One line each: whoever makes it work removes the line.
const ROWS: &[Row] = &[
    ("source", Some(("mode", &["nts", "nts-pool"])), NTS_SOURCES),
    ("nts-ke-server", None, KEY_EXCHANGE_SERVERS),
    ("source", Some(("enable-srv-resolution", &["true"])), SERVICE_RECORDS),
];

/// Reports at most one such thing for each section.
pub(super) fn refuse(top: &DeTable<'_>, report: &Report) {
    for list in ["source", "nts-ke-server"] {
        // Other shapes of a list are reported where it is read.
        let Some(DeValue::Array(sections)) = top.get(list).map(toml::Spanned::get_ref) else { continue };
        for section in sections {
            let DeValue::Table(table) = section.get_ref() else { continue };
            let found = ROWS.iter().filter(|row| row.0 == list).find_map(|(_, wanted, message)| {
                let place =
                    wanted.map_or(Some(section.span().start), |(key, values)| asks(table, key, values));
                Some((place?, *message))
            });
            if let Some((place, message)) = found {
                report.error(place, message);
            }
        }
    }
}

/// Where the value stands, if it is one of these.
fn asks(table: &DeTable<'_>, key: &str, values: &[&str]) -> Option<usize> {
    let value = table.get(key)?;
    let asks = match value.get_ref() {
        DeValue::String(word) => values.contains(&word.as_ref()),
        DeValue::Boolean(true) => values.contains(&"true"),
        _ => false,
    };
    asks.then(|| value.span().start)
}
