//! The top of the page: whether the clock is right, and the numbers of it.

use super::html::Html;
use super::{Level, signed};
use crate::observation::{LeapIndicator, ReadError, State, System};
use crate::snapshot::SyncState;
use crate::time::quantity::magnitude;
use crate::time::{ClockTime, Date, NtpTimestamp, Poll};

/// What people want to know first.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) level: Level,
    pub(super) title: &'static str,
    detail: String,
}

/// By the same rule as `ntp-ctl status --check`.
pub(super) fn answer(state: Result<&State, &ReadError>) -> Answer {
    let state = match state {
        Ok(state) => state,
        Err(error) => {
            let title = "Nobody knows whether the clock is right";
            return Answer { level: Level::Bad, title, detail: error.to_string() };
        }
    };
    let judgement = state.judge(None);
    let (level, title) = match state.system.state {
        _ if judgement.is_right => (Level::Good, "The clock is right"),
        SyncState::Waiting => (Level::Fair, "The clock is not right yet"),
        SyncState::Holdover => (Level::Fair, "The clock runs on by itself"),
        SyncState::OrphanParent | SyncState::OrphanChild => {
            (Level::Fair, "The clock is an isolated network's")
        }
        SyncState::NoSources | SyncState::TooFewSources => (Level::Bad, "The clock will not be set"),
        SyncState::NoQuorum | SyncState::Synchronized => (Level::Bad, "The clock is not right"),
    };
    Answer { level, title, detail: judgement.line }
}

/// Where and when.
pub(super) fn top(html: &mut Html, host: &str, state: Option<&State>) {
    html.raw("<p class=\"top\"><strong>")
        .text(if host.is_empty() { "ntpd-rs" } else { host })
        .raw("</strong>");
    if let Some(state) = state {
        html.raw("<span>").text(&time_of_day(state)).raw(" UTC, by this clock</span>");
    }
    html.raw("</p>\n");
}

/// `2026-11-23 16:30:05`; of the era around the year 2027.
fn time_of_day(state: &State) -> String {
    let pivot = ClockTime::from_unix_secs(1_800_000_000);
    let now = NtpTimestamp::from_bits(state.program.now.timestamp).near(pivot);
    let second = now.unix_secs().rem_euclid(86_400);
    format!("{} {:02}:{:02}:{:02}", Date::of(now), second / 3600, second / 60 % 60, second % 60)
}

pub(super) fn banner(html: &mut Html, answer: &Answer) {
    html.raw("<section class=\"answer ").raw(answer.level.class()).raw("\">");
    html.raw("<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.2\" stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">");
    html.raw("<circle cx=\"12\" cy=\"12\" r=\"10\"/>").raw(match answer.level {
        Level::Good => "<path d=\"M7.5 12.5l3 3 6-6.5\"/>",
        Level::Fair | Level::Calm => "<path d=\"M12 7v5.5l3.5 2\"/>",
        Level::Bad => "<path d=\"M12 7v6M12 16.6v.1\"/>",
    });
    html.raw("</svg><div><h1>").text(answer.title).raw("</h1><p>").text(&sentence(&answer.detail));
    html.raw("</p></div></section>\n");
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

pub(super) fn facts(html: &mut Html, state: &State) {
    let system = &state.system;
    html.raw("<dl class=\"facts\">\n");
    if is_followed(system.state) {
        let uncertainty = format!("± {}", magnitude(system.offset_uncertainty));
        fact(html, "Offset", &signed(system.offset), &uncertainty);
        fact(html, "Largest error", &magnitude(system.maximum_error), "a bound");
    }
    let frequency = format!("{:+.3} ppm", system.frequency_ppm).replace('-', "−");
    fact(html, "Frequency", &frequency, &format!("± {:.3} ppm", system.frequency_uncertainty_ppm));
    if let Some(jitter) = system.jitter {
        fact(html, "Jitter", &magnitude(jitter), "of the sources in use");
    }
    fact(html, "Sources", &agreeing(system), &format!("needed: {}", system.minimum_agreeing_sources));
    if is_followed(system.state) {
        fact(html, "Stratum", &system.stratum.to_string(), &format!("follows {}", system.reference));
        let dispersion = format!("dispersion {}", magnitude(system.root_dispersion));
        fact(html, "Root delay", &magnitude(system.root_delay), &dispersion);
    }
    correction(html, system);
    leap(html, system);
    fact(html, "Running for", &duration(state.program.uptime_seconds), &steps(system.steps));
    html.raw("</dl>\n");
}

fn fact(html: &mut Html, name: &'static str, value: &str, more: &str) {
    html.raw("<div><dt>").raw(name).raw("</dt><dd>").text(value);
    html.raw(" <small>").text(more).raw("</small></dd></div>\n");
}

const fn is_followed(state: SyncState) -> bool {
    matches!(state, SyncState::Synchronized | SyncState::Holdover | SyncState::OrphanChild)
}

fn agreeing(system: &System) -> String {
    match system.agreeing_sources {
        1 => "1 agrees".to_owned(),
        count => format!("{count} agree"),
    }
}

fn correction(html: &mut Html, system: &System) {
    let poll = Poll::new(system.poll_interval).interval().seconds();
    let poll = format!("asks every {}", duration(poll));
    let (value, more) = match (system.controls_clock, system.last_correction_age) {
        (false, _) => ("measured only".to_owned(), poll),
        (true, None) => ("none yet".to_owned(), poll),
        (true, Some(age)) => {
            let left = system.slew_remaining.filter(|left| *left > 0.0);
            let by = system.last_correction.map(signed).unwrap_or_default();
            let more = left.map_or(by, |left| format!("slewed for {} more", duration(left)));
            (format!("{} ago", duration(age)), more)
        }
    };
    fact(html, if system.controls_clock { "Last correction" } else { "The clock is" }, &value, &more);
}

fn leap(html: &mut Html, system: &System) {
    let value = match system.leap_indicator {
        LeapIndicator::NoWarning => "none",
        LeapIndicator::Leap61 => "inserted today",
        LeapIndicator::Leap59 => "left out today",
        LeapIndicator::Unknown | LeapIndicator::Unsynchronized => "unknown",
    };
    let table = match system.leap_table_remaining {
        None => "as sources announce".to_owned(),
        Some(left) if left > 0.0 => format!("table good for {}", duration(left)),
        Some(_) => "the table has expired".to_owned(),
    };
    fact(html, "Leap second", value, &table);
}

fn steps(steps: u32) -> String {
    match steps {
        0 => "no steps".to_owned(),
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    }
}

/// `3 s`, `12 min`, `5 h`, `3 d`: at most so exact that two digits change.
pub(super) fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds.abs() {
        s if s < 99.5 => (seconds, "s"),
        s if s < 5400.0 => (seconds / 60.0, "min"),
        s if s < 172_800.0 => (seconds / 3600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    };
    format!("{value:.0} {unit}")
}
