//! Stories of looking and asking: what people and programs see of a daemon that runs, and how it takes new orders.

use crate::lab::{Host, Lab};
use crate::process::{Process, run};
use crate::programs::{Daemon, NTP_DAEMON, Status, example_server, write_config};
use crate::wait::{poll, seconds};
use ntpd_rs::verdict::Verdict;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

const SERVERS: [&str; 3] = ["10.77.0.1:123", "10.77.0.2:123", "10.77.0.3:123"];

fn servers(lab: &Lab) -> [Process; 3] {
    SERVERS.map(|address| example_server(lab, "test-server", address, &[]))
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn people_and_programs_see_the_same() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    let daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    let (_, plain) = daemon.ctl(&["status"]);
    for text in ["10.77.0.1", "10.77.0.2", "10.77.0.3", "system-peer", "truechimer", "does not set it"] {
        assert!(plain.contains(text), "{text}:\n{plain}");
    }
    for line in [&["status", "--check", "--max-error", "0.1"][..], &["wait-sync", "--timeout", "5"]] {
        let (status, output) = daemon.ctl(line);
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(
            output.starts_with("synchronized to within ") && output.contains("3 of 3 sources agree"),
            "{output}"
        );
    }
    let (_, metrics) = daemon.ctl(&["status", "-f", "prometheus"]);
    for name in ["ntp_uptime_seconds", "ntp_system_stratum", "ntp_source_offset_seconds"] {
        assert!(metrics.contains(name), "{name}:\n{metrics}");
    }
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn the_exporter_serves_metrics_and_a_status_page_and_survives_the_daemon() {
    let lab = Lab::new();
    let mut daemon = Daemon::start(&lab, "", &["-s", "10.77.0.100:123"]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let mut exporter = lab.command(Host::Client, env!("CARGO_BIN_EXE_ntp-metrics-exporter"));
    exporter.arg("-c").arg(&daemon.config).args(["-l", "127.0.0.1:9975"]);
    let mut exporter = Process::start("ntp-metrics-exporter", exporter);
    let get = |path: &str| {
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/9975; printf 'GET {path} HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
        );
        let mut command = lab.command(Host::Client, "bash");
        command.args(["-c", &script]);
        run("bash", command, seconds(10)).1
    };
    let served = poll(seconds(5), || Some(get("/metrics")).filter(|reply| reply.contains("200 OK")));
    let metrics = served.unwrap_or_else(|| panic!("no metrics: {}", exporter.output()));
    let listener = "ntp_server_received_packets_total{listen_address=\"10.77.0.100:123\"} 0";
    for text in ["ntp_uptime_seconds", "ntp_system_stratum 16", listener] {
        assert!(metrics.contains(text), "{text}:\n{metrics}");
    }
    assert!(get("/").contains("200 OK") && get("/none").contains("404 Not Found"));
    assert_eq!(daemon.process.terminate().code(), Some(0));
    assert!(get("/metrics").contains("HTTP/1.1 5"), "{}", get("/metrics"));
    assert!(exporter.is_running());
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn force_sync_is_refused_with_the_reason_where_the_clock_is_not_ours() {
    let lab = Lab::new();
    let daemon = Daemon::start(&lab, "", &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let (status, output) = daemon.ctl(&["force-sync", "-y"]);
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("does not control the clock"), "{output}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn sighup_takes_new_sources_and_a_wrong_file_changes_nothing() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    let toml = |count: usize| {
        let sources =
            (1..=count).map(|n| format!("[[source]]\nmode = \"server\"\naddress = \"10.77.0.{n}\"\n"));
        sources.collect::<String>() + "[synchronization]\nminimum-agreeing-sources = 2\n"
    };
    let mut daemon = Daemon::start(&lab, &toml(2), &[]);
    daemon.wait_until("using two", seconds(20), |status| status.uses(&SERVERS[..2]));
    let folder = daemon.config.parent().unwrap().to_owned();

    write_config(&folder, "[[source]]\nmode = \"sundial\"\n");
    daemon.process.signal("HUP");
    daemon.process.wait_for("sundial", seconds(5));

    // ntp-ctl reads this file too, so it must be good again before anything can be asked.
    write_config(&folder, &toml(3));
    let before = daemon.status().unwrap();
    assert!(before.uses(&SERVERS[..2]), "{before:#?}");
    assert_eq!(before.0.sources.len(), 2, "{before:#?}");
    daemon.process.signal("HUP");
    let status = daemon.wait_until("using three", seconds(20), |status| status.uses(&SERVERS));
    let kept = status.replies(SERVERS[0]) >= before.replies(SERVERS[0]);
    assert!(kept, "what was known of the first is kept: {status:#?}");
    assert!(daemon.process.is_running());
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn two_servers_that_follow_each_other_notice_the_loop() {
    let lab = Lab::new();
    let _true_time = example_server(&lab, "test-server", "10.77.0.2:123", &[]);
    let one = "[synchronization]\nminimum-agreeing-sources = 1\n";
    let upper = ["-s", "10.77.0.1:123", "-p", "10.77.0.2", "-p", "10.77.0.100"];
    let upper = Daemon::start_on(&lab, Host::Servers, one, &upper);
    upper.wait_until("synchronized", seconds(20), Status::is_synchronized);
    let lower = Daemon::start(&lab, one, &["-s", "10.77.0.100:123", "-p", "10.77.0.1"]);
    lower.wait_until("synchronized", seconds(20), Status::is_synchronized);
    let status = upper.wait_until("seeing the loop", seconds(40), |status| {
        status.verdict("10.77.0.100:123") == Some(Verdict::Loop)
    });
    assert!(status.is_synchronized(), "{status:#?}");
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn a_port_that_this_user_may_not_have_ends_it_with_77() {
    let lab = Lab::new();
    // Where it was built, only root may be able to go.
    let program = lab.folder().join("ntp-daemon");
    fs::copy(NTP_DAEMON, &program).unwrap();
    fs::set_permissions(lab.folder(), Permissions::from_mode(0o755)).unwrap();
    let mut command = lab.command(Host::Client, "setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.args(["--no-clock-control", "-s", "10.77.0.100:123"]);
    let (status, output) = run("ntp-daemon", command, seconds(5));
    assert_eq!(status.code(), Some(77), "{output}");
    assert!(output.contains("10.77.0.100:123"), "{output}");
}
