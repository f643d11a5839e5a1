//! Tests of the rate limiter: who is refused, who is told so, and what others can do about it.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const KEY: [u8; 16] = [7; 16];

fn limiter(cache_size: usize, cutoff: Span, burst: u32) -> RateLimiter {
    RateLimiter::new(&RateLimit { cache_size, cutoff, burst }, 1, KEY)
}

fn client(address: impl Into<IpAddr>) -> Client {
    Client::new(SocketAddr::new(address.into(), 123), &KEY)
}

fn v4(number: u32) -> Client {
    client(Ipv4Addr::from(number))
}

/// A host on a link.
fn v6(network: u64, host: u64) -> Client {
    client(Ipv6Addr::from((u128::from(network) << 64) | u128::from(host)))
}

fn ms(milliseconds: i64) -> Mono {
    Mono::default() + Span::from_millis(milliseconds)
}

const SECOND: Span = Span::from_secs(1);

#[test]
fn a_client_is_answered_once_in_the_cutoff() {
    let mut limiter = limiter(100, SECOND, 1);
    let answered: Vec<bool> =
        [0, 1, 999, 1000, 1999, 2000].iter().map(|t| limiter.admit(&v4(1), ms(*t)).is_ok()).collect();
    assert_eq!(answered, [true, false, false, true, false, true]);
}

#[test]
fn a_rested_client_may_send_a_burst() {
    let mut limiter = limiter(100, SECOND, 8);
    let at_once =
        |limiter: &mut RateLimiter, t| (0..20).filter(|_| limiter.admit(&v4(1), ms(t)).is_ok()).count();
    assert_eq!(at_once(&mut limiter, 0), 8);
    assert_eq!(at_once(&mut limiter, 3000), 3);
    assert_eq!(at_once(&mut limiter, 100_000), 8);
}

#[test]
fn clients_do_not_pay_for_each_other() {
    let mut limiter = limiter(10_000, SECOND, 1);
    for number in 0..1000 {
        assert_eq!(limiter.admit(&v4(number), ms(0)), Ok(()));
    }
}

#[test]
fn the_first_refusal_is_told_and_then_one_in_eight_intervals() {
    let mut limiter = limiter(100, Span::from_secs(4), 1);
    let mut told = Vec::new();
    for t in (0..200_000).step_by(100) {
        if limiter.admit(&v4(1), ms(t)) == Err(TooOften { kiss: true }) {
            told.push(t);
        }
    }
    assert_eq!(told.first(), Some(&100));
    assert!(told.windows(2).all(|two| two[1] - two[0] >= 32_000), "{told:?}");
    assert!((5..=7).contains(&told.len()), "{told:?}");
}

#[test]
fn a_short_cutoff_does_not_mean_a_kiss_at_every_request() {
    let mut limiter = limiter(100, Span::from_millis(1), 1);
    let kisses = (0..10_000_i64)
        .filter(|n| {
            limiter.admit(&v4(1), Mono::from_nanos(n * 1_000_000 - n % 2)) == Err(TooOften { kiss: true })
        })
        .count();
    assert!((1..=10).contains(&kisses), "{kisses} in ten seconds");
}

#[test]
fn a_client_is_told_an_interval_that_it_will_be_answered_at() {
    for (cutoff, log2) in [(1, 0), (1000, 0), (1001, 1), (8000, 3), (60_000, 6), (i64::from(u32::MAX), 17)] {
        assert_eq!(limiter(1, Span::from_millis(cutoff), 1).poll().log2(), log2, "{cutoff} ms");
    }
}

#[test]
fn a_link_has_the_budget_of_sixteen_clients_however_many_addresses_it_uses() {
    let mut limiter = limiter(1_000_000, SECOND, 1);
    let admitted = (0..10_000).filter(|host| limiter.admit(&v6(1, *host), ms(0)).is_ok()).count();
    assert_eq!(admitted, 16);
    let later = (10_000..20_000).filter(|host| limiter.admit(&v6(1, *host), ms(500)).is_ok()).count();
    assert_eq!(later, 8);
    assert_eq!(limiter.admit(&v6(2, 1), ms(500)), Ok(()), "another link has its own");
}

#[test]
fn one_flooding_host_leaves_its_neighbours_their_share_of_the_link() {
    let mut limiter = limiter(1000, SECOND, 1);
    for t in 0..10_000 {
        let answered = limiter.admit(&v6(1, 1), ms(t)).is_ok();
        assert_eq!(answered, t % 1000 == 0);
        if t % 1000 == 500 {
            for neighbour in 2..=15 {
                assert_eq!(limiter.admit(&v6(1, neighbour), ms(t)), Ok(()), "{neighbour} at {t} ms");
            }
        }
    }
}

