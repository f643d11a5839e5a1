//! Stories of key exchange servers that misbehave, and of somebody between us and an NTP server: each is named by what is wrong with it, costs
//! little, is tried again later, and disturbs nobody else.

use crate::lab::{Host, Lab};
use crate::process::Process;
use crate::programs::{Daemon, Status, example_server};
use crate::wait::{poll, seconds};
use ntpd_rs::verdict::Discard;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// What a server does, and the words for it.
const MISBEHAVIOURS: [(&str, &str); 35] = [
    ("stall-before-tls", "it does not answer within "),
    ("stall-in-tls", "it does not answer within "),
    ("stall-after-tls", "it does not answer within "),
    ("trickle", "it does not answer within "),
    ("no-end", "it does not answer within "),
    ("close-at-once", "it closed the connection before its answer was whole"),
    ("close-after-request", "it closed the connection before its answer was whole"),
    ("truncated-record", "it closed the connection before its answer was whole"),
    ("no-tls", "it is no NTS key exchange server"),
    ("old-tls", "it is no NTS key exchange server"),
    ("other-protocol", "it is no NTS key exchange server"),
    ("no-protocol", "it is no NTS key exchange server"),
    ("wrong-name", "its certificate is not valid for 10.77.0.9, only for other.example"),
    ("expired", "its certificate expired on 2001-01-01"),
    ("not-yet-valid", "its certificate is valid from 2100-01-01"),
    ("self-signed", "it shows the certificate of an authority as its own"),
    ("long-chain", "its chain has more than 6 certificates"),
    ("empty-cookie", "the server sent a cookie without a byte"),
    ("long-cookie", "the server sent a message longer than 16384 bytes"),
    ("thousand-cookies", "the server sent a message longer than 16384 bytes"),
    ("no-cookie", "the server sent no cookie"),
    ("endless-cookies", "the server sent a message longer than 16384 bytes"),
    ("endless-unknown", "the server sent a message of more than 256 records"),
    ("unknown-critical", "the server sent a record of type 16383, which is critical and not known"),
    ("error", "the server refused: it has an internal error (error 2)"),
    ("warning", "the server sent warning 7, which is not defined"),
    ("two-protocols", "the server sent more than one record: Next Protocol"),
    ("not-offered", "the server chose AEAD algorithm 99, which was not offered"),
    ("empty-name", "the server named an NTP server that is neither an address nor a host name"),
    ("long-name", "the server sent a message longer than 16384 bytes"),
    ("foreign-name", "the server named an NTP server that is neither an address nor a host name"),
    ("zero-in-name", "the server named an NTP server that is neither an address nor a host name"),
    ("localhost", "its NTP server localhost is not resolved"),
    ("port-zero", "the server gave port 0 for NTP"),
    ("after-end", "the server sent something after the End of Message record"),
];

/// All of them are here, at ports of their own.
const BAD: &str = "10.77.0.9";
const GOOD: &str = "10.77.0.1";
/// kB of the daemon's memory at most, in a build for tests: it has half as much.
const MOST_MEMORY: u64 = 40_000;

/// A key exchange server of `examples/`, and how a source names it.
struct Server {
    process: Process,
    key_exchange: String,
    ntp: String,
    toml: String,
}

impl Server {
    #[track_caller]
    fn start(lab: &Lab, address: &str, n: usize, arguments: &[&str]) -> Self {
        let (key_exchange, port) = (format!("{address}:{}", 5000 + n), (6000 + n).to_string());
        let folder = lab.folder().join(format!("{address}-{n}"));
        fs::create_dir_all(&folder).unwrap();
        let folder = folder.to_str().unwrap();
        let arguments = [&["--ntp-port", &port, "--folder", folder], arguments].concat();
        let process = example_server(lab, "key-exchange-test-server", &key_exchange, &arguments);
        let toml = format!(
            "[[source]]\nmode = \"nts\"\naddress = \"{key_exchange}\"\ncertificate-authority = \"{folder}/ca.pem\"
             poll-interval-limits = {{ min = 1, max = 1 }}\ninitial-poll-interval = 1\n",
        );
        Self { process, key_exchange, ntp: format!("{address}:{port}"), toml }
    }
}

