//! Interleaved mode: what requests say, which exchange a reply measures, and what ends it (RFC 9769 §2).

use super::*;
use crate::measurement::Pending;
use std::collections::BTreeMap;

/// Between the server's reading of its clock and the moment at which its reply leaves.
const WRITING: Span = Span::from_micros(300);

/// A client that wants interleaved mode, and a server that has it.
struct Pair {
    bench: Bench,
    /// When the reply with this T2 left.
    left: BTreeMap<NtpTimestamp, NtpTimestamp>,
}

/// An exchange as it was.
struct Exchange {
    asked: Asked,
    reply: Header,
    /// T1 and T4.
    stamps: Pending,
    outcome: Outcome,
}

impl Pair {
    fn new() -> Self {
        Self::polling(limits(4, 10))
    }

    fn polling(poll: PollLimits) -> Self {
        let settings = Settings { interleaved: true, ..Settings::new(server_address(), poll) };
        Self { bench: Bench::with(settings), left: BTreeMap::new() }
    }

    /// The server takes the request, and its reply leaves.
    fn reply(&mut self, asked: &Asked) -> Header {
        let basic = self.bench.good_reply(asked);
        self.bench.advance(WRITING);
        self.left.insert(basic.receive_timestamp, self.bench.server_time());
        match self.left.remove(&asked.header.origin_timestamp) {
            None => basic,
            Some(left) => {
                Header { origin_timestamp: asked.header.receive_timestamp, transmit_timestamp: left, ..basic }
            }
        }
    }

    fn exchange(&mut self) -> Exchange {
        self.exchange_with(|_| {})
    }

    /// The reply is changed on its way.
    fn exchange_with(&mut self, change: impl FnOnce(&mut Header)) -> Exchange {
        let asked = self.bench.ask();
        self.exchange_from(asked, change)
    }

    fn exchange_from(&mut self, asked: Asked, change: impl FnOnce(&mut Header)) -> Exchange {
        let origin_timestamp = self.bench.now.clock;
        self.bench.advance(ONE_WAY);
        let mut reply = self.reply(&asked);
        change(&mut reply);
        self.bench.advance(ONE_WAY);
        let stamps = Pending { origin_timestamp, destination_timestamp: self.bench.now.clock };
        let outcome = self.bench.receive(&reply);
        Exchange { asked, reply, stamps, outcome }
    }

    /// Past the beginning: what comes next is measured by the reply after it.
    fn interleaving() -> Self {
        let mut pair = Self::new();
        assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)));
        assert_eq!(pair.exchange().outcome, Outcome::Answered);
        pair
    }

    /// A reply in interleaved mode, changed by `spoil`, is refused for `reason`; the genuine one still counts, and what it measures.
    #[track_caller]
    fn check_refused(reason: Discard, spoil: impl Fn(&mut Header)) {
        let mut pair = Self::interleaving();
        let before = pair.bench.association.pending();
        let asked = pair.bench.ask();
        pair.bench.advance(ONE_WAY);
        let genuine = pair.reply(&asked);
        pair.bench.advance(ONE_WAY);
        let mut spoiled = genuine;
        spoil(&mut spoiled);
        assert_eq!(pair.bench.receive(&spoiled), Outcome::Discarded(reason));
        assert_eq!(pair.bench.association.pending(), before);
        let Outcome::Measurement(measurement) = pair.bench.receive(&genuine) else { panic!("not measured") };
        check_delay(&measurement, ONE_WAY * 2);
    }

    fn next_is_basic(&mut self) -> bool {
        is_basic(&self.bench.ask())
    }
}

/// To the nanosecond of the wire's format.
#[track_caller]
fn check_delay(measurement: &Measurement, delay: Span) {
    assert!((measurement.delay() - delay).abs() <= Span::from_nanos(2), "{:?}", measurement.delay());
}

fn is_basic(asked: &Asked) -> bool {
    (asked.header.origin_timestamp, asked.header.receive_timestamp)
        == (NtpTimestamp::ZERO, NtpTimestamp::ZERO)
}