#[test]
fn one_link_cannot_push_others_out_of_the_table() {
    let mut limiter = limiter(512, SECOND, 1);
    for number in 0..128 {
        assert_eq!(limiter.admit(&v4(number), ms(0)), Ok(()));
    }
    let admitted = (0..100_000).filter(|host| limiter.admit(&v6(1, *host), ms(1)).is_ok()).count();
    assert_eq!(admitted, 16);
    let forgotten = (0..128).filter(|number| limiter.admit(&v4(*number), ms(2)).is_ok()).count();
    assert_eq!(forgotten, 0);
}

#[test]
fn any_number_of_other_addresses_gives_a_flooder_one_burst_for_each_round_of_the_table() {
    let mut limiter = limiter(256, Span::from_secs(3600), 2);
    let mut flooder = 0;
    for number in 0..100_000 {
        assert!(limiter.admit(&v4(number), ms(0)).is_ok());
        flooder += u32::from(limiter.admit(&v4(u32::MAX), ms(0)).is_ok());
    }
    // 391 times as many addresses as entries.
    assert!(flooder <= 2 * 391, "{flooder}");
}

#[test]
fn entries_that_say_nothing_any_more_are_given_up_first() {
    let mut limiter = limiter(4096, SECOND, 1);
    let (mut flooder, mut number) = (0, 0);
    // A thousand new addresses a second: each second a quarter of the table is in use, and 60 times the table passes.
    for t in 0..240_000 {
        number += 1;
        assert!(limiter.admit(&v4(number), ms(t)).is_ok());
        flooder += u32::from(limiter.admit(&v4(u32::MAX), ms(t)).is_ok());
    }
    assert_eq!(flooder, 240);
}

#[test]
fn a_clock_that_jumps_refuses_nobody_for_long() {
    let mut limiter = limiter(64, SECOND, 1);
    let fill = |limiter: &mut RateLimiter, t, from| {
        assert!((from..from + 500).all(|n| limiter.admit(&v4(n), t).is_ok()));
    };
    fill(&mut limiter, ms(1_000_000_000), 0);
    // Back: what is remembered of the future is worth nothing, and does not stay in the way.
    for t in [ms(0), ms(1000), ms(2000)] {
        assert_eq!(limiter.admit(&v4(499), t), Ok(()));
        assert!(limiter.admit(&v4(499), t).is_err());
    }
    fill(&mut limiter, Mono::from_nanos(i64::MAX - 5), 1000);
    assert!(limiter.admit(&v4(1499), Mono::from_nanos(i64::MIN)).is_ok());
}

#[test]
fn workers_share_the_memory_and_the_smallest_cache_works() {
    for (size, workers) in [(1, 1), (1, 64), (0, 0)] {
        let limit = RateLimit { cache_size: size, cutoff: SECOND, burst: 1 };
        let mut limiter = RateLimiter::new(&limit, workers, KEY);
        assert!(limiter.admit(&v6(1, 1), ms(0)).is_ok());
        assert!(limiter.admit(&v6(1, 1), ms(0)).is_err());
    }
}

proptest! {
    /// With room for all, every client and every link has a bucket of its own, to the nanosecond.
    #[test]
    fn the_table_does_what_one_bucket_for_each_client_would(
        requests in proptest::collection::vec((0..3_u64, 0..20_u64, 0..300_000_000_i64), 1..400), burst in 1..4_u32,
    ) {
        let mut limiter = limiter(100_000, SECOND, burst);
        let (mut hosts, mut links) = (BTreeMap::<_, f64>::new(), BTreeMap::<_, f64>::new());
        let (mut now, mut last) = (0_i64, 0_i64);
        for (link, host, pause) in requests {
            now += pause;
            #[expect(clippy::cast_precision_loss, reason = "some seconds in nanoseconds are exact")]
            let passed = (now - last) as f64 / 1e9;
            last = now;
            hosts.values_mut().for_each(|tokens| *tokens = (*tokens + passed).min(f64::from(burst)));
            links.values_mut().for_each(|tokens| *tokens = (*tokens + 16.0 * passed).min(16.0 * f64::from(burst)));
            let of_host = hosts.entry((link, host)).or_insert(f64::from(burst));
            let of_link = links.entry(link).or_insert(16.0 * f64::from(burst));
            let answered = limiter.admit(&v6(link, host), Mono::from_nanos(now)).is_ok();
            let least = of_host.min(*of_link);
            // The model's sums round.
            prop_assert!((least - 1.0).abs() < 1e-6 || answered == (least >= 1.0), "{least} at {now}");
            if answered {
                *of_host -= 1.0;
                *of_link -= 1.0;
            }
        }
    }
}
