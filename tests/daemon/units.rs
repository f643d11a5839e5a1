//! The units in `systemd/`, as systemd itself judges them where it is installed. Starts none of them.

use crate::process::run;
use crate::wait::seconds;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNITS: [&str; 4] =
    ["ntpd-rs.service", "ntpd-rs-metrics.service", "ntpd-rs-wait.service", "ntpd-rs@.socket"];

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)
}

/// `systemd-analyze` with these arguments; nothing where there is none.
fn systemd_analyze(arguments: &[&str]) -> Option<(bool, String)> {
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        println!("left out: systemd-analyze is not installed");
        return None;
    }
    let mut command = Command::new("systemd-analyze");
    command.args(arguments);
    let (status, output) = run("systemd-analyze", command, seconds(20));
    Some((status.success(), output))
}

/// The first number that it says of itself.
fn version() -> Option<u32> {
    let (_, output) = systemd_analyze(&["--version"])?;
    output.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn the_units_are_what_systemd_takes() {
    let Some(version) = version() else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let copies: Vec<String> = UNITS
        .iter()
        .map(|name| {
            let mut text = fs::read_to_string(unit(name)).unwrap();
            // Programs that are there; and a type of before 253, which by itself is complained of and passed over.
            for program in ["ntp-daemon", "ntp-ctl", "ntp-metrics-exporter"] {
                text = text.replace(&format!("=/usr/bin/{program} "), "=/bin/true ");
            }
            if version < 253 {
                text = text.replace("Type=notify-reload\n", "");
            }
            let path = folder.path().join(name.replace("@.", "@1."));
            fs::write(folder.path().join(name), &text).unwrap();
            fs::write(&path, text).unwrap();
            path.display().to_string()
        })
        .collect();
    let mut arguments = vec!["verify", "--man=no", "--recursive-errors=one"];
    arguments.extend(copies.iter().map(String::as_str));
    let (success, output) = systemd_analyze(&arguments).unwrap();
    let ours: Vec<&str> = output.lines().filter(|line| line.contains("ntpd-rs")).collect();
    assert!(success && ours.is_empty(), "{output}");
}

/// The exposure that systemd counts, from 0 to 10, is no more than this.
#[track_caller]
fn exposed_by_no_more_than(tenths: &str, name: &str) {
    let path = unit(name);
    let arguments =
        ["security", "--offline=true", "--no-pager", "--threshold", tenths, path.to_str().unwrap()];
    let Some((success, output)) = systemd_analyze(&arguments) else { return };
    assert!(output.contains("Overall exposure level"), "{output}");
    assert!(success, "{output}");
}

#[test]
fn the_units_give_away_little() {
    exposed_by_no_more_than("21", "ntpd-rs.service");
    exposed_by_no_more_than("10", "ntpd-rs-metrics.service");
}
