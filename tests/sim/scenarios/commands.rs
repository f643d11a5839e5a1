//! What people change while the daemon runs: the clock stays right, and nothing that was measured is lost.

use super::{near, scenario, source, world};
use crate::simulator::scenario::address;
use crate::simulator::world::World;
use ntpd_rs::command::{Command, Mark};
use ntpd_rs::config::StepLimits;
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::Span;
use ntpd_rs::verdict::Verdict;

/// Four good servers, followed for a while.
fn followed() -> World {
    let mut world = world(&scenario(vec![near(), near(), near(), near()], 0.4), 1);
    world.run_for(1000.0);
    assert_eq!(state(&world), SyncState::Synchronized);
    world
}

fn state(world: &World) -> SyncState {
    world.snapshot().system.state
}

fn online(online: bool) -> Command {
    Command::Online { name: None, online }
}

#[test]
fn sources_that_are_offline_leave_the_clock_to_itself_and_it_is_right_at_once_when_they_are_back() {
    let mut world = followed();
    world.ask(online(false)).unwrap();
    assert_eq!(state(&world), SyncState::Holdover);
    let requests = |world: &World| world.snapshot().sources.iter().map(|s| s.requests).sum::<u64>();
    let before = requests(&world);
    world.run_for(3600.0);
    assert_eq!((state(&world), requests(&world)), (SyncState::Holdover, before));
    assert!(world.snapshot().sources.iter().all(|source| source.verdict == Verdict::Offline));
    world.ask(online(true)).unwrap();
    world.run_for(20.0);
    assert_eq!(state(&world), SyncState::Synchronized);
    assert!(world.host.recorder.broken_bounds.is_empty());
}

#[test]
fn a_source_that_is_removed_and_added_again_disturbs_nothing() {
    let mut world = followed();
    let name = source(&world, 0).name.clone();
    world.ask(Command::RemoveSource { name }).unwrap();
    assert_eq!((state(&world), world.snapshot().sources.len()), (SyncState::Synchronized, 3));
    world.run_for(100.0);
    let server = address(0);
    let section = format!("mode = \"server\"\naddress = \"{server}\"\nprefer = true");
    world.ask(Command::AddSource { section }).unwrap();
    world.run_for(1000.0);
    let added = world.snapshot().sources.pop().unwrap();
    assert_eq!((added.address, added.verdict), (Some(server), Verdict::SystemPeer));
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
}

#[test]
fn marks_move_the_clock_no_further_than_the_sources_differ() {
    let mut world = followed();
    let name = source(&world, 2).name.clone();
    for (mark, on, verdict) in [
        (Mark::Prefer, true, Verdict::SystemPeer),
        (Mark::Prefer, false, Verdict::Truechimer),
        (Mark::Noselect, true, Verdict::NotSelectable),
    ] {
        world.ask(Command::Mark { name: name.clone(), mark, on }).unwrap();
        let told = source(&world, 2).verdict;
        assert!(told == verdict || told.is_used() && verdict.is_used(), "{mark:?} {on}: {told}");
        world.run_for(500.0);
    }
    assert_eq!(state(&world), SyncState::Synchronized);
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
}

#[test]
fn a_tighter_panic_threshold_ends_the_daemon_where_the_configured_one_would_step() {
    let by = Some(Span::from_secs(10));
    for (limits, panics) in [(None, false), (Some(StepLimits { forward: by, backward: by }), true)] {
        let mut world = followed();
        if let Some(limits) = limits {
            world.ask(Command::PanicThreshold(limits)).unwrap();
        }
        world.set_clock(Span::from_secs(100));
        world.run_for(100.0);
        assert_eq!(world.stopped.is_some(), panics, "{limits:?}");
    }
}
