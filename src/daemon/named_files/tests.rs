//! What is said of certificates and keys that are good, bad, old, in the wrong place or somebody else's.

use super::*;
use crate::config;
use crate::daemon::certificate::tests::{Made, at, make};
use crate::nts::{Algorithm, Key, KeyFile, MasterKey};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// A folder in which a certificate lies that is good from 2020 to the end of 2039, with its key.
struct Bench {
    folder: TempDir,
    made: Made,
}

const BEFORE: i64 = 2019;
const WITHIN: i64 = 2030;
const AFTER: i64 = 2041;

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), 2020..2040);
        for path in [&made.chain, &made.key] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        Self { folder, made }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What is told of a configuration in which `@` is the folder, without the names of folder and file.
    fn judged_at(&self, year: i64, text: &str) -> Vec<String> {
        let (folder, path) = (self.folder.path().display().to_string(), self.folder.path().join("ntp.toml"));
        fs::write(&path, text.replace('@', &folder)).unwrap();
        let found = judge_at(&config::load(Some(&path)).unwrap(), at(year));
        found.iter().map(|line| line.to_string().replace(&format!("{folder}/"), "")).collect()
    }

    /// The same of one key exchange server with this `[keyset]`.
    #[track_caller]
    fn check(&self, keyset: &str, expected: &[&str]) {
        self.check_at(WITHIN, &format!("{SERVER}[keyset]\n{keyset}\n"), expected);
    }

    /// The lines begin as expected.
    #[track_caller]
    fn check_at(&self, year: i64, text: &str, expected: &[&str]) {
        let found = self.judged_at(year, text);
        let fits = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
        assert!(fits, "{found:#?}\nand not\n{expected:#?}");
        assert!(
            found.iter().all(|line| line.contains("; ") || line.contains("chmod")),
            "no remedy: {found:#?}"
        );
    }
}

const SERVER: &str = "[[server]]\nlisten = \"[::]:123\"\n[[nts-ke-server]]\nlisten = \"[::]:4460\"\n\
     private-key-path = \"@/key.pem\"\ncertificate-chain-path = \"@/chain.pem\"\n";

#[test]
fn a_certificate_with_its_key_is_good_while_it_is_valid() {
    let bench = Bench::new();
    bench.check_at(WITHIN, SERVER, &[]);
    bench.check_at(
        AFTER,
        SERVER,
        &["ntp.toml:6:26: chain.pem: the certificate has expired on 2040-01-01: clients refuse it; renew it"],
    );
    bench.check_at(
        BEFORE,
        SERVER,
        &["ntp.toml:6:26: chain.pem: the certificate is not valid before 2020-01-01"],
    );
    // Two days and some hours before its end.
    let soon = ClockTime::from_unix_secs(2_208_800_000);
    let path = bench.folder.path().join("ntp.toml");
    let found = judge_at(&config::load(Some(&path)).unwrap(), soon);
    let [only] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(only.severity, Severity::Warning);
    assert!(only.message.contains("expires on 2040-01-01, in no more than 3 days; "), "{only}");
}

#[test]
fn each_bad_file_of_a_pair_is_told_at_its_own_place() {
    let bench = Bench::new();
    let other = tempfile::tempdir().unwrap();
    let stranger = make(other.path(), 2020..2040);
    bench.write("key.pem", &fs::read(stranger.key).unwrap());
    bench.check_at(
        WITHIN,
        SERVER,
        &["ntp.toml:5:20: key.pem: this is not the key of the first certificate in"],
    );
    bench.write("key.pem", b"nothing");
    fs::remove_file(&bench.made.chain).unwrap();
    bench.check_at(
        WITHIN,
        SERVER,
        &[
            "ntp.toml:5:20: key.pem: there is no private key in it",
            "ntp.toml:6:26: chain.pem: the certificate chain cannot be read: No such file",
        ],
    );
}

#[test]
fn listeners_with_one_certificate_tell_of_it_once_and_others_each() {
    let bench = Bench::new();
    let (first, second) = (SERVER, "[[nts-ke-server]]\nlisten = \"127.0.0.1:4460\"\n");
    let rest = "certificate-chain-path = \"@/chain.pem\"\nprivate-key-path = \"@/key.pem\"\n";
    bench.check_at(AFTER, &[first, second, rest].concat(), &["ntp.toml:6:26: "]);
    let rest = "certificate-chain-path = \"@/other.pem\"\nprivate-key-path = \"@/key.pem\"\n";
    bench.check_at(WITHIN, &[first, second, rest].concat(), &["ntp.toml:9:26: other.pem: "]);
}

