//! When it asks: bursts and their limits, the discipline's advice, back-off, restarts.

use super::*;

fn calm(log2_seconds: i8) -> Advice {
    Advice { surprise: false, poll: Poll::new(log2_seconds) }
}

/// Whole seconds, at most 5 % longer than these.
#[track_caller]
fn check_near(gaps: &[i64], nominal: &[i64]) {
    assert_eq!(gaps.len(), nominal.len());
    let near = gaps.iter().zip(nominal).all(|(gap, nominal)| (*nominal..=nominal * 21 / 20).contains(gap));
    assert!(near, "{gaps:?} is not {nominal:?}");
}

/// What a server that allows eight requests at once, and one each 8 s on average, thinks of it.
#[test]
fn the_beginning_keeps_within_a_common_rate_limit() {
    let mut bench = Bench::polling(limits(6, 10));
    let start = bench.now.mono;
    for (earlier, at) in bench.request_times(24).into_iter().enumerate() {
        let allowed = 8.0 + (at - start).seconds() / 8.0;
        assert!(earlier as f64 + 1.0 <= allowed, "request {earlier}");
    }
}

#[test]
fn it_starts_with_a_burst_and_doubles_the_interval_until_the_poll_interval() {
    let mut bench = Bench::polling(limits(6, 10));
    let start = bench.now.mono;
    let times = bench.request_times(24);
    assert_eq!(times[0], start);
    check_near(
        &gaps(&times),
        &[2, 2, 2, 2, 2, 2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 64, 64, 64, 64, 64, 64],
    );
}

#[test]
fn intervals_are_never_shortened_by_jitter_and_differ() {
    let mut bench = Bench::new();
    bench.settle();
    let times = bench.request_times(100);
    let pauses: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).seconds()).collect();
    assert!(pauses.iter().all(|pause| (16.0..=16.8001).contains(pause)), "{pauses:?}");
    let mean = pauses.iter().sum::<f64>() / 99.0;
    assert!((16.3..16.5).contains(&mean), "{mean}");
}

#[test]
fn advice_lengthens_by_one_step_for_each_request() {
    let mut bench = Bench::new();
    bench.settle();
    for expected in [5, 6, 7, 8, 8] {
        bench.measure();
        bench.association.advise(calm(8), bench.now.mono);
        bench.association.advise(calm(8), bench.now.mono);
        assert_eq!(bench.association.poll(), Poll::new(expected));
    }
}

#[test]
fn advice_shortens_at_once() {
    let mut bench = Bench::new();
    bench.settle();
    for _ in 0..6 {
        bench.measure();
        bench.association.advise(calm(10), bench.now.mono);
    }
    assert_eq!(bench.association.poll(), Poll::new(10));
    let asked = bench.ask();
    bench.answer(&asked);
    bench.association.advise(calm(4), bench.now.mono);
    assert_eq!(bench.association.poll(), Poll::new(4));
    assert!(bench.ask().at - asked.at < Span::from_secs(17));
}

#[test]
fn late_advice_to_shorten_asks_now_and_not_in_the_past() {
    let mut bench = Bench::new();
    bench.settle();
    for _ in 0..6 {
        bench.measure();
        bench.association.advise(calm(10), bench.now.mono);
    }
    bench.advance(Span::from_secs(500));
    bench.association.advise(calm(4), bench.now.mono);
    assert_eq!(bench.association.next_wakeup(), Some(bench.now.mono));
}

#[test]
fn advice_keeps_within_the_configured_limits() {
    let mut bench = Bench::polling(limits(6, 7));
    bench.settle();
    for wanted in [17, 17, 17] {
        bench.measure();
        bench.association.advise(calm(wanted), bench.now.mono);
    }
    assert_eq!(bench.association.poll(), Poll::new(7));
    bench.measure();
    bench.association.advise(calm(0), bench.now.mono);
    assert_eq!(bench.association.poll(), Poll::new(6));
}

#[test]
fn advice_during_the_initial_burst_does_not_lengthen() {
    let mut bench = Bench::new();
    for _ in 0..11 {
        bench.measure();
        bench.association.advise(calm(10), bench.now.mono);
    }
    assert_eq!(bench.association.poll(), Poll::new(4));
}

#[test]
fn a_surprise_is_confirmed_by_a_burst_of_four() {
    let mut bench = Bench::new();
    bench.settle();
    bench.request_times(8);
    let asked = bench.ask();
    bench.answer(&asked);
    bench.association.advise(Advice { surprise: true, poll: Poll::new(4) }, bench.now.mono);
    let mut times = vec![asked.at];
    times.extend(bench.request_times(6));
    assert_eq!(gaps(&times), [2, 2, 2, 2, 16, 16]);
}

#[test]
fn endless_surprises_cause_one_burst_of_four_in_eight_polls() {
    let mut bench = Bench::new();
    bench.settle();
    let times: Vec<_> = (0..200)
        .map(|_| {
            let asked = bench.ask();
            bench.answer(&asked);
            bench.association.advise(Advice { surprise: true, poll: Poll::new(4) }, bench.now.mono);
            asked.at
        })
        .collect();
    let gaps = gaps(&times);
    assert!(gaps.contains(&2), "there are bursts");
    for window in gaps.windows(12) {
        let fast = window.iter().filter(|gap| **gap < 16).count();
        assert!(fast <= 4, "{window:?}");
    }
}

