//! Every reason to discard a reply, produced once; and what is left untouched by it.

use super::*;

/// A reply changed by `spoil` is refused for `reason`; the genuine one still counts afterwards.
#[track_caller]
fn check_header(reason: Discard, spoil: impl FnOnce(&mut Header)) {
    let mut bench = Bench::new();
    let asked = bench.ask();
    bench.advance(ONE_WAY);
    let mut reply = bench.good_reply(&asked);
    spoil(&mut reply);
    let outcome = bench.receive(&reply);
    check_refused(&mut bench, &asked, reason, outcome);
}

#[track_caller]
fn check_bytes(reason: Discard, from: SocketAddr, spoil: impl FnOnce(&mut Vec<u8>)) {
    let mut bench = Bench::new();
    let asked = bench.ask();
    bench.advance(ONE_WAY);
    let mut bytes = bench.good_reply(&asked).emit().to_vec();
    spoil(&mut bytes);
    let outcome = bench.receive_bytes(&bytes, from);
    check_refused(&mut bench, &asked, reason, outcome);
}

#[track_caller]
fn check_refused(bench: &mut Bench, asked: &Asked, reason: Discard, outcome: Outcome) {
    assert_eq!(outcome, Outcome::Discarded(reason));
    let counters = bench.association.counters();
    assert_eq!(counters.discards().collect::<Vec<_>>(), [(reason, 1)]);
    assert_eq!(counters.replies(), 0);
    assert_eq!(bench.association.unanswered_polls(), 0, "a refused reply is not yet an unanswered poll");
    assert!(bench.association.awaits_reply());
    bench.answer(asked);
    assert_eq!(bench.association.reach().bits(), 1);
}

#[test]
fn a_short_datagram_is_malformed() {
    check_bytes(Discard::Malformed, server_address(), |bytes| bytes.truncate(47));
}

#[test]
fn an_empty_datagram_is_malformed() {
    check_bytes(Discard::Malformed, server_address(), Vec::clear);
}

#[test]
fn a_lying_extension_length_is_malformed() {
    check_bytes(Discard::Malformed, server_address(), |bytes| {
        bytes.extend([0x01, 0x04, 0xff, 0xff]);
        bytes.extend([0; 40]);
    });
}

#[test]
fn another_address_is_a_wrong_address() {
    check_bytes(Discard::WrongAddress, "192.0.2.2:123".parse().unwrap(), |_| {});
}

#[test]
fn another_port_is_a_wrong_address() {
    check_bytes(Discard::WrongAddress, "192.0.2.1:1123".parse().unwrap(), |_| {});
}

#[test]
fn version_3_is_a_wrong_version() {
    check_header(Discard::WrongVersion, |reply| reply.version = 3);
}

#[test]
fn an_unknown_version_is_a_wrong_version() {
    check_header(Discard::WrongVersion, |reply| reply.version = 7);
}

#[test]
fn every_mode_but_server_is_a_wrong_mode() {
    for bits in (0..8).filter(|bits| *bits != Mode::Server.bits()) {
        check_header(Discard::WrongMode, |reply| reply.mode = Mode::from_bits(bits));
    }
}

#[test]
fn our_own_request_sent_back_is_a_wrong_mode() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let echo = asked.header;
    let outcome = bench.receive(&echo);
    check_refused(&mut bench, &asked, Discard::WrongMode, outcome);
}

#[test]
fn a_reply_before_any_request_is_unsolicited() {
    let mut bench = Bench::new();
    let never_asked = Asked { at: bench.now.mono, header: Header::default(), bytes: vec![], token: None };
    let reply = bench.good_reply(&never_asked);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::Unsolicited));
    assert_eq!(bench.association.reach().bits(), 0);
}

#[test]
fn a_reply_after_the_timeout_is_unsolicited() {
    let mut bench = Bench::new();
    bench.settle();
    let asked = bench.ask();
    let reply = bench.good_reply(&asked);
    bench.advance(Span::from_secs(9));
    assert!(matches!(bench.association.on_timer(bench.now, &mut bench.random), TimerOutcome::Expired));
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::Unsolicited));
}

#[test]
fn another_origin_is_a_wrong_origin() {
    check_header(Discard::WrongOrigin, |reply| {
        reply.origin_timestamp = NtpTimestamp::from_bits(reply.origin_timestamp.bits() ^ 1);
    });
}

#[test]
fn an_empty_origin_is_a_wrong_origin() {
    check_header(Discard::WrongOrigin, |reply| reply.origin_timestamp = NtpTimestamp::ZERO);
}

#[test]
fn the_clock_as_origin_is_a_wrong_origin() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let guess = NtpTimestamp::from_clock(bench.now.clock);
    let reply = Header { origin_timestamp: guess, ..bench.good_reply(&asked) };
    let outcome = bench.receive(&reply);
    check_refused(&mut bench, &asked, Discard::WrongOrigin, outcome);
}

#[test]
fn the_reply_to_an_older_request_is_a_wrong_origin() {
    let mut bench = Bench::new();
    let old = bench.ask();
    let reply = bench.good_reply(&old);
    bench.ask();
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::WrongOrigin));
}

#[test]
fn a_second_reply_is_a_duplicate() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let reply = bench.good_reply(&asked);
    bench.answer(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::Duplicate));
    bench.ask();
    assert_eq!(
        bench.receive(&reply),
        Outcome::Discarded(Discard::Duplicate),
        "replayed into the next exchange"
    );
    assert_eq!(bench.association.counters().replies(), 1);
}

#[test]
fn a_second_reply_while_one_is_held_is_a_duplicate() {
    let mut bench = Bench::new();
    let mut asked = bench.ask_unsent();
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Held);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::Duplicate));
    assert!(matches!(bench.report_sent(&mut asked), Outcome::Measurement(_)));
}

