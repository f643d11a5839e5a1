//! Orders from servers: which are believed, and what they change.

use super::*;
use crate::packet::KissCode;

#[track_caller]
fn rate_kiss(bench: &mut Bench) -> Poll {
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"RATE");
    match bench.receive(&kiss) {
        Outcome::RateLimited(poll) => poll,
        other => panic!("RATE gave {other:?}"),
    }
}

#[test]
fn kod_rate_raises_the_poll_interval() {
    let mut bench = Bench::new();
    bench.settle();
    assert_eq!(bench.association.poll(), Poll::new(4));
    assert_eq!(rate_kiss(&mut bench), Poll::new(5));
    assert_eq!(rate_kiss(&mut bench), Poll::new(6));
    assert_eq!(bench.association.counters().discarded(Discard::RateKiss), 2);
}

#[test]
fn kod_rate_is_remembered_whatever_the_discipline_wants() {
    let mut bench = Bench::new();
    bench.settle();
    rate_kiss(&mut bench);
    bench.measure();
    bench.association.advise(Advice { surprise: false, poll: Poll::new(4) }, bench.now.mono);
    assert_eq!(bench.association.poll(), Poll::new(5));
}

#[test]
fn kod_rate_ends_the_initial_burst_and_no_burst_follows() {
    let mut bench = Bench::new();
    bench.measure();
    rate_kiss(&mut bench);
    let mut times = vec![];
    for _ in 0..20 {
        let asked = bench.ask();
        bench.answer(&asked);
        times.push(asked.at);
        bench.association.advise(Advice { surprise: true, poll: Poll::new(4) }, bench.now.mono);
        bench.association.restart(bench.now.mono);
        bench.association.on_clock_stepped();
    }
    assert!(gaps(&times).iter().all(|gap| *gap >= 32), "{:?}", gaps(&times));
}

#[test]
fn kod_rate_honours_the_interval_that_the_server_names() {
    let mut bench = Bench::new();
    bench.settle();
    let asked = bench.ask();
    let kiss = Header { poll: 8, ..bench.kiss(&asked, *b"RATE") };
    assert_eq!(bench.receive(&kiss), Outcome::RateLimited(Poll::new(8)));
}

#[test]
fn kod_rate_goes_beyond_the_configured_maximum_but_not_for_days() {
    let mut bench = Bench::polling(limits(4, 4));
    bench.settle();
    let asked = bench.ask();
    let kiss = Header { poll: 17, ..bench.kiss(&asked, *b"RATE") };
    assert_eq!(bench.receive(&kiss), Outcome::RateLimited(Poll::new(10)));
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"RATE");
    assert_eq!(bench.receive(&kiss), Outcome::Discarded(Discard::RateKiss), "no news: it is at its longest");
}

#[test]
fn a_second_kod_rate_in_the_same_exchange_is_a_duplicate() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"RATE");
    assert_eq!(bench.receive(&kiss), Outcome::RateLimited(Poll::new(5)));
    assert_eq!(bench.receive(&kiss), Outcome::Discarded(Discard::Duplicate));
    assert_eq!(bench.association.poll(), Poll::new(5));
}

#[test]
fn a_kiss_with_another_origin_is_not_believed() {
    for code in [*b"RATE", *b"DENY", *b"RSTR"] {
        let mut bench = Bench::new();
        let asked = bench.ask();
        for _ in 0..100 {
            let forged = Header { origin_timestamp: NtpTimestamp::from_bits(99), ..bench.kiss(&asked, code) };
            assert_eq!(bench.receive(&forged), Outcome::Discarded(Discard::WrongOrigin));
        }
        bench.answer(&asked);
        assert_eq!(bench.association.poll(), Poll::new(4));
        assert!(!bench.association.is_demobilized());
    }
}

#[test]
fn the_fourth_kod_deny_demobilizes() {
    for (bytes, code) in [(*b"DENY", KissCode::Deny), (*b"RSTR", KissCode::Restrict)] {
        let mut bench = Bench::new();
        for _ in 0..3 {
            let asked = bench.ask();
            let kiss = bench.kiss(&asked, bytes);
            assert_eq!(bench.receive(&kiss), Outcome::Discarded(Discard::DenyKiss));
        }
        let asked = bench.ask();
        let kiss = bench.kiss(&asked, bytes);
        assert_eq!(bench.receive(&kiss), Outcome::Refused(code));
        assert!(bench.association.is_demobilized());
        assert_eq!(bench.association.next_wakeup(), None);
        assert!(!bench.association.awaits_reply());
        bench.association.restart(bench.now.mono);
        assert_eq!(bench.association.next_wakeup(), None, "it stays so");
        assert!(matches!(bench.association.on_timer(bench.now, &mut bench.random), TimerOutcome::Nothing));
        assert_eq!(bench.receive(&kiss), Outcome::Discarded(Discard::Unsolicited));
        assert_eq!(bench.association.counters().discarded(Discard::DenyKiss), 4);
    }
}

#[test]
fn lost_replies_between_kod_denies_do_not_excuse_a_server() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        let asked = bench.ask();
        let kiss = bench.kiss(&asked, *b"DENY");
        bench.receive(&kiss);
        bench.ask();
    }
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"DENY");
    assert_eq!(bench.receive(&kiss), Outcome::Refused(KissCode::Deny));
}

#[test]
fn kod_denies_with_time_in_between_never_demobilize() {
    let mut bench = Bench::new();
    for _ in 0..30 {
        let asked = bench.ask();
        let kiss = bench.kiss(&asked, *b"DENY");
        assert_eq!(bench.receive(&kiss), Outcome::Discarded(Discard::DenyKiss));
        bench.answer(&asked);
    }
    assert_eq!(bench.association.reach().bits(), 0xff);
}

#[test]
fn a_hundred_kod_denies_to_one_request_count_once() {
    let mut bench = Bench::new();
    let asked = bench.ask();
    let kiss = bench.kiss(&asked, *b"DENY");
    for _ in 0..100 {
        bench.receive(&kiss);
    }
    assert_eq!(bench.association.counters().discarded(Discard::DenyKiss), 1);
    assert!(!bench.association.is_demobilized());
}

#[test]
fn a_server_that_limits_to_32_seconds_is_soon_asked_no_more_often() {
    let mut bench = Bench::new();
    let (mut last_answered, mut kisses) = (None::<Mono>, 0);
    let mut last_kissed = None;
    for _ in 0..40 {
        let asked = bench.ask();
        let is_early = last_answered.is_some_and(|last| asked.at - last < Span::from_secs(32));
        last_answered = Some(asked.at);
        if is_early {
            let kiss = bench.kiss(&asked, *b"RATE");
            bench.receive(&kiss);
            kisses += 1;
            last_kissed = Some(asked.at);
        } else {
            bench.answer(&asked);
            bench.association.advise(Advice { surprise: false, poll: Poll::new(4) }, bench.now.mono);
        }
    }
    assert_eq!(kisses, 1, "the last at {last_kissed:?}");
    assert_eq!(bench.association.poll(), Poll::new(5));
}
