//! Stories of starting and ending: whatever is wrong is one clear complaint and the right exit code. Needs no root,
//! but for the two about the right to set the clock.

use crate::lab::{Host, Lab};
use crate::process::{Process, run};
use crate::programs::{NTP_DAEMON, write_config};
use crate::wait::{poll, seconds};
use ntpd_rs::observation::State;
use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;

/// The daemon without clock control.
fn daemon(arguments: &[&str]) -> Command {
    let mut command = Command::new(NTP_DAEMON);
    command.arg("--no-clock-control").args(arguments);
    command
}

/// It ends with this code and names each of these.
#[track_caller]
fn check(command: Command, code: i32, named: &[&str]) -> String {
    let (status, output) = run("ntp-daemon", command, seconds(10));
    assert_eq!(status.code(), Some(code), "{output}");
    for text in named {
        assert!(output.contains(text), "{text:?} is not named:\n{output}");
    }
    assert!(!output.contains("panicked"), "{output}");
    output
}

fn config(folder: &TempDir, toml: &str) -> String {
    write_config(folder.path(), toml).to_str().unwrap().to_owned()
}

/// What its observation socket says.
fn state(folder: &TempDir) -> State {
    ntpd_rs::observation::read(&folder.path().join("observe")).unwrap()
}

#[track_caller]
fn wait_for_tai_offset(folder: &TempDir, wanted: Option<u16>) {
    let shown = poll(seconds(5), || (state(folder).system.tai_offset == wanted).then_some(()));
    assert!(shown.is_some(), "{:#?}", state(folder));
}

#[test]
fn a_bad_flag_is_named_with_the_usage() {
    check(daemon(&["--no-such-flag"]), 78, &["--no-such-flag", "Usage"]);
    check(daemon(&["-p", "host:99999"]), 78, &["host:99999"]);
    check(daemon(&["-s", "nowhere"]), 78, &["nowhere"]);
    check(daemon(&["--log-format", "yaml"]), 78, &["yaml", "json"]);
}

#[test]
fn a_missing_configuration_is_named() {
    check(daemon(&["-c", "/nonexistent/ntp.toml"]), 78, &["/nonexistent/ntp.toml", "No such file"]);
}

#[test]
fn everything_wrong_in_a_configuration_is_reported_at_once_with_its_place() {
    let folder = TempDir::new().unwrap();
    let file = config(
        &folder,
        "[[source]]\nmode = \"server\"\nadress = \"a\"\n\n[synchronization]\nlocal-stratum = 17\n",
    );
    let named = ["ntp.toml:3:1", "`adress`", "`address`", "ntp.toml:6:17", "17"];
    check(daemon(&["-c", &file]), 78, &named);
}

#[test]
fn a_configuration_that_everybody_may_write_to_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = config(&folder, "");
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    check(daemon(&["-c", &file]), 78, &[&file, "chmod"]);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ntp.toml");
    fs::write(&file, "[clock]\nstate-directory = \"/dev/null/state\"\n").unwrap();
    check(daemon(&["-c", file.to_str().unwrap()]), 78, &["/dev/null/state", "state-directory"]);
}

#[test]
fn a_table_of_leap_seconds_that_is_none_is_named_with_its_place() {
    let folder = TempDir::new().unwrap();
    let toml = |path: &str| format!("[synchronization]\nleap-seconds-file = {path:?}\n");
    let file = config(&folder, &toml("/nonexistent/leap-seconds.list"));
    check(
        daemon(&["-c", &file]),
        78,
        &["/nonexistent/leap-seconds.list", "No such file", "leap-seconds-file"],
    );
    let list = folder.path().join("leap-seconds.list");
    fs::write(&list, "#$ 3960835200\n2272060800 ten\n").unwrap();
    let file = config(&folder, &toml(list.to_str().unwrap()));
    check(daemon(&["-c", &file]), 78, &["leap-seconds.list:2: ", "tzdata"]);
}

#[test]
fn sighup_reads_a_new_table_of_leap_seconds_and_a_wrong_one_changes_nothing() {
    const TABLE: &str = include_str!("../vectors/leap-seconds.list");
    let folder = TempDir::new().unwrap();
    let list = folder.path().join("leap-seconds.list");
    let file = config(&folder, "");
    let mut process = Process::start("ntp-daemon", daemon(&["-c", &file]));
    process.wait_for("started", seconds(5));
    let toml = format!("[synchronization]\nleap-seconds-file = {list:?}\n");
    config(&folder, &toml);
    process.signal("HUP");
    process.wait_for("cannot be read", seconds(5));
    fs::write(&list, TABLE).unwrap();
    process.signal("HUP");
    process.wait_for("updated 2025-07-07, good until 2026-06-28", seconds(5));
    wait_for_tai_offset(&folder, Some(37));
    fs::write(&list, "nothing").unwrap();
    process.signal("HUP");
    process.wait_for("`nothing` is no entry", seconds(5));
    assert_eq!(state(&folder).system.tai_offset, Some(37));
    config(&folder, "");
    process.signal("HUP");
    wait_for_tai_offset(&folder, None);
    assert_eq!(process.terminate().code(), Some(0));
}

