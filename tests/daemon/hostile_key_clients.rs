//! Stories of clients that a key exchange server does not want: crowds that connect again whenever they are thrown out. Each time honest
//! clients get their keys, time is served, the log stays quiet, memory stays small, and the daemon ends when it is asked to.
//!
//! The crowds are `benches/harness/key_clients.py`.

use crate::lab::{Host, Lab};
use crate::nts::certificates;
use crate::peers::{chronyc, chronyd};
use crate::process::{Process, run};
use crate::programs::{Daemon, NTP_DAEMON, example, write_config};
use crate::wait::{poll, seconds};
use ntpd_rs::snapshot::KeyExchangeEnd;
use std::fs;
use std::path::{Path, PathBuf};

/// Our server with its crowd.
struct Story {
    lab: Lab,
    certificates: PathBuf,
    daemon: Daemon,
}

/// Honest exchanges beside each crowd, and how many of them have to come about at the first attempt: this machine may be busy.
const EXCHANGES: usize = 6;
const PROMISED: usize = 5;
const MOST_MEMORY_KIB: u64 = 48 * 1024;

impl Story {
    /// With so many places; `limits` are those of prlimit.
    #[track_caller]
    fn begin(places: usize, limits: &[&str]) -> Self {
        let lab = Lab::new();
        let certificates = certificates(&lab);
        let toml = format!(
            "[[server]]\nlisten = \"10.77.0.1:123\"\n
             [[nts-ke-server]]\nlisten = \"10.77.0.1:4460\"\nconcurrent-connections = {places}
             certificate-chain-path = \"{0}/certificate.pem\"\nprivate-key-path = \"{0}/key.pem\"\n
             [synchronization]\nlocal-stratum = 1\n",
            certificates.display()
        );
        let folder = lab.folder().join("server");
        fs::create_dir_all(&folder).unwrap();
        let config = write_config(&folder, &toml);
        let mut command = lab.command(Host::Servers, "prlimit");
        command.args(limits).arg(NTP_DAEMON).arg("-c").arg(&config).arg("--no-clock-control");
        let daemon = Daemon { process: Process::start("ntp-daemon", command), config };
        daemon.wait_until("answering status", seconds(20), |_| true);
        Self { lab, certificates, daemon }
    }

    /// So many clients of a kind, each of which has connected once when this returns; then so many connections a second.
    #[track_caller]
    fn crowd(&self, kind: &str, clients: usize, per_second: usize) -> Process {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/harness/key_clients.py");
        let mut command = self.lab.command(Host::Client, "/usr/bin/python3");
        command.arg(script).args([kind, "10.77.0.1", "4460"]);
        command.args([format!("--clients={clients}"), format!("--rate={per_second}")]);
        let process = Process::start(&format!("{clients} clients, {kind}"), command);
        let begun = || {
            let output = process.output();
            let counts: serde_json::Value = serde_json::from_str(output.lines().last()?).ok()?;
            (counts["begun"].as_u64()? >= u64::try_from(clients).unwrap()).then_some(())
        };
        assert!(poll(seconds(20), begun).is_some(), "the crowd does not come: {}", process.output());
        process
    }

    /// Whether a client that has just come gets keys, and time by them.
    fn exchange(&self) -> bool {
        let authority = self.certificates.join("ca.pem");
        let mut command = self.lab.command(Host::Client, example("ntp-load"));
        command.args(["10.77.0.1:123", "--my-server", "--nts", "10.77.0.1:4460", "--ca"]).arg(authority);
        command.args(["--sockets=1", "--outstanding=1", "--seconds=0.02", "--warm-up=0", "--timeout=1"]);
        let (status, output) = run("ntp-load", command, seconds(20));
        println!("{status}: {}", output.lines().find(|line| !line.contains(" 0.000")).unwrap_or_default());
        status.success()
    }

