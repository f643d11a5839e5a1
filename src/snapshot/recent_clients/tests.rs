//! How good the estimate is, and what it forgets when.

use super::*;

/// A hash as good as a keyed one (splitmix64), of client number `n`.
fn hash(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn minutes(minutes: i64) -> Mono {
    Mono::from_nanos(5_000_000_000_000) + Span::from_secs(60 * minutes)
}

fn noted(clients: impl IntoIterator<Item = u64>, now: Mono) -> RecentClients {
    let sketch = RecentClients::default();
    for client in clients {
        sketch.note(hash(client), now);
    }
    sketch
}

#[track_caller]
fn near(estimate: u64, truth: u64) {
    // Three standard deviations, and what rounding does to few.
    #[expect(clippy::cast_precision_loss, reason = "millions")]
    let (off, allowed) = (estimate.abs_diff(truth) as f64, 0.049 * truth as f64);
    assert!(off <= allowed, "{estimate} for {truth}");
}

#[test]
fn ten_a_thousand_and_a_million_clients_are_estimated_within_three_times_1_6_percent() {
    for truth in [1, 10, 100, 1_000, 10_000, 20_000, 100_000, 1_000_000] {
        near(RecentClients::estimate([&noted(0..truth, minutes(0))], minutes(0)), truth);
    }
}

#[test]
fn the_errors_of_many_tries_have_the_standard_deviation_that_is_claimed() {
    for truth in [1_000, 10_000, 50_000] {
        let tries: Vec<f64> = (0..60)
            .map(|run| {
                let clients = run * 1_000_000..run * 1_000_000 + truth;
                let estimate = RecentClients::estimate([&noted(clients, minutes(0))], minutes(0));
                #[expect(clippy::cast_precision_loss, reason = "thousands")]
                let ratio = estimate as f64 / truth as f64;
                ratio - 1.0
            })
            .collect();
        let mean = tries.iter().sum::<f64>() / 60.0;
        let deviation = (tries.iter().map(|error| error * error).sum::<f64>() / 60.0).sqrt();
        assert!(mean.abs() < 0.007, "{truth}: biased by {mean}");
        assert!(deviation < 0.021, "{truth}: {deviation}");
    }
}

#[test]
fn nobody_is_nobody() {
    assert_eq!(RecentClients::estimate([], minutes(0)), 0);
    assert_eq!(RecentClients::estimate([&RecentClients::default()], minutes(0)), 0);
}

#[test]
fn a_client_that_asks_again_and_again_is_one() {
    let sketch = RecentClients::default();
    for minute in 0..60 {
        sketch.note(hash(1), minutes(minute));
    }
    assert_eq!(RecentClients::estimate([&sketch], minutes(60)), 1);
}

#[test]
fn a_client_is_remembered_for_an_hour_and_forgotten_after_70_minutes() {
    for asked in [0, 3, 9, 14] {
        let sketch = noted([1], minutes(asked));
        let seen = |after| RecentClients::estimate([&sketch], minutes(asked + after));
        assert_eq!((seen(0), seen(60), seen(71), seen(10_000)), (1, 1, 0, 0), "at {asked}");
    }
}

#[test]
fn a_part_that_comes_round_again_forgets_what_it_held() {
    let sketch = noted(0..1_000, minutes(0));
    // Seven parts later, to the minute: the same place in memory.
    sketch.note(hash(5_000), minutes(70));
    assert_eq!(RecentClients::estimate([&sketch], minutes(70)), 1);
}

#[test]
fn workers_that_share_clients_do_not_count_them_twice_and_others_add_up() {
    let (one, two) = (noted(0..3_000, minutes(0)), noted(0..3_000, minutes(5)));
    near(RecentClients::estimate([&one, &two], minutes(6)), 3_000);
    let three = noted(3_000..6_000, minutes(5));
    near(RecentClients::estimate([&one, &two, &three], minutes(6)), 6_000);
}

#[test]
fn every_hash_has_a_place() {
    for hash in [0, 1, u64::MAX, 1 << 63, 0xFFF0_0000_0000_0000] {
        let sketch = RecentClients::default();
        sketch.note(hash, minutes(0));
        assert_eq!(RecentClients::estimate([&sketch], minutes(0)), 1, "{hash:x}");
    }
}

#[test]
fn a_clock_that_reads_nonsense_does_no_harm() {
    let sketch = noted([1], Mono::from_nanos(i64::MIN));
    sketch.note(hash(2), Mono::from_nanos(i64::MAX));
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(RecentClients::estimate([&sketch], Mono::from_nanos(now)) <= 2);
    }
}
