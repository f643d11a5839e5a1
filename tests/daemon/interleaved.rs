//! Stories of interleaved mode (RFC 9769): chronyd asks us for it, and we ask chronyd. Beside the source that has it there is one without, of
//! the same programs in the same minute.

use crate::lab::{Host, Lab};
use crate::peers::{chronyc, chronyd};
use crate::process::Process;
use crate::programs::Daemon;
use crate::wait::{poll, seconds};
use ntpd_rs::observation::Source;

/// Jitter, or offset, of the source with interleaved mode and of the one without, seconds.
type Pair = [f64; 2];

/// It waits for the queue, and not the queue for it, so that the wait is as long on a slow machine as on a fast one: some 7 ms. From 10 ms on
/// chronyd would ask once a second at most.
const ENDLESS_SENDER: &str = "
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
while True:
    sender.sendto(bytes(1200), ('239.77.0.1', 9))
";

/// Replies wait behind other traffic in their sender's own queue, which is never empty: after the program wrote the time into them, and
/// before the kernel stamps them.
fn other_traffic(lab: &Lab) -> Process {
    let queue = "qdisc replace dev cable root tbf rate 20mbit burst 1600 latency 200ms";
    lab.output(Host::Servers, "tc", &queue.split(' ').collect::<Vec<_>>());
    // To a group that nobody is in, so that nobody complains.
    lab.ip(Host::Servers, "route add 239.0.0.0/8 dev cable");
    let mut command = lab.command(Host::Servers, "/usr/bin/python3");
    command.args(["-c", ENDLESS_SENDER]);
    Process::start("other traffic", command)
}

/// The medians over a while: other programs disturb this machine.
#[track_caller]
fn check_smaller(who: &str, read: impl Fn() -> Pair) {
    let mut readings: [Vec<f64>; 2] = Default::default();
    poll(seconds(10), || {
        for (readings, now) in readings.iter_mut().zip(read()) {
            readings.push(now.abs());
        }
        None::<()>
    });
    let [interleaved, basic] = readings.map(|mut readings| {
        readings.sort_by(f64::total_cmp);
        readings[readings.len() / 2]
    });
    println!("{who}: {:.2} µs interleaved, {:.2} µs basic", interleaved * 1e6, basic * 1e6);
    assert!(interleaved < basic / 10.0, "{who} gained nothing: {interleaved} s interleaved, {basic} s basic");
}

/// One field of the line about a server.
fn field(table: &str, server: &str, column: usize) -> String {
    let row = table.lines().find(|line| line.starts_with(&format!("{server},")));
    let row = row.unwrap_or_else(|| panic!("no {server}: {table}"));
    row.split(',').nth(column).unwrap().to_owned()
}

