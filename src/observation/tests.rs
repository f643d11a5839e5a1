//! What 1.x's readers find where they look for it, and the socket itself.

use super::client::decode;
use super::*;
use crate::snapshot::example::{later, snapshot, with_nts};
use crate::snapshot::{Server, Snapshot, SyncState, WorkerCounters};
use crate::time::{NtpTimestamp, Span};
use crate::verdict::{Refusal, Verdict};
use serde_json::Value;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

fn json() -> Value {
    let snapshot = snapshot();
    serde_json::to_value(State::new(&snapshot, later(&snapshot, 100))).unwrap()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{value} is not {expected}");
}

#[test]
fn every_key_of_1_x_is_there() {
    let json = json();
    let own = ["key_exchange_servers", "master_keys"];
    let sections: Vec<_> = keys(&json).into_iter().filter(|key| !own.contains(key)).collect();
    assert_eq!(sections, ["program", "servers", "sources", "system"]);
    let expected = [
        ("/program", "version build_commit build_commit_date uptime_seconds now"),
        (
            "/system",
            "stratum reference_id accumulated_steps_threshold precision root_delay root_variance_base_time \
             root_variance_base root_variance_linear root_variance_quadratic root_variance_cubic leap_indicator \
             accumulated_steps",
        ),
        (
            "/sources/0",
            "offset uncertainty delay remote_delay remote_uncertainty last_update unanswered_polls poll_interval \
             nts_cookies name address id",
        ),
        ("/servers/0", "address stats"),
        (
            "/servers/0/stats",
            "received_packets accepted_packets denied_packets ignored_packets rate_limited_packets \
             response_send_errors nts_received_packets nts_accepted_packets nts_denied_packets \
             nts_rate_limited_packets nts_nak_packets",
        ),
    ];
    for (place, names) in expected {
        let object = json.pointer(place).unwrap();
        for name in names.split_whitespace() {
            assert!(object.get(name).is_some(), "{place}/{name}");
        }
    }
}

#[test]
fn values_have_the_types_and_units_of_1_x() {
    let (json, snapshot) = (json(), snapshot());
    let system = &json["system"];
    assert_eq!((system["stratum"].as_u64(), system["reference_id"].as_u64()), (Some(2), Some(0xC000_0201)));
    assert_eq!(system["leap_indicator"], "NoWarning");
    assert_eq!(system["accumulated_steps_threshold"], Value::Null);
    near(&system["root_delay"], 0.0123);
    near(&json["program"]["uptime_seconds"], 700.0);
    let bits = |time| NtpTimestamp::from_clock(time).bits();
    assert_eq!(json["program"]["now"]["timestamp"], bits(snapshot.clock + Span::from_secs(100)));
    let source = &json["sources"][0];
    near(&source["offset"], -13.7e-6);
    assert_eq!((&source["poll_interval"], &source["id"]), (&Value::from(6), &Value::from(1)));
    assert_eq!((&source["nts_cookies"], &source["address"]), (&Value::Null, &Value::from("192.0.2.1:123")));
    assert_eq!(source["last_update"]["timestamp"], bits(snapshot.clock - Span::from_secs(20)));
    assert_eq!(json["sources"][2]["last_update"]["timestamp"], 0);
    let server = &json["servers"][0];
    assert_eq!(server["address"], "[::]:123");
    let names =
        ["received_packets", "accepted_packets", "denied_packets", "rate_limited_packets", "ignored_packets"];
    // Denied is who was told; who would have been, but for the limit of kisses, is ignored.
    assert_eq!(names.map(|name| server["stats"][name].as_u64().unwrap()), [8, 3, 1, 1, 3]);
}

#[test]
fn a_listener_is_shown_whole_and_by_worker() {
    let server = &json()["servers"][0];
    let refused = serde_json::json!({ "malformed": 1, "wrong-mode": 1, "denied": 2, "rate-limited": 1 });
    assert_eq!(server["refused"], refused);
    assert_eq!(server["kisses"], serde_json::json!({ "denied": 1, "rate-limited": 1 }));
    assert_eq!(server["versions"], serde_json::json!({ "3": 1, "4": 2 }));
    let names = ["interleaved_packets", "dropped_packets", "recent_clients"];
    assert_eq!(names.map(|name| server[name].as_u64().unwrap()), [1, 5, 2]);
    let worker = |n: usize| {
        let names = ["received_packets", "accepted_packets", "refused_packets", "dropped_packets"];
        names.map(|name| server["workers"][n][name].as_u64().unwrap())
    };
    assert_eq!([worker(0), worker(1)], [[6, 1, 5, 0], [2, 2, 0, 5]]);
}

