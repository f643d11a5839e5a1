//! A service manager of the test's own, at a path and at an abstract address.

use super::*;
use crate::snapshot::SyncState;
use crate::snapshot::example::{later, snapshot};

struct Listening {
    socket: UnixDatagram,
    _folder: tempfile::TempDir,
    manager: Manager,
}

fn listening(watchdog: Option<Span>) -> Listening {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let manager = Manager::at(path.as_os_str(), watchdog).unwrap();
    Listening { socket, _folder: folder, manager }
}

impl Listening {
    fn heard(&self) -> Vec<String> {
        std::iter::from_fn(|| {
            let mut bytes = [0; 4096];
            let length = self.socket.recv(&mut bytes).ok()?;
            Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
        })
        .collect()
    }
}

fn state(state: SyncState) -> State {
    let mut snapshot = snapshot();
    snapshot.system.state = state;
    State::new(&snapshot, later(&snapshot, 0))
}

const fn at(seconds: i64) -> Mono {
    Mono::from_nanos(seconds * 1_000_000_000)
}

#[test]
fn it_hears_that_all_is_ready_what_the_clock_does_and_that_it_ends() {
    let manager = listening(None);
    let mut reporter = Reporter::new(manager.manager.clone(), None);
    reporter.look(|| state(SyncState::Waiting));
    assert!(manager.heard().is_empty(), "nothing is told before it is true");
    reporter.ready(at(0));
    reporter.turn(at(3));
    reporter.look(|| state(SyncState::Synchronized));
    reporter.turn(at(4));
    reporter.turn(at(10_000));
    reporter.stopping(None);
    reporter.stopping(Some("one\ntwo"));
    let sources = "sources: waiting 1, falseticker 1, system-peer 1";
    assert_eq!(
        manager.heard(),
        [
            &format!("READY=1\nSTATUS=Not synchronized: waiting for measurements; {sources}"),
            "STATUS=Synchronized to within 6.95 ms, 3 of 3 sources agree",
            "STOPPING=1\nSTATUS=Stopping",
            "STOPPING=1\nSTATUS=one two",
        ]
    );
    assert_eq!(reporter.next_sign(), None);
}

#[test]
fn it_hears_why_the_clock_is_not_controlled() {
    let manager = listening(None);
    let mut reporter = Reporter::new(manager.manager.clone(), Some("clock-control = false".to_owned()));
    let mut snapshot = snapshot();
    snapshot.system.controls_clock = false;
    reporter.look(|| State::new(&snapshot, later(&snapshot, 0)));
    reporter.ready(at(0));
    let line = "Synchronized to within 6.95 ms, 3 of 3 sources agree; the clock is not controlled: clock-control = false";
    assert_eq!(manager.heard(), [format!("READY=1\nSTATUS={line}")]);
}

#[test]
fn a_reload_begins_with_the_time_that_systemd_compares() {
    let manager = listening(None);
    manager.manager.reloading(Mono::from_nanos(12_345_678_901));
    manager.manager.ready();
    assert_eq!(manager.heard(), ["RELOADING=1\nMONOTONIC_USEC=12345678", "READY=1"]);
}

#[test]
fn signs_of_life_are_given_when_the_loop_turns_anyway_and_wake_it_up_only_when_it_does_not() {
    let manager = listening(Some(Span::from_secs(180)));
    let mut reporter = Reporter::new(manager.manager.clone(), None);
    assert_eq!(reporter.next_sign(), None, "nothing is waited for before it is ready");
    reporter.ready(at(0));
    let mut signs = Vec::new();
    manager.heard();
    for now in [10, 44, 46, 60, 136] {
        reporter.turn(at(now));
        signs.extend(manager.heard().into_iter().map(|_| now));
    }
    assert_eq!(signs, [46, 136]);
    assert_eq!(reporter.next_sign(), Some(at(136 + 90)));
}

#[test]
fn a_manager_that_has_no_room_or_is_gone_keeps_nobody() {
    let manager = listening(Some(Span::from_secs(1)));
    let mut reporter = Reporter::new(manager.manager.clone(), None);
    reporter.ready(at(0));
    (1..5000).for_each(|now| reporter.turn(at(now)));
    assert!(manager.heard().len() < 4000, "this kernel's queue is too long for the test");
    drop(manager);
    reporter.turn(at(5000));
    reporter.stopping(None);
}

#[test]
fn an_abstract_address_works_and_nonsense_is_refused() {
    let name = format!("ntpd-rs-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    Manager::at(OsStr::new(&format!("@{name}")), None).unwrap().ready();
    let mut bytes = [0; 64];
    assert_eq!(socket.recv(&mut bytes).unwrap(), 7);
    assert!(Manager::at(OsStr::new(&"x".repeat(200)), None).is_err());
}

#[test]
fn without_a_manager_nothing_is_computed() {
    let mut reporter = Reporter::default();
    reporter.look(|| unreachable!());
    reporter.ready(at(0));
    reporter.turn(at(1000));
    assert_eq!(reporter.next_sign(), None);
}
