//! What good exchanges give: four timestamps, their eras, reach, and nothing about us to the network.

use super::*;
use std::collections::BTreeSet;

const YEAR_2024: i64 = 1_704_067_200;
const YEAR_2040: i64 = 2_208_988_800;

#[test]
fn a_measurement_keeps_both_ways_apart() {
    let mut bench = Bench::new();
    bench.behind = Span::from_millis(100);
    let asked = bench.ask();
    let left = bench.now.clock;
    bench.advance(Span::from_millis(3));
    let mut reply = bench.good_reply(&asked);
    bench.advance(Span::from_millis(1));
    reply.transmit_timestamp = bench.server_time();
    bench.advance(Span::from_millis(7));
    let Outcome::Measurement(measurement) = bench.receive(&reply) else { panic!("not measured") };
    let close = |a: Span, b: Span| (a - b).abs() <= Span::from_nanos(1);
    assert_eq!(measurement.origin_timestamp, left);
    assert_eq!(measurement.destination_timestamp, bench.now.clock);
    assert!(close(measurement.upward(), Span::from_millis(103)));
    assert!(close(measurement.downward(), Span::from_millis(-93)));
    assert!(close(measurement.offset(), Span::from_millis(98)), "100 ms, less half the asymmetry");
    assert!(close(measurement.delay(), Span::from_millis(10)));
    assert_eq!(measurement.mono, bench.now.mono);
    assert_eq!(bench.association.last_measurement(), Some(bench.now.mono));
}

#[test]
fn the_uncertainty_comes_from_both_local_stamps() {
    let mut bench = Bench::new();
    let mut asked = bench.ask_unsent();
    let user = Stamp { time: bench.now.clock, source: StampSource::User };
    bench.on_sent(asked.token.take().unwrap(), user);
    let measurement = bench.answer(&asked);
    let both = StampSource::User.uncertainty_seconds().hypot(StampSource::Kernel.uncertainty_seconds());
    assert!((measurement.stamp_uncertainty_seconds - both).abs() < 1e-12);
}

#[test]
fn a_reply_before_its_transmit_stamp_is_held_and_then_measured() {
    let mut bench = Bench::new();
    let mut asked = bench.ask_unsent();
    let left = bench.stamp();
    bench.advance(ONE_WAY);
    let reply = bench.good_reply(&asked);
    bench.advance(ONE_WAY);
    let arrived = bench.now.clock;
    assert_eq!(bench.receive(&reply), Outcome::Held);
    bench.advance(Span::from_millis(200));
    let token = asked.token.take().unwrap();
    let Outcome::Measurement(measurement) = bench.on_sent(token, left) else { panic!("not measured") };
    assert_eq!(measurement.destination_timestamp, arrived);
    assert_eq!(measurement.delay(), ONE_WAY * 2);
    assert!(!bench.association.awaits_reply());
}

#[test]
fn a_stamp_of_an_older_request_is_not_taken_for_this_one() {
    let mut bench = Bench::new();
    let mut old = bench.ask_unsent();
    let asked = bench.ask_unsent();
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Held);
    assert_eq!(bench.report_sent(&mut old), Outcome::Held);
}

#[test]
fn clients_of_2024_and_of_2040_both_understand_a_server_of_2040() {
    for (client, offset) in [(YEAR_2040, 0), (YEAR_2024, YEAR_2040 - YEAR_2024)] {
        let mut bench = Bench::new();
        bench.now.clock = ClockTime::from_unix_secs(client);
        bench.behind = Span::from_secs(offset);
        let measurement = bench.measure();
        assert!((measurement.offset() - Span::from_secs(offset)).abs() <= Span::from_nanos(1));
        assert_eq!(measurement.receive_timestamp.unix_secs(), YEAR_2040);
    }
}

#[test]
fn a_client_of_2040_understands_a_server_of_2024() {
    let mut bench = Bench::new();
    bench.now.clock = ClockTime::from_unix_secs(YEAR_2040);
    bench.behind = Span::from_secs(YEAR_2024 - YEAR_2040);
    assert_eq!(bench.measure().receive_timestamp.unix_secs(), YEAR_2024);
}

#[test]
fn a_clock_that_lost_its_date_finds_it_by_the_build_date() {
    let mut bench = Bench::new();
    bench.now.clock = ClockTime::from_unix_secs(0);
    bench.behind = Span::from_secs(YEAR_2040);
    bench.pivot = Some(ClockTime::from_unix_secs(YEAR_2026));
    assert_eq!(bench.measure().receive_timestamp.unix_secs(), YEAR_2040);
}

