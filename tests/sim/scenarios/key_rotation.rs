//! Clients with NTS over the days and weeks in which the servers' master keys rotate: what they notice of it, which is nothing, unless they
//! were away for longer than keys are accepted.

use super::bootstrap::{host, nts};
use super::{near, scenario, source};
use crate::simulator::key_exchange::KeyServer;
use crate::simulator::nts_servers::{Counts, NtsServers};
use crate::simulator::scenario::{address, configuration};
use crate::simulator::world::World;
use ntpd_rs::config::{PollLimits, SourceConfig};
use ntpd_rs::engine::Notice;
use ntpd_rs::nts::Validity;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{ClockTime, Span};

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
const SERVERS: usize = 3;
/// `stale-key-count` of a server whose file does not say.
const STALE: usize = 7;

/// A client of three servers with the same keys, everything else at its default, and this `key-rotation-interval` (seconds).
pub(super) fn world(interval: f64) -> World {
    let scenario = scenario(vec![near(); SERVERS], 0.0);
    let mut config = configuration(&scenario, PollLimits::default());
    let like = config.sources[0].clone();
    config.sources = (0..SERVERS).map(|index| SourceConfig { kind: nts(index), ..like.clone() }).collect();
    let mut world = World::new(&scenario, config, 1);
    world.nts_servers = NtsServers::new(interval, STALE, 1);
    let validity = Validity { not_before: ClockTime::from_unix_secs(0), not_after: scenario.epoch + YEAR };
    for index in 0..SERVERS {
        world
            .key_servers
            .insert(host(index), KeyServer { servers: vec![address(index)], validity, works: true });
    }
    world
}

const YEAR: Span = Span::from_secs(365 * 86_400);

fn counts(world: &World) -> Counts {
    world.nts_servers.as_ref().unwrap().counts
}

/// No request so far found a server without the key of its cookie, and there was no key exchange after the first ones.
#[track_caller]
fn check_unnoticed(world: &World) {
    let counts = counts(world);
    assert_eq!((counts.exchanges, counts.naks, counts.refused), (3, 0, 0), "{:?}", world.notices);
    assert_eq!(counts.accepted, world.packets, "every request was answered");
    assert!((0..SERVERS).all(|index| source(world, index).verdict.is_used()));
    assert!((0..SERVERS).all(|index| source(world, index).discards.is_empty()));
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
}

/// Each server once refused cookies, gave others, and is asked with those.
#[track_caller]
fn check_one_more_exchange(world: &World) {
    let counts = counts(world);
    assert_eq!(counts.exchanges, 6, "{:?}", world.notices);
    assert!((3..=6).contains(&counts.naks), "{counts:?}");
    assert_eq!(counts.accepted + counts.naks, world.packets, "{counts:?}");
    assert!((0..SERVERS).all(|index| source(world, index).verdict.is_used()));
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
}

#[test]
fn keys_rotate_the_day_after_and_the_week_after_and_no_client_loses_time() {
    let mut world = world(DAY);
    for day in 1..=8 {
        world.run_until(f64::from(day) * DAY + HOUR);
        assert_eq!(counts(&world).rotations, u64::try_from(day).unwrap());
        check_unnoticed(&world);
    }
    assert!(world.worst_since(DAY) < 1e-3, "{}", world.worst_since(DAY));
    assert!(counts(&world).accepted > 8 * 80 * 3, "{:?}", counts(&world));
}

#[test]
fn who_slept_while_seven_keys_were_made_has_cookies_that_are_accepted() {
    let mut world = world(HOUR);
    world.run_until(HOUR / 2.0);
    world.sleep(7.0 * HOUR, Span::from_millis(300));
    let woken = world.host.t();
    world.run_for(HOUR / 4.0);
    assert_eq!(counts(&world).rotations, 7);
    check_unnoticed(&world);
    assert!(world.worst_since(woken + 20.0) < 1e-3, "{}", world.worst_since(woken + 20.0));
}

#[test]
fn who_slept_for_longer_exchanges_keys_once_with_each_server_and_is_right_again_within_twenty_seconds() {
    let mut world = world(HOUR);
    world.run_until(HOUR / 2.0);
    world.sleep(8.0 * HOUR, Span::from_millis(300));
    let woken = world.host.t();
    world.run_for(DAY / 2.0);
    let refused = |notice: &Notice| matches!(notice, Notice::KeysRefused { .. });
    assert!(world.told(woken, refused), "{:?}", world.notices);
    assert!(world.worst_since(woken + 20.0) < 1e-3, "{}", world.worst_since(woken + 20.0));
    check_one_more_exchange(&world);
}

#[test]
fn servers_that_lost_their_keys_give_others_once_and_the_clock_stays_right() {
    let mut world = world(HOUR);
    world.run_until(HOUR / 2.0);
    world.nts_servers.as_mut().unwrap().lose_keys().unwrap();
    let since = world.host.t();
    // Each source is asked in 1024 s at the latest, and once more before the server is believed that its keys are gone.
    world.run_for(HOUR);
    check_one_more_exchange(&world);
    let lost = counts(&world).naks;
    world.run_for(DAY / 2.0);
    check_one_more_exchange(&world);
    assert_eq!(counts(&world).naks, lost);
    assert!(world.worst_since(since) < 1e-3, "{}", world.worst_since(since));
}

#[test]
fn a_client_that_was_off_goes_on_with_the_cookies_that_it_kept() {
    let mut world = world(HOUR);
    world.run_until(HOUR / 2.0);
    world.off_for(7.0 * HOUR);
    let started = world.host.t();
    world.run_for(DAY / 2.0);
    assert!(world.worst_since(started + 20.0) < 1e-3, "{}", world.worst_since(started + 20.0));
    check_unnoticed(&world);
}
