//! What changes a daemon that runs: without one, without the right, and what arrives where there is one.

use crate::{CTL, Ran, configuration, run};
use ntpd_rs::asking::{Answer, Asked, Asker, Door};
use ntpd_rs::command::{Command, Mark, ServiceOrder};
use ntpd_rs::config::StepLimits;
use ntpd_rs::time::Span;
use ntpd_rs::unix_socket::Listener;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const ORDERS: [&str; 14] = [
    "source add a.example",
    "source remove a",
    "source prefer a",
    "source noselect a --off",
    "source trust a",
    "source require a",
    "online",
    "offline a",
    "burst",
    "panic-threshold 10",
    "log-level debug",
    "reload",
    "config --log-filter debug",
    "config --panic-threshold 10",
];

fn ctl(path: &str, line: &str) -> Ran {
    run(CTL, &["-c", path].into_iter().chain(line.split(' ')).collect::<Vec<_>>())
}

/// A directory for sockets, and the path of a configuration that names them.
fn place() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("observe");
    let path = configuration(
        directory.path(),
        &format!("[observability]\nobservation-path = \"{}\"\n", socket.display()),
    );
    (directory, path)
}

#[test]
fn without_a_daemon_every_order_says_so_and_ends_with_1() {
    let (_directory, path) = place();
    for line in ORDERS.into_iter().chain(["source list", "sources", "peers", "system", "prometheus"]) {
        let ran = ctl(&path, line);
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{line}: {}", ran.err);
        assert!(ran.err.starts_with("no daemon: ") && ran.err.lines().count() == 1, "{line}: {}", ran.err);
    }
}

#[test]
fn what_means_nothing_is_told_before_anybody_is_asked() {
    let (_directory, path) = place();
    for (line, words) in
        [("source add a --set family", "--set key=value"), ("config", "--log-filter or --panic-threshold")]
    {
        let ran = ctl(&path, line);
        assert_eq!((ran.code, ran.out.as_str()), (Some(78), ""), "{line}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn without_the_right_every_order_says_who_has_it_and_ends_with_77() {
    let (directory, path) = place();
    let control = directory.path().join("control");
    let _listener = UnixListener::bind(&control).unwrap();
    for (path, mode) in [(directory.path(), 0o755), (control.as_path(), 0o600)] {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    for line in ORDERS {
        let Some((code, err)) = as_nobody(&path, line) else { return };
        assert_eq!(code, Some(77), "{line}: {err}");
        assert!(err.starts_with("not permitted ") && err.contains("the socket's group"), "{line}: {err}");
    }
}

/// Nothing where only root may do that, or run what was built.
fn as_nobody(path: &str, line: &str) -> Option<(Option<i32>, String)> {
    let mut command = std::process::Command::new(CTL);
    let output = command.args(["-c", path]).args(line.split(' ')).uid(65534).gid(65534).output();
    match output {
        Err(error) => {
            eprintln!("left out: {CTL} cannot be run as nobody: {error}");
            None
        }
        Ok(output) => Some((output.status.code(), String::from_utf8(output.stderr).unwrap())),
    }
}

/// What arrives.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Engine(Command),
    Service(ServiceOrder),
}

/// What a daemon that answers so is asked, and what the program makes of the answer.
async fn ask(line: &str, answer: Answer) -> (Ran, Order) {
    let (directory, path) = place();
    let (commands, mut to_engine) = Door::new();
    let (service, mut to_service) = Door::new();
    let listener = Listener::bind(&directory.path().join("control"), 0o600).await.unwrap();
    let stop = CancellationToken::new();
    let asker = Asker { commands, service };
    tokio::spawn(ntpd_rs::control::serve(listener, asker, async |_| Vec::new(), stop.clone()));
    let line = line.to_owned();
    let asking = tokio::task::spawn_blocking(move || ctl(&path, &line));
    let order = tokio::select! {
        Some(asked) = to_engine.recv() => {
            let (command, reply) = Asked::answer_with(asked);
            reply(answer);
            Order::Engine(command)
        }
        Some(asked) = to_service.recv() => {
            let (order, reply) = Asked::answer_with(asked);
            reply(answer);
            Order::Service(order)
        }
    };
    let ran = asking.await.unwrap();
    stop.cancel();
    (ran, order)
}

#[tokio::test]
async fn every_order_arrives_as_it_was_meant_and_says_what_was_done() {
    let name = || "a".to_owned();
    let seconds = |forward, backward| StepLimits {
        forward: Some(Span::from_secs(forward)),
        backward: Option::map(backward, Span::from_secs),
    };
    let mark = |mark, on| Order::Engine(Command::Mark { name: name(), mark, on });
    let online = |name, online| Order::Engine(Command::Online { name, online });
    let section =
        "mode = \"nts-pool\"\naddress = \"a\"\ncount = 2\ntrust = true\nfamily = \"ipv4\"\n".to_owned();
    let filter = |filter: Option<&str>| Order::Service(ServiceOrder::LogFilter(filter.map(str::to_owned)));
    for (line, order, said) in [
        (
            "source add a --nts-pool --count 2 --trust --set family=ipv4",
            Order::Engine(Command::AddSource { section }),
            "a is asked now",
        ),
        ("source remove a", Order::Engine(Command::RemoveSource { name: name() }), "asked no more"),
        ("source prefer a", mark(Mark::Prefer, true), "Done, until"),
        ("source noselect a --off", mark(Mark::Noselect, false), "Done, until"),
        ("source trust a", mark(Mark::Trust, true), "Done, until"),
        ("source require --off a", mark(Mark::Require, false), "Done, until"),
        ("online", online(None, true), "All sources are asked again"),
        ("offline a", online(Some(name()), false), "`ntp-ctl online a`"),
        ("burst a", Order::Engine(Command::Burst { name: Some(name()) }), "Measured"),
        (
            "panic-threshold 10 inf",
            Order::Engine(Command::PanicThreshold(seconds(10, None))),
            "forward by 10 s and back without a limit",
        ),
        (
            "config --panic-threshold 10",
            Order::Engine(Command::PanicThreshold(seconds(10, Some(10)))),
            "back by 10 s",
        ),
        ("log-level debug", filter(Some("debug")), "logs by debug"),
        ("log-level --default", filter(None), "as it is configured"),
        ("config --log-filter warn", filter(Some("warn")), "logs by warn"),
        ("reload", Order::Service(ServiceOrder::Reload), "in force"),
    ] {
        let (ran, arrived) = ask(line, Ok(())).await;
        assert_eq!((ran.code, ran.err.as_str(), arrived), (Some(0), "", order), "{line}");
        assert!(ran.out.contains(said) && ran.out.lines().count() == 1, "{line}: {}", ran.out);
    }
}

#[tokio::test]
async fn a_refusal_is_told_and_ends_with_1() {
    for line in ["source remove a", "reload", "config --log-filter debug"] {
        let (ran, _) = ask(line, Err("not on a Monday".to_owned())).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{line}");
        assert_eq!(ran.err, "the daemon refuses: not on a Monday\n", "{line}");
    }
}
