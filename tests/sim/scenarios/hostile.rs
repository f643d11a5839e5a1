//! Servers and strangers that mean ill: whatever they send, the clock stays right and the reason is counted.

use super::{near, scenario, source, world};
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::engine::Notice;
use ntpd_rs::packet::{Header, KissCode, Mode};
use ntpd_rs::snapshot::SyncState;
use ntpd_rs::time::{Leap, NtpShort, NtpTimestamp};
use ntpd_rs::verdict::{Discard, Verdict};

/// An hour later than it is.
fn lie(honest: Header) -> Header {
    let later = |time: NtpTimestamp| NtpTimestamp::from_bits(time.bits().wrapping_add(3600 << 32));
    Header {
        receive_timestamp: later(honest.receive_timestamp),
        transmit_timestamp: later(honest.transmit_timestamp),
        ..honest
    }
}

fn only(behaviour: Behaviour, error: f64) -> World {
    let mut scenario = scenario(vec![near()], error);
    scenario.servers[0].server.behaviour = behaviour;
    world(&scenario, 1)
}

fn count(world: &World, reason: Discard) -> u64 {
    source(world, 0).discards.iter().find(|(found, _)| *found == reason).map_or(0, |(_, count)| *count)
}

/// A server that sends only this is not believed, and it is counted under this reason.
#[track_caller]
fn check_refused(reason: Discard, tamper: fn(&[u8], Header) -> Vec<Vec<u8>>) {
    let mut world = only(Behaviour::Tamper(tamper), 2.0);
    world.run_for(1000.0);
    assert!(count(&world, reason) >= 4, "{reason}: {:?}", source(&world, 0).discards);
    let system = world.snapshot().system;
    assert_eq!((system.state, system.steps), (SyncState::Waiting, 0), "{reason}");
    assert!(world.host.error() > 1.9 && world.host.frequency().to_kernel() == 0, "{reason}");
}

#[test]
fn packets_that_cannot_be_replies_are_refused_by_name() {
    check_refused(Discard::Malformed, |_, honest| vec![honest.emit()[..47].to_vec()]);
    check_refused(Discard::Malformed, |_, _| {
        vec![Vec::new(), vec![0xff; 3], [&[0x24; 48], &[0xff; 1200][..]].concat()]
    });
    check_refused(Discard::WrongVersion, |_, honest| vec![Header { version: 3, ..honest }.emit().to_vec()]);
    check_refused(Discard::WrongMode, |_, honest| {
        vec![Header { mode: Mode::Broadcast, ..honest }.emit().to_vec()]
    });
    check_refused(Discard::WrongMode, |request, _| vec![request.to_vec()]);
}

#[test]
fn replies_to_another_request_are_refused_by_name() {
    check_refused(Discard::WrongOrigin, |_, honest| {
        vec![Header { origin_timestamp: NtpTimestamp::from_bits(1), ..lie(honest) }.emit().to_vec()]
    });
    check_refused(Discard::WrongOrigin, |_, honest| {
        vec![Header { origin_timestamp: NtpTimestamp::ZERO, ..honest }.emit().to_vec()]
    });
}

#[test]
fn servers_without_the_time_are_refused_by_name() {
    check_refused(Discard::Unsynchronized, |_, honest| {
        vec![Header { leap: Leap::Unsynchronized, ..honest }.emit().to_vec()]
    });
    check_refused(Discard::Unsynchronized, |_, honest| {
        vec![Header { transmit_timestamp: NtpTimestamp::ZERO, ..honest }.emit().to_vec()]
    });
    check_refused(Discard::BadStratum, |_, honest| vec![Header { stratum: 16, ..honest }.emit().to_vec()]);
    check_refused(Discard::BadStratum, |_, honest| vec![Header { stratum: 255, ..honest }.emit().to_vec()]);
    check_refused(Discard::RootDistance, |_, honest| {
        vec![Header { root_dispersion: NtpShort::from_bits(17 << 16), ..honest }.emit().to_vec()]
    });
    check_refused(Discard::InvalidTimestamps, |_, honest| {
        vec![Header { reference_timestamp: lie(honest).transmit_timestamp, ..honest }.emit().to_vec()]
    });
    check_refused(Discard::UnknownKiss, |_, honest| {
        let reference_id =
            KissCode::from_reference_id(ntpd_rs::packet::ReferenceId::from_bytes(*b"ACST")).reference_id();
        vec![Header { stratum: 0, reference_id, ..honest }.emit().to_vec()]
    });
}

