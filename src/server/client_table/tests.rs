//! Who is found, who is not, and how far the numbers can be off.

use super::*;
use crate::verdict::Refusal;
use std::collections::BTreeMap;
use std::net::SocketAddr;

fn client(n: u32) -> Client {
    Client::new(SocketAddr::from((Ipv4Addr::from_bits(n), 123)), &[3; 16])
}

fn at(seconds: i64) -> Mono {
    Mono::from_nanos(7_200_000_000_000) + Span::from_secs(seconds)
}

fn time(version: u8, interleaved: bool) -> Result<Answer, Refused> {
    Ok(Answer { length: 48, version, kiss: None, nts: false, interleaved, stamp: None, client: 0 })
}

fn plain() -> Result<Answer, Refused> {
    time(4, false)
}

/// The only client of a table after these.
fn alone(requests: Vec<(i64, Result<Answer, Refused>)>) -> ClientActivity {
    let mut table = ClientTable::new(1, 1);
    for (seconds, outcome) in requests {
        table.note(&client(1), &outcome, at(seconds));
    }
    let [activity] = table.top(10, at(0)).try_into().unwrap();
    activity
}

#[test]
fn everything_that_a_client_asks_is_counted_by_what_came_of_it() {
    let told = Answer {
        length: 48,
        version: 3,
        kiss: Some(Refusal::RateLimited),
        nts: false,
        interleaved: false,
        stamp: None,
        client: 0,
    };
    let activity = alone(vec![
        (0, Err(Refusal::Malformed.into())),
        (1, time(4, false)),
        (2, time(4, true)),
        (3, Err(Refusal::RateLimited.into())),
        (4, Ok(told)),
    ]);
    assert_eq!((activity.requests, activity.answered), (5, 2));
    let refused: Vec<_> = activity.refused().filter(|(_, count)| *count > 0).collect();
    assert_eq!(refused, [(Refusal::Malformed, 1), (Refusal::RateLimited, 2)]);
    assert_eq!((activity.version, activity.interleaved), (Some(3), true));
    assert_eq!((activity.since, activity.last), (at(0), at(4)));
    assert_eq!(activity.address, IpAddr::V4(Ipv4Addr::from_bits(1)));
}

#[test]
fn the_interval_follows_the_requests() {
    assert_eq!(alone(vec![(0, plain())]).interval, None);
    assert_eq!(alone(vec![(0, plain()), (16, plain())]).interval, Some(Span::from_secs(16)));
    let slower = (0..100).map(|n| (if n < 10 { n } else { 10 + (n - 10) * 64 }, plain())).collect();
    let interval = alone(slower).interval.unwrap().seconds();
    assert!((63.0..=64.0).contains(&interval), "{interval}");
}

#[test]
fn who_asked_most_comes_first_and_no_more_come_than_are_wanted() {
    let mut table = ClientTable::new(1000, 1);
    for n in 1..=50_u32 {
        for _ in 0..n {
            table.note(&client(n), &plain(), at(0));
        }
    }
    let top = table.top(3, at(0));
    let seen: Vec<_> = top.iter().map(|c| (c.address, c.requests)).collect();
    assert_eq!(seen, [50, 49, 48].map(|n: u32| (IpAddr::V4(Ipv4Addr::from_bits(n)), u64::from(n))));
    assert_eq!(table.top(1000, at(0)).len(), 50);
    assert_eq!(table.top(0, at(0)), []);
}

/// A stream in which client n sends every 2ⁿ-th request, and the rest come from addresses that ask once.
fn flood(table: &mut ClientTable, requests: u32, mut seen: impl FnMut(u32, Mono)) {
    for request in 1..=requests {
        let n = request.trailing_zeros();
        let who = if (3..=9).contains(&n) { n } else { 1_000_000 + request };
        let now = at(i64::from(request / 2000));
        seen(who, now);
        table.note(&client(who), &plain(), now);
    }
}

#[test]
fn heavy_clients_are_found_in_a_flood_of_others_with_numbers_within_their_bounds() {
    // The flood lasts four minutes of one hour: nothing is halved.
    let mut table = ClientTable::new(256, 1);
    let mut truth = BTreeMap::<IpAddr, u32>::new();
    flood(&mut table, 480_000, |n, _| *truth.entry(client(n).address).or_default() += 1);
    let top = table.top(256, at(240));
    assert_eq!(top.len(), 256, "memory is of one size");
    for found in &top {
        let requests = f64::from(truth[&found.address]);
        assert!(found.recent <= requests && requests <= found.recent_at_most, "{found:?}: {requests}");
    }
    // An eighth of what one of 32 sets gets is 0.4 % of all; client 7 sends 0.39 %, and all above it more.
    for (place, n) in (3..=7).enumerate() {
        assert_eq!(top[place].address, client(n).address, "{n}");
    }
}

#[test]
fn a_client_that_is_not_listed_asked_less_than_the_least_of_its_set_can_have() {
    let mut table = ClientTable::new(8, 1);
    let mut truth = BTreeMap::<IpAddr, u32>::new();
    flood(&mut table, 100_000, |n, _| *truth.entry(client(n).address).or_default() += 1);
    let top = table.top(8, at(50));
    let least = top.iter().map(|found| found.recent_at_most).fold(f64::MAX, f64::min);
    let listed: Vec<_> = top.iter().map(|found| found.address).collect();
    for (address, requests) in truth {
        assert!(listed.contains(&address) || f64::from(requests) <= least, "{address}: {requests} > {least}");
    }
    assert!(least <= 100_000.0 / 8.0, "{least}");
}

#[test]
fn weights_are_halved_every_hour_and_counts_are_not() {
    let mut table = ClientTable::new(8, 1);
    for _ in 0..64 {
        table.note(&client(1), &plain(), at(0));
    }
    for (hours, recent) in [(0, 64.0), (1, 32.0), (6, 1.0)] {
        let top = table.top(1, at(3600 * hours));
        assert!((top[0].recent - recent).abs() < 1e-9, "{hours} h: {}", top[0].recent);
        assert_eq!(top[0].requests, 64);
    }
    table.note(&client(1), &plain(), at(3600));
    let top = table.top(1, at(3600));
    assert!((top[0].recent - 33.0).abs() < 1e-9 && top[0].requests == 65);
}

#[test]
fn who_stopped_asking_makes_room_for_who_asks_now() {
    let mut table = ClientTable::new(8, 1);
    for n in 1..=8 {
        for _ in 0..1_000 {
            table.note(&client(n), &plain(), at(0));
        }
    }
    // Twelve hours later nine others ask, once a minute for two hours.
    for minute in 0..120 {
        for n in 11..=18 {
            table.note(&client(n), &plain(), at(12 * 3600 + 60 * minute));
        }
    }
    let top = table.top(8, at(14 * 3600));
    assert!(top.iter().all(|found| (11..=18).any(|n| client(n).address == found.address)), "{top:#?}");
}

#[test]
fn memory_is_shared_out_to_the_workers_and_never_none() {
    let entries = |clients, workers| ClientTable::new(clients, workers).sets.len() * WAYS;
    assert_eq!([entries(1000, 4), entries(1, 64), entries(0, 0)], [256, 8, 8]);
}

#[test]
fn a_clock_that_reads_nonsense_does_no_harm() {
    let mut table = ClientTable::new(8, 1);
    for now in [i64::MAX, i64::MIN, 0, i64::MAX] {
        table.note(&client(1), &plain(), Mono::from_nanos(now));
        assert!(table.top(8, Mono::from_nanos(now)).len() <= 1);
    }
}