#[test]
fn the_formula_of_1_x_gives_our_root_dispersion() {
    let json = json();
    let system = &json["system"];
    let number = |key: &str| system[key].as_f64().unwrap();
    let base_time = system["root_variance_base_time"]["timestamp"].as_u64().unwrap();
    let now = json["program"]["now"]["timestamp"].as_u64().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a test")]
    let t = (now - base_time) as f64 / 4_294_967_296.0;
    let variance = number("root_variance_base")
        + number("root_variance_linear") * t
        + number("root_variance_quadratic") * t * t
        + number("root_variance_cubic") * t * t * t;
    near(&system["root_dispersion"], variance.sqrt());
    near(&system["root_dispersion"], 800e-6 + 100.0 * 15e-6);
    near(&system["maximum_error"], 800e-6 + 100.0 * 15e-6 + 0.0123 / 2.0);
}

#[test]
fn our_own_keys_say_why() {
    let json = json();
    assert_eq!(
        (&json["system"]["state"], &json["system"]["reference"]),
        (&"synchronized".into(), &"192.0.2.1".into())
    );
    let wrong = &json["sources"][1];
    assert_eq!((&wrong["verdict"], &wrong["reach"]), (&"falseticker".into(), &15.into()));
    assert_eq!(wrong["discards"], serde_json::json!({ "wrong-origin": 3, "rate-kiss": 1 }));
    assert_eq!(json["sources"][2]["measured"], false);
}

#[test]
fn the_jitter_of_the_clock_is_the_peers_and_how_far_the_others_in_use_are_from_it() {
    let jitter = |snapshot: &Snapshot| State::new(snapshot, later(snapshot, 0)).system.jitter;
    let mut snapshot = snapshot();
    near(&jitter(&snapshot).into(), 31e-6);
    // 1 s less 13.7 µs from the peer, and used all the same.
    snapshot.sources[1].verdict = Verdict::Truechimer;
    near(&jitter(&snapshot).into(), (1.0 - 13.7e-6_f64).hypot(31e-6));
    snapshot.system.system_peer = None;
    assert_eq!(jitter(&snapshot), None);
}

#[test]
fn the_last_correction_has_an_age_and_a_source_has_an_origin() {
    let json = json();
    near(&json["system"]["last_correction"], -21e-6);
    near(&json["system"]["last_correction_age"], 110.0);
    assert_eq!(json["sources"][0]["origin"], "configuration");
    assert_eq!(json["sources"][0]["marks"]["noselect"], false);
}

#[test]
fn nts_is_shown_for_sources_servers_and_key_exchange() {
    let snapshot = with_nts(snapshot());
    let json = serde_json::to_value(State::new(&snapshot, later(&snapshot, 100))).unwrap();
    let [good, provisional, nameless] = [0, 1, 2].map(|n| &json["sources"][n]);
    let cookies = [good, provisional, nameless].map(|source| source["nts_cookies"].as_u64());
    assert_eq!(cookies, [Some(7), Some(1), None]);
    assert_eq!(
        (&good["nts"]["algorithm"], &nameless["nts"]),
        (&"AEAD_AES_SIV_CMAC_256".into(), &Value::Null)
    );
    near(&good["nts"]["keys_age"], 400.0);
    near(&good["nts"]["certificate_remaining"], 40.0 * 86_400.0 - 100.0);
    assert_eq!(provisional["nts"]["certificate_expires"], Value::Null);
    assert_eq!([good, provisional].map(|s| s["nts"]["provisional"].as_bool().unwrap()), [false, true]);
    let stats = &json["servers"][0]["stats"];
    let names = ["received", "accepted", "denied", "rate_limited", "nak"];
    let counts = names.map(|name| stats[format!("nts_{name}_packets")].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 1, 1, 1]);
    // Who got a NAK was answered, and was not denied.
    assert_eq!(["denied_packets", "ignored_packets"].map(|name| stats[name].as_u64().unwrap()), [1, 3]);
    let listener = &json["key_exchange_servers"][0];
    assert_eq!((&listener["address"], &listener["open_connections"]), (&"[::]:4460".into(), &1.into()));
    assert_eq!(listener["ended"], serde_json::json!({ "completed": 3, "tls-failed": 1 }));
    near(&listener["certificate_remaining"], 60.0 * 86_400.0 - 100.0);
    assert_eq!(json["master_keys"]["accepted"], 8);
    near(&json["master_keys"]["age"], 3700.0);
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let mut snapshot = with_nts(snapshot());
    // Infinity has no place in JSON; it must not become a `null` that no number can be read from.
    snapshot.system.dispersion_rate = f64::INFINITY;
    let state = State::new(&snapshot, later(&snapshot, 1));
    let bytes = encode(&state).unwrap();
    assert_eq!(decode(bytes.as_slice()).unwrap(), state);
}