#[test]
fn the_first_request_is_basic_and_the_next_names_the_exchange_before() {
    let mut pair = Pair::new();
    let first = pair.exchange();
    assert!(is_basic(&first.asked));
    let mut cookies = vec![first.asked.header.transmit_timestamp];
    let mut named = first.reply.receive_timestamp;
    for _ in 0..10 {
        let Exchange { asked, reply, .. } = pair.exchange();
        let Header { receive_timestamp, transmit_timestamp, .. } = asked.header;
        let precision = 32;
        let blank = Header {
            precision,
            origin_timestamp: named,
            receive_timestamp,
            transmit_timestamp,
            ..Header::default()
        };
        assert_eq!(asked.header, blank, "nothing else is said");
        cookies.extend([receive_timestamp, transmit_timestamp]);
        named = reply.receive_timestamp;
    }
    let now = pair.bench.now.clock;
    assert!(cookies.iter().all(|c| (c.near(now) - now).abs() > Span::from_secs(3600)), "by this seed");
    cookies.sort_unstable();
    cookies.dedup();
    assert_eq!(cookies.len(), 21);
}

#[test]
fn a_reply_measures_the_exchange_before_by_the_moment_at_which_its_reply_left() {
    let mut pair = Pair::interleaving();
    pair.bench.behind = Span::from_millis(7);
    let earlier = pair.exchange();
    let arrived = pair.bench.now.mono;
    let Outcome::Measurement(measurement) = pair.exchange().outcome else { panic!("not measured") };
    assert_eq!(measurement.origin_timestamp, earlier.stamps.origin_timestamp);
    assert_eq!(measurement.destination_timestamp, earlier.stamps.destination_timestamp);
    let pivot = measurement.origin_timestamp;
    assert_eq!(measurement.receive_timestamp, earlier.reply.receive_timestamp.near(pivot));
    assert_eq!(measurement.mono, arrived, "when the earlier reply came, not the one that told T3");
    check_delay(&measurement, ONE_WAY * 2);
    assert!((measurement.offset() - Span::from_millis(7)).abs() <= Span::from_nanos(2));
}

#[test]
fn a_basic_measurement_beside_it_contains_the_writing() {
    let Outcome::Measurement(measurement) = Pair::new().exchange().outcome else { panic!("not measured") };
    check_delay(&measurement, ONE_WAY * 2 + WRITING);
}

#[test]
fn an_exchange_that_was_measured_in_basic_mode_is_not_measured_again() {
    let mut pair = Pair::new();
    assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)));
    assert_eq!(pair.bench.association.pending(), None);
    let second = pair.exchange();
    assert_eq!(second.outcome, Outcome::Answered);
    assert_eq!(pair.bench.association.pending(), Some(second.stamps));
    let Outcome::Measurement(measurement) = pair.exchange().outcome else { panic!("not measured") };
    assert_eq!(measurement.origin_timestamp, second.stamps.origin_timestamp);
    let association = &pair.bench.association;
    assert_eq!((association.reach().bits(), association.unanswered_polls()), (0b111, 0));
    assert_eq!((association.counters().replies(), association.counters().interleaved()), (3, 2));
    assert_eq!(association.counters().discards().count(), 0);
}

#[test]
fn a_server_that_never_interleaves_is_measured_as_ever() {
    let mut pair = Pair::new();
    for _ in 0..20 {
        pair.left.clear();
        let Outcome::Measurement(measurement) = pair.exchange().outcome else { panic!("not measured") };
        assert_eq!(measurement.destination_timestamp, pair.bench.now.clock);
    }
    let counters = pair.bench.association.counters();
    assert_eq!((counters.replies(), counters.interleaved()), (20, 0));
}

#[test]
fn four_unanswered_requests_name_an_exchange_and_the_fifth_does_not() {
    let mut pair = Pair::interleaving();
    let named = pair.exchange().reply.receive_timestamp;
    for _ in 0..4 {
        assert_eq!(pair.bench.ask().header.origin_timestamp, named);
    }
    assert!(pair.next_is_basic());
    assert!(pair.next_is_basic());
    assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)));
    assert_eq!(pair.exchange().outcome, Outcome::Answered, "and so it goes on");
}

