//! Stories of the system bus: the real timedatectl and busctl, and buses that come late, go away and come back.

use crate::bus::{Bus, timedatectl};
use crate::lab::Lab;
use crate::process::{Process, run};
use crate::programs::{Daemon, Status, example_server};
use crate::wait::{poll, seconds};
use std::fs;
use std::path::Path;

const TIMESYNC1: [&str; 2] = ["org.freedesktop.timesync1", "/org/freedesktop/timesync1"];
const NTPD_RS1: [&str; 2] = ["org.ntpd_rs1", "/org/ntpd_rs1"];

fn servers(lab: &Lab) -> [Process; 3] {
    [1, 2, 3].map(|n| example_server(lab, "test-server", &format!("10.77.0.{n}:123"), &[]))
}

/// A daemon with three servers that is on the bus and synchronized.
#[track_caller]
fn synchronized(lab: &Lab) -> Daemon {
    let daemon = Daemon::with_peers(lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    daemon.process.wait_for("On the system bus as org.freedesktop.timesync1 and org.ntpd_rs1", seconds(10));
    daemon
}

/// The values of one of timedatectl's or busctl's tables, `Name: value` or `Name=value`.
#[track_caller]
fn value<'a>(table: &'a str, name: &str) -> &'a str {
    let of = |line: &'a str| line.trim().strip_prefix(name)?.strip_prefix([':', '=']);
    let found = table.lines().find_map(of);
    found.unwrap_or_else(|| panic!("no {name}:\n{table}")).trim()
}

#[test]
#[ignore = "needs root, dbus-daemon and timedatectl: ./test runs it"]
fn timedatectl_shows_the_selected_server_and_every_packet() {
    let lab = Lab::new();
    let (_servers, _bus) = (servers(&lab), Bus::start(&lab));
    let _daemon = synchronized(&lab);
    let (status, table) = run("timedatectl", timedatectl(&lab, "timesync-status"), seconds(10));
    assert!(status.success(), "{table}");
    assert!(value(&table, "Server").starts_with("10.77.0."), "{table}");
    for (name, wanted) in [("Leap", "normal"), ("Version", "4"), ("Stratum", "1"), ("Reference", "TEST")] {
        assert_eq!(value(&table, name), wanted, "{table}");
    }
    assert!(value(&table, "Poll interval").ends_with("(min: 16s; max 17min 4s)"), "{table}");
    assert!(value(&table, "Root distance").ends_with("(max: 16s)"), "{table}");
    for name in ["Offset", "Delay", "Jitter"] {
        assert!(value(&table, name).ends_with("us"), "less than a millisecond in a lab: {table}");
    }
    let (_, shown) = run("timedatectl", timedatectl(&lab, "show-timesync"), seconds(10));
    assert_eq!(value(&shown, "SystemNTPServers"), "10.77.0.1 10.77.0.2 10.77.0.3", "{shown}");
    assert!(value(&shown, "NTPMessage").contains("Mode=4"), "{shown}");
    // It prints the table again at each PropertiesChanged, and asks for nothing in between.
    let monitor = Process::start("timedatectl", timedatectl(&lab, "timesync-status --monitor"));
    let more = poll(seconds(40), || counts_rose(&monitor.output()).then_some(()));
    assert!(more.is_some(), "{}", monitor.output());
}

/// Whether the tables of one server, one after another, each count more packets than the one before.
/// The selected server may change at any time, and each has a count of its own.
fn counts_rose(output: &str) -> bool {
    let values = |name| output.lines().filter_map(move |line| line.trim().strip_prefix(name));
    let counts = values("Packet count: ").filter_map(|count| count.parse::<u32>().ok());
    let tables: Vec<_> = values("Server: ").zip(counts).collect();
    let mut of_one_server = tables.windows(2).filter(|pair| pair[0].0 == pair[1].0).peekable();
    of_one_server.peek().is_some() && of_one_server.all(|pair| pair[0].1 < pair[1].1)
}

#[test]
#[ignore = "needs root, dbus-daemon and busctl: ./test runs it"]
fn busctl_sees_what_the_repository_says() {
    let lab = Lab::new();
    let (_servers, bus) = (servers(&lab), Bus::start(&lab));
    let _daemon = synchronized(&lab);
    for (name, path, interface) in [
        (TIMESYNC1[0], TIMESYNC1[1], "org.freedesktop.timesync1.Manager"),
        (NTPD_RS1[0], "/org/freedesktop/LogControl1", "org.freedesktop.LogControl1"),
        (NTPD_RS1[0], NTPD_RS1[1], "org.ntpd_rs1.Manager"),
    ] {
        let live = bus.busctl(&lab, &["--xml-interface", "introspect", name, path]);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("dbus").join(format!("{interface}.xml"));
        assert_eq!(live.trim_end(), fs::read_to_string(file).unwrap().trim_end());
    }
    let tree = bus.busctl(&lab, &["--list", "tree", NTPD_RS1[0]]);
    for path in [TIMESYNC1[1], NTPD_RS1[1], "/org/freedesktop/LogControl1"] {
        assert!(tree.lines().any(|line| line == path), "{tree}");
    }
    let table = bus.busctl(&lab, &["introspect", NTPD_RS1[0], NTPD_RS1[1]]);
    let row =
        |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{table}"));
    for (name, wanted) in [
        (".State ", "\"synchronized\""),
        (".NTPSynchronized ", "true"),
        (".CanNTP ", "false"),
        (".Stratum ", "2"),
    ] {
        assert!(row(name).contains(wanted), "{table}");
    }
    assert!(row(".Sources ").contains("system-peer"), "{table}");
}

#[test]
#[ignore = "needs root, dbus-daemon and busctl: ./test runs it"]
fn a_bus_that_comes_late_goes_away_and_comes_back_is_served() {
    let lab = Lab::new();
    let _servers = servers(&lab);
    let mut daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    assert!(!daemon.process.output().contains("system bus"), "{}", daemon.process.output());
    let there = |count: usize| {
        let seen = poll(seconds(40), || {
            (daemon.process.output().matches("On the system bus as").count() == count).then_some(())
        });
        assert!(seen.is_some(), "{}", daemon.process.output());
    };
    for count in [1, 2] {
        let bus = Bus::start(&lab);
        there(count);
        let stratum =
            bus.busctl(&lab, &["get-property", NTPD_RS1[0], NTPD_RS1[1], "org.ntpd_rs1.Manager", "Stratum"]);
        assert_eq!(stratum.trim(), "u 2");
        drop(bus);
        daemon.process.wait_for("The system bus has gone away", seconds(5));
    }
    let status = daemon.status().unwrap();
    assert!(status.is_synchronized() && daemon.process.is_running(), "{status:#?}");
}
