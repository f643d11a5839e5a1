//! Per listener: requests and what became of them, key exchanges, and the keys that cookies are sealed with.

use super::{Metric, Row, Value, counter, gauge, one};
use crate::observation::{KeyExchangeServer, Server, State};
use std::collections::BTreeMap;

const LABELS: &[&str] = &["listen_address"];

pub(super) const METRICS: &[Metric] = &[
    counter("ntp_server_received_packets", LABELS, "Requests that arrived", |s| {
        counted(s, |server| server.stats.received_packets)
    }),
    counter("ntp_server_accepted_packets", LABELS, "Requests answered with time", |s| {
        counted(s, |server| server.stats.accepted_packets)
    }),
    counter("ntp_server_denied_packets", LABELS, "Requests answered with a DENY kiss", |s| {
        counted(s, |server| server.stats.denied_packets)
    }),
    counter("ntp_server_ignored_packets", LABELS, "Requests not answered", |s| {
        counted(s, |server| server.stats.ignored_packets)
    }),
    counter("ntp_server_rate_limited_packets", LABELS, "Requests that came too often", |s| {
        counted(s, |server| server.stats.rate_limited_packets)
    }),
    counter("ntp_server_response_send_errors", LABELS, "Replies that could not be sent", |s| {
        counted(s, |server| server.stats.response_send_errors)
    }),
    counter("ntp_server_nts_received_packets", LABELS, "NTS requests that arrived", |s| {
        counted(s, |server| server.stats.nts_received_packets)
    }),
    counter("ntp_server_nts_accepted_packets", LABELS, "NTS requests answered with time", |s| {
        counted(s, |server| server.stats.nts_accepted_packets)
    }),
    counter("ntp_server_nts_denied_packets", LABELS, "NTS requests answered with a DENY kiss", |s| {
        counted(s, |server| server.stats.nts_denied_packets)
    }),
    counter("ntp_server_nts_rate_limited_packets", LABELS, "NTS requests that came too often", |s| {
        counted(s, |server| server.stats.nts_rate_limited_packets)
    }),
    counter("ntp_server_nts_nak_packets", LABELS, "NTS requests answered with a NAK", |s| {
        counted(s, |server| server.stats.nts_nak_packets)
    }),
    counter("ntp_server_interleaved_packets", LABELS, "Answers in interleaved mode", |s| {
        counted(s, |server| server.interleaved_packets)
    }),
    counter(
        "ntp_server_dropped_packets",
        LABELS,
        "Requests dropped by the kernel before they were seen",
        |s| counted(s, |server| server.dropped_packets),
    ),
    counter(
        "ntp_server_requests_by_version",
        &["listen_address", "version"],
        "Requests answered with time",
        |s| split(s, |server| named(&server.versions)),
    ),
    counter(
        "ntp_server_refused_packets",
        &["listen_address", "reason"],
        "Requests not answered with time",
        |s| split(s, |server| named(&server.refused)),
    ),
    counter(
        "ntp_server_kisses",
        &["listen_address", "reason"],
        "Refused requests whose sender was told so",
        |s| split(s, |server| named(&server.kisses)),
    ),
    counter(
        "ntp_server_worker_received_packets",
        &["listen_address", "worker"],
        "Requests that arrived at one worker",
        |s| {
            split(s, |server| {
                let workers = (0_u32..).zip(&server.workers);
                workers.map(|(n, worker)| (n.to_string(), worker.received_packets)).collect()
            })
        },
    ),
    gauge(
        "ntp_server_recent_clients",
        LABELS,
        "About how many different clients were answered in the last hour",
        |s| {
            let clients = |server: &Server| estimate(server.recent_clients);
            s.servers.iter().map(|server| (vec![server.address.to_string()], clients(server))).collect()
        },
    ),
    gauge("ntp_server_nts_master_keys", &[], "Keys whose cookies are accepted", |s| {
        let keys = s.master_keys.as_ref().map(|keys| (Vec::new(), estimate(keys.accepted)));
        keys.into_iter().collect()
    }),
    gauge(
        "ntp_server_nts_master_key_age_seconds",
        &[],
        "For how long the present key has sealed cookies",
        |s| one(s.master_keys.as_ref().and_then(|keys| keys.age)),
    ),
    counter(
        "ntp_key_exchange_ended",
        &["listen_address", "end"],
        "Connections and requests by what they came to",
        |s| {
            let of = |server: &KeyExchangeServer| rows(server.address.to_string(), named(&server.ended));
            s.key_exchange_servers.iter().flat_map(of).collect()
        },
    ),
    gauge("ntp_key_exchange_open_connections", LABELS, "Connections that are open", |s| {
        key_exchange(s, |server| Some(estimate(server.open_connections)))
    }),
    gauge(
        "ntp_key_exchange_certificate_remaining_seconds",
        LABELS,
        "How long our certificate is still good, negative once it has ended",
        |s| key_exchange(s, |server| server.certificate_remaining.map(Value::Number)),
    ),
];

fn counted(state: &State, count: fn(&Server) -> u64) -> Vec<Row> {
    let row = |server: &Server| (vec![server.address.to_string()], Value::Count(count(server)));
    state.servers.iter().map(row).collect()
}

/// Counts by the value of one more label.
type Counts = Vec<(String, u64)>;

fn split(state: &State, counts: fn(&Server) -> Counts) -> Vec<Row> {
    state.servers.iter().flat_map(|server| rows(server.address.to_string(), counts(server))).collect()
}

fn rows(address: String, counts: Counts) -> Vec<Row> {
    counts.into_iter().map(|(value, count)| (vec![address.clone(), value], Value::Count(count))).collect()
}

fn named(counts: &BTreeMap<impl ToString, u64>) -> Counts {
    counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

fn key_exchange(state: &State, value: fn(&KeyExchangeServer) -> Option<Value>) -> Vec<Row> {
    let row = |server: &KeyExchangeServer| Some((vec![server.address.to_string()], value(server)?));
    state.key_exchange_servers.iter().filter_map(row).collect()
}

#[expect(clippy::cast_precision_loss, reason = "of what goes up and down")]
const fn estimate(count: u64) -> Value {
    Value::Number(count as f64)
}
