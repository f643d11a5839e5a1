//! Interleaved mode: what it gains where a server's transmit timestamps are noisy, and that nothing is lost by it elsewhere.

use super::{EVERY_64_SECONDS, far, near, scenario, source};
use crate::simulator::scenario::{Scenario, SiteSpec, configuration};
use crate::simulator::server::Behaviour;
use crate::simulator::world::World;
use ntpd_rs::engine::Event;
use ntpd_rs::packet::Header;
use ntpd_rs::time::{NtpTimestamp, Span};
use ntpd_rs::verdict::Discard;

/// The scenario's world, its client asking for interleaved mode or not.
fn world(scenario: &Scenario, interleaved: bool) -> World {
    let mut config = configuration(scenario, EVERY_64_SECONDS);
    for source in &mut config.sources {
        source.interleaved = interleaved;
    }
    World::new(scenario, config, 1)
}

/// In the same house, with a program that takes its time, and with interleaved mode.
fn slow_writer() -> SiteSpec {
    let mut site = near();
    site.server.writing = 200e-6;
    site.server.interleaves = true;
    site
}

fn discards(world: &World) -> Vec<(Discard, u64)> {
    source(world, 0).discards
}

#[test]
fn the_error_of_the_server_s_transmit_timestamps_is_removed() {
    let run = |site: SiteSpec, interleaved| {
        let mut world = world(&scenario(vec![site], 0.0), interleaved);
        world.run_for(40_000.0);
        let seen = source(&world, 0);
        let jitter = seen.estimate.unwrap().jitter.seconds();
        let rms = world.host.recorder.rms(10_000..40_000);
        println!("rms {:.1} µs, jitter {:.1} µs, {} interleaved", rms * 1e6, jitter * 1e6, seen.interleaved);
        (rms, jitter, seen)
    };
    let (basic_rms, basic_jitter, basic) = run(slow_writer(), false);
    let (rms, jitter, seen) = run(slow_writer(), true);
    // Of a server that writes in no time at all.
    let (ideal_rms, ideal_jitter, _) = run(near(), false);
    assert!(rms < 0.7 * basic_rms, "{rms} {basic_rms}");
    assert!(jitter < 0.25 * basic_jitter, "{jitter} {basic_jitter}");
    assert!(rms < 1.3 * ideal_rms, "{rms} {ideal_rms}");
    assert!(jitter < 1.2 * ideal_jitter, "{jitter} {ideal_jitter}");
    assert_eq!((basic.interleaved, basic.discards, seen.discards), (0, vec![], vec![]));
    assert!(
        seen.interleaved >= seen.replies - 2,
        "all but the first, and the one after the first correction"
    );
}

#[test]
fn with_a_server_that_has_no_interleaved_mode_nothing_changes() {
    let scenario = scenario(vec![near()], 0.1);
    let mut basic = world(&scenario, false);
    let mut asking = world(&scenario, true);
    basic.run_for(20_000.0);
    asking.run_for(20_000.0);
    let seen = source(&asking, 0);
    assert_eq!((seen.interleaved, seen.replies), (0, seen.requests));
    let errors = [&basic, &asking].map(|world| world.host.recorder.rms(5_000..20_000));
    assert!((errors[0] - errors[1]).abs() < 0.2 * errors[0], "{errors:?}");
}

#[test]
fn on_a_lossy_way_it_goes_on() {
    let mut scenario = scenario(vec![slow_writer().lossy(0.3)], 2.0);
    scenario.oscillator.frequency = -30e-6;
    let mut world = world(&scenario, true);
    world.run_for(20_000.0);
    let seen = source(&world, 0);
    assert!(seen.interleaved * 2 > seen.replies, "{} of {}", seen.interleaved, seen.replies);
    assert_eq!(discards(&world), []);
    assert!(world.worst_since(3000.0) < 100e-6, "{}", world.worst_since(3000.0));
    assert!(world.host.recorder.broken_bounds.is_empty());
}