#[test]
fn an_exchange_across_the_turn_of_the_era_is_measured() {
    let mut bench = Bench::new();
    // 2036-02-07 06:28:16 UTC, when the 32-bit seconds wrap (RFC 5905 §6), less a little.
    bench.now.clock = ClockTime::from_unix_secs(2_085_978_496) - Span::from_millis(2);
    let asked = bench.ask();
    bench.advance(Span::from_millis(1));
    let mut reply = bench.good_reply(&asked);
    bench.advance(Span::from_millis(2));
    reply.transmit_timestamp = bench.server_time();
    assert!(reply.transmit_timestamp < reply.receive_timestamp, "it wrapped");
    let Outcome::Measurement(measurement) = bench.receive(&reply) else { panic!("not measured") };
    assert!(measurement.offset().abs() < Span::from_millis(1));
}

#[test]
fn a_request_tells_nothing_but_that_it_is_one() {
    let mut bench = Bench::new();
    let mut cookies = BTreeSet::new();
    for _ in 0..20 {
        let asked = bench.ask();
        let cookie = asked.header.transmit_timestamp;
        let blank = Header { precision: 32, transmit_timestamp: cookie, ..Header::default() };
        assert_eq!(asked.header, blank);
        assert!(
            (cookie.near(bench.now.clock) - bench.now.clock).abs() > Span::from_secs(3600),
            "by this seed"
        );
        cookies.insert(cookie);
        bench.answer(&asked);
    }
    assert_eq!(cookies.len(), 20);
}

#[test]
fn reach_remembers_eight_polls() {
    let mut bench = Bench::new();
    assert!(!bench.association.reach().is_reachable());
    bench.measure();
    bench.measure();
    assert_eq!(bench.association.reach().bits(), 0b11);
    bench.ask();
    assert_eq!(bench.association.reach().bits(), 0b11, "on its way is not lost");
    bench.ask();
    assert_eq!(bench.association.reach().bits(), 0b110);
    assert_eq!(bench.association.unanswered_polls(), 1);
    for _ in 0..7 {
        bench.ask();
    }
    assert_eq!(bench.association.reach().bits(), 0);
    assert_eq!(bench.association.unanswered_polls(), 8);
    bench.measure();
    assert_eq!(bench.association.reach().bits(), 1);
    assert_eq!(bench.association.unanswered_polls(), 0);
}

#[test]
fn the_socket_may_be_closed_as_soon_as_no_reply_is_awaited() {
    let mut bench = Bench::new();
    bench.settle();
    assert!(!bench.association.awaits_reply());
    bench.ask();
    assert!(bench.association.awaits_reply());
    bench.advance_to(bench.association.next_wakeup().unwrap());
    assert!(matches!(bench.association.on_timer(bench.now, &mut bench.random), TimerOutcome::Expired));
    assert!(!bench.association.awaits_reply());
}

#[test]
fn requests_that_cannot_leave_are_not_counted_as_requests() {
    let mut bench = Bench::new();
    let mut asked = bench.ask_unsent();
    assert_eq!(bench.association.counters().requests(), 1);
    bench.association.on_send_failed(asked.token.take().unwrap(), bench.now);
    assert_eq!(bench.association.counters().requests(), 0);
    assert!(!bench.association.awaits_reply());
}

#[test]
fn a_reply_that_seems_to_arrive_before_it_left_left_earlier_than_its_server_foretold() {
    for (too_late, is_believed) in [(30, true), (100, true), (150, false)] {
        let mut bench = Bench::new();
        bench.behind = Span::from_secs(3);
        let asked = bench.ask();
        // The path takes no time, and the server answers after 1 ms.
        let received = bench.server_time();
        bench.advance(Span::from_millis(1));
        let foretold = NtpTimestamp::from_clock(bench.now.clock + bench.behind + Span::from_micros(too_late));
        let reply =
            Header { receive_timestamp: received, transmit_timestamp: foretold, ..bench.good_reply(&asked) };
        match bench.receive(&reply) {
            Outcome::Measurement(measurement) if is_believed => {
                assert_eq!(measurement.delay(), Span::ZERO);
                assert!((measurement.offset() - bench.behind).abs() < Span::from_nanos(2), "{measurement:?}");
            }
            Outcome::Discarded(Discard::BadDelay) if !is_believed => {}
            other => panic!("{too_late}: {other:?}"),
        }
    }
}
