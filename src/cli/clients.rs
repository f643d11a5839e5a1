//! `ntp-ctl clients`: who asks this server most. The list comes over the control socket, for it has addresses of others.

use super::args::ListFormat;
use super::quantity::magnitude;
use super::status::{counted, wrapped};
use super::{Outcome, print, sockets};
use crate::control::{Client, ListenerClients, MOST_CLIENTS, Reply, Request};
use crate::daemon::startup_error::StartupError;
use std::path::Path;

/// Shows at most `number` clients of each listener.
pub(super) fn run(config: Option<&Path>, number: u16, format: ListFormat) -> Outcome {
    let config = sockets::configuration(config)?;
    let limit = usize::from(number).min(MOST_CLIENTS);
    match sockets::ask(&sockets::control(&config), &Request::Clients { limit })? {
        Reply::Clients { listeners } => print(&show(&listeners, format)?),
        other => Err(sockets::not_done(other)),
    }
}

fn show(listeners: &[ListenerClients], format: ListFormat) -> Result<String, StartupError> {
    match format {
        ListFormat::Json => serde_json::to_string_pretty(listeners)
            .map(|text| text + "\n")
            .map_err(|error| StartupError::other(format!("cannot be shown: {error}"))),
        ListFormat::Plain if listeners.is_empty() => Err(StartupError::other(
            "this daemon serves nobody: there is no [[server]] in its configuration, and no -s",
        )),
        ListFormat::Plain if listeners.iter().all(|listener| listener.remembered == 0) => {
            Err(StartupError::other(
                "this daemon does not remember its clients: write `client-statistics = 1000` in [[server]], \
                 and start it again",
            ))
        }
        ListFormat::Plain => {
            Ok(listeners.iter().map(listener).map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n")
                + "\n")
        }
    }
}

/// No line is longer than 80 columns.
fn listener(listener: &ListenerClients) -> Vec<String> {
    let ListenerClients { address, remembered, silent_workers, clients } = listener;
    let mut lines = vec![format!("Serving {address}")];
    if *silent_workers > 0 {
        lines.extend(wrapped(&format!(
            "{silent_workers} worker(s) did not answer in time: what they know is missing"
        )));
    }
    if *remembered == 0 {
        lines.extend(wrapped("clients are not remembered: `client-statistics` is not set here"));
    } else if clients.is_empty() {
        lines.extend(wrapped("nobody has asked yet"));
    } else {
        lines.push(row(["Client", "Requests", "Answered", "Every", "Last", "NTP"]));
        lines.extend(clients.iter().flat_map(client));
    }
    lines
}

fn row([address, requests, answered, interval, last, version]: [&str; 6]) -> String {
    format!("{address:<39} {requests:>9} {answered:>9} {interval:>7} {last:>7} {version:>3}")
}

/// One row of numbers; below it what is not the same for everybody.
fn client(client: &Client) -> Vec<String> {
    let version = client.version.map_or("-".to_owned(), |version| format!("v{version}"));
    let mut lines = vec![row([
        &client.address.to_string(),
        &count(client.requests),
        &count(client.answered),
        &client.interval_seconds.map_or("-".to_owned(), magnitude),
        &magnitude(client.last_seconds_ago),
        &version,
    ])];
    // Below a tenth of what is known it would change nobody's mind.
    let earlier = client.recent_at_most - client.recent;
    let earlier = Some(earlier.ceil()).filter(|earlier| *earlier > 0.1 * client.recent);
    let details = [
        client.interleaved.then(|| "interleaved mode".to_owned()),
        counted(&client.refused).map(|list| format!("refused: {list}")),
        earlier.map(|earlier| format!("perhaps {earlier:.0} more before it was listed")),
    ];
    lines.extend(wrapped(&details.into_iter().flatten().collect::<Vec<_>>().join("; ")));
    lines
}

/// In at most nine characters.
fn count(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    if count < 1_000_000_000 { count.to_string() } else { format!("{:.3e}", count as f64) }
}

#[cfg(test)]
mod tests;
