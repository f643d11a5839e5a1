//! The pages over a real connection, with a daemon behind them and without.

use super::*;
use crate::observation;
use crate::snapshot::example::{later, snapshot};
use crate::unix_socket::Listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

struct Exporter {
    address: SocketAddr,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

/// The exporter, with a daemon's socket behind it if wanted.
async fn site(with_daemon: bool) -> Exporter {
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
    Exporter { address, stop, _directory: directory }
}

impl Exporter {
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
    let page = site.ask("GET", "/?x").await;
    assert!(page.contains("<h1>The clock is right</h1>") && page.contains("text/html"), "{page}");
    let json = site.ask("GET", "/status.json").await;
    let body = json.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(serde_json::from_str::<observation::State>(body).unwrap().system.stratum, 2);
    let nothing = site.ask("GET", "/nonsense").await;
    assert!(nothing.starts_with("HTTP/1.1 404 ") && nothing.contains("/status.json"), "{nothing}");
    let refused = site.ask("POST", "/metrics").await;
    assert!(
        refused.starts_with("HTTP/1.1 405 ") && refused.contains("\r\nallow: GET, HEAD\r\n"),
        "{refused}"
    );
    site.stop.cancel();
}

#[tokio::test]
async fn the_page_allows_its_own_style_and_script_and_nobody_keeps_anything() {
    let site = site(true).await;
    let (one, two) = (site.ask("GET", "/").await, site.ask("GET", "/").await);
    let nonce =
        |page: &str| page.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert_ne!(nonce(&one), nonce(&two));
    assert_eq!(one.matches(&format!("nonce=\"{}\"", nonce(&one))).count(), 2, "{one}");
    for path in ["/", "/metrics", "/status.json", "/nonsense"] {
        let reply = site.ask("GET", path).await;
        for field in ["default-src 'none'", "x-content-type-options: nosniff", "cache-control: no-store"] {
            assert!(reply.contains(field), "{path}: {field}: {reply}");
        }
    }
    site.stop.cancel();
}

#[tokio::test]
async fn a_daemon_that_hangs_keeps_nobody_from_other_pages() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    let _silent = tokio::net::UnixListener::bind(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(serve(listener, path, stop.clone().cancelled_owned()));
    let site = Exporter { address, stop, _directory: directory };
    tokio::select! {
        reply = site.ask("GET", "/metrics") => panic!("{reply}"),
        reply = site.ask("GET", "/nonsense") => assert!(reply.starts_with("HTTP/1.1 404 "), "{reply}"),
    }
    site.stop.cancel();
}

#[tokio::test]
async fn who_keeps_connections_open_makes_room_for_those_who_ask() {
    let site = site(true).await;
    let mut silent = Vec::new();
    for _ in 0..2 * http::CONNECTIONS {
        silent.push(TcpStream::connect(site.address).await.unwrap());
    }
    assert!(site.ask("GET", "/metrics").await.starts_with("HTTP/1.1 200 "));
    // The first was let go for the others.
    assert_eq!(silent[0].read(&mut [0]).await.unwrap_or(0), 0);
    site.stop.cancel();
}

#[tokio::test]
async fn without_a_daemon_the_target_is_down_and_says_why() {
    let site = site(false).await;
    let reply = site.ask("GET", "/metrics").await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("no daemon"), "{reply}");
    let page = site.ask("GET", "/").await;
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("<h1>Nobody knows"), "{page}");
    site.stop.cancel();
}

#[test]
fn every_documented_option_is_read() {
    let line = ["ntp-metrics-exporter", "-c", "/c", "-o", "/o", "-l", "[::]:9975"];
    let args = Args::try_parse_from(line).unwrap();
    assert_eq!((args.config, args.observation), (Some("/c".into()), Some("/o".into())));
    assert_eq!(args.listen.map(|l| l.port()), Some(9975));
}
