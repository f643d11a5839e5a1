//! The status page: from the state and the history to HTML. Asks nobody, and needs nothing that is not in it.

mod clock;
mod html;
mod plot;
mod serving;
mod sources;

use super::history::History;
use crate::observation::{ReadError, State};
use html::{Html, fill};

/// The whole page; without a state, why there is none.
pub(super) fn render(
    state: Result<&State, &ReadError>,
    history: &History,
    host: &str,
    nonce: &str,
) -> String {
    let answer = clock::answer(state);
    let mut content = Html::default();
    clock::top(&mut content, host, state.ok());
    clock::banner(&mut content, &answer);
    if let Ok(state) = state {
        clock::facts(&mut content, state);
    }
    plot::plots(&mut content, history);
    if let Ok(state) = state {
        sources::section(&mut content, &state.sources);
        serving::section(&mut content, state);
        footer(&mut content, state);
    }
    let mut title = Html::default();
    title.text(answer.title).text(if host.is_empty() { "" } else { " · " }).text(host);
    let values = [
        ("title", title.into_string()),
        ("colour", answer.level.colour().to_owned()),
        ("nonce", nonce.to_owned()),
        ("style", include_str!("page/page.css").to_owned()),
        ("script", include_str!("page/page.js").to_owned()),
        ("content", content.into_string()),
    ];
    fill(include_str!("page/page.html"), &values.each_ref().map(|(name, value)| (*name, value.as_str())))
}

/// Signs that people read as such.
fn signed(seconds: f64) -> String {
    crate::time::quantity::signed(seconds).replace('-', "−")
}

/// How bad something is: the colour of a banner and of a tag, never without words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Good,
    Fair,
    Bad,
    Calm,
}

impl Level {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Bad => "bad",
            Self::Calm => "calm",
        }
    }

    /// Of the icon.
    const fn colour(self) -> &'static str {
        match self {
            Self::Good => "green",
            Self::Fair => "darkorange",
            Self::Bad => "crimson",
            Self::Calm => "slategray",
        }
    }
}

fn footer(html: &mut Html, state: &State) {
    let program = &state.program;
    html.raw("<footer><p>ntpd-rs ").text(&program.version);
    if program.build_commit != "unknown" {
        html.raw(" (").text(&program.build_commit).raw(", ").text(&program.build_commit_date).raw(")");
    }
    html.raw(" · the same for programs: <a href=\"/metrics\">/metrics</a>, <a href=\"/status.json\">/status.json</a></p>");
    html.raw("<p>An offset above zero means that the clock is behind. ± is one standard deviation; the largest error is a bound.</p></footer>");
}

#[cfg(test)]
mod tests;
