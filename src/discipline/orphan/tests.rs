//! Groups of elections that poll one another in virtual time, without clocks and packets.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const N: u8 = 10;
const POLL: i64 = 16;
/// Polls of a stratum that make a source well enough measured.
const ENOUGH: u32 = 3;
/// Polls without an answer that make it unreachable.
const LOST: u32 = 8;

/// What one server has seen of another.
#[derive(Debug, Clone, Copy, Default)]
struct View {
    stratum: Option<u8>,
    answers: u32,
    missed: u32,
    heard: bool,
}

#[derive(Debug, Clone)]
struct Server {
    number: u32,
    election: Election,
    views: Vec<View>,
    up: bool,
    /// It has a proper source.
    proper: bool,
    partition: u8,
}

/// Servers that all poll one another; polls are spread over the interval by their numbers' order.
#[derive(Debug, Clone)]
struct Group {
    servers: Vec<Server>,
    t: i64,
    /// Follows and being followed in a circle, for how many seconds in a row.
    circle: i64,
    longest_circle: i64,
}

fn election() -> Election {
    Election::new(&Synchronization { orphan_stratum: Some(N), ..Synchronization::default() })
}

fn at(t: i64) -> Mono {
    Mono::from_nanos(t * 1_000_000_000)
}

impl Group {
    fn new(numbers: &[u32]) -> Self {
        let server = |number: &u32| Server {
            number: *number,
            election: election(),
            views: vec![View::default(); numbers.len()],
            up: true,
            proper: false,
            partition: 0,
        };
        Self { servers: numbers.iter().map(server).collect(), t: 0, circle: 0, longest_circle: 0 }
    }

    /// What a server would answer now.
    fn served(&self, server: usize) -> Option<u8> {
        let server = &self.servers[server];
        match server.election.role {
            _ if server.proper => Some(3),
            Role::Parent => Some(N),
            Role::Child(_) => Some(N + 1),
            Role::Outside => None,
        }
    }

    fn hears(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.servers[a], &self.servers[b]);
        b.up && a.partition == b.partition
    }

    fn run(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.t += 1;
            for a in 0..self.servers.len() {
                for b in 0..self.servers.len() {
                    let phase = i64::try_from(a * 5 + b * 3).unwrap() % POLL;
                    if a != b && self.t % POLL == phase {
                        self.poll(a, b);
                    }
                }
                self.elect(a);
            }
            self.circle = if self.has_circle() { self.circle + 1 } else { 0 };
            self.longest_circle = self.longest_circle.max(self.circle);
        }
    }

    fn poll(&mut self, a: usize, b: usize) {
        let (heard, served) = (self.hears(a, b), self.served(b));
        let view = &mut self.servers[a].views[b];
        if heard {
            (view.missed, view.heard) = (0, true);
            view.answers = if served.is_some() { view.answers + 1 } else { view.answers };
            view.stratum = served;
        } else {
            view.missed += 1;
        }
    }

    fn elect(&mut self, a: usize) {
        if !self.servers[a].up {
            return;
        }
        let numbers: Vec<u32> = self.servers.iter().map(|server| server.number).collect();
        let server = &mut self.servers[a];
        let usable = |view: &View| view.missed < LOST && view.answers >= ENOUGH;
        let proper =
            server.proper || server.views.iter().any(|v| usable(v) && v.stratum.is_some_and(|s| s < N));
        if proper {
            server.election.on_proper_source(true);
            return;
        }
        let peer = |(b, view): (usize, &View)| {
            let standing = match view.stratum {
                Some(N) if usable(view) => Standing::Parent,
                Some(N) => Standing::Rising,
                _ => Standing::Other,
            };
            let identity = Identity { reference_id: numbers[b], address: b as u128 };
            let ours = Identity { reference_id: numbers[a], address: a as u128 };
            let there = b != a && view.missed < LOST && view.heard;
            there.then_some(Peer { id: SourceId(b as u64), identity, before_us: identity < ours, standing })
        };
        let peers: Vec<Peer> = server.views.iter().enumerate().filter_map(peer).collect();
        server.election.elect(at(self.t), &peers);
    }

    fn followed(&self, server: usize) -> Option<usize> {
        let server = &self.servers[server];
        let followed = server.election.followed().filter(|_| server.up && !server.proper)?;
        Some(usize::try_from(followed.0).unwrap())
    }

    fn has_circle(&self) -> bool {
        (0..self.servers.len()).any(|start| {
            let mut at = self.followed(start);
            for _ in 0..self.servers.len() {
                if at == Some(start) {
                    return true;
                }
                at = at.and_then(|at| self.followed(at));
            }
            false
        })
    }

    fn parents(&self) -> Vec<u32> {
        let parents = self.servers.iter().filter(|server| server.up && server.election.role == Role::Parent);
        parents.map(|server| server.number).collect()
    }

    /// Within each part of the network the smallest is the parent, and everybody else follows it.
    #[track_caller]
    fn check_settled(&self) {
        let partitions: BTreeSet<u8> = self.servers.iter().map(|server| server.partition).collect();
        for partition in partitions {
            let here = || {
                (0..self.servers.len())
                    .filter(|s| self.servers[*s].up && self.servers[*s].partition == partition)
            };
            let Some(smallest) = here().min_by_key(|s| (self.servers[*s].number, *s)) else { continue };
            for server in here() {
                let role = self.servers[server].election.role;
                if server == smallest {
                    assert_eq!(role, Role::Parent, "{self:#?}");
                } else {
                    assert_eq!(self.followed(server), Some(smallest), "{self:#?}");
                }
            }
        }
        assert!(self.longest_circle <= 2 * POLL, "a circle lasted {} s", self.longest_circle);
    }
}