#[test]
fn corrections_between_an_exchange_and_its_measurement_do_no_harm() {
    let mut world = world(&scenario(vec![slow_writer(), slow_writer(), slow_writer()], 0.0), true);
    world.run_for(3600.0);
    let steps = world.snapshot().system.steps;
    // Below the step threshold: it is slewed for half a minute, twice.
    for by in [6, -6] {
        world.host.shift(Span::from_millis(by));
        let since = world.host.t();
        world.run_for(1000.0);
        assert!(world.worst_since(since + 200.0) < 50e-6, "{}", world.worst_since(since + 200.0));
    }
    assert_eq!(world.snapshot().system.steps, steps);
}

#[test]
fn a_clock_set_a_sleep_and_a_pause_are_right_again_as_soon_as_in_basic_mode() {
    let events: [fn(&mut World); 5] = [
        |world| world.set_clock(Span::from_secs(10)),
        |world| world.set_clock(Span::from_millis(-100)),
        |world| world.sleep(3600.0, Span::from_millis(-700)),
        |world| world.pause(300.0),
        |world| world.host.shift(Span::from_millis(200)),
    ];
    for event in events {
        let mut world = world(&scenario(vec![slow_writer(), slow_writer(), slow_writer()], 0.0), true);
        world.run_for(4000.0);
        event(&mut world);
        let since = world.host.t();
        // A poll, and what a burst takes.
        world.run_for(600.0);
        assert!(world.worst_since(since + 100.0) < 1e-3, "{}", world.worst_since(since + 100.0));
        assert!(world.worst_since(since + 300.0) < 100e-6, "{}", world.worst_since(since + 300.0));
    }
}

#[test]
fn another_network_is_told_nothing_of_the_last_one() {
    let mut scenario = scenario(vec![slow_writer()], 0.0);
    // It sees requests as they are, and answers none that says who we were.
    scenario.servers[0].server.behaviour = Behaviour::Tamper(|request, honest| {
        let origin = &request[24..32];
        if origin.iter().all(|byte| *byte == 0) { vec![honest.emit().to_vec()] } else { Vec::new() }
    });
    let mut world = world(&scenario, true);
    world.run_for(1000.0);
    for _ in 0..5 {
        let replies = source(&world, 0).replies;
        world.tell(Event::NetworkChanged);
        world.run_for(70.0);
        assert!(source(&world, 0).replies > replies);
    }
}

#[test]
fn forged_packets_beside_every_reply_change_nothing() {
    let mut scenario = scenario(vec![slow_writer()], 0.0);
    scenario.servers[0].server.behaviour = Behaviour::Tamper(|request, honest| {
        let named = NtpTimestamp::from_bits(u64::from_be_bytes(request[24..32].try_into().unwrap()));
        let later = NtpTimestamp::from_bits(honest.transmit_timestamp.bits() + (1 << 32));
        let forged = Header { origin_timestamp: named, transmit_timestamp: later, ..honest };
        let odd = Header { transmit_timestamp: later, ..honest };
        [forged, odd, honest, forged, honest].map(|header| header.emit().to_vec()).into()
    });
    let mut world = world(&scenario, true);
    world.run_for(10_000.0);
    let seen = source(&world, 0);
    assert_eq!(seen.replies, seen.requests);
    assert!(seen.interleaved >= seen.replies - 2);
    assert!(world.worst_since(2000.0) < 50e-6, "{}", world.worst_since(2000.0));
}

#[test]
fn over_the_internet_it_is_as_good_as_basic_mode() {
    let site = || {
        let mut site = far();
        site.server.interleaves = true;
        site
    };
    let scenario = scenario(vec![site(), site(), site()], 0.1);
    let rms = [false, true].map(|interleaved| {
        let mut world = world(&scenario, interleaved);
        world.run_for(40_000.0);
        assert!(world.host.recorder.broken_bounds.is_empty());
        world.host.recorder.rms(10_000..40_000)
    });
    println!("rms {:.2e} → {:.2e}", rms[0], rms[1]);
    assert!(rms[1] < 1.2 * rms[0], "{rms:?}");
}