#[test]
fn lost_replies_alone_do_not_slow_polling() {
    let mut bench = Bench::polling(limits(6, 10));
    bench.settle();
    for answered in [false, true, false, false, true, false, false, false, false, true] {
        let asked = bench.ask();
        if answered {
            bench.answer(&asked);
        }
        assert_eq!(bench.association.poll(), Poll::new(6));
    }
}

#[test]
fn a_server_that_never_answers_is_asked_less_and_less_often() {
    let mut bench = Bench::new();
    let times: Vec<_> = (0..21).map(|_| bench.ask().at).collect();
    check_near(
        &gaps(&times),
        &[2, 2, 2, 2, 2, 2, 2, 4, 4, 8, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024],
    );
}

#[test]
fn a_server_that_answers_again_is_greeted_with_a_short_burst() {
    let mut bench = Bench::new();
    bench.settle();
    for _ in 0..20 {
        bench.ask();
    }
    assert_eq!(bench.association.poll(), Poll::new(10));
    let asked = bench.ask();
    bench.answer(&asked);
    assert_eq!(bench.association.poll(), Poll::new(4));
    let mut times = vec![asked.at];
    times.extend(bench.request_times(10));
    check_near(&gaps(&times), &[2, 2, 2, 2, 4, 4, 8, 8, 16, 16]);
}

#[test]
fn a_restart_brings_a_burst_at_once() {
    let mut bench = Bench::new();
    bench.settle();
    for _ in 0..6 {
        bench.measure();
        bench.association.advise(calm(10), bench.now.mono);
    }
    bench.advance(Span::from_secs(100));
    bench.association.restart(bench.now.mono);
    let restarted = bench.now.mono;
    let times = bench.request_times(8);
    assert_eq!(times[0], restarted);
    assert_eq!(gaps(&times), [2; 7]);
}

#[test]
fn restarts_told_together_are_one_burst() {
    let mut bench = Bench::new();
    for _ in 0..6 {
        bench.settle();
        for _ in 0..10 {
            bench.association.restart(bench.now.mono);
        }
        let times = bench.request_times(8);
        assert_eq!(gaps(&times), [2; 7]);
        bench.advance(Span::from_secs(256));
    }
}

#[test]
fn a_restart_voids_the_exchange_on_its_way() {
    let mut bench = Bench::new();
    bench.settle();
    let asked = bench.ask();
    bench.association.restart(bench.now.mono);
    let reply = bench.good_reply(&asked);
    assert_eq!(bench.receive(&reply), Outcome::Discarded(Discard::ClockStepped));
}

#[test]
fn a_network_that_flaps_does_not_make_us_a_nuisance() {
    let mut bench = Bench::new();
    bench.settle();
    let start = bench.now.mono;
    let mut requests = 0;
    while bench.now.mono - start < Span::from_secs(3600) {
        bench.association.restart(bench.now.mono);
        bench.advance(Span::from_secs(5));
        while bench.association.next_wakeup().unwrap() <= bench.now.mono {
            let asked = bench.ask();
            bench.answer(&asked);
            requests += 1;
        }
    }
    assert!(requests < 2 * 3600 / 16, "{requests} requests in an hour");
}

#[test]
fn without_a_network_it_tries_again_soon_and_the_burst_waits() {
    let mut bench = Bench::new();
    let mut times = vec![];
    for _ in 0..12 {
        let mut asked = bench.ask_unsent();
        times.push(asked.at);
        bench.association.on_send_failed(asked.token.take().unwrap(), bench.now);
    }
    check_near(&gaps(&times), &[2, 4, 8, 16, 32, 64, 64, 64, 64, 64, 64]);
    assert_eq!(bench.association.poll(), Poll::new(4), "nobody was asked in vain");
    let times = bench.request_times(8);
    assert_eq!(gaps(&times), [2; 7]);
}

#[test]
fn retries_of_a_request_that_cannot_leave_are_one_unanswered_poll() {
    let mut bench = Bench::polling(limits(10, 10));
    bench.settle();
    let reach = bench.association.reach().bits();
    for _ in 0..12 {
        let mut asked = bench.ask_unsent();
        bench.association.on_send_failed(asked.token.take().unwrap(), bench.now);
    }
    assert_eq!(bench.association.reach().bits(), reach << 1);
    assert_eq!(bench.association.unanswered_polls(), 1);
}

#[test]
fn two_clients_with_different_seeds_do_not_ask_in_step() {
    let mut one = Bench::new();
    let mut other = Bench::new();
    other.random = ChaCha8Rng::seed_from_u64(2);
    let (one, other) = (one.request_times(60), other.request_times(60));
    assert_eq!(one[0], other[0]);
    assert!((one[59] - other[59]).abs() > Span::from_millis(100));
}
