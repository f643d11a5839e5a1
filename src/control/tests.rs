//! Requests over a real socket: obeyed, refused with the reason, and nonsense.

use super::*;
use crate::snapshot::example::snapshot;
use std::path::PathBuf;

struct Daemon {
    path: PathBuf,
    commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
    _publish: watch::Sender<Arc<Snapshot>>,
}

async fn daemon(change: impl FnOnce(&mut Snapshot)) -> Daemon {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let listener = Listener::bind(&path, 0o660).await.unwrap();
    let mut state = snapshot();
    change(&mut state);
    let (publish, snapshots) = watch::channel(Arc::new(state));
    let (sender, commands) = mpsc::channel(1);
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, sender, snapshots, stop.clone()));
    Daemon { path, commands, stop, _directory: directory, _publish: publish }
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
    let mut daemon = daemon(|_| ()).await;
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
    assert_eq!(daemon.commands.recv().await, Some(Command::ForceSync));
    assert_eq!(daemon.say(b"{\"command\":\"force-sync\"}").await, "{\"result\":\"accepted\"}\n");
    daemon.stop.cancel();
}

#[tokio::test]
async fn what_cannot_succeed_is_refused_with_the_reason() {
    for (change, reason) in [
        ((|s| s.system.controls_clock = false) as fn(&mut Snapshot), "does not control the clock"),
        (|s| s.system.state = SyncState::NoSources, "no sources"),
        (|s| s.system.state = SyncState::TooFewSources, "`minimum-agreeing-sources` = 3"),
    ] {
        let mut daemon = daemon(change).await;
        let Reply::Refused { reason: told } = daemon.ask(Request::ForceSync {}).await else {
            panic!("accepted")
        };
        assert!(told.contains(reason), "{told}");
        assert!(daemon.commands.try_recv().is_err());
    }
}

#[tokio::test]
async fn nonsense_gets_a_reply_and_does_nothing() {
    let mut daemon = daemon(|_| ()).await;
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
    assert!(daemon.commands.try_recv().is_err());
}

#[tokio::test]
async fn a_request_without_end_is_cut_off() {
    let mut daemon = daemon(|_| ()).await;
    let mut stream = UnixStream::connect(&daemon.path).await.unwrap();
    let endless = vec![b' '; 1 << 20];
    // The daemon answers before all of it is read, so writing may fail.
    let _ = stream.write_all(&endless).await;
    assert!(daemon.commands.try_recv().is_err());
    assert_eq!(daemon.ask(Request::ForceSync {}).await, Reply::Accepted);
    daemon.commands.close();
}