#[test]
fn a_kiss_without_an_order_is_an_unknown_kiss() {
    for code in [*b"ACST", *b"NTSN", *b"XYZ\0"] {
        check_header(Discard::UnknownKiss, |reply| {
            reply.leap = Leap::Unsynchronized;
            reply.stratum = 0;
            reply.reference_id = ReferenceId::from_bytes(code);
        });
    }
}

#[test]
fn stratum_0_of_a_server_that_claims_to_be_right_is_an_unknown_kiss() {
    check_header(Discard::UnknownKiss, |reply| {
        reply.stratum = 0;
        reply.reference_id = ReferenceId::NONE;
    });
}

#[test]
fn stratum_0_without_a_code_is_unsynchronized() {
    for code in [*b"\0\0\0\0", *b"INIT", *b"STEP", *b"XNON", [127, 127, 1, 1]] {
        check_header(Discard::Unsynchronized, |reply| {
            reply.leap = Leap::Unsynchronized;
            reply.stratum = 0;
            reply.reference_id = ReferenceId::from_bytes(code);
        });
    }
}

#[test]
fn leap_3_is_unsynchronized() {
    check_header(Discard::Unsynchronized, |reply| reply.leap = Leap::Unsynchronized);
}

#[test]
fn no_receive_timestamp_is_unsynchronized() {
    check_header(Discard::Unsynchronized, |reply| reply.receive_timestamp = NtpTimestamp::ZERO);
}

#[test]
fn no_transmit_timestamp_is_unsynchronized() {
    check_header(Discard::Unsynchronized, |reply| reply.transmit_timestamp = NtpTimestamp::ZERO);
}

#[test]
fn stratum_16_and_above_is_a_bad_stratum() {
    for stratum in [16, 17, 255] {
        check_header(Discard::BadStratum, |reply| reply.stratum = stratum);
    }
}

#[test]
fn sending_before_receiving_is_invalid_timestamps() {
    check_header(Discard::InvalidTimestamps, |reply| {
        reply.transmit_timestamp = NtpTimestamp::from_bits(reply.receive_timestamp.bits() - 1);
    });
}

#[test]
fn a_reference_in_the_future_is_invalid_timestamps() {
    check_header(Discard::InvalidTimestamps, |reply| {
        reply.reference_timestamp = NtpTimestamp::from_bits(reply.transmit_timestamp.bits() + (1 << 32));
    });
}

#[test]
fn a_server_16_seconds_from_its_source_has_too_large_a_root_distance() {
    check_header(Discard::RootDistance, |reply| {
        reply.root_dispersion = NtpShort::from_span(Span::from_secs(16))
    });
    check_header(Discard::RootDistance, |reply| {
        reply.root_delay = NtpShort::from_span(Span::from_secs(20));
        reply.root_dispersion = NtpShort::from_span(Span::from_secs(6));
    });
    check_header(Discard::RootDistance, |reply| reply.root_delay = NtpShort::from_bits(u32::MAX));
}

#[test]
fn a_server_that_took_longer_than_the_round_trip_has_a_bad_delay() {
    check_header(Discard::BadDelay, |reply| {
        reply.transmit_timestamp = NtpTimestamp::from_bits(reply.transmit_timestamp.bits() + (1 << 31));
    });
}

#[test]
fn a_server_that_follows_us_is_a_loop() {
    check_header(Discard::Loop, |reply| {
        reply.stratum = 3;
        reply.reference_id = OWN;
    });
}

#[test]
fn a_primary_server_whose_clock_is_named_like_us_is_no_loop() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let reply = Header { reference_id: OWN, ..bench.good_reply(&asked) };
    assert!(matches!(bench.receive(&reply), Outcome::Measurement(_)));
}

#[test]
fn a_step_of_ours_between_request_and_reply_voids_the_exchange() {
    let mut bench = Bench::new();
    bench.settle();
    let asked = bench.ask();
    let reach = bench.association.reach();
    bench.association.on_clock_stepped();
    bench.now.clock += Span::from_secs(3);
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::ClockStepped));
    assert_eq!(bench.association.reach(), reach, "it says nothing about the server");
    let again = bench.ask();
    assert!(again.at - asked.at <= Span::from_millis(2101), "a lost exchange is made up for soon");
    bench.answer(&again);
}

#[test]
fn a_step_of_ours_while_a_reply_is_held_voids_the_exchange() {
    let mut bench = Bench::new();
    let mut asked = bench.ask_unsent();
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Held);
    bench.association.on_clock_stepped();
    assert_eq!(bench.report_sent(&mut asked), Outcome::Discarded(Discard::ClockStepped));
}

#[test]
fn a_step_that_nobody_reported_voids_the_exchange_too() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    bench.advance(ONE_WAY);
    bench.now.clock += Span::from_millis(50);
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::ClockStepped));
}

#[test]
fn a_reply_whose_sending_is_never_learned_has_no_transmit_stamp() {
    let mut bench = Bench::new();
    let asked = bench.ask_unsent();
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Held);
    bench.ask();
    assert_eq!(bench.association.counters().discarded(Discard::NoTransmitStamp), 1);
    assert_eq!(bench.association.unanswered_polls(), 1);
}

#[test]
fn a_server_that_is_not_synchronized_is_shown_as_such() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let reply = Header { leap: Leap::Unsynchronized, stratum: 5, ..bench.good_reply(&asked) };
    bench.receive(&reply);
    assert_eq!(bench.association.server().map(|server| server.leap), Some(Leap::Unsynchronized));
    assert_eq!(bench.association.last_measurement(), None);
}
