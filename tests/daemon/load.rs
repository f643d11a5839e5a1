//! Stories of a server under load and at rest: what it costs in calls of the kernel. Needs no namespaces, and strace.

use crate::process::Process;
use crate::programs::{NTP_DAEMON, write_config};
use crate::wait::{poll, seconds};
use ntpd_rs::sys::batch::{Batch, Outgoing};
use ntpd_rs::sys::udp::UdpSocket;
use ntpd_rs::sys::{Stamping, Waker};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const THREADS: usize = 2;

/// A server on a free port of loopback, run by `before`, and where it is.
fn start(folder: &Path, mut before: Command) -> (Process, SocketAddr) {
    // Nobody else is on this address of the machine, so the port stays free.
    let free = UdpSocket::listen("127.77.0.1:0".parse().unwrap(), false, Stamping::None).unwrap();
    let address = free.local_address().unwrap();
    drop(free);
    let toml = format!("[[server]]\nlisten = \"{address}\"\nthreads = {THREADS}\n");
    let toml = toml + "[synchronization]\nlocal-stratum = 1\n";
    let config = write_config(folder, &toml);
    before.arg("-c").arg(config).arg("--no-clock-control");
    let process = Process::start("ntp-daemon", before);
    process.wait_for("started", seconds(20));
    let said = format!("Serving at {address} with {THREADS} threads");
    assert!(process.output().contains(&said), "{}", process.output());
    (process, address)
}

/// Asks `requests` times from eight addresses, at most `outstanding` at once from each, and hears as many answers.
fn load(server: SocketAddr, requests: usize, outstanding: usize) {
    let waker = Waker::new().unwrap();
    let mut batch = Batch::new(outstanding);
    let sockets = (1..=8_u8).map(|n| {
        let from = SocketAddr::from(([127, 0, 3, n], 0));
        UdpSocket::connect_from(from, server, Stamping::None).unwrap()
    });
    let sockets: Vec<_> = sockets.collect();
    let mut request = [0; 48];
    request[0] = 0x23;
    let mut heard = 0;
    while heard < requests {
        for socket in &sockets {
            for _ in 0..outstanding {
                batch.push(&Outgoing { bytes: &request, to: None, from: None, stamped: false }).unwrap();
            }
            batch.send(socket, |_, error| panic!("{error}"));
        }
        for socket in &sockets {
            let mut missing = outstanding;
            while missing > 0 {
                match batch.receive(socket) {
                    Ok(count) => {
                        assert!(batch.datagrams().all(|reply| reply.bytes()[..2] == [0x24, 1]));
                        missing -= count;
                        heard += count;
                    }
                    Err(_) => waker.sleep(Some(socket), Some(Duration::from_secs(10))).unwrap(),
                }
            }
        }
    }
}

#[test]
#[ignore = "needs strace: ./test runs it"]
fn under_load_a_request_costs_a_fraction_of_a_call_of_the_kernel_and_no_lock() {
    let folder = TempDir::new().unwrap();
    let summary = folder.path().join("strace");
    let mut strace = Command::new("strace");
    // Detached, so that the process that is started is the daemon and hears the signal.
    strace.args(["-D", "-f", "-c", "-U", "calls,name", "-o"]).arg(&summary).arg(NTP_DAEMON);
    let (mut process, address) = start(folder.path(), strace);
    let requests = 40_000;
    load(address, requests, 16);
    assert_eq!(process.terminate().code(), Some(0));
    let written = || fs::read_to_string(&summary).ok().filter(|text| text.contains("total"));
    let text = poll(seconds(10), written).expect("a summary");
    let calls = |name: &str| -> usize {
        let row = text.lines().find(|line| line.split_whitespace().nth(1) == Some(name));
        row.and_then(|row| row.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let each = calls("total") as f64 / requests as f64;
    println!("{each:.3} calls for a request, those of starting and ending included\n{text}");
    assert!(calls("recvmmsg") > 1000 && calls("sendmmsg") > 1000, "{text}");
    assert!(each <= 0.2, "{each} calls for a request\n{text}");
    assert!(calls("futex") < 100, "{text}");
}

#[test]
#[ignore = "watches an idle server for two seconds: ./test runs it"]
fn at_rest_no_thread_of_a_server_wakes_up() {
    let folder = TempDir::new().unwrap();
    let (process, address) = start(folder.path(), Command::new(NTP_DAEMON));
    load(address, 200, 1);
    let tasks = Path::new("/proc").join(process.id().to_string()).join("task");
    let sleeps = || -> Vec<String> {
        let threads = fs::read_dir(&tasks).unwrap().map(|entry| entry.unwrap().path());
        let status = threads.map(|thread| fs::read_to_string(thread.join("status")).unwrap());
        let status = status.filter(|status| status.contains("Name:\tntp-server-"));
        let tells = |line: &&str| line.starts_with("State:") || line.contains("ctxt");
        let switches = |status: String| status.lines().filter(tells).collect();
        status.map(switches).collect()
    };
    let first = sleeps();
    assert_eq!(first.len(), THREADS);
    // The last answer was heard a moment before its thread fell asleep; one that waits for a processor does not sleep yet.
    let mut last = first;
    let settled = poll(seconds(5), || {
        let now = sleeps();
        let same = now == last && now.iter().all(|thread| thread.contains("S (sleeping)"));
        last = now.clone();
        same.then_some(now)
    });
    let settled = settled.expect("threads that fall asleep");
    let moved = poll(seconds(2), || Some(sleeps()).filter(|now| *now != settled));
    assert_eq!(moved, None, "after {settled:?}");
}
