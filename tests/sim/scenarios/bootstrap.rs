//! Only sources with NTS, and a clock that starts in 1970: no certificate can be judged by it (RFC 8915 §8.5). A majority sets it, and
//! nobody else; then certificates are judged.

use super::{EVERY_64_SECONDS, near, scenario, source};
use crate::simulator::key_exchange::{KeyServer, session};
use crate::simulator::scenario::{Scenario, address, configuration};
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::config::{Config, HostPort, KeyExchange, NtsBootstrap, SourceConfig, SourceKind};
use ntpd_rs::engine::Notice;
use ntpd_rs::nts::{CertificateTime, NtpServer, Origin, SavedSession, Validity};
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{ClockTime, Span};

/// 2026-11-01, with a program that was built at the beginning of that year.
const TRUE_TIME: i64 = 1_793_491_200;
const DAY: i64 = 86_400;

/// Days before and after the true time.
const fn days(from: i64, to: i64) -> Validity {
    Validity {
        not_before: ClockTime::from_unix_secs(TRUE_TIME + from * DAY),
        not_after: ClockTime::from_unix_secs(TRUE_TIME + to * DAY),
    }
}

const GOOD: Site = Site { error: 0, certificate: days(-30, 60), works: true };
/// Tells a time of nine months ago, and has the key of a certificate of then.
const THIEF: Site = Site { error: -270 * DAY, certificate: days(-300, -240), works: true };
/// Was never renewed, and tells the true time.
const EXPIRED: Site = Site { error: 0, certificate: days(-300, -240), works: true };
const DEAD: Site = Site { works: false, ..GOOD };

/// A server with NTS and its key exchange.
#[derive(Clone, Copy)]
struct Site {
    /// Of its clock, seconds.
    error: i64,
    certificate: Validity,
    /// Its key exchange.
    works: bool,
}

/// Of the nth key exchange server.
pub(super) fn host(index: usize) -> String {
    format!("ntp{index}.example")
}

/// The nth source, with NTS.
pub(super) fn nts(index: usize) -> SourceKind {
    let address = HostPort { host: host(index), port: 4460 };
    SourceKind::Nts(KeyExchange { address, certificate_authority: None, enable_srv_resolution: false })
}

/// A computer whose clock is in 1970.
fn cold(sites: &[Site], agreeing: usize, mode: NtsBootstrap) -> World {
    cold_in(World::new, sites, agreeing, mode)
}

fn cold_in(
    start: fn(&Scenario, Config, u64) -> World,
    sites: &[Site],
    agreeing: usize,
    mode: NtsBootstrap,
) -> World {
    let spec = |site: &Site| {
        let mut spec = near();
        spec.server.error = Span::from_secs(site.error);
        spec
    };
    let mut scenario = scenario(sites.iter().map(spec).collect(), 0.0);
    scenario.error = Span::from_secs(-TRUE_TIME);
    let mut config = configuration(&scenario, EVERY_64_SECONDS);
    let like = config.sources[0].clone();
    config.sources =
        (0..sites.len()).map(|index| SourceConfig { kind: nts(index), ..like.clone() }).collect();
    config.synchronization.minimum_agreeing_sources = agreeing;
    config.synchronization.nts_bootstrap = mode;
    let mut world = start(&scenario, config, 1);
    for (index, site) in sites.iter().enumerate() {
        let server =
            KeyServer { servers: vec![address(index)], validity: site.certificate, works: site.works };
        world.key_servers.insert(host(index), server);
    }
    world
}

fn without_dates(world: &World) -> usize {
    let unknown = |time| matches!(time, CertificateTime::Unknown { .. });
    world.exchanges.iter().filter(|(_, request)| unknown(request.certificate_time)).count()
}

#[track_caller]
fn check_set(world: &World) {
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized, "{:?}", world.notices);
    assert!(world.host.error().abs() < 1e-3, "{}", world.host.error());
    assert_eq!(world.snapshot().system.steps, 1);
}

#[track_caller]
fn check_not_set(world: &World) {
    assert_eq!(world.snapshot().system.steps, 0, "{:?}", world.notices);
    assert!(world.host.error() < -1e9, "{}", world.host.error());
    assert_ne!(world.snapshot().system.state, SyncState::Synchronized);
}

