//! From a snapshot to the JSON object, with ages and growing bounds computed for `now`.

use super::state::{
    KeyExchangeServer, LeapIndicator, MasterKeys, Program, Server, ServerStats, Source, SourceNts, State,
    System, Timestamp, WorkerStats,
};
use crate::packet::ReferenceId;
use crate::path_model::PathModel;
use crate::snapshot::{self, KeyExchangeEnd, Snapshot, SourceEstimate, WorkerCounters};
use crate::time::{ClockTime, Leap, Now, NtpTimestamp, Span};
use crate::verdict::Refusal;

impl State {
    /// The daemon as it was at `snapshot`, seen from `now`.
    pub fn new(snapshot: &Snapshot, now: Now) -> Self {
        Self {
            program: program(snapshot, now),
            system: system(snapshot, now),
            sources: snapshot.sources.iter().map(|s| source(s, snapshot, now)).collect(),
            servers: snapshot.servers.iter().map(|s| server(s, now)).collect(),
            key_exchange_servers: snapshot
                .key_exchange_servers
                .iter()
                .map(|s| key_exchange(s, now))
                .collect(),
            master_keys: snapshot.master_keys.as_deref().map(|keys| master_keys(keys, now)),
        }
    }
}

/// JSON knows no infinity, and a `null` in its place could not be read back as a number.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::MAX.copysign(value) }
}

fn timestamp(time: ClockTime) -> Timestamp {
    Timestamp { timestamp: NtpTimestamp::from_clock(time).bits() }
}

fn number(id: ReferenceId) -> u32 {
    u32::from_be_bytes(id.bytes())
}

impl From<Leap> for LeapIndicator {
    fn from(leap: Leap) -> Self {
        match leap {
            Leap::NoWarning => Self::NoWarning,
            Leap::AddSecond => Self::Leap61,
            Leap::DeleteSecond => Self::Leap59,
            Leap::Unsynchronized => Self::Unsynchronized,
        }
    }
}

fn program(snapshot: &Snapshot, now: Now) -> Program {
    Program {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build_commit: option_env!("NTPD_RS_BUILD_COMMIT").unwrap_or("unknown").to_owned(),
        build_commit_date: option_env!("NTPD_RS_BUILD_COMMIT_DATE").unwrap_or("unknown").to_owned(),
        uptime_seconds: (now.mono - snapshot.started).seconds(),
        now: timestamp(now.clock),
    }
}

fn system(snapshot: &Snapshot, now: Now) -> System {
    let system = &snapshot.system;
    // A snapshot may be a moment younger than `now`, which was read before it.
    let age = (now.mono - snapshot.at).max(Span::ZERO);
    let (base, rate) = (system.root_dispersion.seconds(), system.dispersion_rate);
    let root_dispersion = base + rate * age.seconds();
    System {
        stratum: system.stratum,
        reference_id: number(system.reference_id),
        accumulated_steps_threshold: system.accumulated_steps_threshold.map(Span::seconds),
        precision: f64::from(system.precision).exp2(),
        root_delay: system.root_delay.seconds(),
        // (base + rate t)², so that readers of 1.x's formula get the same dispersion.
        root_variance_base_time: timestamp(now.clock - age),
        root_variance_base: finite(base * base),
        root_variance_linear: finite(2.0 * base * rate),
        root_variance_quadratic: finite(rate * rate),
        root_variance_cubic: 0.0,
        leap_indicator: system.leap.into(),
        accumulated_steps: system.accumulated_steps.seconds(),
        state: system.state,
        controls_clock: system.controls_clock,
        reference: system.reference_id.display(system.stratum),
        system_peer: system.system_peer.map(|id| id.0),
        reference_timestamp: system.reference_timestamp.map(timestamp),
        root_dispersion: finite(root_dispersion),
        maximum_error: finite(system.root_delay.seconds() / 2.0 + root_dispersion),
        last_correction_age: system.last_correction.map(|(at, _)| (now.mono - at).seconds()),
        last_correction: system.last_correction.map(|(_, offset)| offset.seconds()),
        offset: system.offset.seconds(),
        offset_uncertainty: system.offset_uncertainty.seconds(),
        jitter: jitter(snapshot),
        slew_remaining: system.slew_remaining.map(|left| (left - age).max(Span::ZERO).seconds()),
        frequency_ppm: finite(system.frequency.ppm()),
        frequency_uncertainty_ppm: finite(system.frequency_uncertainty.ppm()),
        poll_interval: system.poll.log2(),
        steps: system.steps,
        agreeing_sources: system.agreeing_sources,
        minimum_agreeing_sources: system.minimum_agreeing_sources,
        leap_table_expires: system.leap_table_expires.map(timestamp),
        leap_table_remaining: system.leap_table_expires.map(|expires| (expires - now.clock).seconds()),
        tai_offset: system.tai_offset,
    }
}

/// The system peer's jitter and how far the others in use are from it.
fn jitter(snapshot: &Snapshot) -> Option<f64> {
    let used = || snapshot.sources.iter().filter(|source| source.verdict.is_used());
    let peer = used().find(|source| Some(source.id) == snapshot.system.system_peer)?.estimate?;
    let apart = |estimate: SourceEstimate| (estimate.offset - peer.offset).seconds().powi(2);
    let others: Vec<f64> = used().filter_map(|source| source.estimate).map(apart).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of sources")]
    let selection = others.iter().sum::<f64>() / (others.len() as f64 - 1.0).max(1.0);
    Some((peer.jitter.seconds().powi(2) + selection).sqrt())
}

