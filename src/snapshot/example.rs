//! A snapshot for the tests of all that shows one. Not compiled into programs.

use crate::packet::ReferenceId;
use crate::path_model::{JitterKind, PathModel, Waiting};
use crate::snapshot::{
    KeyExchangeCounters, KeyExchangeEnd, KeyExchangeServer, MasterKeys, Server, Snapshot, Source,
    SourceEstimate, SourceNts, SyncState, System, WorkerCounters,
};
use crate::time::{ClockTime, Frequency, Leap, Mono, Now, Poll, Span};
use crate::verdict::{Discard, Marks, Refusal, SourceId, SourceOrigin, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Ten minutes after start; three sources of which one is wrong and one has no address; one listener with two workers.
pub(crate) fn snapshot() -> Snapshot {
    let at = Mono::from_nanos(1_000_000_000_000);
    Snapshot {
        at,
        clock: ClockTime::from_unix_secs(1_800_000_000),
        started: at - Span::from_secs(600),
        system: system(),
        sources: sources(at),
        servers: vec![Server { address: "[::]:123".parse().unwrap(), workers: workers(at) }],
        key_exchange_servers: Vec::new(),
        master_keys: None,
        offered: BTreeMap::new(),
    }
}

/// Both were asked by the client whose hash is 1.
fn workers(at: Mono) -> Vec<Arc<WorkerCounters>> {
    let [first, second] = [WorkerCounters::default(), WorkerCounters::default()];
    first.count_received(6);
    for reason in [Refusal::WrongMode, Refusal::Malformed, Refusal::Denied, Refusal::RateLimited] {
        first.count_refused(reason);
    }
    first.count_refused(Refusal::Denied);
    first.count_kiss(Refusal::Denied);
    first.count_kiss(Refusal::RateLimited);
    first.count_accepted(4);
    first.note_client(1, at);
    second.count_received(2);
    second.count_accepted(3);
    second.count_accepted(4);
    second.count_interleaved();
    second.note_client(1, at);
    second.note_client(u64::MAX, at);
    second.set_dropped(5);
    [first, second].map(Arc::new).into()
}

/// Adds NTS: the first source has keys, the second provisional ones, and there is a server of time and keys.
pub(crate) fn with_nts(mut snapshot: Snapshot) -> Snapshot {
    let (at, clock) = (snapshot.at, snapshot.clock);
    let nts = SourceNts {
        algorithm: "AEAD_AES_SIV_CMAC_256",
        cookies: 7,
        keys_since: at - Span::from_secs(300),
        certificate_expires: Some(clock + Span::from_secs(40 * 86_400)),
        provisional: false,
    };
    for (source, nts) in snapshot
        .sources
        .iter_mut()
        .zip([nts, SourceNts { cookies: 1, certificate_expires: None, provisional: true, ..nts }])
    {
        source.nts = Some(nts);
    }
    if let Some(worker) = snapshot.servers.first().and_then(|server| server.workers.first()) {
        for refused in
            [None, None, Some(Refusal::Denied), Some(Refusal::RateLimited), Some(Refusal::NotAuthentic)]
        {
            worker.count_nts(refused);
        }
        worker.count_refused(Refusal::NotAuthentic);
        worker.count_kiss(Refusal::NotAuthentic);
    }
    let counters = KeyExchangeCounters::default();
    (0..3).for_each(|_| counters.count(KeyExchangeEnd::Completed));
    counters.count(KeyExchangeEnd::TlsFailed);
    counters.count_opened();
    counters.set_certificate_expiry(clock + Span::from_secs(60 * 86_400));
    let address = "[::]:4460".parse().unwrap();
    snapshot.key_exchange_servers = vec![KeyExchangeServer { address, counters: Arc::new(counters) }];
    let keys = MasterKeys::default();
    keys.set(8, Some(clock - Span::from_secs(3600)));
    snapshot.master_keys = Some(Arc::new(keys));
    snapshot
}

/// This long after the snapshot.
pub(crate) fn later(snapshot: &Snapshot, seconds: i64) -> Now {
    let span = Span::from_secs(seconds);
    Now { mono: snapshot.at + span, clock: snapshot.clock + span }
}

fn system() -> System {
    System {
        state: SyncState::Synchronized,
        controls_clock: true,
        leap: Leap::NoWarning,
        stratum: 2,
        reference_id: ReferenceId::from_bytes([192, 0, 2, 1]),
        system_peer: Some(SourceId(1)),
        reference_timestamp: Some(ClockTime::from_unix_secs(1_799_999_990)),
        last_correction: Some((Mono::from_nanos(990_000_000_000), Span::from_micros(-21))),
        root_delay: Span::from_micros(12_300),
        root_dispersion: Span::from_micros(800),
        dispersion_rate: 15e-6,
        precision: -23,
        offset: Span::from_nanos(12_345),
        offset_uncertainty: Span::from_nanos(45_600),
        slew_remaining: None,
        frequency: Frequency::from_ppm(-12.345),
        frequency_uncertainty: Frequency::from_ppm(0.012),
        poll: Poll::new(6),
        poll_limits: (Poll::new(4), Poll::new(10)),
        root_distance_limit: Span::from_secs(16),
        steps: 1,
        accumulated_steps: Span::ZERO,
        accumulated_steps_threshold: None,
        agreeing_sources: 3,
        minimum_agreeing_sources: 3,
        leap_table_expires: None,
        tai_offset: None,
    }
}

fn good(at: Mono) -> Source {
    Source {
        id: SourceId(1),
        name: "ntp1.example.org:123".to_owned(),
        origin: SourceOrigin::Configuration,
        marks: Marks::default(),
        address: Some("192.0.2.1:123".parse().unwrap()),
        verdict: Verdict::SystemPeer,
        reach: 0o377,
        unanswered_polls: 0,
        poll: Poll::new(6),
        stratum: Some(1),
        leap: Some(Leap::NoWarning),
        reference_id: Some(ReferenceId::from_bytes(*b"GPS\0")),
        root_delay: Span::ZERO,
        root_dispersion: Span::from_micros(15),
        estimate: Some(SourceEstimate {
            offset: Span::from_nanos(-13_700),
            uncertainty: Span::from_nanos(52_000),
            delay: Span::from_micros(12_300),
            jitter: Span::from_micros(31),
            path: PathModel {
                jitter_kind: JitterKind::Queues,
                waiting: Waiting::Both,
                asymmetry: 0.0,
                wander: 7e-10,
                predicted_error: 61e-6,
            },
        }),
        last_measurement: Some(at - Span::from_secs(20)),
        measurement: None,
        requests: 17,
        replies: 16,
        interleaved: 14,
        discards: vec![],
        problem: None,
        nts: None,
    }
}

fn sources(at: Mono) -> Vec<Source> {
    let good = good(at);
    let wrong = Source {
        id: SourceId(2),
        name: "a-very-long-name.of-some-pool.example.net:123".to_owned(),
        address: Some("[2001:db8:1234:5678:9abc:def0:1234:5678]:123".parse().unwrap()),
        verdict: Verdict::Falseticker,
        reach: 0o17,
        estimate: Some(SourceEstimate {
            offset: Span::from_millis(-1_000),
            uncertainty: Span::from_micros(250),
            delay: Span::from_millis(130),
            jitter: Span::from_micros(800),
            path: PathModel {
                jitter_kind: JitterKind::HeavyTails,
                waiting: Waiting::Replies,
                asymmetry: -2.5e-3,
                wander: 7e-10,
                predicted_error: 300e-6,
            },
        }),
        interleaved: 0,
        discards: vec![(Discard::WrongOrigin, 3), (Discard::RateKiss, 1)],
        ..good.clone()
    };
    let nameless = Source {
        id: SourceId(3),
        name: "ntp3.example.org:123".to_owned(),
        address: None,
        verdict: Verdict::Waiting,
        reach: 0,
        unanswered_polls: 2,
        stratum: None,
        leap: None,
        reference_id: None,
        estimate: None,
        last_measurement: None,
        requests: 0,
        replies: 0,
        interleaved: 0,
        problem: Some("cannot resolve ntp3.example.org: name not known".to_owned()),
        ..good.clone()
    };
    vec![good, wrong, nameless]
}
