//! Requests over a real socket: obeyed, refused with the reason, and nonsense.

use super::*;
use crate::asking::{Answer, Asked, Door};
use crate::snapshot::ClientActivity;
use crate::time::{Mono, Span};
use crate::verdict::Refusal;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use tokio::sync::mpsc;

/// A listener that remembers as many clients as are asked for.
fn listener_clients(count: usize) -> ListenerClients {
    let now = Mono::from_nanos(100_000_000_000);
    let client = |n: u32| {
        let mut activity = ClientActivity::new(Ipv4Addr::from_bits(n).into(), now - Span::from_secs(60));
        activity.requests = 2;
        activity.refused[Refusal::Malformed.index()] = 1;
        activity.interval = Some(Span::from_secs(30));
        Client::new(&activity, now)
    };
    let clients = (0..).take(count).map(client).collect();
    ListenerClients { address: "[::]:123".parse().unwrap(), remembered: count, silent_workers: 0, clients }
}

struct Daemon {
    path: PathBuf,
    /// What the daemon was told to do.
    told: mpsc::UnboundedReceiver<Command>,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

/// One that answers every command with `answer`.
async fn daemon(answer: Answer) -> Daemon {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let listener = Listener::bind(&path, 0o660).await.unwrap();
    let (commands, mut asked) = Door::new();
    let (service, _) = Door::new();
    let stop = CancellationToken::new();
    let clients = async |limit| vec![listener_clients(limit)];
    tokio::spawn(serve(listener, Asker { commands, service }, clients, stop.clone()));
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(asked) = asked.recv().await {
            let (command, reply) = Asked::answer_with(asked);
            tell.send(command).unwrap();
            reply(answer.clone());
        }
    });
    Daemon { path, told, stop, _directory: directory }
}

impl Daemon {
    async fn ask(&self, request: Request) -> Reply {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || send(&path, request)).await.unwrap().unwrap()
    }

    async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        reply
    }
}

#[tokio::test]
async fn a_request_becomes_a_command() {
    let mut daemon = daemon(Ok(())).await;
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
    assert_eq!(daemon.told.recv().await, Some(Command::ForceSync));
    assert_eq!(daemon.say(b"{\"command\":\"force-sync\"}").await, "{\"result\":\"accepted\"}\n");
    daemon.stop.cancel();
}

#[tokio::test]
async fn a_refusal_says_why() {
    let daemon = daemon(Err("not now".to_owned())).await;
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::refused("not now"));
}

#[tokio::test]
async fn nonsense_gets_a_reply_and_does_nothing() {
    let mut daemon = daemon(Ok(())).await;
    for bytes in [
        &b"\n"[..],
        b"force-sync\n",
        b"{\"command\":\"explode\"}\n",
        b"{\"command\":\"force-sync\",\"x\":1}\n",
        b"\xff",
    ] {
        let reply = daemon.say(bytes).await;
        assert!(reply.contains("refused") && reply.contains("no request"), "{reply}");
    }
    assert!(daemon.told.try_recv().is_err());
}

#[tokio::test]
async fn a_request_without_end_is_cut_off() {
    let mut daemon = daemon(Ok(())).await;
    let mut stream = UnixStream::connect(&daemon.path).await.unwrap();
    let endless = vec![b' '; 1 << 20];
    // The daemon answers before all of it is read, so writing may fail.
    let _ = stream.write_all(&endless).await;
    assert!(daemon.told.try_recv().is_err());
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
    daemon.told.close();
}

#[tokio::test]
async fn clients_are_told_as_many_as_are_asked_for_within_a_bound() {
    let mut daemon = daemon(Ok(())).await;
    for limit in [0, 3, MOST_CLIENTS] {
        let reply = daemon.ask(Request::Clients { limit }).await;
        assert_eq!(reply, Reply::Clients { listeners: vec![listener_clients(limit)] });
    }
    let Reply::Refused { reason } = daemon.ask(Request::Clients { limit: MOST_CLIENTS + 1 }).await else {
        panic!("told")
    };
    assert!(reason.contains("1000"), "{reason}");
    assert!(daemon.told.try_recv().is_err());
}

#[test]
fn a_client_is_told_with_ages_and_without_refusals_that_never_were() {
    let listener = listener_clients(1);
    let client = serde_json::to_value(&listener.clients[0]).unwrap();
    for (age, seconds) in
        [("last_seconds_ago", 60.0), ("since_seconds_ago", 60.0), ("interval_seconds", 30.0)]
    {
        assert!((client[age].as_f64().unwrap() - seconds).abs() < 1e-9, "{client}");
    }
    assert_eq!(client["refused"], serde_json::json!({ "malformed": 1 }));
    assert_eq!(client["address"], "0.0.0.0");
}