#[track_caller]
fn daemon(lab: &Lab, servers: &[&Server]) -> Daemon {
    let sources: String = servers.iter().map(|server| server.toml.as_str()).collect();
    Daemon::start(lab, &format!("{sources}[synchronization]\nminimum-agreeing-sources = 1\n"), &[])
}

impl Daemon {
    /// Its lines in the log at this level that name the server.
    fn lines(&self, level: &str, server: &Server) -> Vec<String> {
        let names = |line: &&str| line.contains(&server.key_exchange) || line.contains(&server.ntp);
        let output = self.process.output();
        output.lines().filter(|line| line.contains(level)).filter(names).map(ToOwned::to_owned).collect()
    }
}

/// Why keys could not be exchanged with each server, in everything that the status said until all of them could.
#[track_caller]
fn problems_until_all_answer(daemon: &Daemon, servers: &[Server]) -> BTreeMap<String, BTreeSet<String>> {
    let mut problems: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut last = None;
    let done = poll(seconds(120), || {
        let status = daemon.status()?;
        for source in &status.0.sources {
            let problem = source.problem.clone();
            problems.entry(source.name.clone()).or_default().extend(problem);
        }
        let answer = servers.iter().all(|server| status.replies(&server.ntp) > 2);
        last = Some(status);
        answer.then_some(())
    });
    assert!(done.is_some(), "{last:#?}\n{}", daemon.process.output());
    problems
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn every_misbehaving_key_exchange_server_is_named_by_what_is_wrong_and_used_when_it_is_right() {
    let lab = Lab::new();
    // Nobody knows this host's own name with a dot behind it.
    lab.write_etc("", "nameserver 10.77.0.250\noptions timeout:1 attempts:1\n");
    let good = Server::start(&lab, GOOD, 0, &[]);
    let start = |(n, (behaviour, _)): (usize, &(&str, &str))| {
        Server::start(&lab, BAD, n, &["--behaviour", behaviour, "--faulty-connections", "1"])
    };
    let bad: Vec<Server> = MISBEHAVIOURS.iter().enumerate().map(start).collect();
    let mut daemon = daemon(&lab, &[&good].into_iter().chain(&bad).collect::<Vec<_>>());
    let problems = problems_until_all_answer(&daemon, &bad);
    for (server, (behaviour, words)) in bad.iter().zip(MISBEHAVIOURS) {
        let said = &problems[&server.key_exchange];
        assert!(said.len() == 1 && said.iter().all(|said| said.contains(words)), "{behaviour}: {said:#?}");
        let warnings = daemon.lines("WARN", server);
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{behaviour}: {warnings:#?}");
    }
    let status = daemon.wait_until("synchronized", seconds(5), Status::is_synchronized);
    let source = status.source(&good.ntp).unwrap();
    assert!(source.discards.is_empty() && source.replies > 10, "{source:#?}");
    assert_eq!(daemon.lines("WARN", &good), [""; 0]);
    assert!(status.error() < 1e-3, "{status:#?}");
    assert!(status.0.sources.iter().all(|source| source.problem.is_none()), "{status:#?}");
    let memory = daemon.process.kilobytes("VmHWM");
    println!("{memory} kB at most");
    assert!(memory < MOST_MEMORY, "{memory} kB");
    assert!(daemon.process.is_running());
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_server_that_sends_us_to_somebody_else_is_asked_again_when_that_does_not_answer() {
    let lab = Lab::new();
    // Requests leave, and nobody has that address.
    lab.ip(Host::Client, "route add 192.0.2.1/32 dev cable");
    lab.ip(Host::Client, "neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev cable");
    let server = Server::start(&lab, BAD, 0, &["--behaviour", "elsewhere", "--faulty-connections", "1"]);
    let daemon = daemon(&lab, &[&server]);
    daemon.wait_until("asking somebody", seconds(20), |status| status.source("192.0.2.1:6000").is_some());
    daemon.wait_until("answered", seconds(120), |status| status.replies(&server.ntp) > 2);
    let lines = daemon.lines("", &server);
    assert!(lines.len() <= 6, "{lines:#?}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn forged_replies_before_the_genuine_ones_are_counted_and_change_nothing() {
    let forgeries = [
        ("nak", Discard::NtsNak),
        ("truncated", Discard::NotAuthentic),
        ("cut", Discard::Malformed),
        ("replayed", Discard::NotAuthentic),
        ("changed", Discard::NotAuthentic),
        ("bare", Discard::NotAuthentic),
    ];
    let lab = Lab::new();
    let start = |(n, (tampering, _)): (usize, &(&str, Discard))| {
        Server::start(&lab, BAD, n, &["--tampering", tampering])
    };
    let servers: Vec<Server> = forgeries.iter().enumerate().map(start).collect();
    let daemon = daemon(&lab, &servers.iter().collect::<Vec<_>>());
    let status = daemon.wait_until("answered", seconds(60), |status| {
        servers.iter().all(|server| status.replies(&server.ntp) >= 12)
    });
    for (server, (tampering, discard)) in servers.iter().zip(forgeries) {
        let source = status.source(&server.ntp).unwrap();
        // One may be under way; and to replay something there must be something.
        let counted = status.discards(&server.ntp, discard);
        assert!(source.requests - counted <= 1, "{tampering}: {source:#?}");
        assert_eq!(source.discards.len(), 1, "{tampering}: {source:#?}");
        assert!(source.nts_cookies >= Some(7) && source.reach == 0xFF, "{tampering}: {source:#?}");
        assert_eq!(daemon.lines("does not know our keys", server), [""; 0], "{tampering}");
        assert_eq!(daemon.lines("WARN", server), [""; 0], "{tampering}");
        assert!(daemon.lines("", server).len() <= 3, "{tampering}: {:#?}", daemon.lines("", server));
    }
    assert!(status.is_synchronized() && status.error() < 1e-3, "{status:#?}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn forged_replies_in_place_of_the_genuine_ones_stop_a_source_only_as_long_as_they_come() {
    let lab = Lab::new();
    let start = |(n, tampering): (usize, &str)| {
        Server::start(&lab, BAD, n, &["--tampering", tampering, "--withhold", "--faulty-packets", "5"])
    };
    let words = ["nak", "truncated", "cut", "changed", "bare"];
    let servers: Vec<Server> = words.into_iter().enumerate().map(start).collect();
    let daemon = daemon(&lab, &servers.iter().collect::<Vec<_>>());
    daemon.wait_until("answered", seconds(120), |status| {
        servers.iter().all(|server| status.replies(&server.ntp) > 2)
    });
    for (server, word) in servers.iter().zip(words) {
        let lines = daemon.lines("", server);
        assert!(lines.len() <= 6, "{word}: {lines:#?}");
        assert!(daemon.lines("WARN", server).len() <= 1, "{word}: {lines:#?}");
        let exchanges = lines.iter().filter(|line| line.contains("does not know our keys")).count();
        assert!(exchanges <= usize::from(word == "nak") * 2, "{word}: {lines:#?}");
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_server_whose_keys_of_algorithm_30_never_work_is_used_with_another() {
    let lab = Lab::new();
    let server = Server::start(&lab, GOOD, 0, &["--behaviour", "silent-exporter"]);
    let daemon = daemon(&lab, &[&server]);
    let algorithm = |status: &Status| Some(status.source(&server.ntp)?.nts.as_ref()?.algorithm.clone());
    let status =
        daemon.wait_until("refused", seconds(20), |status| status.discards(&server.ntp, Discard::NtsNak) > 0);
    assert_eq!(algorithm(&status).as_deref(), Some("AEAD_AES_128_GCM_SIV"), "{status:#?}");
    let status = daemon.wait_until("answered", seconds(60), |status| status.replies(&server.ntp) > 2);
    assert_eq!(algorithm(&status).as_deref(), Some("AEAD_AES_SIV_CMAC_256"), "{status:#?}");
    assert_eq!(server.process.output().lines().count(), 1);
}
