//! The programs as people meet them: what is printed where, and the exit codes. A daemon at work is `tests/daemon`'s.
#![cfg(test)]

mod commands;
mod exporter;
mod health;
mod people;

use ntpd_rs::asking::{Asked, Asker, Door};
use ntpd_rs::config::{self, Config};
use ntpd_rs::control::{Client, ListenerClients};
use ntpd_rs::engine::{Engine, Start};
use ntpd_rs::observation;
use ntpd_rs::snapshot::{ClientActivity, Snapshot};
use ntpd_rs::time::{ClockTime, Frequency, Mono, Now, Span};
use ntpd_rs::unix_socket::Listener;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const CTL: &str = env!("CARGO_BIN_EXE_ntp-ctl");
const POOL: &str = "[[source]]\nmode = \"pool\"\naddress = \"pool.example\"\n";
const DAEMON: &str = env!("CARGO_BIN_EXE_ntp-daemon");
const EXPORTER: &str = env!("CARGO_BIN_EXE_ntp-metrics-exporter");

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(program: &str, arguments: &[&str]) -> Ran {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn configuration(directory: &Path, text: &str) -> String {
    let path = directory.join("ntp.toml");
    fs::write(&path, text).unwrap();
    // Whatever the umask of the tester is.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_bad_command_line_is_told_with_the_usage_and_ends_with_78() {
    for (program, arguments) in [
        (CTL, &["--frobnicate"][..]),
        (CTL, &["status", "-f", "xml"]),
        (CTL, &["status", "--max-error", "1"]),
        (CTL, &["status", "--check", "-f", "json"]),
        (CTL, &["status", "--check", "--max-error", "0"]),
        (CTL, &["wait-sync", "--timeout", "-1"]),
        (CTL, &["clients", "-n", "0"]),
        (CTL, &["source"]),
        (CTL, &["source", "add"]),
        (CTL, &["source", "add", "a", "--nts", "--pool"]),
        (CTL, &["source", "prefer"]),
        (CTL, &["panic-threshold", "-1"]),
        (CTL, &["panic-threshold", "nan"]),
        (CTL, &["log-level"]),
        (CTL, &["log-level", "debug", "--default"]),
        (CTL, &["clients", "-f", "prometheus"]),
        (CTL, &[]),
        (EXPORTER, &["-l", "somewhere"]),
        (DAEMON, &["--no-clock"]),
        (DAEMON, &["-p", "a:0"]),
        (DAEMON, &["--log-format", "yaml"]),
    ] {
        let ran = run(program, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains("Usage: "), "{}", ran.err);
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_end_with_0() {
    for program in [CTL, DAEMON, EXPORTER] {
        for flag in ["--help", "-h", "--version", "-v", "-V"] {
            let ran = run(program, &[flag]);
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{program} {flag}");
            assert!(!ran.out.is_empty());
        }
    }
}

#[test]
fn validate_tells_all_errors_with_their_places_and_ends_with_78() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(directory.path(), "[clock]\nclock-contrl = true\n[[server]]\nlisten = \"x\"\n");
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
    let lines: Vec<_> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert!(
        lines[0].starts_with(&format!("{path}:2:1: ")) && lines[0].contains("`clock-control`"),
        "{}",
        ran.err
    );
    assert!(lines[1].starts_with(&format!("{path}:4:10: ")), "{}", ran.err);
}

#[test]
fn validate_of_a_good_file_ends_with_0_and_warns_of_too_few_sources() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(directory.path(), "[[source]]\nmode = \"server\"\naddress = \"a\"\n");
    let ran = run(CTL, &["-c", &path, "validate"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains(": good ("), "{}", ran.out);
    assert!(ran.err.contains("warning: only 1 source(s) can agree and 3 must"), "{}", ran.err);
}

/// A drop-in beside the configuration; its path.
fn drop_in(directory: &Path, name: &str, text: &str) -> String {
    let drop_ins = directory.join("ntp.toml.d");
    fs::create_dir_all(&drop_ins).unwrap();
    let path = drop_ins.join(name);
    fs::write(&path, text).unwrap();
    for (path, mode) in [(&drop_ins, 0o755), (&path, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

#[test]
fn validate_reads_the_drop_ins_and_names_them_or_what_is_wrong_in_each() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(directory.path(), POOL);
    let second = drop_in(directory.path(), "20-serve.toml", "[[server]]\nlisten = \"[::]:123\"\n");
    let first = drop_in(directory.path(), "10-more.toml", POOL);
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let good = format!("{path}: good ([[source]]: 2, [[server]]: 1)\n");
    assert_eq!(ran.out, format!("{good}read after it: {first}\nread after it: {second}\n"));
    configuration(directory.path(), "[clock]\nclock-contrl = true\n");
    drop_in(directory.path(), "20-serve.toml", "\n[[server]]\nlisten = \"x\"\n");
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
    let lines: Vec<_> = ran.err.lines().collect();
    let [one, two] = lines.as_slice() else { panic!("{}", ran.err) };
    assert!(one.starts_with(&format!("{path}:2:1: ")), "{one}");
    assert!(two.starts_with(&format!("{second}:3:10: ")), "{two}");
}

#[test]
fn validate_tells_of_a_bad_certificate_in_the_drop_in_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(key_exchange_server(directory.path())).unwrap();
    let path = configuration(directory.path(), POOL);
    let server = drop_in(directory.path(), "server.toml", text.strip_prefix(POOL).unwrap());
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
    let lines: Vec<_> = ran.err.lines().collect();
    let [chain, key] = lines.as_slice() else { panic!("{}", ran.err) };
    assert!(
        chain.starts_with(&format!("{server}:5:26: ")) && key.starts_with(&format!("{server}:6:20: ")),
        "{}",
        ran.err
    );
}

/// Puts a certificate and its key there, for their owner alone.
fn certificate(directory: &Path) {
    let key = rcgen::KeyPair::generate().unwrap();
    let made = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    for (name, text) in [("chain.pem", made.pem()), ("key.pem", key.serialize_pem())] {
        fs::write(directory.join(name), text).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn key_exchange_server(directory: &Path) -> String {
    let folder = directory.display();
    let server = "[[server]]\nlisten = \"[::]:123\"\n[[nts-ke-server]]\nlisten = \"[::]:4460\"\n";
    let paths =
        format!("certificate-chain-path = \"{folder}/chain.pem\"\nprivate-key-path = \"{folder}/key.pem\"\n");
    configuration(directory, &[POOL, server, &paths].concat())
}

#[test]
fn validate_reads_the_certificate_and_the_key_of_a_server_unless_told_not_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = key_exchange_server(directory.path());
    let ran = run(CTL, &["validate", "--text-only", "-c", &path]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "the files may be on another machine");
    certificate(directory.path());
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    assert!(
        ran.out.ends_with(": good ([[source]]: 1, [[server]]: 1, [[nts-ke-server]]: 1)\n"),
        "{}",
        ran.out
    );
    fs::remove_file(directory.path().join("key.pem")).unwrap();
    let ran = run(CTL, &["validate", "-c", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""));
    let begins =
        format!("{path}:9:20: {}/key.pem: the private key cannot be read: ", directory.path().display());
    assert!(ran.err.starts_with(&begins) && ran.err.lines().count() == 1, "{}", ran.err);
}

#[test]
fn what_the_user_of_validate_may_not_read_is_no_error_but_not_checked() {
    let directory = tempfile::tempdir().unwrap();
    let path = key_exchange_server(directory.path());
    certificate(directory.path());
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(directory.path().join("key.pem"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut validate = Command::new(CTL);
    if fs::File::open(directory.path().join("key.pem")).is_ok() {
        // Root reads everything, and nobody does not.
        fs::set_permissions(directory.path().join("chain.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        validate.uid(65534).gid(65534);
    }
    let output = match validate.args(["validate", "-c", &path]).output() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            eprintln!("left out: {CTL} is where only root may run it");
            return;
        }
        output => output.unwrap(),
    };
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    let begins = format!("{path}:9:20: warning: not checked: {}/key.pem: ", directory.path().display());
    assert!(
        err.starts_with(&begins) && err.contains("Permission denied") && err.lines().count() == 1,
        "{err}"
    );
}

#[test]
fn a_file_that_is_missing_or_none_or_writable_for_everybody_ends_with_78() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(directory.path(), "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    let missing = format!("{path}.missing");
    for (path, what) in [
        (missing.as_str(), "No such file"),
        (path.as_str(), "everybody may write"),
        (directory.path().to_str().unwrap(), "is a directory"),
    ] {
        for command in [
            &["validate"][..],
            &["status"],
            &["status", "--check"],
            &["wait-sync"],
            &["clients"],
            &["force-sync", "-y"],
        ] {
            let ran = run(CTL, &[command, &["-c", path]].concat());
            assert_eq!(ran.code, Some(78), "{}", ran.err);
            assert!(ran.err.starts_with(path) && ran.err.contains(what), "{}", ran.err);
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        }
    }
}

#[test]
fn without_a_daemon_everything_says_so_and_ends_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("observe");
    let text = format!("[observability]\nobservation-path = \"{}\"\n", socket.display());
    let path = configuration(directory.path(), &text);
    for command in [&["status"][..], &["status", "-f", "json"], &["clients"], &["force-sync", "-y"]] {
        let ran = run(CTL, &[command, &["-c", &path]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
        assert!(ran.err.starts_with("no daemon: "), "{}", ran.err);
    }
}

#[test]
fn force_sync_is_not_done_unasked() {
    let directory = tempfile::tempdir().unwrap();
    let path = configuration(directory.path(), "");
    let ran = run(CTL, &["force-sync", "-c", &path]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert!(ran.err.contains("no terminal") && ran.err.contains("-y"), "{}", ran.err);
}

/// What a daemon with this configuration publishes before it has measured anything.
fn first_snapshot(config: Config) -> Snapshot {
    let now = Now { mono: Mono::from_nanos(1_000_000_000), clock: ClockTime::from_unix_secs(1_800_000_000) };
    let start = Start {
        now,
        drift: None,
        kernel_frequency: Frequency::ZERO,
        controls_clock: true,
        build_time: now.clock,
        was_moved: false,
        moved: Span::ZERO,
        precision: -20,
    };
    Engine::new(config, [7; 32], start).snapshot(now)
}

/// A listener that one client has asked, told in as many rows as are wanted.
async fn clients(limit: usize) -> Vec<ListenerClients> {
    let now = Mono::from_nanos(60_000_000_000);
    let mut activity = ClientActivity::new("192.0.2.7".parse().unwrap(), Mono::default());
    activity.requests = 9;
    let (address, clients) = ("[::]:123".parse().unwrap(), vec![Client::new(&activity, now); limit]);
    vec![ListenerClients { address, remembered: 100, silent_workers: 0, clients }]
}

/// Both sockets of a daemon, in the directory that `path`'s configuration names.
#[tokio::test]
async fn with_a_daemon_the_status_is_shown_and_the_order_arrives() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("run/observe");
    let text = format!("{POOL}[observability]\nobservation-path = \"{}\"\n", socket.display());
    let path = configuration(directory.path(), &text);
    let (observe, control) = (
        Listener::bind(&socket, 0o600).await.unwrap(),
        Listener::bind(&socket.with_file_name("control"), 0o600).await.unwrap(),
    );
    let state = first_snapshot(config::parse(&path, &text).unwrap().0);
    let now = Now { mono: state.at, clock: state.clock };
    let (_publish, snapshots) = watch::channel(Arc::new(state));
    let (commands, mut asked) = Door::new();
    let (service, _) = Door::new();
    let told = tokio::spawn(async move {
        let (command, answer) = Asked::answer_with(asked.recv().await.unwrap());
        answer(Ok(()));
        command
    });
    let stop = CancellationToken::new();
    tokio::spawn(observation::serve(observe, snapshots, move || now, stop.clone()));
    tokio::spawn(ntpd_rs::control::serve(control, Asker { commands, service }, clients, stop.clone()));
    let ran = tokio::task::spawn_blocking(move || {
        [
            "status",
            "status -f json",
            "status -f prometheus",
            "force-sync -y",
            "clients -n 2",
            "clients -f json",
        ]
        .map(|line| run(CTL, &[&["-c", &path], line.split(' ').collect::<Vec<_>>().as_slice()].concat()))
    });
    let ran = ran.await.unwrap();
    assert_eq!(ran.each_ref().map(|ran| ran.code), [Some(0); 6]);
    let [plain, json, prometheus, _, list, list_json] = ran;
    let row = "\n192.0.2.7                                       9         0       -  60.0 s   -";
    assert_eq!(list.out.matches(row).count(), 2, "{}", list.out);
    assert_eq!(list_json.out.matches("\"address\": \"192.0.2.7\"").count(), 20, "{}", list_json.out);
    assert!(
        plain.out.starts_with(
            "The clock is not synchronized: waiting for measurements; sources: waiting 1.
"
        ),
        "{}",
        plain.out
    );
    assert!(plain.out.contains("pool.example"), "{}", plain.out);
    assert!(json.out.contains("\"state\": \"waiting\""), "{}", json.out);
    assert!(prometheus.out.contains("\nntp_system_stratum 16.0\n"), "{}", prometheus.out);
    assert_eq!(told.await.unwrap(), ntpd_rs::command::Command::ForceSync);
    stop.cancel();
}
