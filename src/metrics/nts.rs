//! NTS: keys of sources, key exchanges and master keys. Counts of packets are with the servers'.

use super::{Labels, Page, flag, source_labels};
use crate::observation::{KeyExchangeServer, SourceNts, State};
use prometheus_client::registry::Unit;

/// Of sources that have keys.
pub(super) fn sources(page: &mut Page<'_>, state: &State) {
    let rows = |value: fn(&SourceNts) -> Option<f64>| {
        let value = move |nts: &Option<SourceNts>| nts.as_ref().and_then(value);
        state.sources.iter().filter_map(move |source| Some((source_labels(source), value(&source.nts)?)))
    };
    let age = rows(|nts| Some(nts.keys_age));
    page.gauges(
        "ntp_source_nts_keys_age",
        "Time since keys were exchanged, or taken over from an earlier run",
        Some(Unit::Seconds),
        age,
    );
    let remaining = rows(|nts| nts.certificate_remaining);
    let help =
        "How long the key exchange server's certificates are still good, negative once they have ended";
    page.gauges("ntp_source_nts_certificate_remaining", help, Some(Unit::Seconds), remaining);
    let provisional = rows(|nts| Some(flag(nts.provisional)));
    let help = "Whether certificates could not be judged by the clock yet";
    page.gauges("ntp_source_nts_provisional", help, None, provisional);
}

fn labels(server: &KeyExchangeServer) -> Labels {
    vec![("listen_address", server.address.to_string())]
}

/// Of key exchange servers and the keys that cookies are sealed with.
pub(super) fn servers(page: &mut Page<'_>, state: &State) {
    let listeners = || state.key_exchange_servers.iter();
    let ended = listeners().flat_map(|server| {
        let row = |(end, count): (&_, &u64)| {
            ([labels(server), vec![("end", std::string::ToString::to_string(end))]].concat(), *count)
        };
        server.ended.iter().map(row).collect::<Vec<(Labels, u64)>>()
    });
    page.counters("ntp_key_exchange_ended", "Connections and requests by what they came to", ended);
    #[expect(clippy::cast_precision_loss, reason = "a count of connections")]
    let open = listeners().map(|server| (labels(server), server.open_connections as f64));
    page.gauges("ntp_key_exchange_open_connections", "Connections that are open", None, open);
    let remaining = listeners().filter_map(|server| Some((labels(server), server.certificate_remaining?)));
    let help = "How long our certificate is still good, negative once it has ended";
    page.gauges("ntp_key_exchange_certificate_remaining", help, Some(Unit::Seconds), remaining);
    let Some(keys) = &state.master_keys else { return };
    #[expect(clippy::cast_precision_loss, reason = "a count of keys")]
    let accepted = keys.accepted as f64;
    page.gauge("ntp_server_nts_master_keys", "Keys whose cookies are accepted", None, accepted);
    if let Some(age) = keys.age {
        page.seconds("ntp_server_nts_master_key_age", "For how long the present key has sealed cookies", age);
    }
}
