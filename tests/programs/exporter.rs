//! `ntp-metrics-exporter` and ten thousand clients that do not speak HTTP as they should.

use crate::{EXPORTER, configuration};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const REQUESTS: usize = 10_000;

/// Running on a port of its own, without a daemon; killed when dropped.
struct Exporter {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

impl Exporter {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = configuration(folder.path(), "");
        let mut command = Command::new(EXPORTER);
        command.args(["-l", "127.0.0.1:0", "-c", &config, "-o"]).arg(folder.path().join("observe"));
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{line}"));
        Self { child, address, _folder: folder }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// What it answers; a connection that it resets has no more to say.
    fn send(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        let mut reply = Vec::new();
        if stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write)).is_ok() {
            let _ = stream.read_to_end(&mut reply);
        }
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn of_proc(&self, what: &str) -> String {
        format!("/proc/{}/{what}", self.child.id())
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(self.of_proc("fd")).unwrap().count()
    }

    /// Anonymous memory, KiB.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(self.of_proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nothing of this is a request that anybody should make.
fn malformed() -> Vec<Vec<u8>> {
    let long = "a".repeat(40_000);
    let many = "A: b\r\n".repeat(500);
    let mut all: Vec<Vec<u8>> = [
        "",
        "\r\n\r\n",
        "GET",
        "GET / HTTP/1.1\r\nHost: a",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET  /  HTTP/1.1\r\n\r\n",
        "FROB /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00%ff HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nx",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
        "GET / HTTP/1.1\r\nA\0b: c\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nAccept: ;;;q=,,\u{ff}\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.push(format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes());
    all.push(format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes());
    all.push([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3].to_vec());
    all.push((0..=255).collect());
    all
}

#[test]
fn ten_thousand_malformed_requests_end_nothing_and_leak_nothing() {
    let mut exporter = Exporter::start();
    let request = b"GET /nonsense HTTP/1.1\r\nHost: a\r\n\r\n";
    assert!(exporter.send(request).starts_with("HTTP/1.1 404 "));
    let (descriptors, requests) = (exporter.descriptors(), malformed());
    let mut memory = 0;
    let mut silent = Vec::new();
    for n in 0..REQUESTS {
        exporter.send(&requests[n % requests.len()]);
        // And some that say nothing and do not go.
        if n % 100 == 0 {
            silent.push(exporter.connect());
        }
        if n == REQUESTS / 5 {
            memory = exporter.memory();
        }
    }
    assert!(exporter.child.try_wait().unwrap().is_none(), "it ended");
    let grown = exporter.memory().saturating_sub(memory);
    assert!(grown < 1024, "{grown} KiB more than after {} requests, {memory} KiB", REQUESTS / 5);
    drop(silent);
    let settled = (0..1000).any(|_| {
        assert!(exporter.send(request).starts_with("HTTP/1.1 404 "));
        exporter.descriptors() <= descriptors
    });
    assert!(settled, "{} descriptors, {descriptors} before", exporter.descriptors());
    let reply = exporter.send(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("no daemon"), "{reply}");
}