#[test]
fn a_private_key_that_everybody_may_read_is_warned_of() {
    let bench = Bench::new();
    fs::set_permissions(&bench.made.key, fs::Permissions::from_mode(0o644)).unwrap();
    bench.check_at(WITHIN, SERVER, &["ntp.toml:5:20: warning: key.pem: everybody on this machine may read"]);
}

#[test]
fn authorities_of_sources_are_read_and_told_of_once() {
    let bench = Bench::new();
    let source = |name: &str, file: &str| {
        format!("[[source]]\nmode = \"nts\"\naddress = \"{name}\"\ncertificate-authority = \"@/{file}\"\n")
    };
    bench.check_at(WITHIN, &source("a", "chain.pem"), &[]);
    bench.write("empty.pem", b"");
    bench.write("broken.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n");
    let all = ["missing.pem", "empty.pem", "broken.pem", "empty.pem"].map(|file| source("a", file)).concat();
    let place = |line| format!("ntp.toml:{line}:25: certificate-authority ");
    bench.check_at(WITHIN, &all, &[&place(4), &place(8), &place(12)].map(String::as_str));
    bench.check_at(WITHIN, &source("a", "key.pem"), &[&format!("{}key.pem has no certificate", place(4))]);
}

fn key_file() -> Vec<u8> {
    let key = Key::new(Algorithm::AesSivCmac512, &[7; 64]).unwrap();
    KeyFile::of_one(MasterKey { id: 1, key }, 1_900_000_000).emit().to_vec()
}

#[test]
fn stored_keys_may_be_missing_but_not_bad() {
    let bench = Bench::new();
    let keyset = "key-storage-path = \"@/keys\"";
    bench.check(keyset, &[]);
    bench.write("keys", &key_file());
    bench.check(keyset, &[]);
    bench.write("keys", &key_file()[..70]);
    bench.check(
        keyset,
        &["ntp.toml:8:20: keys: this is no file of master keys: at byte 70: the file ends within key 1"],
    );
    let elsewhere = "key-storage-path = \"@/none/keys\"";
    bench.check(elsewhere, &["ntp.toml:8:20: warning: none/keys: its directory "]);
    let nobody_gets_cookies = format!("[keyset]\n{keyset}\n");
    bench.check_at(WITHIN, &nobody_gets_cookies, &[]);
}

#[test]
fn shared_keys_must_be_there_and_good_and_no_secret_may_be_public() {
    let bench = Bench::new();
    let keyset = "shared-keys-path = \"@/keys\"";
    bench.check(keyset, &["ntp.toml:8:20: keys: shared master keys cannot be read"]);
    bench.write("keys", &key_file());
    bench.check(keyset, &[]);
    fs::set_permissions(bench.folder.path().join("keys"), fs::Permissions::from_mode(0o604)).unwrap();
    bench.check(keyset, &["ntp.toml:8:20: warning: keys: everybody on this machine may read"]);
}

#[test]
fn a_shared_secret_is_judged_with_the_state_beside_it() {
    let bench = Bench::new();
    let keyset = "shared-secret-path = \"@/secret\"\nkey-storage-path = \"@/state\"";
    bench.check(keyset, &["ntp.toml:8:22: there is neither secret nor state"]);
    bench.write("secret", &[7; 31]);
    bench.check(keyset, &["ntp.toml:8:22: secret: at byte 31: the shared secret ends"]);
    bench.write("secret", &[7; 32]);
    bench.check(keyset, &[]);
    bench.check(
        &format!("{keyset}\nkey-rotation-interval = 1"),
        &["ntp.toml:8:22: key-rotation-interval = 1 is too short"],
    );
    bench.write("state", &[7; 100]);
    bench.check(keyset, &["ntp.toml:9:20: state: this is no state of derived keys"]);
    let names = fs::read_dir(bench.folder.path()).unwrap().count();
    assert_eq!(names, 5, "nothing is written");
}
