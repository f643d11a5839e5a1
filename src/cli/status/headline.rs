//! The first line of `ntp-ctl status`: is the clock right, how well, and if not, what helps.

use crate::cli::quantity::{behind, magnitude};
use crate::observation::System;
use crate::snapshot::SyncState;

const REMEDY: &str = "Remedy: add sources, or lower minimum-agreeing-sources in [synchronization].";

/// One line, and below it what can be done, if something can.
pub(super) fn headline(system: &System) -> Vec<String> {
    let needed = system.minimum_agreeing_sources;
    // What is left to correct is part of it already.
    let bound = magnitude(system.maximum_error);
    match system.state {
        SyncState::Synchronized if system.controls_clock => {
            let mut lines =
                vec![format!("The clock is right: {}, at most {bound} off.", clock_against_sources(system))];
            let left = system.slew_remaining.filter(|left| *left > 0.0);
            lines.extend(left.map(|left| format!("It is being slewed, for {} more.", magnitude(left))));
            lines
        }
        SyncState::Synchronized => vec![
            format!("Measured, not controlled: the clock is {}.", clock_against_sources(system)),
            format!("It is at most {bound} off. (clock-control is off, or not permitted)"),
        ],
        SyncState::Holdover => {
            vec![format!("The sources are lost. The clock runs on by itself, at most {bound} off.")]
        }
        SyncState::OrphanParent => vec![
            "There is no source of time. This clock is the isolated network's:".to_owned(),
            format!("it is served at stratum {} (orphan-stratum).", system.stratum),
        ],
        SyncState::OrphanChild => vec![
            format!("There is no source of time. The clock is {}", clock_against_sources(system)),
            "of the server that the isolated network has elected (orphan-stratum).".to_owned(),
        ],
        SyncState::Waiting => vec!["The clock is not synchronized: waiting for measurements.".to_owned()],
        SyncState::NoQuorum => vec![
            format!(
                "The clock is not synchronized: {} source(s) agree and {needed} must.",
                system.agreeing_sources
            ),
            REMEDY.to_owned(),
        ],
        SyncState::TooFewSources => vec![
            format!("The clock will not be set: {needed} sources must agree, and there are fewer."),
            REMEDY.to_owned(),
        ],
        SyncState::NoSources => vec![
            "The clock will not be set: no sources are configured.".to_owned(),
            "Remedy: add a [[source]] section to ntp.toml, or name servers with -p.".to_owned(),
        ],
    }
}

/// `12.3 µs behind, ± 45.6 µs`.
pub(in crate::cli) fn clock_against_sources(system: &System) -> String {
    format!("{}, ± {}", behind(system.offset), magnitude(system.offset_uncertainty))
}