#[test]
fn sighup_reads_the_drop_ins_again_and_the_command_line_still_comes_last() {
    let folder = TempDir::new().unwrap();
    let file = config(&folder, "");
    let list = folder.path().join("leap-seconds.list");
    fs::write(&list, include_str!("../vectors/leap-seconds.list")).unwrap();
    let mut process = Process::start("ntp-daemon", daemon(&["-c", &file, "-p", "127.0.0.1:9"]));
    process.wait_for("started", seconds(5));
    let drop_ins = folder.path().join("ntp.toml.d");
    let drop_in = drop_ins.join("a.toml");
    fs::create_dir(&drop_ins).unwrap();
    let source = "[[source]]\nmode = \"server\"\naddress = \"127.0.0.1:8\"\n";
    fs::write(&drop_in, format!("{source}[synchronization]\nleap-seconds-file = {list:?}\n")).unwrap();
    for (path, mode) in [(&drop_ins, 0o755), (&drop_in, 0o644)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    process.signal("HUP");
    wait_for_tai_offset(&folder, Some(37));
    let [only] = <[_; 1]>::try_from(state(&folder).sources).unwrap();
    assert_eq!(only.address, "127.0.0.1:9");
    fs::write(&drop_in, "\n[frobnicate]\n").unwrap();
    process.signal("HUP");
    process.wait_for("ntp.toml.d/a.toml:2:2: ", seconds(5));
    assert_eq!(state(&folder).system.tai_offset, Some(37));
    fs::remove_file(&drop_in).unwrap();
    process.signal("HUP");
    wait_for_tai_offset(&folder, None);
    assert_eq!(process.terminate().code(), Some(0));
}

#[test]
fn a_listener_that_cannot_be_bound_is_named() {
    let folder = TempDir::new().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(daemon(&["-c", &config(&folder, ""), "-s", &address]), 1, &[&address, "in use"]);
}

#[test]
fn an_observation_socket_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ntp.toml");
    let text = format!(
        "[observability]\nobservation-path = \"/dev/null/observe\"\n[clock]\nstate-directory = {:?}\n",
        folder.path()
    );
    fs::write(&file, text).unwrap();
    check(daemon(&["-c", file.to_str().unwrap()]), 1, &["/dev/null/observe"]);
}

/// A daemon that runs and has made its socket.
fn running(folder: &TempDir, arguments: &[&str]) -> Process {
    let file = config(folder, "");
    let process = Process::start("ntp-daemon", daemon(&[&["-c", &file], arguments].concat()));
    let socket = folder.path().join("observe");
    let made = poll(seconds(5), || socket.exists().then_some(()));
    assert!(made.is_some(), "no socket: {}", process.output());
    process
}

#[test]
fn sigterm_and_sigint_end_it_with_0_and_leave_no_socket() {
    for signal in ["TERM", "INT"] {
        let folder = TempDir::new().unwrap();
        let mut process = running(&folder, &[]);
        process.signal(signal);
        assert_eq!(process.wait(seconds(5)).code(), Some(0), "{}", process.output());
        assert!(!folder.path().join("observe").exists());
        assert!(!folder.path().join("control").exists());
    }
}

#[test]
fn sighup_does_not_end_it() {
    let folder = TempDir::new().unwrap();
    let mut process = running(&folder, &[]);
    process.signal("HUP");
    assert!(poll(seconds(1), || (!process.is_running()).then_some(())).is_none(), "{}", process.output());
    assert_eq!(process.terminate().code(), Some(0));
}

#[test]
fn without_sources_it_says_that_the_clock_will_not_be_set() {
    let folder = TempDir::new().unwrap();
    let process = running(&folder, &[]);
    process.wait_for("will not be set", seconds(5));
}

#[test]
fn a_log_in_json_is_json_on_every_line() {
    let folder = TempDir::new().unwrap();
    let mut process = running(&folder, &["--log-format", "json"]);
    process.wait_for("\n", seconds(5));
    process.terminate();
    for line in process.output().lines() {
        let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(parsed.is_ok(), "{line}");
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn without_the_right_to_set_the_clock_it_exits_with_77_and_names_both_remedies() {
    let lab = Lab::new();
    let file = write_config(lab.folder(), "");
    let mut command = lab.command(Host::Client, NTP_DAEMON);
    command.arg("-c").arg(&file);
    check(command, 77, &["CAP_SYS_TIME", "clock-control"]);
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn with_clock_control_auto_it_measures_where_it_may_not_steer() {
    let lab = Lab::new();
    let file = write_config(lab.folder(), "");
    let text = fs::read_to_string(&file).unwrap() + "clock-control = \"auto\"\n";
    fs::write(&file, text).unwrap();
    let mut command = lab.command(Host::Client, NTP_DAEMON);
    command.arg("-c").arg(&file);
    let mut process = Process::start("ntp-daemon", command);
    process.wait_for("clock", seconds(5));
    assert!(poll(seconds(1), || (!process.is_running()).then_some(())).is_none(), "{}", process.output());
    let warnings = process.output().matches("WARN").count();
    assert!(warnings >= 1, "{}", process.output());
    assert_eq!(process.terminate().code(), Some(0));
}
