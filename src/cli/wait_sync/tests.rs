//! When waiting ends, and how often the daemon is asked, in tokio's virtual time.

use super::*;
use crate::snapshot::SyncState;
use crate::snapshot::example::{later, snapshot};
use std::cell::RefCell;
use tokio::time::Instant;

/// Answers as `answer` does, given how many seconds have passed: the end, what was told, and when it was asked.
async fn waited(
    limit: Option<u64>,
    answer: impl Fn(u64) -> Result<State, ReadError>,
) -> (Result<String, StartupError>, Vec<String>, Vec<u64>) {
    let begin = Instant::now();
    let (told, asked) = (RefCell::<Vec<_>>::default(), RefCell::<Vec<_>>::default());
    let ask = async || {
        let passed = begin.elapsed().as_secs();
        asked.borrow_mut().push(passed);
        answer(passed)
    };
    let tell = |line: &str| told.borrow_mut().push(line.to_owned());
    let end = within(limit.map(Duration::from_secs), None, ask, tell).await;
    (end, told.into_inner(), asked.into_inner())
}

fn state(state: SyncState) -> State {
    let mut snapshot = snapshot();
    snapshot.system.state = state;
    State::new(&snapshot, later(&snapshot, 0))
}

/// As it is told before a daemon has bound its socket.
fn nobody() -> ReadError {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observe");
    // It blocks, which the tests' own runtime does not allow.
    std::thread::spawn(move || observation::read(&path).unwrap_err()).join().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_right_is_not_waited_for() {
    let (end, told, asked) = waited(None, |_| Ok(state(SyncState::Synchronized))).await;
    assert_eq!(end.unwrap(), "synchronized to within 6.95 ms, 3 of 3 sources agree");
    assert_eq!((told, asked), (vec![], vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_comes_late_is_waited_for_and_missed_aloud_once() {
    let (end, told, asked) = waited(Some(60), |seconds| match seconds {
        0..3 => Err(nobody()),
        3..6 => Ok(state(SyncState::Waiting)),
        _ => Ok(state(SyncState::Synchronized)),
    })
    .await;
    assert!(end.unwrap().starts_with("synchronized"));
    assert_eq!(asked, [0, 1, 2, 3, 4, 5, 6], "about once a second");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("no daemon: ") && told[0].ends_with("; waiting for it"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn the_timeout_ends_with_1_and_says_why_the_clock_was_not_right() {
    let (end, _, asked) = waited(Some(5), |_| Ok(state(SyncState::NoSources))).await;
    let error = end.unwrap_err();
    let message = "the clock is not right after 5.00 s: not synchronized: no sources are configured";
    assert_eq!((error.message.as_str(), error.exit_code.code()), (message, 1));
    assert!(asked.len() <= 6, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_is_told_so_at_once() {
    let (end, told, asked) = waited(None, |_| Err(denied())).await;
    assert_eq!((end.unwrap_err().exit_code.code(), told, asked), (77, vec![], vec![0]));
}

fn denied() -> ReadError {
    let mut error = nobody();
    error.error = std::io::ErrorKind::PermissionDenied.into();
    error
}
