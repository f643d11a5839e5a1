//! What the page says of NTS: keys of a source, requests of a server, key exchanges. How lines are laid out is `plain`'s.

use super::plain::{counted, filled, remaining_days, wrapped};
use crate::observation::{ServerStats, SourceNts, State};
use crate::time::quantity::magnitude;

/// One part of a source's details.
pub(super) fn source(nts: &SourceNts, cookies: usize) -> String {
    let cookies = if cookies == 1 { "1 cookie".to_owned() } else { format!("{cookies} cookies") };
    let age = magnitude(nts.keys_age);
    let mut text = format!("NTS: {}, {cookies}, keys {age} old", nts.algorithm);
    if let Some(remaining) = nts.certificate_remaining {
        text += &format!(", certificate {}", remaining_days(remaining));
    }
    if nts.provisional {
        text += ", provisional until the clock is right";
    }
    text
}

/// One part of a server's counts; nothing while nobody asks with NTS.
pub(super) fn requests(stats: &ServerStats) -> Option<String> {
    let received = Some(stats.nts_received_packets).filter(|count| *count > 0)?;
    Some(format!("{received} with NTS, {} of them answered", stats.nts_accepted_packets))
}

/// Lines of every listener for key exchanges, and of the keys that cookies are sealed with; empty without NTS.
pub(super) fn key_exchange(state: &State, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for server in &state.key_exchange_servers {
        lines.push(String::new());
        lines.extend(filled(&format!("Key exchange at {}", server.address), width));
        let connections = counted(&server.ended).unwrap_or_else(|| "no connection yet".to_owned());
        let certificate = server.certificate_remaining.map(remaining_days);
        let parts = [
            Some(connections),
            Some(format!("{} open now", server.open_connections)),
            certificate.map(|remaining| format!("certificate {remaining}")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        lines.extend(wrapped(&parts.join("; "), width));
    }
    if let Some(keys) = &state.master_keys {
        let age = keys.age.map(|age| format!(", and the present one is {} old", magnitude(age)));
        let plural = if keys.accepted == 1 { "" } else { "s" };
        let age = age.unwrap_or_default();
        lines.push(String::new());
        let accepted = format!("Cookies of {} master key{plural} are accepted{age}", keys.accepted);
        lines.extend(filled(&accepted, width));
    }
    lines
}
