//! The pages over a real connection, with a daemon behind them and without.

use super::*;
use crate::snapshot::example::{later, snapshot};
use crate::unix_socket::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

struct Site {
    address: SocketAddr,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

/// The exporter, with a daemon's socket behind it if wanted.
async fn site(with_daemon: bool) -> Site {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("observe");
    let stop = CancellationToken::new();
    if with_daemon {
        let listener = Listener::bind(&socket, 0o600).await.unwrap();
        let state = snapshot();
        let (_, snapshots) = watch::channel(Arc::new(state.clone()));
        tokio::spawn(observation::serve(listener, snapshots, move || later(&state, 0), stop.clone()));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, socket, stop.clone().cancelled_owned()));
    Site { address, stop, _directory: directory }
}

impl Site {
    async fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply
    }
}

#[tokio::test]
async fn metrics_and_status_are_served_and_nothing_else() {
    let site = site(true).await;
    let metrics = site.ask("GET", "/metrics").await;
    assert!(
        metrics.starts_with("HTTP/1.1 200 OK\r\n") && metrics.contains("application/openmetrics-text"),
        "{metrics}"
    );
    assert!(metrics.contains("\nntp_system_stratum 2") && metrics.ends_with("# EOF\n"), "{metrics}");
    let head = site.ask("HEAD", "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let status = site.ask("GET", "/").await;
    assert!(status.contains("The clock is right: ") && status.contains("/metrics"), "{status}");
    assert!(site.ask("GET", "/nonsense").await.starts_with("HTTP/1.1 404 "));
    assert!(site.ask("POST", "/metrics").await.starts_with("HTTP/1.1 405 "));
    site.stop.cancel();
}

#[tokio::test]
async fn without_a_daemon_the_target_is_down_and_says_why() {
    let site = site(false).await;
    let reply = site.ask("GET", "/metrics").await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("no daemon"), "{reply}");
    site.stop.cancel();
}

#[test]
fn every_documented_option_is_read() {
    let line = ["ntp-metrics-exporter", "-c", "/c", "-o", "/o", "-l", "[::]:9975"];
    let args = Args::try_parse_from(line).unwrap();
    assert_eq!((args.config, args.observation), (Some("/c".into()), Some("/o".into())));
    assert_eq!(args.listen.map(|l| l.port()), Some(9975));
}
