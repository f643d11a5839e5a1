//! Stories of servers with NTS behind one address: whoever got keys from one of them is answered by all, while master keys rotate. How they
//! come to have the same keys is one story each.

use super::{Host, Lab, TOGETHER, member, spread};
use crate::nts::certificates_for;
use crate::peers::{chronyc, chronyd};
use crate::process::Process;
use crate::programs::{Daemon, Status, example};
use crate::wait::{poll, seconds};
use ntpd_rs::nts::{Algorithm, Key, KeyFile, MasterKey};
use ntpd_rs::snapshot::KeyExchangeEnd;
use sha2::{Digest, Sha512};
use std::fs;
use std::path::{Path, PathBuf};

/// Three servers behind one address, with one certificate.
struct Fleet {
    lab: Lab,
    members: [Daemon; 3],
    certificates: PathBuf,
}

/// Everybody who asks: one key exchange each.
struct Clients {
    ours: Daemon,
    _chronyd: Process,
    /// Whose sockets have one flow each, asked with one cookie.
    load: Process,
}

const SOCKETS: u64 = 24;
/// How long they are asked, seconds: shorter than any cookie of theirs is accepted.
const LOAD_SECONDS: u64 = 10;

impl Fleet {
    /// `keyset` gives each of them its `[keyset]`.
    #[track_caller]
    fn start(lab: Lab, keyset: impl Fn(u8) -> String) -> Self {
        let certificates = certificates_for(&lab, TOGETHER);
        let toml = |n: u8| {
            format!(
                "require-nts = \"ignore\"\n
                 [[nts-ke-server]]\nlisten = \"{}:4460\"\ncertificate-chain-path = \"{1}/certificate.pem\"
                 private-key-path = \"{1}/key.pem\"\n
                 [keyset]\n{2}\n",
                Lab::server(n),
                certificates.display(),
                keyset(n)
            )
        };
        let members = [1, 2, 3].map(|n| member(&lab, n, &toml(n)));
        spread(&lab);
        Self { lab, members, certificates }
    }

    /// Ours first, alone until every member has answered it.
    #[track_caller]
    fn clients(&self) -> Clients {
        let authority = self.certificates.join("ca.pem");
        let toml = format!(
            "[[source]]\nmode = \"nts\"\naddress = \"{TOGETHER}\"\ncertificate-authority = {authority:?}
             poll-interval-limits = {{ min = 0, max = 0 }}\ninitial-poll-interval = 0\n
             [synchronization]\nminimum-agreeing-sources = 1\n"
        );
        let ours = Daemon::start(&self.lab, &toml, &[]);
        let everywhere = poll(seconds(25), || self.accepted().iter().all(|count| *count > 0).then_some(()));
        assert!(everywhere.is_some(), "{:?}\n{}", self.accepted(), ours.process.output());
        assert_eq!(self.exchanges(), 1);
        let trusted = format!("ntstrustedcerts {}", authority.display());
        let server = format!("server {TOGETHER} nts minpoll 0 maxpoll 0");
        let chronyd = chronyd(&self.lab, Host::Client, "chronyd", &[&trusted, "nosystemcert", &server]);
        let mut command = self.lab.command(Host::Client, example("ntp-load"));
        command.args([&format!("{TOGETHER}:123"), "--my-server", "--json", "--ca"]).arg(authority);
        command.args([
            "--nts",
            &format!("{TOGETHER}:4460"),
            "--rate",
            "48",
            "--warm-up",
            "0",
            "--timeout",
            "2",
        ]);
        command.args(["--sockets", &SOCKETS.to_string(), "--seconds", &LOAD_SECONDS.to_string()]);
        let load = Process::start("ntp-load", command);
        Clients { ours, _chronyd: chronyd, load }
    }

    fn states(&self) -> [Status; 3] {
        self.members.each_ref().map(|member| member.status().expect("it runs"))
    }

    /// Of each member, requests with NTS that were answered.
    fn accepted(&self) -> [u64; 3] {
        self.states().map(|status| status.0.servers[0].stats.nts_accepted_packets)
    }

    /// Of all of them.
    fn exchanges(&self) -> u64 {
        let of = |status: &Status| {
            let ended = &status.0.key_exchange_servers[0].ended;
            assert!(ended.keys().all(|end| *end == KeyExchangeEnd::Completed), "{ended:?}");
            ended.values().sum::<u64>()
        };
        self.states().iter().map(of).sum()
    }

    /// Nobody's cookie was refused by anybody, and each client exchanged keys once.
    #[track_caller]
    fn check_one_server_to_all(&self, clients: &Clients) {
        assert_eq!(self.exchanges(), 2 + SOCKETS);
        for status in self.states() {
            let server = &status.0.servers[0];
            assert!(server.refused.is_empty() && server.stats.nts_nak_packets == 0, "{server:#?}");
            assert_eq!(server.stats.nts_accepted_packets, server.stats.received_packets, "{server:#?}");
        }
        let source = clients.ours.status().unwrap().0.sources.remove(0);
        assert!(source.requests - source.replies <= 1 + source.discards.values().sum::<u64>(), "{source:#?}");
        let authdata = chronyc(&self.lab, Host::Client, "chronyd", &["authdata"]);
        assert!(authdata.contains(",NTS,"), "{authdata}");
    }
}

