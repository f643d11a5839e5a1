//! The demo without a terminal: a line a second. And the summary at the end, which both ways of showing share.

use crate::scene::Scene;
use crate::text::{belief, signed};
use ntpd_rs::snapshot::SyncState;
use std::time::Duration;

/// Prints the scene until its end; `wait` takes that long, or says that the daemon has ended.
pub(crate) fn show(scene: &mut Scene, wait: impl Fn(Duration) -> bool) {
    println!("A virtual clock, 0.4 s off and 40 ppm fast; three good servers, one wrong by 0.3 s.");
    while !scene.is_over() {
        if wait(Duration::from_secs(1)) {
            return;
        }
        scene.look();
        println!("{}", line(scene));
    }
}

fn line(scene: &Scene) -> String {
    let system = &scene.snapshot.system;
    let verdicts = scene.snapshot.sources.iter().map(|source| source.verdict.name());
    format!(
        "{:3.0} s  true error {:>9}  believed {}  {:+7.2} ppm  {}  [{}]",
        scene.elapsed,
        signed(scene.error),
        belief(system),
        system.frequency.ppm(),
        state(system.state),
        verdicts.collect::<Vec<_>>().join(" ")
    )
}

/// For people.
pub(crate) const fn state(state: SyncState) -> &'static str {
    match state {
        SyncState::NoSources => "no sources",
        SyncState::TooFewSources => "too few sources",
        SyncState::Waiting => "waiting",
        SyncState::NoQuorum => "no quorum",
        SyncState::Synchronized => "synchronized",
        SyncState::Holdover => "holdover",
        SyncState::OrphanParent => "orphan parent",
        SyncState::OrphanChild => "orphan child",
    }
}

/// What came of it; whether all is well.
pub(crate) fn summarize(scene: &Scene) -> bool {
    let system = &scene.snapshot.system;
    let since = scene.good_since.map_or_else(
        || "not below 1 ms at the end".to_owned(),
        |since| format!("below 1 ms for good after {since:.1} s"),
    );
    println!("After {:.0} s:", scene.elapsed);
    println!("  true error    {} ({since})", signed(scene.error));
    println!("  believed      {}", belief(system).trim());
    println!(
        "  frequency     {:+.2} ± {:.2} ppm (the oscillator needs −40)",
        system.frequency.ppm(),
        system.frequency_uncertainty.ppm()
    );
    println!("  steps         {}", system.steps);
    for source in &scene.snapshot.sources {
        println!("  {:<16}  {}", scene.cast.part(source), source.verdict);
    }
    match (scene.is_right(), scene.liar_is_out()) {
        (true, true) => println!("The clock is right, and the wrong server was voted out."),
        (true, false) => println!("The clock is right, but the wrong server was not voted out."),
        (false, _) => println!("The clock is not right yet: its error should be below 1 ms."),
    }
    scene.is_right() && scene.liar_is_out()
}