#[test]
fn messages_that_lie_about_their_length_are_refused() {
    let refused = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
    assert!(refused(&[0; 4]).contains("fill whole buffer"));
    assert!(refused(&u64::MAX.to_be_bytes()).contains("longer than"));
    assert!(refused(&[0, 0, 0, 0, 0, 0, 0, 9, b'{', b'}']).contains("ends early"));
    assert!(refused(&[0, 0, 0, 0, 0, 0, 0, 2, b'{', b'}']).contains("missing field"));
}

#[tokio::test]
async fn whoever_connects_gets_the_newest_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let listener = Listener::bind(&path, 0o600).await.unwrap();
    let first = snapshot();
    let (publish, snapshots) = watch::channel(Arc::new(first.clone()));
    let stop = CancellationToken::new();
    let server = tokio::spawn(serve(listener, snapshots, move || later(&first, 0), stop.clone()));
    let get = |path: &Path| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || read(&path))
    };
    assert_eq!(get(&path).await.unwrap().unwrap().system.state, SyncState::Synchronized);
    let mut second = snapshot();
    second.system.state = SyncState::Holdover;
    publish.send_replace(Arc::new(second));
    assert_eq!(get(&path).await.unwrap().unwrap().system.state, SyncState::Holdover);
    stop.cancel();
    server.await.unwrap();
    let error = get(&path).await.unwrap().unwrap_err().to_string();
    assert!(error.contains("no daemon") && error.contains("observation-path"), "{error}");
}

#[tokio::test]
async fn asking_without_blocking_reads_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    assert!(
        ask(&path).await.unwrap_err().to_string().starts_with("no daemon: there is no observation socket")
    );
    let listener = Listener::bind(&path, 0o600).await.unwrap();
    let first = snapshot();
    let (_publish, snapshots) = watch::channel(Arc::new(first.clone()));
    let now = later(&first, 5);
    tokio::spawn(serve(listener, snapshots, move || now, CancellationToken::new()));
    assert_eq!(ask(&path).await.unwrap(), State::new(&first, now));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_hangs_is_not_waited_for_for_ever_even_when_its_queue_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let socket = tokio::net::UnixSocket::new_stream().unwrap();
    socket.bind(&path).unwrap();
    let _listener = socket.listen(1).unwrap();
    let mut kinds = Vec::new();
    while kinds.last() != Some(&ErrorKind::WouldBlock) {
        let error = ask(&path).await.unwrap_err();
        assert!(error.to_string().contains("does not answer"), "{error}");
        kinds.push(error.error.kind());
        assert!(kinds.len() < 10, "the queue is never full: {kinds:?}");
    }
    assert_eq!(kinds.first(), Some(&ErrorKind::TimedOut));
}

#[test]
fn requests_that_are_not_answered_are_counted_as_1_x_counts_them() {
    let counters = WorkerCounters::default();
    let rows = [
        (Refusal::Denied, 5, 3),
        (Refusal::NtsRequired, 4, 2),
        (Refusal::RateLimited, 90, 7),
        (Refusal::Ignored, 10, 0),
        (Refusal::Malformed, 1, 0),
    ];
    for (reason, refused, kisses) in rows {
        (0..refused).for_each(|_| counters.count_refused(reason));
        (0..kisses).for_each(|_| counters.count_kiss(reason));
    }
    let server = Server { address: "[::]:123".parse().unwrap(), workers: vec![Arc::new(counters)] };
    let snapshot = Snapshot { servers: vec![server], ..snapshot() };
    let stats = State::new(&snapshot, later(&snapshot, 1)).servers.remove(0).stats;
    // A DENY kiss was sent; too many requests, told or not; no answer.
    assert_eq!((stats.denied_packets, stats.rate_limited_packets, stats.ignored_packets), (5, 90, 15));
}