fn source(source: &snapshot::Source, snapshot: &Snapshot, now: Now) -> Source {
    let measured =
        |value: fn(&SourceEstimate) -> Span| source.estimate.as_ref().map_or(0.0, |e| value(e).seconds());
    let update = source.last_measurement.map(|at| timestamp(snapshot.clock - (snapshot.at - at)));
    Source {
        offset: measured(|estimate| estimate.offset),
        uncertainty: measured(|estimate| estimate.uncertainty),
        delay: measured(|estimate| estimate.delay),
        remote_delay: source.root_delay.seconds(),
        remote_uncertainty: source.root_dispersion.seconds(),
        last_update: update.unwrap_or(Timestamp { timestamp: 0 }),
        unanswered_polls: source.unanswered_polls,
        poll_interval: source.poll.log2(),
        nts_cookies: source.nts.map(|nts| nts.cookies),
        name: source.name.clone(),
        address: source.address.map(|address| address.to_string()).unwrap_or_default(),
        id: source.id.0,
        origin: source.origin,
        marks: source.marks,
        verdict: source.verdict,
        reach: source.reach,
        measured: source.estimate.is_some(),
        jitter: measured(|estimate| estimate.jitter),
        path: source.estimate.map(|estimate| path(estimate.path)),
        stratum: source.stratum,
        leap_indicator: source.leap.map(LeapIndicator::from),
        reference_id: source.reference_id.map(number),
        last_update_seconds_ago: source.last_measurement.map(|at| (now.mono - at).seconds()),
        requests: source.requests,
        replies: source.replies,
        interleaved: source.interleaved,
        discards: source.discards.iter().copied().collect(),
        problem: source.problem.clone(),
        nts: source.nts.map(|nts| source_nts(&nts, now)),
    }
}

fn path(path: PathModel) -> PathModel {
    let PathModel { asymmetry, wander, predicted_error, .. } = path;
    PathModel {
        asymmetry: finite(asymmetry),
        wander: finite(wander),
        predicted_error: finite(predicted_error),
        ..path
    }
}

fn source_nts(nts: &snapshot::SourceNts, now: Now) -> SourceNts {
    SourceNts {
        algorithm: nts.algorithm.to_owned(),
        keys_age: (now.mono - nts.keys_since).seconds(),
        certificate_expires: nts.certificate_expires.map(timestamp),
        certificate_remaining: nts.certificate_expires.map(|expires| (expires - now.clock).seconds()),
        provisional: nts.provisional,
    }
}

fn key_exchange(server: &snapshot::KeyExchangeServer, now: Now) -> KeyExchangeServer {
    let counters = &server.counters;
    let ended = KeyExchangeEnd::ALL.into_iter().map(|end| (end, counters.ended(end)));
    let expires = counters.certificate_expires();
    KeyExchangeServer {
        address: server.address,
        open_connections: counters.open(),
        ended: ended.filter(|(_, count)| *count > 0).collect(),
        certificate_expires: expires.map(timestamp),
        certificate_remaining: expires.map(|expires| (expires - now.clock).seconds()),
    }
}

fn master_keys(keys: &snapshot::MasterKeys, now: Now) -> MasterKeys {
    MasterKeys { accepted: keys.accepted(), age: keys.since().map(|since| (now.clock - since).seconds()) }
}

fn server(server: &snapshot::Server, now: Now) -> Server {
    // A kiss says "rate", "deny" or "NTSN", and 1.x counts as denied who was told so.
    let is_denial = |reason| !matches!(reason, Refusal::RateLimited | Refusal::NotAuthentic);
    let denied = server.kisses().filter(|(reason, _)| is_denial(*reason)).map(|(_, n)| n).sum::<u64>();
    let nak = server.total(WorkerCounters::nts_nak);
    let rate_limited = server.total(|worker| worker.refused(Refusal::RateLimited));
    let all = server.total(WorkerCounters::refused_in_all);
    let stats = ServerStats {
        received_packets: server.total(WorkerCounters::received),
        accepted_packets: server.total(WorkerCounters::accepted),
        denied_packets: denied,
        rate_limited_packets: rate_limited,
        // The counters go on while they are read.
        ignored_packets: all.saturating_sub(denied + rate_limited + nak),
        response_send_errors: server.total(WorkerCounters::send_errors),
        nts_received_packets: server.total(WorkerCounters::nts_received),
        nts_accepted_packets: server.total(WorkerCounters::nts_accepted),
        nts_denied_packets: server.total(WorkerCounters::nts_denied),
        nts_rate_limited_packets: server.total(WorkerCounters::nts_rate_limited),
        nts_nak_packets: nak,
    };
    Server {
        address: server.address,
        stats,
        refused: server.refused().collect(),
        versions: server.accepted_by_version().collect(),
        kisses: server.kisses().collect(),
        interleaved_packets: server.total(WorkerCounters::interleaved),
        dropped_packets: server.total(WorkerCounters::dropped),
        recent_clients: server.recent_clients(now.mono),
        workers: server.workers.iter().map(|counters| worker(counters)).collect(),
    }
}

fn worker(counters: &WorkerCounters) -> WorkerStats {
    WorkerStats {
        received_packets: counters.received(),
        accepted_packets: counters.accepted(),
        refused_packets: counters.refused_in_all(),
        interleaved_packets: counters.interleaved(),
        response_send_errors: counters.send_errors(),
        dropped_packets: counters.dropped(),
    }
}
