//! The spellings of early 2023 (0.2, 0.3): recognised so that the error can say what they are called now. Converts nothing.

use super::diagnostic::Report;
use super::keys::{self, Schema};
use super::merge::LISTS;
use toml::de::{DeTable, DeValue};

/// Top-level names of old, and what takes their place.
const SECTIONS: [(&str, &str); 8] = [
    ("peers", "one [[source]] for each, with `mode` and `address`"),
    ("peer", "one [[source]] for each, with `mode` and `address`"),
    ("system", "[synchronization] with `single-step-panic-threshold` and the like"),
    ("observe", "`observation-path` and `observation-permissions` in [observability]"),
    ("configure", "`path` and `permissions` in [control]"),
    ("log-filter", "`log-level` in [observability]"),
    ("log-format", "the option --log-format, or NTP_LOG_FORMAT in the environment"),
    ("sentry", "nothing: it is gone; remove it"),
];

/// Keys of old, the section where they stood, and their names today.
const KEYS: [(&str, &str, &str); 14] = [
    ("addr", "[[source]]", "address"),
    ("ke-addr", "[[source]]", "address"),
    ("max-peers", "[[source]]", "count"),
    ("max-sources", "[[source]]", "count"),
    ("addr", "[[server]]", "listen"),
    ("addr", "[[nts-ke-server]]", "listen"),
    ("cert-chain-path", "[[nts-ke-server]]", "certificate-chain-path"),
    ("key-der-path", "[[nts-ke-server]]", "private-key-path"),
    ("timeout-ms", "[[nts-ke-server]]", "key-exchange-timeout-ms"),
    ("min-intersection-survivors", "[synchronization]", "minimum-agreeing-sources"),
    ("panic-threshold", "[synchronization]", "single-step-panic-threshold"),
    ("startup-panic-threshold", "[synchronization]", "startup-step-panic-threshold"),
    ("accumulated-threshold", "[synchronization]", "accumulated-step-panic-threshold"),
    ("initial-poll", "[source-defaults]", "initial-poll-interval"),
];

/// Today's name of a key of early 2023 that does not exist in `schema` any more.
pub(super) fn renamed(key: &str, schema: &Schema) -> Option<&'static str> {
    let here = |section: &str| schema.title.starts_with(section);
    let (.., now) =
        KEYS.iter().find(|(old, section, now)| *old == key && here(section) && schema.keys.contains(now))?;
    Some(now)
}

/// Reports every top-level name of early 2023; true for a name that was reported.
pub(super) fn report_section(name: &str, offset: usize, report: &Report) -> bool {
    let Some((_, now)) = SECTIONS.iter().find(|(old, _)| *old == name) else {
        return false;
    };
    report.error(
        offset,
        format!(
            "`{name}` is an early spelling (2023), which `ntp-ctl migrate` is for; instead of it, write {now}"
        ),
    );
    true
}

/// Reports a single `[nts-ke-server]` or `[server]`, which has been a list since 1.0.
pub(super) fn report_single_tables(top: &DeTable<'_>, report: &Report) {
    for name in LISTS {
        let Some((key, value)) = top.get_key_value(name) else { continue };
        if let DeValue::Table(_) = value.get_ref() {
            let message = format!(
                "a single [{name}] is an early spelling (2023), which `ntp-ctl migrate` is for; write [[{name}]] with two brackets"
            );
            report.error(key.span().start, message);
        }
    }
}

/// Whether a `mode` is one of early 2023, with today's.
pub(super) fn renamed_mode(mode: &str) -> Option<&'static str> {
    match mode {
        "nts-server" => Some("nts"),
        "simple" => Some("server"),
        _ => None,
    }
}

/// What to say of an unknown top-level name.
pub(super) fn unknown_section(name: &str) -> String {
    if name == "pool" {
        return "unknown section `pool`; write [[source]] with mode = \"pool\"".to_owned();
    }
    keys::unknown_key(name, &keys::TOP)
}
