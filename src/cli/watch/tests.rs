//! Screens of every size, and what keys do.

use super::*;
use crate::snapshot::Snapshot;
use crate::snapshot::example::{later, snapshot, with_nts};
use crate::verdict::SourceId;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

fn state(change: impl FnOnce(&mut Snapshot)) -> State {
    let mut snapshot = with_nts(snapshot());
    change(&mut snapshot);
    State::new(&snapshot, later(&snapshot, 0))
}

/// After two minutes, in which the offset moved.
fn app(change: impl Fn(&mut Snapshot)) -> App {
    let mut app = App::new(Duration::from_secs(1));
    for second in 0..120_u32 {
        let mut state = state(&change);
        state.system.offset += f64::from(second) * 1e-6;
        app.take(Ok(state), Duration::from_secs(u64::from(second)));
    }
    app
}

fn no_daemon() -> ReadError {
    let directory = tempfile::tempdir().unwrap();
    observation::read(&directory.path().join("observe")).unwrap_err()
}

fn press(app: &mut App, code: KeyCode) {
    app.press(KeyEvent::new(code, KeyModifiers::NONE));
}

fn drawn(app: &App, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, app, Look::of_tests(true))).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_usual_terminal_shows_the_clock_every_source_and_the_plot() {
    let screen = drawn(&app(|_| ()), (80, 24));
    for words in [
        "The clock is right: synchronized to within 6.95 ms, 3 of 3 sources agree.",
        "★ ntp1.example.org:… system-peer      1   64   377  -13.7 µs ± 52.0 µs   12.3 ms",
        "✗ a-very-long-name.… falseticker",
        "What is left to correct of the clock",
        "119 s ago",
        "q end   ↑ ↓ choose   every 1.00 s",
    ] {
        assert!(screen.contains(words), "{words} is missing in\n{screen}");
    }
    assert_eq!(screen.lines().count(), 24);
}

#[test]
fn no_terminal_is_too_small_and_no_crowd_too_large() {
    let crowd = |snapshot: &mut Snapshot| {
        let one = snapshot.sources[0].clone();
        snapshot.sources =
            (1..=200).map(|id| crate::snapshot::Source { id: SourceId(id), ..one.clone() }).collect();
    };
    let mut apps = [App::new(Duration::from_secs(1)), app(|_| ()), app(crowd), app(|s| s.sources.clear())];
    apps[1].take(Err(no_daemon()), Duration::from_secs(130));
    for app in &mut apps {
        for size in (1..=90).step_by(7).flat_map(|width| (1..=30).map(move |height| (width, height))) {
            drawn(app, size);
        }
        press(app, KeyCode::End);
        drawn(app, (20, 5));
    }
    let screen = drawn(&apps[1], (20, 5));
    assert!(screen.contains("no daemon"), "{screen}");
}

#[test]
fn a_daemon_that_is_gone_is_told_until_it_is_back() {
    let mut app = app(|_| ());
    app.take(Err(no_daemon()), Duration::from_secs(130));
    let screen = drawn(&app, (80, 24));
    assert!(
        screen.contains("no daemon: there is no observation socket") && screen.contains("What it said last:"),
        "{screen}"
    );
    app.take(Ok(state(|_| ())), Duration::from_secs(131));
    assert!(!drawn(&app, (80, 24)).contains("no daemon"));
}

#[test]
fn keys_choose_a_source_and_end() {
    let mut app = app(|_| ());
    press(&mut app, KeyCode::Up);
    assert_eq!((app.selected(), app.whose()), (None, None));
    press(&mut app, KeyCode::Down);
    press(&mut app, KeyCode::Down);
    assert_eq!((app.selected(), app.whose()), (Some(1), Some(2)));
    let screen = drawn(&app, (80, 24));
    assert!(
        screen.contains("not used: it disagrees with the others") && screen.contains("against a-very-long"),
        "{screen}"
    );
    for _ in 0..9 {
        press(&mut app, KeyCode::Down);
    }
    assert_eq!(app.selected(), Some(2));
    // The row that was looked at may be gone.
    app.take(Ok(state(|snapshot| snapshot.sources.truncate(1))), Duration::from_secs(131));
    assert_eq!(app.selected(), Some(0));
    assert!(!app.has_ended());
    press(&mut app, KeyCode::Char('q'));
    assert!(app.has_ended());
}

#[test]
fn control_c_ends_and_c_does_not() {
    let mut app = App::new(Duration::from_secs(1));
    press(&mut app, KeyCode::Char('c'));
    assert!(!app.has_ended());
    app.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert!(app.has_ended());
}

#[test]
fn a_terminal_without_utf8_gets_ascii() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    terminal.draw(|frame| view::draw(frame, &app(|_| ()), Look::of_tests(false))).unwrap();
    assert!(terminal.backend().to_string().is_ascii(), "{}", terminal.backend());
}
