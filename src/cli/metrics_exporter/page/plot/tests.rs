//! What a line over hours looks like: its scale, its gaps and its bounds.

use super::*;
use tokio::time::{Duration, Instant};

/// One sample each 30 seconds, with an offset each and no more.
fn history(offsets: impl IntoIterator<Item = Option<Estimate>>) -> History {
    let (mut history, begin) = (History::default(), Instant::now());
    for (n, offset) in (0_u32..).zip(offsets) {
        let at = begin + Duration::from_secs(30) * n;
        history.push(Sample { at, offset, frequency: None, jitter: None });
    }
    history
}

fn drawn(history: &History) -> String {
    let mut html = Html::default();
    plots(&mut html, history);
    html.into_string()
}

#[test]
fn a_line_has_at_most_so_many_points_however_long_the_exporter_runs() {
    let history = history((0..5000).map(|n| Some((f64::from(n % 7) * 1e-6, 1e-6))));
    assert_eq!(history.samples().count(), 960);
    let points = points(&history, |sample| sample.offset);
    assert_eq!((points.len(), points[0].age), (POINTS, 959.0 * 30.0 - 45.0));
    let page = drawn(&history);
    assert!(page.len() < 20_000, "{}", page.len());
    assert!(page.contains(">−6 h<") && page.contains(">now<") && page.contains(" in 8 h"), "{page}");
}

#[test]
fn without_a_daemon_there_is_a_gap_and_a_lone_point_is_a_dot() {
    let known = Some((1e-3, 1e-5));
    let history = history([known, known, None, known]);
    let points = points(&history, |sample| sample.offset);
    let scale = Scale::of(&[(1e-3, 1e-5)], SECONDS);
    let path = curve(&points, SHORTEST, &scale);
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    assert!(path.ends_with("h0"), "{path}");
    assert_eq!(band(&points, SHORTEST, &scale).matches('z').count(), 2);
}

#[test]
fn nothing_known_is_told_in_words_and_odd_numbers_draw_nothing_odd() {
    assert_eq!(drawn(&history([None, None])).matches("Nothing is known yet").count(), 3);
    for value in [(0.0, 0.0), (f64::MAX, 0.0), (-f64::MAX, f64::MAX), (1e-12, 1e-15), (1.0, f64::MAX)] {
        let page = drawn(&history([Some(value), Some((0.0, 0.0))]));
        assert!(!page.contains("NaN") && !page.contains("inf"), "{value:?}: {page}");
        assert!(page.len() < 20_000, "{value:?}: {}", page.len());
    }
}

#[test]
fn ticks_are_round_and_told_apart() {
    let labels = |low: f64, high: f64, units| {
        let scale = Scale::of(&[(low, 0.0), (high, 0.0)], units);
        scale.ticks().map(|tick| scale.tick_label(tick)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(labels(-20e-6, 31e-6, SECONDS), "−20 µs, 0 µs, 20 µs, 40 µs");
    assert_eq!(labels(-12.4, -12.3, PPM), "−12.40 ppm, −12.35 ppm, −12.30 ppm");
    assert_eq!(labels(0.0, 0.25, SECONDS), "0 ms, 100 ms, 200 ms, 300 ms");
}