#[test]
fn a_lost_request_delays_the_measurement_and_a_lost_reply_costs_it() {
    let mut pair = Pair::interleaving();
    let earlier = pair.exchange();
    pair.bench.ask();
    let Outcome::Measurement(measurement) = pair.exchange().outcome else { panic!("not measured") };
    assert_eq!(measurement.origin_timestamp, earlier.stamps.origin_timestamp);
    let asked = pair.bench.ask();
    pair.reply(&asked);
    let after = pair.exchange();
    let Outcome::Measurement(measurement) = after.outcome else { panic!("not measured") };
    assert_eq!(measurement.origin_timestamp, after.stamps.origin_timestamp, "in basic mode");
    assert_eq!(pair.exchange().outcome, Outcome::Answered);
    assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)));
}

#[test]
fn what_is_long_past_is_not_asked_for() {
    let mut pair = Pair::polling(limits(12, 12));
    pair.bench.settle();
    for _ in 0..3 {
        let exchange = pair.exchange();
        assert!(is_basic(&exchange.asked));
        assert!(matches!(exchange.outcome, Outcome::Measurement(_)));
    }
}

#[test]
fn a_transmit_timestamp_of_another_exchange_is_a_bad_delay() {
    for moved in [1_i64 << 32, 1 << 26, 1 << 38] {
        Pair::check_refused(Discard::BadDelay, |reply| {
            let bits = reply.transmit_timestamp.bits().wrapping_add_signed(moved);
            reply.transmit_timestamp = NtpTimestamp::from_bits(bits);
        });
    }
}

#[test]
fn a_transmit_timestamp_before_its_request_came_is_invalid() {
    Pair::check_refused(Discard::InvalidTimestamps, |reply| {
        let bits = reply.transmit_timestamp.bits() - (1 << 32);
        reply.transmit_timestamp = NtpTimestamp::from_bits(bits);
    });
}

#[test]
fn a_reference_later_than_this_reply_is_invalid() {
    Pair::check_refused(Discard::InvalidTimestamps, |reply| {
        reply.reference_timestamp = NtpTimestamp::from_bits(reply.receive_timestamp.bits() + (2 << 32));
    });
}

#[test]
fn a_server_set_between_two_replies_is_believed() {
    let mut pair = Pair::interleaving();
    let exchange = pair.exchange_with(|reply| reply.reference_timestamp = reply.receive_timestamp);
    assert!(exchange.reply.reference_timestamp > exchange.reply.transmit_timestamp);
    assert!(matches!(exchange.outcome, Outcome::Measurement(_)));
}

#[test]
fn what_a_stranger_can_guess_is_a_wrong_origin() {
    let mut pair = Pair::interleaving();
    let asked = pair.bench.ask();
    let now = pair.bench.server_time();
    for origin in [asked.header.origin_timestamp, NtpTimestamp::ZERO, now] {
        let reply = Header { origin_timestamp: origin, ..pair.bench.good_reply(&asked) };
        assert_eq!(pair.bench.receive(&reply), Outcome::Discarded(Discard::WrongOrigin));
    }
    assert!(matches!(pair.exchange_from(asked, |_| {}).outcome, Outcome::Measurement(_)));
}

#[test]
fn a_second_reply_in_either_mode_is_a_duplicate() {
    let mut pair = Pair::interleaving();
    let Exchange { asked, reply, .. } = pair.exchange();
    let basic = pair.bench.good_reply(&asked);
    let pending = pair.bench.association.pending();
    for _ in 0..2 {
        for again in [reply, basic] {
            assert_eq!(pair.bench.receive(&again), Outcome::Discarded(Discard::Duplicate));
        }
        pair.bench.ask();
    }
    assert_eq!(pair.bench.association.pending(), pending);
}