/// Columns of `chronyc -c`.
const NTPDATA_INTERLEAVED: usize = 26;
const NTPDATA_STAMPS: [usize; 2] = [28, 29];
const SOURCESTATS_DEVIATION: usize = 7;
const SERVERSTATS_INTERLEAVED: usize = 8;

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_is_told_when_our_replies_really_left_and_sees_less_jitter() {
    let lab = Lab::new();
    let toml = "[[server]]\nlisten = \"10.77.0.1:123\"\n[[server]]\nlisten = \"10.77.0.2:123\"\n
                [synchronization]\nlocal-stratum = 1\nreference-id = \"GPS\"\n";
    let daemon = Daemon::start_on(&lab, Host::Servers, toml, &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    let _traffic = other_traffic(&lab);
    let sources = ["server 10.77.0.1 minpoll -2 maxpoll -2 xleave", "server 10.77.0.2 minpoll -2 maxpoll -2"];
    let _client = chronyd(&lab, Host::Client, "client", &sources);
    let status = daemon.wait_until("asked often", seconds(40), |status| {
        status.0.servers.iter().all(|server| server.stats.accepted_packets >= 60)
    });
    let [interleaved, basic] = status.0.servers.as_slice() else { panic!("{status:#?}") };
    // Not the first two; and not one whose stamp was late, on a busy machine.
    let accepted = interleaved.stats.accepted_packets;
    assert!(interleaved.interleaved_packets >= accepted * 9 / 10, "{status:#?}");
    assert_eq!(basic.interleaved_packets, 0);
    let ntpdata = chronyc(&lab, Host::Client, "client", &["ntpdata"]);
    let mode = |server| field(&ntpdata, server, NTPDATA_INTERLEAVED);
    assert_eq!([mode("10.77.0.1"), mode("10.77.0.2")], ["Yes", "No"], "{ntpdata}");
    assert_eq!(NTPDATA_STAMPS.map(|column| field(&ntpdata, "10.77.0.1", column)), ["Kernel", "Kernel"]);
    // Not the offset: what replies usually wait is foretold in their transmit timestamp.
    check_smaller("jitter of chronyd, from us", || {
        let table = chronyc(&lab, Host::Client, "client", &["sourcestats"]);
        ["10.77.0.1", "10.77.0.2"].map(|server| field(&table, server, SOURCESTATS_DEVIATION).parse().unwrap())
    });
}

#[test]
#[ignore = "needs root and peers: ./test runs it"]
fn chronyd_tells_us_when_its_replies_really_left_and_we_are_less_wrong() {
    let lab = Lab::new();
    let _servers = [1, 2].map(|n| {
        let lines = [&format!("bindaddress 10.77.0.{n}"), "allow", "local stratum 1"];
        chronyd(&lab, Host::Servers, &format!("server-{n}"), &lines)
    });
    let _traffic = other_traffic(&lab);
    let source = |n, interleaved| {
        format!(
            "[[source]]\nmode = \"server\"\naddress = \"10.77.0.{n}\"\ninterleaved = {interleaved}\n\
             poll-interval-limits = {{ min = 0, max = 0 }}\n"
        )
    };
    let toml = source(1, true)
        + &source(2, false)
        + "[source-defaults]\ninitial-poll-interval = 0\n[synchronization]\nminimum-agreeing-sources = 1\n";
    let daemon = Daemon::start(&lab, &toml, &[]);
    let status = daemon.wait_until("answered often", seconds(90), |status| {
        ["10.77.0.1:123", "10.77.0.2:123"].iter().all(|server| status.replies(server) >= 40)
    });
    let source = |server| status.source(server).unwrap();
    let (interleaved, basic) = (source("10.77.0.1:123"), source("10.77.0.2:123"));
    assert!(interleaved.interleaved >= interleaved.replies * 4 / 5, "{status:#?}");
    assert_eq!(
        (basic.interleaved, interleaved.discards.len(), basic.discards.len()),
        (0, 0, 0),
        "{status:#?}"
    );
    let counted = [1, 2].map(|n| {
        let statistics = chronyc(&lab, Host::Servers, &format!("server-{n}"), &["serverstats"]);
        let count = statistics.trim().split(',').nth(SERVERSTATS_INTERLEAVED).unwrap_or(&statistics);
        count.parse::<u64>().unwrap_or_else(|_| panic!("{statistics}"))
    });
    // It may have answered once more meanwhile.
    assert!((interleaved.interleaved..interleaved.interleaved + 5).contains(&counted[0]), "{counted:?}");
    assert_eq!(counted[1], 0);
    let (_, page) = daemon.ctl(&["status"]);
    assert!(page.contains("interleaved: "), "{page}");
    let both = |of: fn(&Source) -> f64| {
        let status = daemon.status().unwrap();
        ["10.77.0.1:123", "10.77.0.2:123"].map(|server| of(status.source(server).unwrap()))
    };
    // Both hosts have the same clock, so that every offset is an error: half of what the replies waited.
    check_smaller("error of ours, from chronyd", || both(|source| source.offset));
}