fn is_provisional(world: &World, index: usize) -> bool {
    source(world, index).nts.is_some_and(|nts| nts.provisional)
}

#[test]
fn a_majority_sets_a_clock_of_1970_within_a_minute_and_is_verified_then() {
    for count in 3..=5 {
        let mut world = cold(&vec![GOOD; count], 3, NtsBootstrap::Auto);
        world.run_for(60.0);
        check_set(&world);
        assert!((0..count).all(|index| !is_provisional(&world, index)));
        assert_eq!((without_dates(&world), world.exchanges.len()), (count, 2 * count));
        assert!(world.told(0.0, |notice| matches!(notice, Notice::ClockDoubted { needed: Some(3), .. })));
        world.run_for(3600.0);
        check_set(&world);
        assert_eq!(world.exchanges.len(), 2 * count, "nothing is left to exchange");
    }
}

#[test]
fn one_alone_does_not_set_it() {
    for mode in [NtsBootstrap::Auto, NtsBootstrap::Yes, NtsBootstrap::No] {
        let mut world = cold(&[THIEF], 1, mode);
        world.run_for(3600.0);
        check_not_set(&world);
        assert_eq!(without_dates(&world), 0);
        let problem = source(&world, 0).problem.unwrap();
        assert!(problem.contains("set it by hand"), "{problem}");
    }
}

#[test]
fn a_liar_whom_nobody_contradicts_does_not_set_it_until_the_others_come() {
    let mut world = cold(&[THIEF, DEAD, DEAD], 1, NtsBootstrap::Auto);
    world.run_for(3600.0);
    check_not_set(&world);
    for index in 1..3 {
        world.key_servers.get_mut(&host(index)).unwrap().works = true;
    }
    world.run_for(3600.0);
    check_set(&world);
}

#[test]
fn a_liar_against_two_is_outvoted_and_dropped_when_the_time_is_known() {
    let mut world = cold(&[GOOD, THIEF, GOOD], 2, NtsBootstrap::Auto);
    world.run_for(60.0);
    check_set(&world);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::CertificateNotValid { .. })));
    world.run_for(3600.0);
    assert_eq!(source(&world, 1).address, None);
    assert!(source(&world, 1).problem.unwrap().contains("not valid"), "{:?}", source(&world, 1).problem);
}

#[test]
fn two_liars_who_agree_do_not_set_it_against_three() {
    let mut world = cold(&[THIEF, GOOD, GOOD, THIEF, GOOD], 3, NtsBootstrap::Auto);
    world.run_for(60.0);
    check_set(&world);
}

#[test]
fn two_liars_who_agree_do_not_set_it_while_the_three_are_out_of_reach() {
    let mut world = cold(&[THIEF, DEAD, DEAD, THIEF, DEAD], 2, NtsBootstrap::Auto);
    world.run_for(3600.0);
    check_not_set(&world);
}

#[test]
fn a_time_at_which_its_own_certificate_is_not_valid_is_believed_of_nobody() {
    let mut world = cold(&[EXPIRED; 5], 3, NtsBootstrap::Auto);
    world.run_for(3600.0);
    check_not_set(&world);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::CertificateNotValid { .. })));
    // Once, and then ever more seldom.
    assert!(world.exchanges.len() < 5 * 16, "{}", world.exchanges.len());
}

#[test]
fn a_certificate_that_ended_before_this_program_was_built_is_refused() {
    let replayed = Site { error: -400 * DAY, certificate: days(-450, -350), works: true };
    let mut world = cold(&[replayed; 3], 3, NtsBootstrap::Auto);
    world.run_for(3600.0);
    check_not_set(&world);
    assert_eq!(world.packets, 0);
}

#[test]
fn no_time_before_the_build_date_is_set_whatever_the_certificates_say() {
    let backward = Site { error: -400 * DAY, certificate: days(-450, 300), works: true };
    let mut world = cold(&[backward; 3], 3, NtsBootstrap::Auto);
    world.run_for(3600.0);
    check_not_set(&world);
}

