//! Stories of servers that misbehave: each bad reply is refused by its name, and the good servers go on being used.

use crate::lab::{Host, Lab};
use crate::programs::{Daemon, Status, example_server};
use crate::wait::seconds;
use ntpd_rs::verdict::{Discard, Verdict};

/// What a test server does, and how its replies are refused. What comes from another port than was asked (`other-port`)
/// is refused by the kernel, for the socket is connected; and `distant` is for selection to judge.
const MISBEHAVIOURS: [(&str, Discard); 13] = [
    ("short", Discard::Malformed),
    ("trailing-garbage", Discard::Malformed),
    ("wrong-origin", Discard::WrongOrigin),
    ("wrong-version", Discard::WrongVersion),
    ("broadcast", Discard::WrongMode),
    ("duplicate", Discard::Duplicate),
    ("unsynchronized", Discard::Unsynchronized),
    ("zero-timestamps", Discard::Unsynchronized),
    ("stratum-sixteen", Discard::BadStratum),
    ("invalid-timestamps", Discard::InvalidTimestamps),
    ("unknown-kiss", Discard::UnknownKiss),
    ("restrict", Discard::DenyKiss),
    ("rate-limit", Discard::RateKiss),
];

#[test]
#[ignore = "needs root: ./test runs it"]
fn every_kind_of_bad_reply_is_refused_by_name_and_shown_in_status() {
    let lab = Lab::new();
    let good = [1, 2, 3].map(|n| example_server(&lab, "test-server", &format!("10.77.0.{n}:123"), &[]));
    let address = |n: usize| format!("10.77.0.9:{}", 1001 + n);
    let bad: Vec<_> = (MISBEHAVIOURS.iter().enumerate())
        .map(|(n, (behaviour, _))| {
            example_server(&lab, "test-server", &address(n), &["--behaviour", behaviour])
        })
        .collect();
    let _other_port = example_server(&lab, "test-server", "10.77.0.8:123", &["--behaviour", "other-port"]);
    let _distant = example_server(&lab, "test-server", "10.77.0.7:123", &["--behaviour", "distant"]);
    let mut peers: Vec<String> = [1, 2, 3, 7, 8].iter().map(|n| format!("10.77.0.{n}")).collect();
    peers.extend((0..bad.len()).map(address));
    let mut daemon = Daemon::with_peers(&lab, &peers.iter().map(String::as_str).collect::<Vec<_>>());

    let missing = |status: &Status| {
        let mut rows = MISBEHAVIOURS.iter().enumerate();
        rows.find(|(n, (_, discard))| status.discards(&address(*n), *discard) == 0).map(|(_, row)| *row)
    };
    let status = daemon.wait_until("refusing every kind", seconds(40), |status| {
        status.is_synchronized()
            && missing(status).is_none()
            && status.verdict("10.77.0.7:123") == Some(Verdict::TooDistant)
            && status.verdict("10.77.0.8:123") == Some(Verdict::Unreachable)
    });
    for (n, (behaviour, _)) in MISBEHAVIOURS.iter().enumerate() {
        // A duplicate's first reply is good, and so is one that a rate limit lets through.
        let harmless = ["duplicate", "rate-limit"].contains(behaviour);
        assert!(harmless || !status.uses(&[&address(n)]), "{behaviour}: {status:#?}");
    }
    assert!(status.error() < 1e-3, "{status:#?}");
    assert!(daemon.process.is_running());
    let per_packet = daemon.process.output().lines().filter(|line| line.contains("10.77.0.9")).count();
    assert!(per_packet < 8 * bad.len(), "the log is full of it:\n{}", daemon.process.output());
    drop(good);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_server_that_denies_is_given_up_after_several_replies_and_the_log_says_so() {
    let lab = Lab::new();
    let _good = [1, 2, 3].map(|n| example_server(&lab, "test-server", &format!("10.77.0.{n}:123"), &[]));
    let _deny = example_server(&lab, "demobilize-server", "10.77.0.4:123", &[]);
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.4"]);
    let deny = "10.77.0.4:123";
    let status = daemon.wait_until("synchronized without it", seconds(60), |status| {
        status.is_synchronized() && status.verdict(deny) == Some(Verdict::Demobilized)
    });
    assert!(status.discards(deny, Discard::DenyKiss) > 1, "one kiss alone may be forged: {status:#?}");
    assert!(daemon.process.output().contains("refuses service"));
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_server_that_limits_the_rate_is_asked_every_32_seconds_or_less_often() {
    let lab = Lab::new();
    let _limited = example_server(&lab, "rate-limit-server", "10.77.0.1:123", &[]);
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1"]);
    let address = "10.77.0.1:123";
    let status = daemon.wait_until("asking less often", seconds(30), |status| {
        status.discards(address, Discard::RateKiss) > 0
            && status.source(address).is_some_and(|source| source.poll_interval >= 5)
    });
    // The first reply was good, so it is a source like any other, asked less often.
    assert_ne!(status.verdict(address), Some(Verdict::Demobilized), "{status:#?}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn noise_sent_to_the_server_port_is_counted_and_never_answered() {
    let lab = Lab::new();
    let daemon = Daemon::start(&lab, "", &["-s", "10.77.0.100:123"]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    // A short datagram, random bytes, and a server's reply (mode 4), which could set two servers at each other.
    let script = "printf 'x' >/dev/udp/10.77.0.100/123
        head -c 700 /dev/urandom >/dev/udp/10.77.0.100/123
        exec 3<>/dev/udp/10.77.0.100/123
        { printf '\\044\\001\\004\\355'; head -c 44 /dev/zero; } >&3
        timeout 1 head -c 1 <&3 | od -An -tx1";
    let mut command = lab.command(Host::Servers, "bash");
    command.args(["-c", script]);
    let (_, answered) = crate::process::run("bash", command, seconds(5));
    assert_eq!(answered.trim(), "", "a mode 4 packet was answered");
    let status = daemon
        .wait_until("counting three", seconds(5), |status| status.0.servers[0].stats.received_packets >= 3);
    assert_eq!(status.0.servers[0].stats.accepted_packets, 0, "{status:#?}");
}
