//! Requests over a real socket: obeyed, refused with the reason, and nonsense.

use super::*;
use crate::asking::{Answer, Asked, Door};
use crate::command::{Command, Mark, ServiceOrder};
use crate::config::StepLimits;
use crate::snapshot::ClientActivity;
use crate::time::{Mono, Span};
use crate::verdict::Refusal;
use serde_json::json;
use std::fs::{self, Permissions};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio::sync::mpsc;
use tokio::time::sleep;

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
    told: mpsc::UnboundedReceiver<Meaning>,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

/// One that answers everything with `answer`.
async fn daemon(answer: Answer) -> Daemon {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let listener = Listener::bind(&path, 0o660).await.unwrap();
    let (commands, mut asked) = Door::new();
    let (service, mut ordered) = Door::new();
    let stop = CancellationToken::new();
    let clients = async |limit| vec![listener_clients(limit)];
    tokio::spawn(serve(listener, Asker { commands, service }, clients, stop.clone()));
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                Some(asked) = asked.recv() => {
                    let (command, reply) = Asked::answer_with(asked);
                    tell.send(Meaning::Command(command)).unwrap();
                    reply(answer.clone());
                }
                Some(asked) = ordered.recv() => {
                    let (order, reply) = Asked::answer_with(asked);
                    tell.send(Meaning::Service(order)).unwrap();
                    reply(answer.clone());
                }
                else => break,
            }
        }
    });
    Daemon { path, told, stop, _directory: directory }
}

impl Daemon {
    async fn ask(&self, request: Request) -> Reply {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || send(&path, &request)).await.unwrap().unwrap()
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
    assert_eq!(daemon.told.recv().await, Some(Meaning::Command(Command::ForceSync)));
    assert_eq!(daemon.say(b"{\"command\":\"force-sync\"}").await, "{\"result\":\"accepted\"}\n");
    daemon.stop.cancel();
}

#[tokio::test]
async fn every_order_has_a_wire_form_and_comes_to_whom_it_is_for() {
    let mut daemon = daemon(Ok(())).await;
    let name = || "a".to_owned();
    let limits = StepLimits { forward: Some(Span::from_millis(1500)), backward: None };
    for (wire, meaning) in [
        (json!({"command": "force-sync"}), Meaning::Command(Command::ForceSync)),
        (
            json!({"command": "add-source", "section": "x"}),
            Meaning::Command(Command::AddSource { section: "x".to_owned() }),
        ),
        (
            json!({"command": "remove-source", "name": "a"}),
            Meaning::Command(Command::RemoveSource { name: name() }),
        ),
        (
            json!({"command": "mark", "name": "a", "mark": "noselect", "on": true}),
            Meaning::Command(Command::Mark { name: name(), mark: Mark::Noselect, on: true }),
        ),
        (json!({"command": "online"}), Meaning::Command(Command::Online { name: None, online: true })),
        (
            json!({"command": "offline", "name": "a"}),
            Meaning::Command(Command::Online { name: Some(name()), online: false }),
        ),
        (json!({"command": "burst", "name": null}), Meaning::Command(Command::Burst { name: None })),
        (
            json!({"command": "panic-threshold", "forward": 1.5, "backward": null}),
            Meaning::Command(Command::PanicThreshold(limits)),
        ),
        (json!({"command": "reload"}), Meaning::Service(ServiceOrder::Reload)),
        (
            json!({"command": "log-filter", "filter": "debug"}),
            Meaning::Service(ServiceOrder::LogFilter(Some("debug".to_owned()))),
        ),
        (json!({"command": "log-filter"}), Meaning::Service(ServiceOrder::LogFilter(None))),
    ] {
        let reply = daemon.say(wire.to_string().as_bytes()).await;
        assert_eq!(
            (reply.as_str(), daemon.told.recv().await),
            ("{\"result\":\"accepted\"}\n", Some(meaning))
        );
    }
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused_and_asked_of_nobody() {
    let mut daemon = daemon(Ok(())).await;
    for (wire, reason) in [
        ("{\"command\":\"panic-threshold\",\"forward\":-1,\"backward\":1}", "no threshold"),
        ("{\"command\":\"mark\",\"name\":\"a\",\"mark\":\"love\",\"on\":true}", "unknown variant"),
        ("{\"command\":\"remove-source\"}", "missing field"),
        ("{\"command\":\"reload\",\"harder\":true}", "unknown field"),
    ] {
        let reply = daemon.say(wire.as_bytes()).await;
        assert!(reply.contains("refused") && reply.contains(reason), "{reply}");
    }
    assert!(daemon.told.try_recv().is_err());
}

#[tokio::test]
async fn who_is_let_in_like_everybody_is_obeyed_in_nothing() {
    let mut daemon = daemon(Ok(())).await;
    let asks = |peer| {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        async move {
            let answering = converse(theirs, peer, async |_| Reply::Accepted);
            let asking = async {
                ours.write_all(b"{\"command\":\"force-sync\"}\n").await.unwrap();
                let mut reply = String::new();
                ours.read_to_string(&mut reply).await.unwrap();
                reply
            };
            tokio::join!(answering, asking).1
        }
    };
    let reply = asks(Peer { uid: 1000, is_chosen: false }).await;
    assert!(reply.contains("refused") && reply.contains("chmod o-w"), "{reply}");
    assert!(asks(Peer { uid: 1000, is_chosen: true }).await.contains("accepted"));
    // Its own user is obeyed whatever the permissions.
    fs::set_permissions(&daemon.path, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
    assert!(daemon.told.recv().await.is_some());
}

/// What a client gets that asks this of a daemon that needs so long for it.
async fn slowly(request: &Request, takes: Duration) -> String {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let obeying = async |_| {
        sleep(takes).await;
        Reply::Accepted
    };
    let answering = converse(theirs, Peer { uid: 0, is_chosen: true }, obeying);
    let asking = async {
        ours.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut reply = String::new();
        ours.read_to_string(&mut reply).await.unwrap();
        reply
    };
    tokio::join!(answering, asking).1
}

#[tokio::test(start_paused = true)]
async fn a_reload_may_take_longer_than_anything_else_and_not_forever() {
    let (short, long) = (Duration::from_secs(10), Duration::from_secs(100));
    assert_eq!(slowly(&Request::ForceSync {}, short).await, "");
    assert!(slowly(&Request::Reload {}, short).await.contains("accepted"));
    assert_eq!(slowly(&Request::Reload {}, long).await, "");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_cut_off_long_before_a_reload_would_be() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let silent = converse(theirs, Peer { uid: 0, is_chosen: true }, async |_| Reply::Accepted);
    let error = timeout(Duration::from_secs(3), silent).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(ours.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_daemon_that_says_nothing_is_told_of_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let asking = tokio::task::spawn_blocking(move || send(&path, &Request::Reload {}));
    drop(listener.accept().unwrap());
    let error = asking.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("without an answer"), "{error}");
}

#[tokio::test]
async fn ten_thousand_bad_requests_change_nothing_and_the_next_good_one_is_obeyed() {
    let mut daemon = daemon(Ok(())).await;
    for number in 0..10_000_u32 {
        let mut stream = UnixStream::connect(&daemon.path).await.unwrap();
        let noise = number.wrapping_mul(2_654_435_761).to_le_bytes();
        // The daemon may have answered and gone before all of it is written.
        let _ = stream.write_all(&[b"{\"command\":", noise.as_slice(), b"\n"].concat()).await;
        if number % 3 == 0 {
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.unwrap();
            assert!(reply.contains("refused"), "{reply}");
        }
    }
    assert!(daemon.told.try_recv().is_err());
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
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