impl Clients {
    /// Every request of the load was answered with time.
    #[track_caller]
    fn check_load(&mut self) {
        let status = self.load.wait(seconds(LOAD_SECONDS + 10));
        let output = self.load.output();
        assert!(status.success(), "{output}");
        let figures: serde_json::Value = serde_json::from_str(output.trim()).unwrap();
        let count = |name: &str| figures[name].as_f64().unwrap();
        // The last replies may come when counting has ended; none may be lost or bad.
        let bad: f64 = ["lost", "nonsense", "without_time", "unsent"].into_iter().map(count).sum();
        assert!(bad.abs() < 0.5 && count("answered") >= 100.0, "{figures}");
    }

    /// Ours asked so many times more, and chronyd as well; by then they have no cookie of before.
    #[track_caller]
    fn wait_for_more(&self, requests: u64) {
        let count = |status: &Status| status.0.sources[0].requests;
        let before = count(&self.ours.status().unwrap());
        self.ours.wait_until("asking on", seconds(20), |status| count(status) >= before + requests);
    }
}

/// A key of nobody's.
fn key(id: u32) -> MasterKey {
    let [.., byte] = id.to_be_bytes();
    MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[byte; 64]).unwrap() }
}

/// What distributes secrets: replaces the file of every member as a whole, and waits until they have it.
#[track_caller]
fn distribute(fleet: &Fleet, files: &[PathBuf], ids: std::ops::RangeInclusive<u32>, primary: u32) {
    let taken = |member: &Daemon| member.process.output().matches("are accepted from now on").count();
    let before = fleet.members.each_ref().map(taken);
    files.iter().for_each(|file| write(file, ids.clone(), primary));
    let everybody = || fleet.members.iter().zip(before).all(|(member, before)| taken(member) > before);
    assert!(poll(seconds(10), || everybody().then_some(())).is_some(), "{ids:?} {primary}");
}

fn write(file: &Path, ids: std::ops::RangeInclusive<u32>, primary: u32) {
    let primary = usize::try_from(primary - ids.start()).unwrap();
    let contents = KeyFile { made: 1_795_000_000, keys: ids.map(key).collect(), primary };
    let new = file.with_extension("new");
    fs::write(&new, &*contents.emit()).unwrap();
    fs::rename(new, file).unwrap();
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn servers_that_follow_files_of_keys_are_one_server_to_clients_with_nts_across_two_rotations() {
    let lab = Lab::new();
    let files = [1, 2, 3].map(|n| lab.folder().join(format!("keys-{n}")));
    files.iter().for_each(|file| write(file, 1..=2, 2));
    let fleet = Fleet::start(lab, |n| format!("shared-keys-path = {:?}", files[usize::from(n) - 1]));
    let mut clients = fleet.clients();
    distribute(&fleet, &files, 1..=3, 2);
    distribute(&fleet, &files, 1..=3, 3);
    clients.check_load();
    clients.wait_for_more(10);
    // What the clients have now was sealed by the third key.
    distribute(&fleet, &files, 3..=4, 3);
    distribute(&fleet, &files, 3..=4, 4);
    clients.wait_for_more(3);
    fleet.check_one_server_to_all(&clients);
}

/// Seconds of an epoch.
const EPOCH: u64 = 5;

fn present_epoch() -> u64 {
    u64::try_from(ntpd_rs::sys::clock::realtime().unix_secs()).unwrap() / EPOCH
}

/// A state of a secret that nobody knows: from 2026 to now there are more epochs of five seconds than a server goes through.
fn state(epoch: u64) -> Vec<u8> {
    let mut bytes = b"NTS-RAT1".to_vec();
    for number in [EPOCH, epoch, epoch] {
        bytes.extend(number.to_be_bytes());
    }
    bytes.extend([0x5E; 16 + 64]);
    let hash = Sha512::digest(&bytes);
    bytes.extend(&hash[..16]);
    bytes
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn servers_with_one_secret_are_one_server_to_clients_with_nts_while_epochs_end() {
    let lab = Lab::new();
    let begun = present_epoch();
    let keyset = |n: u8| {
        let state = lab.folder().join(format!("state-{n}"));
        fs::write(&state, self::state(begun)).unwrap();
        let secret = lab.folder().join("removed");
        format!(
            "key-rotation-interval = {EPOCH}\nstale-key-count = 3\nshared-secret-path = {secret:?}\nkey-storage-path = {state:?}"
        )
    };
    let keysets = [1, 2, 3].map(keyset);
    let fleet = Fleet::start(lab, |n| keysets[usize::from(n) - 1].clone());
    let mut clients = fleet.clients();
    clients.check_load();
    clients.wait_for_more(3);
    fleet.check_one_server_to_all(&clients);
    assert!(present_epoch() >= begun + 3, "the story is too short");
    let epochs = fleet.members.each_ref().map(|member| member.process.output().matches("of epoch").count());
    assert!(epochs.iter().all(|count| *count >= 2), "{epochs:?}");
}
