//! What `ntp-ctl watch` knows: the latest state, what came before, and which row is looked at. Draws nothing and asks nobody.

use super::Answer;
use super::history::{History, Whose};
use crate::observation::State;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::Duration;

/// Everything that is drawn.
#[derive(Debug)]
pub(super) struct App {
    /// The last one that there was.
    pub(super) state: Option<State>,
    /// Why there is no newer one.
    pub(super) trouble: Option<String>,
    pub(super) history: History,
    /// When the last answer came.
    pub(super) now: Duration,
    pub(super) interval: Duration,
    /// Row of the table; 0 is the clock.
    selected: usize,
    ended: bool,
}

impl App {
    pub(super) fn new(interval: Duration) -> Self {
        let history = History::default();
        Self { state: None, trouble: None, history, now: Duration::ZERO, interval, selected: 0, ended: false }
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// A daemon that is gone leaves what it said last, and is asked on.
    pub(super) fn take(&mut self, answer: Answer, now: Duration) {
        match answer {
            Ok(state) => {
                self.history.add(&state, now);
                (self.state, self.trouble, self.now) = (Some(state), None, now);
            }
            Err(error) => self.trouble = Some(error.to_string()),
        }
        self.selected = self.selected.min(self.rows());
    }

    pub(super) fn press(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if with_control => self.ended = true,
            KeyCode::Char('q') | KeyCode::Esc => self.ended = true,
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.selected = (self.selected + 1).min(self.rows()),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = self.rows(),
            _ => {}
        }
    }

    /// The source that is looked at, if it is not the clock.
    pub(super) fn selected(&self) -> Option<usize> {
        self.selected.checked_sub(1)
    }

    /// The same for the history.
    pub(super) fn whose(&self) -> Whose {
        let source = self.state.as_ref()?.sources.get(self.selected()?)?;
        Some(source.id)
    }

    fn rows(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.sources.len())
    }
}