/// Longer than any wait of the election.
const LONG: i64 = 300 + 64 * 10 + POLL * 16;

#[test]
fn after_a_start_in_common_the_smallest_is_the_parent_and_nobody_before_its_time() {
    let mut group = Group::new(&[30, 10, 20]);
    group.run(299);
    assert!(group.parents().is_empty(), "a proper source may still come");
    for _ in 0..LONG {
        group.run(1);
        assert!(group.parents() == [10] || group.parents().is_empty(), "{:?}", group.parents());
    }
    group.check_settled();
}

#[test]
fn a_server_alone_is_its_own_group() {
    let mut group = Group::new(&[7]);
    group.run(LONG);
    group.check_settled();
}

#[test]
fn a_parent_that_dies_is_followed_by_the_next_and_only_by_it() {
    let mut group = Group::new(&[10, 20, 30]);
    group.run(LONG);
    group.servers[0].up = false;
    for _ in 0..LONG {
        group.run(1);
        assert!([vec![], vec![20]].contains(&group.parents()), "{:?}", group.parents());
    }
    group.check_settled();
}

#[test]
fn a_silence_shorter_than_eight_polls_changes_nothing() {
    let mut group = Group::new(&[10, 20, 30]);
    group.run(LONG);
    for _ in 0..5 {
        group.servers[0].partition = 1;
        group.run(POLL * 6);
        group.servers[0].partition = 0;
        group.run(POLL * 2);
        group.check_settled();
    }
}

#[test]
fn one_that_comes_back_learns_the_groups_time_before_it_leads() {
    let mut group = Group::new(&[10, 20, 30]);
    group.run(LONG);
    group.servers[0].up = false;
    group.run(LONG);
    group.servers[0] = Server { up: true, ..Group::new(&[10, 20, 30]).servers[0].clone() };
    let start = group.t;
    group.servers[0].election.without = Some(at(start));
    group.run(150);
    assert_eq!(group.followed(0), Some(1), "it follows the parent that it will replace");
    assert_eq!(group.parents(), [20]);
    group.run(LONG);
    group.check_settled();
}

#[test]
fn a_proper_source_ends_it_at_once_for_all_and_its_loss_begins_it_again_after_a_while() {
    let mut group = Group::new(&[10, 20, 30]);
    group.run(LONG);
    group.servers[2].proper = true;
    group.run(1);
    assert_eq!(group.servers[2].election.role, Role::Outside);
    group.run(POLL * 2);
    assert!(group.servers.iter().all(|server| server.election.role == Role::Outside));
    group.servers[2].proper = false;
    group.run(250);
    assert!(group.parents().is_empty(), "a router that restarts makes no orphans");
    group.run(LONG);
    group.check_settled();
}

#[test]
fn two_parts_that_meet_again_keep_the_smaller_parent() {
    let mut group = Group::new(&[40, 10, 30, 20, 50]);
    for server in [0, 2, 3] {
        group.servers[server].partition = 1;
    }
    group.run(LONG);
    assert_eq!(group.parents(), [10, 20]);
    group.check_settled();
    for server in &mut group.servers {
        server.partition = 0;
    }
    for _ in 0..LONG {
        group.run(1);
        assert!([vec![10, 20], vec![10]].contains(&group.parents()), "{:?}", group.parents());
    }
    group.check_settled();
}

#[test]
fn equal_reference_ids_are_told_apart_by_their_addresses() {
    let mut group = Group::new(&[10, 10, 10]);
    group.run(LONG);
    group.check_settled();
    group.servers[0].up = false;
    group.run(LONG);
    group.check_settled();
}

#[test]
fn without_orphan_stratum_there_is_no_election() {
    let mut election = Election::new(&Synchronization::default());
    election.elect(at(0), &[]);
    election.elect(at(100_000), &[]);
    assert_eq!((election.role, election.next()), (Role::Outside, None));
    assert!(!election.is_orphan(15));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn whatever_breaks_one_parent_is_left_in_each_part_of_the_network(
        numbers in proptest::collection::vec(1_u32..6, 1..7),
        troubles in proptest::collection::vec((0_usize..7, 0_u8..2, any::<bool>(), 1_i64..700), 0..8),
    ) {
        let mut group = Group::new(&numbers);
        for (server, partition, up, seconds) in troubles {
            let count = group.servers.len();
            let server = &mut group.servers[server % count];
            (server.partition, server.up) = (partition, up);
            group.run(seconds);
        }
        group.run(2 * LONG);
        group.check_settled();
    }
}
