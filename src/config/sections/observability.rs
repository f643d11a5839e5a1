//! `[observability]` and `[control]`. Opens nothing.

use crate::config::reader::{Item, Section};
use crate::config::{Control, Observability, check_log_filter, parse_listen};
use std::net::SocketAddr;
use toml::de::DeValue;

const ALL_PERMISSIONS: i64 = 0o777;

/// Reads `[observability]`.
pub(in crate::config) fn read(section: &Section<'_>) -> Observability {
    let defaults = Observability::default();
    if let Some(item) = section.get("statistics-path").filter(|item| item.path().is_some()) {
        item.not_supported_yet("writing statistics", "remove `statistics-path`");
    }
    Observability {
        log_level: section.get("log-level").and_then(|item| log_level(&item)),
        log_path: section.path("log-path"),
        log_path_metrics_exporter: section.path("log-path-metrics-exporter"),
        ansi_colors: section.boolean("ansi-colors", defaults.ansi_colors),
        observation_path: section.path("observation-path"),
        observation_permissions: permissions(section, "observation-permissions")
            .unwrap_or(defaults.observation_permissions),
        metrics_exporter_listen: section
            .get("metrics-exporter-listen")
            .and_then(|item| exporter_listen(&item))
            .unwrap_or(defaults.metrics_exporter_listen),
    }
}

/// Reads `[control]`.
pub(in crate::config) fn control(section: &Section<'_>) -> Control {
    let permissions = permissions(section, "permissions").unwrap_or(Control::default().permissions);
    if permissions & 0o002 != 0
        && let Some(item) = section.get("permissions")
    {
        item.refuse("lets everybody control the daemon", "write 0o660, or less");
    }
    let d_bus = section.boolean("d-bus", Control::default().d_bus);
    Control { path: section.path("path"), permissions, d_bus }
}

/// Who has an observation socket gets the control socket beside it.
pub(in crate::config) fn beside_observation(control: Control, observability: &Observability) -> Control {
    let directory = observability.observation_path.as_deref().and_then(|path| path.parent());
    let path = control.path.or_else(|| directory.map(|directory| directory.join("control")));
    Control { path, ..control }
}

fn log_level(item: &Item<'_>) -> Option<String> {
    let text = item.text("a log level in quotes, like \"info\"")?;
    match check_log_filter(text) {
        Ok(()) => Some(text.to_owned()),
        Err(wrong) => {
            item.report.error(item.start, wrong);
            None
        }
    }
}

fn exporter_listen(item: &Item<'_>) -> Option<SocketAddr> {
    let text = item.text("an IP address and a port in quotes")?;
    let listen = text.parse().ok();
    if listen.is_none() {
        let hint = match parse_listen(text) {
            Ok(_) => "write the port too, like \"127.0.0.1:9975\"",
            Err(_) => "write an IP address and a port, like \"127.0.0.1:9975\"",
        };
        item.refuse(&format!("is \"{text}\""), hint);
    }
    listen
}

/// Permission bits. A decimal number that looks like a mode was meant as an octal one, and is refused.
fn permissions(section: &Section<'_>, key: &'static str) -> Option<u32> {
    let item = section.get(key)?;
    if let DeValue::Integer(written) = item.value
        && written.radix() == 10
        && looks_like_mode(written.as_str())
    {
        let hint = format!("write 0o{written}: permissions are octal, and the prefix says so");
        item.refuse(&format!("is the decimal number {written}"), &hint);
        return None;
    }
    item.integer(0..=ALL_PERMISSIONS).and_then(|mode| u32::try_from(mode).ok())
}

/// Three digits of the kind that socket modes are made of. `438`, which is 0o666, does not look like one.
fn looks_like_mode(decimal: &str) -> bool {
    decimal.len() == 3 && decimal.bytes().all(|digit| matches!(digit, b'0' | b'4' | b'6' | b'7'))
}
