//! `ntp-ctl watch`: the daemon's state on a whole terminal, until somebody has seen enough. What is drawn, `view` says.

mod app;
mod history;
mod view;

use super::Outcome;
use super::check::place;
use super::status::Look;
use crate::daemon::startup_error::StartupError;
use crate::observation::{self, ReadError, State};
use app::App;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Shows the state anew each `interval`; ends by a key or a signal, and then the terminal is as it was.
pub(super) fn run(config: Option<&Path>, socket: Option<&Path>, interval: Duration) -> Outcome {
    let can_move = env::var("TERM").is_ok_and(|term| !["", "dumb"].contains(&term.as_str()));
    if !(io::stdin().is_terminal() && io::stdout().is_terminal() && can_move) {
        return Err(StartupError::other(
            "there is no terminal here to draw on; see `ntp-ctl status`, or `ntp-ctl status -f json` for programs",
        ));
    }
    let socket = place(config, socket)?;
    let look = Look::of_stdout();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    // A panic restores it too: ratatui sees to that.
    let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let ended = runtime.block_on(show(&mut terminal, socket, interval, look));
    let restored = ratatui::try_restore();
    ended.and(restored).map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> StartupError {
    StartupError::other(format!("the terminal cannot be used: {error}"))
}

type Answer = Result<State, ReadError>;

async fn show(
    terminal: &mut DefaultTerminal,
    socket: PathBuf,
    interval: Duration,
    look: Look,
) -> io::Result<()> {
    let begin = Instant::now();
    let (mut keys, mut answers) = (keys(), answers(socket, interval));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut app = App::new(interval);
    while !app.has_ended() {
        terminal.draw(|frame| view::draw(frame, &app, look))?;
        tokio::select! {
            Some(answer) = answers.recv() => app.take(answer, begin.elapsed()),
            event = keys.recv() => match event {
                Some(Event::Key(key)) => app.press(key),
                // Drawn anew, at another size perhaps.
                Some(_) => {}
                None => break,
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => break,
        }
    }
    Ok(())
}

/// Reading a key blocks, so a thread does it, which ends with the process.
fn keys() -> mpsc::Receiver<Event> {
    let (send, receive) = mpsc::channel(16);
    thread::spawn(move || {
        while let Ok(event) = event::read() {
            if send.blocking_send(event).is_err() {
                return;
            }
        }
    });
    receive
}

/// A daemon that hangs takes its time to be given up, and keys are obeyed meanwhile.
fn answers(socket: PathBuf, interval: Duration) -> mpsc::Receiver<Answer> {
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        while send.send(observation::ask(&socket).await).await.is_ok() {
            sleep(interval).await;
        }
    });
    receive
}

#[cfg(test)]
mod tests;
