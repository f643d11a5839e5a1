//! From a parsed file to a `Config`: which section is read by whom. The sections' own rules are in `sections`.

use super::Config;
use super::diagnostic::Report;
use super::keys::{self, Schema};
use super::reader::Section;
use super::sections::{clock, nts, observability, servers, sources, synchronization};
use super::{Algorithm, KeyOrigin, early};
use toml::de::{DeTable, DeValue};

/// Reads everything, and reports everything that is wrong; the result is of use only if nothing is.
pub(super) fn resolve(top: &DeTable<'_>, report: &Report) -> Config {
    report_unknown_sections(top, report);
    early::report_single_tables(top, report);
    let single = |name, schema| single(top, name, schema, report);
    let source_defaults = single("source-defaults", &keys::SOURCE_DEFAULTS).map(|s| sources::defaults(&s));
    let source_defaults = source_defaults.unwrap_or_default();
    let observability = single("observability", &keys::OBSERVABILITY).map(|s| observability::read(&s));
    let observability = observability.unwrap_or_default();
    let control = single("control", &keys::CONTROL).map(|s| observability::control(&s)).unwrap_or_default();
    let control = observability::beside_observation(control, &observability);
    let clock = single("clock", &keys::CLOCK).map(|s| clock::read(&s)).unwrap_or_default();
    let synchronization = single("synchronization", &keys::SYNCHRONIZATION);
    let algorithm = synchronization.and_then(|s| s.get("algorithm")?.section(&keys::ALGORITHM));
    let key_exchange_servers = nts::read_all(tables(top, "nts-ke-server", report), report);
    let keyset_section = single("keyset", &keys::KEYSET);
    let keyset = keyset_section.map(|s| nts::keyset(&s)).unwrap_or_default();
    let has_others_keys = !matches!(keyset.origin, KeyOrigin::Own { .. });
    let serves_nts = has_others_keys || top.contains_key("nts-ke-server");
    let servers = servers::read_all(tables(top, "server", report), serves_nts, report);
    if !top.contains_key("nts-ke-server") {
        nts::warn_of_unused_keys(keyset_section, &keyset, &servers);
    }
    nts::warn_of_gaps(&key_exchange_servers, &keyset, &servers);
    Config {
        sources: tables(top, "source", report)
            .into_iter()
            .filter_map(|source| sources::source(source.table, source.start, source_defaults, report))
            .collect(),
        source_defaults: source_defaults.resolved(),
        servers,
        key_exchange_servers: key_exchange_servers.into_iter().map(|(_, server)| server).collect(),
        keyset,
        synchronization: synchronization.map(|s| synchronization::read(&s)).unwrap_or_default(),
        algorithm: algorithm.map_or_else(Algorithm::default, |s| synchronization::algorithm(&s)),
        observability,
        control,
        sockets_required: true,
        clock_control: clock.control,
        timestamp_mode: clock.timestamp_mode,
        state_directory: clock.state_directory,
    }
}

/// One element of a `[[list]]`.
pub(super) struct Element<'a> {
    pub(super) table: &'a DeTable<'a>,
    pub(super) start: usize,
}

fn report_unknown_sections(top: &DeTable<'_>, report: &Report) {
    for key in top.keys() {
        let (name, start) = (key.get_ref(), key.span().start);
        if !keys::TOP.keys.contains(&name.as_ref()) && !early::report_section(name, start, report) {
            report.error(start, early::unknown_section(name));
        }
    }
}

fn single<'a>(
    top: &'a DeTable<'a>,
    name: &'static str,
    schema: &'static Schema,
    report: &'a Report,
) -> Option<Section<'a>> {
    let (key, value) = top.get_key_value(name)?;
    match value.get_ref() {
        DeValue::Table(table) => Some(Section::open(table, key.span().start, schema, report)),
        DeValue::Array(_) => {
            report.error(key.span().start, format!("[[{name}]] is no list; write [{name}], once"));
            None
        }
        _ => {
            report.error(
                key.span().start,
                format!("`{name}` is a section; write [{name}] on a line of its own"),
            );
            None
        }
    }
}

fn tables<'a>(top: &'a DeTable<'a>, name: &'static str, report: &Report) -> Vec<Element<'a>> {
    let Some((key, value)) = top.get_key_value(name) else { return Vec::new() };
    let elements = match value.get_ref() {
        DeValue::Array(elements) => elements,
        // Reported as an early spelling, and not read.
        DeValue::Table(_) => return Vec::new(),
        _ => {
            report.error(
                key.span().start,
                format!("`{name}` is a list of sections; write [[{name}]] for each"),
            );
            return Vec::new();
        }
    };
    let element = |value: &'a toml::Spanned<DeValue<'a>>| match value.get_ref() {
        DeValue::Table(table) => Some(Element { table, start: value.span().start }),
        _ => {
            report.error(
                value.span().start,
                format!("`{name}` is a list of sections; write [[{name}]] for each"),
            );
            None
        }
    };
    elements.iter().filter_map(element).collect()
}
