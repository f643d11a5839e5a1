//! Stories of programs on this machine that speak to the daemon's sockets as nobody should.

use crate::lab::{Host, Lab};
use crate::programs::{Daemon, Status, example_server};
use crate::wait::{poll, seconds};
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const REQUESTS: usize = 10_000;

/// Nothing of this is a request that the daemon obeys.
fn malformed() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "",
        "\n",
        "\n\n\n\n",
        "status\n",
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        "{",
        "{}\n",
        "[]\n",
        "null\n",
        "\"reload\"\n",
        r#"{"command":"reload","and":"more"}"#,
        r#"{"command":"reload" "command":"reload"}"#,
        r#"{"command":"frob"}"#,
        r#"{"command":"clients","limit":-1}"#,
        r#"{"command":"clients","limit":1e308}"#,
        r#"{"command":"mark","name":"10.77.0.1","mark":"x","on":1}"#,
        r#"{"command":"remove-source","name":7}"#,
        r#"{"command":"remove-source","name":"no such source"}"#,
        r#"{"command":"add-source","section":"mode = \"server\"\naddress = \"\""}"#,
        r#"{"command":"add-source","section":"mode = \"pool\"\naddress = 5\n[x]"}"#,
        r#"{"command":"panic-threshold","forward":-5,"backward":"NaN"}"#,
        r#"{"command":"log-filter","filter":"=,=,="}"#,
        "\u{feff}{\"command\":\"reload\"}\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    all.push((0..=255).collect());
    all.push(vec![b'['; 60_000]);
    all.push(vec![b'{'; 200_000]);
    all.push([br#"{"command":"remove-source","name":""#.as_slice(), &[b'a'; 100_000], b"\"}\n"].concat());
    all
}

/// Says it, and hears what is answered, if anything; every other one hangs up at once.
fn ask(socket: &Path, request: &[u8], listens: bool) {
    // Who holds most places makes room: that may be this one.
    let Ok(mut stream) = UnixStream::connect(socket) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let said = stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write));
    if listens && said.is_ok() {
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

fn descriptors(daemon: &Daemon) -> usize {
    fs::read_dir(format!("/proc/{}/fd", daemon.process.id())).unwrap().count()
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn ten_thousand_malformed_requests_to_both_sockets_end_nothing_change_nothing_and_leak_nothing() {
    let lab = Lab::new();
    let _servers = [1, 2, 3].map(|n| example_server(&lab, "test-server", &format!("10.77.0.{n}:123"), &[]));
    let mut daemon = Daemon::with_peers(&lab, &["10.77.0.1", "10.77.0.2", "10.77.0.3"]);
    daemon.wait_until("synchronized", seconds(20), Status::is_synchronized);
    let folder = lab.folder().join(format!("{:?}", Host::Client));
    let sockets = ["control", "observe"].map(|name| folder.join(name));
    let (requests, before) = (malformed(), descriptors(&daemon));
    let mut memory = 0;
    let mut silent = Vec::new();
    for number in 0..REQUESTS {
        let request = &requests[number / 4 % requests.len()];
        ask(&sockets[number % 2], request, number / 2 % 2 == 0);
        // And some that say nothing and do not go.
        if number % 100 == 0 {
            silent.extend(UnixStream::connect(&sockets[number / 100 % 2]));
        }
        if number == REQUESTS / 5 {
            memory = daemon.process.kilobytes("VmRSS");
        }
    }
    assert!(daemon.process.is_running(), "{}", daemon.process.output());
    let grown = daemon.process.kilobytes("VmRSS").saturating_sub(memory);
    assert!(grown < 1024, "{grown} KiB more than after {} requests, {memory} KiB", REQUESTS / 5);
    assert_eq!(silent.len(), REQUESTS / 100);
    drop(silent);
    let status = daemon.status().expect("it answers still");
    assert!(status.is_synchronized() && status.0.sources.len() == 3, "{status:#?}");
    // But for sockets of measurements under way.
    let settled = poll(seconds(10), || (descriptors(&daemon) <= before + 3).then_some(()));
    assert!(settled.is_some(), "{} descriptors, {before} before", descriptors(&daemon));
    let output = daemon.process.output();
    assert!(output.lines().count() < 20, "the log stays quiet: {output}");
}