#[test]
fn two_sources_set_it_only_where_that_is_asked_for() {
    let mut world = cold(&[GOOD; 2], 2, NtsBootstrap::Auto);
    world.run_for(600.0);
    check_not_set(&world);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::ClockDoubted { needed: None, .. })));
    let problem = source(&world, 0).problem.unwrap();
    assert!(problem.contains("nts-bootstrap = true"), "{problem}");
    let mut world = cold(&[GOOD; 2], 2, NtsBootstrap::Yes);
    world.run_for(60.0);
    check_set(&world);
    let mut world = cold(&[GOOD, THIEF], 1, NtsBootstrap::Yes);
    world.run_for(3600.0);
    check_not_set(&world);
}

#[test]
fn a_source_whose_keys_cannot_be_confirmed_is_used_for_a_while_and_then_dropped() {
    let mut world = cold(&[GOOD; 4], 3, NtsBootstrap::Auto);
    while world.snapshot().system.state != SyncState::Synchronized {
        world.run_for(0.01);
    }
    world.key_servers.get_mut(&host(2)).unwrap().works = false;
    world.run_for(12.0);
    assert!(is_provisional(&world, 2) && source(&world, 2).verdict.is_used(), "{:?}", source(&world, 2));
    world.run_for(60.0);
    assert_eq!(source(&world, 2).address, None);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::KeysNotConfirmed { .. })));
    world.key_servers.get_mut(&host(2)).unwrap().works = true;
    world.run_for(600.0);
    assert!(source(&world, 2).verdict.is_used() && !is_provisional(&world, 2));
    check_set(&world);
}

#[test]
fn keys_of_an_earlier_run_need_no_certificate() {
    let mut world = cold(&[GOOD; 2], 2, NtsBootstrap::No);
    let saved = |index| SavedSession {
        host: host(index),
        port: 4460,
        server: NtpServer { address: address(index), origin: Origin::default() },
        session: session().unwrap(),
    };
    world.restore_sessions(vec![saved(0), saved(1)]);
    world.run_for(60.0);
    check_set(&world);
    assert!(world.exchanges.is_empty());
}

#[test]
fn a_clock_that_was_right_once_is_not_bootstrapped_again() {
    let mut world = cold(&[GOOD; 3], 3, NtsBootstrap::Auto);
    world.run_for(600.0);
    check_set(&world);
    let before = without_dates(&world);
    world.set_clock(Span::from_secs(-TRUE_TIME));
    for site in &mut world.sites {
        site.server.spec.behaviour = Behaviour::Silent;
    }
    world.run_for(4.0 * 3600.0);
    assert!(world.exchanges.len() > 6, "their servers are lost, so keys are exchanged");
    assert_eq!(without_dates(&world), before);
}

#[test]
fn sources_without_nts_beside_them_set_it_as_they_always_did() {
    let mut scenario = scenario(vec![near(); 4], 0.0);
    scenario.error = Span::from_secs(-TRUE_TIME);
    let mut config = configuration(&scenario, EVERY_64_SECONDS);
    config.sources[3].kind = nts(3);
    let mut world = World::new(&scenario, config, 1);
    world.run_for(60.0);
    check_set(&world);
}

#[test]
fn a_clock_that_may_not_be_touched_does_not_hinder_certificates_from_being_judged() {
    let sites = [GOOD, GOOD, GOOD, THIEF];
    let mut world = cold_in(World::without_control, &sites, 3, NtsBootstrap::Auto);
    world.run_for(120.0);
    let system = world.snapshot().system;
    assert_eq!((system.state, system.steps), (SyncState::Synchronized, 0));
    assert!((0..3).all(|index| !is_provisional(&world, index)), "{:?}", world.notices);
    assert_eq!(source(&world, 3).address, None);
}

#[test]
fn a_provisional_source_is_not_followed_as_an_orphan() {
    let in_a_group = |scenario: &Scenario, mut config: Config, seed| {
        config.synchronization.orphan_stratum = Some(10);
        World::new(scenario, config, seed)
    };
    let mut world = cold_in(in_a_group, &[THIEF, DEAD, DEAD], 3, NtsBootstrap::Auto);
    world.sites[0].server.spec.stratum = 10;
    world.run_for(3600.0);
    check_not_set(&world);
    assert!(is_provisional(&world, 0) && source(&world, 0).replies > 0, "{:?}", source(&world, 0));
}