#[test]
fn a_server_that_follows_us_is_a_loop() {
    check_refused(Discard::Loop, |_, honest| {
        let reference_id = ntpd_rs::packet::ReferenceId::from_bytes([198, 51, 100, 1]);
        vec![Header { stratum: 3, reference_id, ..honest }.emit().to_vec()]
    });
}

#[test]
fn forged_packets_before_every_reply_change_nothing() {
    let tamper = |request: &[u8], honest: Header| {
        let forged = Header { origin_timestamp: NtpTimestamp::from_bits(7), ..lie(honest) };
        let kiss = Header { stratum: 0, reference_id: KissCode::Deny.reference_id(), ..forged };
        let cut = honest.emit()[..20].to_vec();
        vec![forged.emit().to_vec(), cut, request.to_vec(), kiss.emit().to_vec(), honest.emit().to_vec()]
    };
    let mut world = only(Behaviour::Tamper(tamper), 2.0);
    world.run_for(4000.0);
    assert_eq!(world.snapshot().system.steps, 1);
    assert!(world.worst_since(60.0) < 1e-3, "{}", world.worst_since(60.0));
    assert!(count(&world, Discard::WrongOrigin) > 10);
}

#[test]
fn a_reply_sent_twice_counts_once() {
    let twice = |_: &[u8], honest: Header| vec![honest.emit().to_vec(); 2];
    let mut world = only(Behaviour::Tamper(twice), 2.0);
    world.run_for(4000.0);
    assert_eq!(world.snapshot().system.steps, 1);
    assert!(world.worst_since(60.0) < 1e-3, "{}", world.worst_since(60.0));
}

#[test]
fn a_server_that_always_denies_is_given_up_and_not_asked_again() {
    for code in [KissCode::Deny, KissCode::Restrict] {
        let mut world = only(Behaviour::Kiss(code), 2.0);
        world.run_for(2000.0);
        assert_eq!(source(&world, 0).verdict, Verdict::Demobilized);
        assert!(world.told(0.0, |notice| matches!(notice, Notice::Demobilized { .. })));
        let asked = world.sites[0].server.requests;
        assert!((2..=16).contains(&asked), "several denials, and then no more requests: {asked}");
        world.run_for(20_000.0);
        assert_eq!(world.sites[0].server.requests, asked);
        assert_eq!(world.snapshot().system.steps, 0);
    }
}

#[test]
fn a_denial_beside_the_time_is_not_believed() {
    let both = |_: &[u8], honest: Header| {
        let kiss = Header {
            stratum: 0,
            leap: Leap::Unsynchronized,
            reference_id: KissCode::Deny.reference_id(),
            ..honest
        };
        vec![kiss.emit().to_vec(), honest.emit().to_vec()]
    };
    let mut world = only(Behaviour::Tamper(both), 2.0);
    world.run_for(4000.0);
    assert_eq!(source(&world, 0).verdict, Verdict::SystemPeer);
    assert!(world.worst_since(60.0) < 1e-3, "{}", world.worst_since(60.0));
}

#[test]
fn a_server_that_asks_for_fewer_requests_gets_fewer() {
    let mut world = only(Behaviour::RateLimit(100.0), 0.0);
    world.run_for(20_000.0);
    assert!(world.told(0.0, |notice| matches!(notice, Notice::RateLimited { .. })));
    let asked = world.sites[0].server.requests;
    world.run_for(10_000.0);
    // From then on 128 s apart, within what randomness adds, and no more kisses.
    let later = world.sites[0].server.requests - asked;
    assert!((70..=79).contains(&later), "{later}");
    assert!(count(&world, Discard::RateKiss) < 10, "{}", count(&world, Discard::RateKiss));
    assert_eq!(world.snapshot().system.state, SyncState::Synchronized);
    assert!(world.host.error().abs() < 1e-3);
}
