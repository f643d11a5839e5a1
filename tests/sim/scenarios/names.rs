//! Names and pools: which servers stand behind them, and who replaces whom.

use super::{EVERY_64_SECONDS, near, scenario, source, world};
use crate::simulator::scenario::Scenario;
use crate::simulator::scenario::{address, configuration};
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::config::{HostPort, SourceConfig, SourceKind};
use ntpd_rs::engine::Notice;
use ntpd_rs::packet::KissCode;
use ntpd_rs::snapshot::SyncState;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

const NAME: &str = "pool.example.org";

fn pool_host() -> HostPort {
    HostPort { host: NAME.to_owned(), port: 123 }
}

/// A computer that is given names alone; the name stands for all of the scenario's servers.
pub(super) fn named(scenario: &Scenario, kinds: &[SourceKind]) -> World {
    let mut config = configuration(scenario, EVERY_64_SECONDS);
    let like = config.sources[0].clone();
    config.sources = kinds.iter().map(|kind| SourceConfig { kind: kind.clone(), ..like.clone() }).collect();
    let mut world = World::new(scenario, config, 1);
    world
        .names
        .insert(NAME.to_owned(), (0..scenario.servers.len()).map(|index| address(index).ip()).collect());
    world
}

pub(super) fn pool(count: usize, ignore: Vec<IpAddr>) -> SourceKind {
    SourceKind::Pool { address: pool_host(), count, ignore }
}

fn asked(world: &World) -> BTreeSet<SocketAddr> {
    world.snapshot().sources.iter().filter_map(|source| source.address).collect()
}

#[test]
fn the_same_name_four_times_means_four_servers() {
    let scenario = scenario(vec![near(); 6], 2.0);
    let server = SourceKind::Server { address: pool_host() };
    let mut world = named(&scenario, &[server.clone(), server.clone(), server.clone(), server]);
    world.run_for(60.0);
    assert_eq!(asked(&world).len(), 4);
    assert_eq!(world.snapshot().system.agreeing_sources, 4);
    assert!(world.host.error().abs() < 1e-3);
}

#[test]
fn a_pool_asks_as_many_servers_as_it_is_told_and_never_the_ignored() {
    let scenario = scenario(vec![near(); 6], 2.0);
    let mut world = named(&scenario, &[pool(4, vec![address(0).ip(), address(2).ip()])]);
    world.run_for(60.0);
    assert_eq!(asked(&world), [1, 3, 4, 5].map(address).into());
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
}

#[test]
fn members_of_a_pool_that_fall_silent_are_replaced() {
    let scenario = scenario(vec![near(); 6], 2.0);
    let mut world = named(&scenario, &[pool(4, Vec::new())]);
    world.run_for(1000.0);
    let silent: Vec<SocketAddr> = asked(&world).into_iter().take(2).collect();
    for site in &mut world.sites {
        if silent.contains(&site.address) {
            site.server.spec.behaviour = Behaviour::Silent;
        }
    }
    world.run_for(3600.0);
    let now = asked(&world);
    assert!(now.len() == 4 && silent.iter().all(|address| !now.contains(address)), "{now:?}");
    assert_eq!(world.snapshot().system.agreeing_sources, 4);
    assert!(world.worst_since(1000.0) < 100e-6, "{}", world.worst_since(1000.0));
}

#[test]
fn members_of_a_pool_that_deny_are_replaced() {
    let mut scenario = scenario(vec![near(); 6], 2.0);
    for site in &mut scenario.servers[..2] {
        site.server.behaviour = Behaviour::Kiss(KissCode::Deny);
    }
    let mut world = named(&scenario, &[pool(4, Vec::new())]);
    world.run_for(1000.0);
    assert_eq!(asked(&world), [2, 3, 4, 5].map(address).into());
    assert_eq!(world.snapshot().system.agreeing_sources, 4);
}

#[test]
fn a_name_that_cannot_be_resolved_is_tried_again_and_told_once() {
    let scenario = scenario(vec![near(); 4], 2.0);
    let mut world = named(&scenario, &[pool(4, Vec::new())]);
    let addresses = world.names.remove(NAME).unwrap();
    world.run_for(3600.0);
    let told =
        world.notices.iter().filter(|(_, notice)| matches!(notice, Notice::NotResolved { .. })).count();
    assert_eq!(told, 1);
    assert!(source(&world, 0).problem.is_some());
    world.names.insert(NAME.to_owned(), addresses);
    world.run_for(900.0);
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    assert!(world.host.error().abs() < 1e-3);
}

#[test]
fn a_name_is_looked_up_at_once_when_the_network_comes() {
    let scenario = scenario(vec![near(); 4], 2.0);
    let mut world = named(&scenario, &[pool(4, Vec::new())]);
    world.network = false;
    world.run_for(3600.0);
    world.network = true;
    world.tell(ntpd_rs::engine::Event::NetworkChanged);
    world.run_for(30.0);
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    assert!(world.host.error().abs() < 1e-3);
}

#[test]
fn a_literal_address_is_never_looked_up() {
    let mut world = world(&scenario(vec![near(); 3], 2.0), 1);
    world.run_for(60.0);
    assert_eq!(asked(&world), [0, 1, 2].map(address).into());
}