#[test]
fn servers_whose_transmit_timestamps_are_nonsense_are_soon_asked_in_basic_mode_alone() {
    let mut pair = Pair::new();
    let mut refused = 0;
    for _ in 0..40 {
        let nonsense = |reply: &mut Header| reply.transmit_timestamp = reply.receive_timestamp;
        match pair.exchange_with(nonsense).outcome {
            Outcome::Measurement(_) => {}
            Outcome::Discarded(Discard::BadDelay) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, 3);
}

#[test]
fn a_clock_that_was_set_and_another_network_end_what_was_begun() {
    let events: [fn(&mut Bench); 3] = [
        |bench| bench.association.on_clock_stepped(),
        |bench| bench.association.restart(bench.now.mono),
        |bench| bench.association.on_network_changed(),
    ];
    for event in events {
        let mut pair = Pair::interleaving();
        event(&mut pair.bench);
        assert_eq!(pair.bench.association.pending(), None);
        let exchange = pair.exchange();
        assert!(is_basic(&exchange.asked));
        assert!(matches!(exchange.outcome, Outcome::Measurement(_)));
    }
}

#[test]
fn a_reply_to_a_request_that_named_what_is_forgotten_measures_nothing() {
    let mut pair = Pair::interleaving();
    let asked = pair.bench.ask();
    pair.bench.association.on_network_changed();
    let exchange = pair.exchange_from(asked, |_| {});
    assert_eq!(exchange.outcome, Outcome::Answered);
    assert_eq!(pair.bench.association.pending(), Some(exchange.stamps));
}

#[test]
fn a_clock_moved_unseen_is_found_out_by_the_next_reply_and_measured_at_once() {
    for by in [Span::from_secs(-300), Span::from_millis(-60), Span::from_millis(60), Span::from_secs(300)] {
        let mut pair = Pair::interleaving();
        pair.exchange();
        // A machine that was paused: both its clocks stood still. The server stands for all others.
        pair.bench.behind = by;
        assert_eq!(pair.exchange().outcome, Outcome::Discarded(Discard::ClockStepped), "{by:?}");
        let wait = pair.bench.association.next_wakeup().unwrap() - pair.bench.now.mono;
        assert!(wait <= Span::from_millis(2200), "{wait:?}");
        let exchange = pair.exchange();
        assert!(is_basic(&exchange.asked));
        let Outcome::Measurement(measurement) = exchange.outcome else { panic!("not measured") };
        assert!((measurement.offset() - by).abs() < Span::from_millis(1));
    }
}

#[test]
fn a_slew_between_two_exchanges_is_no_contradiction() {
    let mut pair = Pair::polling(limits(6, 6));
    pair.bench.settle();
    pair.left.clear();
    assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)));
    pair.exchange();
    pair.bench.behind = Span::from_millis(30);
    assert!(matches!(pair.exchange().outcome, Outcome::Measurement(_)), "500 ppm for 60 s");
}

#[test]
fn a_server_without_the_time_loses_nothing_of_what_was_begun() {
    Pair::check_refused(Discard::Unsynchronized, |reply| reply.leap = Leap::Unsynchronized);
    Pair::check_refused(Discard::BadStratum, |reply| reply.stratum = 16);
}

#[test]
fn a_measurement_has_the_worse_root_distance_of_both_moments_and_the_rest_of_now() {
    for (then, now) in [(5, 1), (1, 5)] {
        let mut pair = Pair::interleaving();
        let short = |millis| NtpShort::from_span(Span::from_millis(millis));
        pair.exchange_with(|reply| (reply.root_dispersion, reply.root_delay) = (short(then), short(then)));
        let exchange = pair.exchange_with(|reply| {
            (reply.root_dispersion, reply.root_delay) = (short(now), short(now));
            reply.stratum = 2;
        });
        let Outcome::Measurement(measurement) = exchange.outcome else { panic!("not measured") };
        assert_eq!(measurement.server.root_dispersion, short(5).span());
        assert_eq!(measurement.server.root_delay, short(5).span());
        assert_eq!(measurement.server.stratum, 2);
    }
}

#[test]
fn a_reply_before_its_request_s_transmit_stamp_waits_for_it() {
    let mut pair = Pair::interleaving();
    let earlier = pair.exchange();
    let mut asked = pair.bench.ask_unsent();
    let reply = pair.reply(&asked);
    assert_eq!(pair.bench.receive(&reply), Outcome::Held);
    let Outcome::Measurement(measurement) = pair.bench.report_sent(&mut asked) else {
        panic!("not measured")
    };
    assert_eq!(measurement.origin_timestamp, earlier.stamps.origin_timestamp);
}
