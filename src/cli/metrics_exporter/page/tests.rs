//! The page of every state, and of names that somebody would like to be markup.

use super::*;
use crate::observation;
use crate::snapshot::example::{later, snapshot, with_nts};
use crate::snapshot::{Snapshot, SyncState};
use std::path::Path;

fn state(change: impl FnOnce(&mut Snapshot)) -> State {
    let mut snapshot = with_nts(snapshot());
    change(&mut snapshot);
    State::new(&snapshot, later(&snapshot, 0))
}

fn page(change: impl FnOnce(&mut Snapshot)) -> String {
    render(Ok(&state(change)), &History::default(), "host.example", "0123")
}

#[test]
fn the_page_says_first_whether_the_clock_is_right_and_then_everything() {
    let page = page(|_| ());
    let places = [
        "<title>The clock is right · host.example</title>",
        "<h1>The clock is right</h1><p>Synchronized to within 6.95 ms, 3 of 3 sources agree</p>",
        "<dt>Offset</dt><dd>+12.3 µs <small>± 45.6 µs</small>",
        "<dt>Frequency</dt><dd>−12.345 ppm <small>± 0.012 ppm</small>",
        "<h2 id=\"past\">The last hours</h2>",
        "<b>ntp1.example.org:123</b><small>192.0.2.1:123 · NTS: 7 cookies, keys 5 min old</small>",
        "used, followed",
        ">falseticker</span><small>not used: it disagrees with the others; by its time the clock is 1.00 s ahead</small><small>replies refused: 3 wrong-origin, 1 rate-kiss</small>",
        "cannot resolve ntp3.example.org: name not known",
        "<h2 id=\"serving\">Serving time</h2>",
        "<b>[::]:123</b>",
        "<h2 id=\"keys\">Serving keys (NTS)</h2>",
        "good for 60 d",
        "Cookies of 8 master keys are accepted; the present one is 60 min old.",
        "href=\"/metrics\"",
    ];
    let mut rest = page.as_str();
    for place in places {
        let Some((_, after)) = rest.split_once(place) else {
            panic!("{place} is missing, or too early, in\n{page}")
        };
        rest = after;
    }
}

#[test]
fn every_state_has_its_answer_in_words_and_colour() {
    for (state, class, title) in [
        (SyncState::Waiting, "fair", "not right yet"),
        (SyncState::NoQuorum, "bad", "is not right"),
        (SyncState::NoSources, "bad", "will not be set"),
        (SyncState::TooFewSources, "bad", "will not be set"),
        (SyncState::Holdover, "fair", "runs on by itself"),
        (SyncState::OrphanParent, "fair", "isolated network"),
        (SyncState::OrphanChild, "fair", "isolated network"),
        (SyncState::Synchronized, "good", "is right"),
    ] {
        let page = page(|snapshot| snapshot.system.state = state);
        let answer = page.split_once("<h1>").unwrap();
        assert!(answer.0.contains(&format!("class=\"answer {class}\"")), "{state:?}: {page}");
        assert!(answer.1.split_once("</h1>").unwrap().0.contains(title), "{state:?}: {page}");
    }
}

#[test]
fn nothing_that_comes_from_elsewhere_becomes_markup() {
    let evil = "\"><script>alert(1)</script>{{style}}";
    let page = page(|snapshot| {
        snapshot.sources[0].name = evil.to_owned();
        snapshot.sources[0].problem = Some(evil.to_owned());
        snapshot.sources[0].reference_id = Some(crate::packet::ReferenceId::from_bytes(*b"<b>\""));
    });
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(page.contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{style}}"), "{page}");
    assert!(!page.contains("<b>\"") && !page.contains(" style="), "{page}");
}

#[test]
fn the_page_names_nothing_outside_itself() {
    let page = page(|_| ());
    for text in ["http://", "https://", "//cdn", "@import", "url("] {
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains(text), "{text}: {page}");
    }
}

#[test]
fn without_a_daemon_the_page_says_so_and_what_to_do() {
    let error = observation::read(Path::new("/nonexistent/observe")).unwrap_err();
    let page = render(Err(&error), &History::default(), "", "0");
    assert!(page.contains("Nobody knows") && page.contains("start ntp-daemon"), "{page}");
    assert!(page.contains("<title>Nobody knows whether the clock is right</title>"), "{page}");
}