    /// Plain requests, and every one is answered.
    #[track_caller]
    fn serves_time(&self) {
        let mut command = self.lab.command(Host::Client, example("ntp-load"));
        command.args([
            "10.77.0.1:123",
            "--my-server",
            "--rate=500",
            "--seconds=0.5",
            "--timeout=2",
            "--json",
        ]);
        let (_, output) = run("ntp-load", command, seconds(20));
        let counts: serde_json::Value =
            serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output}"));
        let (sent, lost) = (counts["sent"].as_f64().unwrap(), counts["lost"].as_f64().unwrap());
        assert!(sent > 0.0 && lost <= 0.0, "{output}");
    }

    /// What honest clients get beside a crowd, and what its own connections come to.
    #[track_caller]
    fn stands(&self, kind: &str, per_second: usize, end: KeyExchangeEnd) {
        let ended = || {
            let status = self.daemon.wait_until("answering status", seconds(5), |_| true);
            status.0.key_exchange_servers[0].ended.get(&end).copied().unwrap_or(0)
        };
        let before = ended();
        let crowd = self.crowd(kind, 3 * PLACES, per_second);
        let exchanged = (0..EXCHANGES).filter(|_| self.exchange()).count();
        assert!(exchanged >= PROMISED, "{kind}: {exchanged} of {EXCHANGES} got keys\n{}", crowd.output());
        self.serves_time();
        let (count, least) = (ended() - before, u64::try_from(PLACES).unwrap());
        println!("{kind}: {count} {end}");
        assert!(count >= least, "{kind}: {count} {end}\n{}", crowd.output());
    }

    #[track_caller]
    fn end(mut self) {
        let peak = self.daemon.process.kilobytes("VmHWM");
        println!("at most {peak} KiB of memory");
        assert!(peak < MOST_MEMORY_KIB, "{peak} KiB");
        assert_eq!(self.daemon.process.terminate().code(), Some(0));
        let output = self.daemon.process.output();
        let (_, afterwards) = output.split_once(" started\n").unwrap();
        assert!(!afterwards.contains("WARN") && !afterwards.contains("ERROR"), "{output}");
        assert!(afterwards.lines().count() < 5, "{output}");
    }
}

/// With the rates below less than a part of them is within its time at any moment.
const PLACES: usize = 24;

#[test]
#[ignore = "needs root: ./test runs it"]
fn who_sends_no_whole_hello_keeps_nobody_out() {
    let story = Story::begin(PLACES, &[]);
    for kind in ["silent", "slow", "long"] {
        story.stands(kind, 150, KeyExchangeEnd::Shed);
    }
    story.end();
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn who_asks_nothing_after_a_handshake_or_half_of_one_keeps_nobody_out() {
    let story = Story::begin(PLACES, &[]);
    for kind in ["half", "mute", "cut-off"] {
        story.stands(kind, 32, KeyExchangeEnd::Shed);
    }
    story.end();
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn who_speaks_something_else_is_gone_at_once() {
    let story = Story::begin(PLACES, &[]);
    for kind in ["garbage", "http", "old-tls", "no-alpn"] {
        story.stands(kind, 60, KeyExchangeEnd::TlsFailed);
    }
    story.end();
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_flood_of_connections_never_takes_the_last_descriptor() {
    let story = Story::begin(512, &["--nofile=96:96"]);
    let warning =
        "Only 96 descriptors are allowed, so no more than 48 connections exchange keys at once, and not 512";
    assert_eq!(story.daemon.process.output().matches(warning).count(), 1);
    let crowd = story.crowd("silent", 2000, 2000);
    let folder = format!("/proc/{}/fd", story.daemon.process.id());
    let mut most = 0;
    // Four times the connections that make room in time: who comes is admitted or not, and comes again.
    let exchanged = poll(seconds(20), || {
        most = most.max(fs::read_dir(&folder).unwrap().count());
        story.exchange().then_some(())
    });
    assert!(exchanged.is_some(), "nobody gets keys: {}", crowd.output());
    story.serves_time();
    println!("{most} descriptors; {}", crowd.output().lines().last().unwrap_or_default());
    assert!(most > 48 && most < 96, "{most} descriptors");
    drop(crowd);
    assert!(poll(seconds(10), || story.exchange().then_some(())).is_some());
    story.end();
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_gets_keys_and_time_beside_idle_connections() {
    let story = Story::begin(PLACES, &[]);
    let _crowds = [story.crowd("slow", 100, 80), story.crowd("mute", 100, 16)];
    let trusted = format!("ntstrustedcerts {}/ca.pem", story.certificates.display());
    let line = "server 10.77.0.1 nts minpoll 0 maxpoll 0";
    let _client = chronyd(&story.lab, Host::Client, "client", &[&trusted, "nosystemcert", line]);
    story.daemon.wait_until("asked with NTS", seconds(30), |status| {
        status.0.servers[0].stats.nts_accepted_packets >= 4
    });
    println!("{}", chronyc(&story.lab, Host::Client, "client", &["authdata"]));
    story.end();
}
