//! What a day writes into the log at its usual level. Which level a notice has is the engine's to say, the few other lines are the
//! daemon's.

use super::key_rotation;
use super::names::{named, pool};
use super::*;
use crate::simulator::catalogue;
use ntpd_rs::config::PollLimits;

const DAY: f64 = 86_400.0;
/// When the clock has long been right.
const SETTLED: f64 = 3600.0;
/// "ntp-daemon … started" and where its configuration is.
const LINES_AT_START: usize = 2;
/// A day of undisturbed running writes fewer.
const TEN: usize = 10;

/// The first day writes fewer than ten lines, its start included, and nothing after its first hour.
#[track_caller]
fn check_quiet(what: &str, world: &mut World) {
    world.run_until(DAY);
    let lines: Vec<_> = world.notices.iter().filter(|(_, notice)| !notice.is_detail()).collect();
    let words = |lines: &[&(f64, _)]| {
        lines.iter().map(|(t, notice)| format!("{t:.0} s {notice}\n")).collect::<String>()
    };
    assert!(lines.len() + LINES_AT_START < TEN, "{what}:\n{}", words(&lines));
    let late: Vec<_> = lines.into_iter().filter(|(t, _)| *t > SETTLED).collect();
    assert!(late.is_empty(), "{what}:\n{}", words(&late));
    // Not quiet because nothing happened.
    assert!(world.told(0.0, |notice| notice.to_string().starts_with("Synchronized")), "{what}");
    assert!(world.packets > 100, "{what}: {}", world.packets);
}

#[test]
fn a_day_with_four_good_sources_writes_fewer_than_ten_lines() {
    for name in ["lan4", "inet4", "asymstat4", "wifi", "lan_w8"] {
        let mut scenario = catalogue::find(name).unwrap();
        let (first, missing) = (scenario.servers[0].clone(), 4 - scenario.servers.len());
        scenario.servers.extend(vec![first; missing]);
        scenario.end = DAY;
        check_quiet(name, &mut World::new(&scenario, configuration(&scenario, PollLimits::default()), 1));
    }
}

#[test]
fn a_day_with_a_pool_writes_fewer_than_ten_lines() {
    let mut scenario = scenario(vec![far(); 6], 2.0);
    scenario.end = DAY;
    check_quiet("pool", &mut named(&scenario, &[pool(4, Vec::new())]));
}

#[test]
fn a_day_with_nts_and_rotating_keys_writes_fewer_than_ten_lines() {
    check_quiet("nts", &mut key_rotation::world(DAY / 4.0));
}
