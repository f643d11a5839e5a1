//! Isolated networks: which one of several servers keeps the time while no proper source does. Compares no clocks.
//!
//! Servers that name each other as sources and have the same `orphan-stratum` N are one group. A source at stratum N or more is an
//! *orphan*: its time comes from nowhere but the group, so it is never selected with proper sources. Without a proper source one of
//! the group, the *parent*, serves its own clock at stratum N and follows nobody; the others, its *children*, follow it alone and serve
//! stratum N + 1. The parent is the one with the smallest identity, so everybody comes to the same result without being told.
//!
//! There are no loops, because nobody follows anything but a server at stratum N, and a server at stratum N follows nobody. What was
//! heard of it may be one poll old: two may follow each other that long, after which each sees the other at N + 1 and leaves it. And
//! even that takes one that is before the other in both directions, for identities are ordered alike for all (if each server is asked
//! at the address that it asks from); who has just started follows those behind it too, but was at stratum N for nobody yet.

use crate::config::Synchronization;
use crate::time::{Mono, Span};
use crate::verdict::SourceId;

/// Orders the servers of a group: by the reference id that their address has, else by the address itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The reference id as a number, most significant byte first.
    pub reference_id: u32,
    /// The address, IPv4 mapped into IPv6; only hashes of IPv6 addresses can be equal without it.
    pub address: u128,
}

/// A source as the election sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub id: SourceId,
    pub identity: Identity,
    /// It has the smaller identity of us two.
    pub before_us: bool,
    pub standing: Standing,
}

/// What a peer is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Stratum N exactly, and measured well enough to be followed.
    Parent,
    /// Stratum N exactly, and not measured well enough yet.
    Rising,
    /// It answers, with another stratum or without time.
    Other,
}

/// What we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// There is a proper source, or it is too early to give up hope, or there is no group.
    Outside,
    /// We keep the time.
    Parent,
    /// We follow this one.
    Child(Child),
}

/// Whom we follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Child {
    pub of: SourceId,
    /// It is no parent any more since then.
    lost: Option<Mono>,
    /// It is behind us: we learn the group's time from it, and keep it ourselves from then on.
    until: Option<Mono>,
}

/// After the start: proper sources answer within this time or hardly at all, and following the wrong one first means another step.
const FIRST_ROUND: Span = Span::from_secs(64);

/// How long each one before us has to become the parent before it is our turn. Less than a poll interval would often make two.
const TURN: Span = Span::from_secs(64);

/// Who has more before it than this waits no longer.
const MOST_TURNS: i64 = 8;

/// How long a server that has just started learns the group's time before it takes its place at the head.
const LEARNING: Span = Span::from_secs(300);

/// The state of the election, as we see it.
#[derive(Debug, Clone)]
pub(super) struct Election {
    stratum: Option<u8>,
    /// `orphan-wait`: how long proper sources are waited for. A router that restarts must not make orphans.
    patience: Span,
    role: Role,
    /// No proper source was usable since then.
    without: Option<Mono>,
    /// One was, since the start.
    had_time: bool,
    /// When something changes without news from a peer.
    next: Option<Mono>,
}

impl Election {
    pub(super) const fn new(settings: &Synchronization) -> Self {
        let (stratum, patience) = (settings.orphan_stratum, settings.orphan_wait);
        Self { stratum, patience, role: Role::Outside, without: None, had_time: false, next: None }
    }

    /// Another group is none of the old one's business.
    pub(super) fn configure(&mut self, settings: &Synchronization) {
        let stratum = settings.orphan_stratum;
        self.patience = settings.orphan_wait;
        if self.stratum != stratum {
            (self.stratum, self.role, self.next) = (stratum, Role::Outside, None);
        }
    }

    /// `orphan-stratum`.
    pub(super) const fn stratum(&self) -> Option<u8> {
        self.stratum
    }

    /// Whether a server at this stratum has its time from nowhere.
    pub(super) fn is_orphan(&self, stratum: u8) -> bool {
        self.stratum.is_some_and(|orphans| stratum >= orphans)
    }

    /// The stratum to serve our own clock at, if that is our part.
    pub(super) fn parent_stratum(&self) -> Option<u8> {
        self.stratum.filter(|_| self.role == Role::Parent)
    }

    /// Whom to follow.
    pub(super) const fn followed(&self) -> Option<SourceId> {
        match self.role {
            Role::Child(child) => Some(child.of),
            Role::Outside | Role::Parent => None,
        }
    }

    pub(super) const fn next(&self) -> Option<Mono> {
        self.next
    }

    /// There is a proper source. Until the clock was corrected by it, we go on as before, lest our clients be without time. Whether that
    /// makes, or will make, a difference.
    pub(super) fn on_proper_source(&mut self, corrected: bool) -> bool {
        let is_news = self.role != Role::Outside;
        self.next = None;
        if corrected {
            (self.role, self.without, self.had_time) = (Role::Outside, None, true);
        }
        is_news
    }

    /// Without a proper source: who is the parent now?
    pub(super) fn elect(&mut self, now: Mono, peers: &[Peer]) {
        self.next = None;
        let since = *self.without.get_or_insert(now);
        if self.stratum.is_none() {
            return;
        }
        let before_us = first(peers.iter().filter(|peer| peer.before_us));
        match self.role {
            Role::Outside => self.elect_first(now, since, peers, before_us),
            Role::Parent => self.role = before_us.map_or(Role::Parent, Child::of),
            Role::Child(child) => self.elect_again(now, child, peers, before_us),
        }
    }

    fn elect_first(&mut self, now: Mono, since: Mono, peers: &[Peer], before_us: Option<&Peer>) {
        let patience = if self.had_time { self.patience } else { self.patience.min(FIRST_ROUND) };
        if now < since + patience {
            self.next = Some(since + patience);
        } else if let Some(parent) = before_us {
            self.role = Child::of(parent);
        } else if let Some(parent) = first(peers.iter()).filter(|_| !self.had_time) {
            self.role = Role::Child(Child { of: parent.id, lost: None, until: Some(now + LEARNING) });
            self.next = Some(now + LEARNING);
        } else {
            self.take_over(now, since + self.patience, peers);
        }
    }

    fn elect_again(&mut self, now: Mono, child: Child, peers: &[Peer], before_us: Option<&Peer>) {
        let is_there = peers.iter().any(|peer| peer.id == child.of && peer.standing == Standing::Parent);
        if let Some(parent) = before_us {
            self.role = Child::of(parent);
        } else if let Some(until) = child.until.filter(|_| is_there) {
            self.next = Some(until);
            if now >= until {
                (self.role, self.next) = (Role::Parent, None);
            }
        } else {
            let lost = child.lost.unwrap_or(now);
            self.role = Role::Child(Child { lost: Some(lost), ..child });
            self.take_over(now, lost + TURN, peers);
        }
    }

    /// Our turn comes after that of everybody who is before us and answers; one that is about to be followed is waited for.
    fn take_over(&mut self, now: Mono, after: Mono, peers: &[Peer]) {
        let before_us = || peers.iter().filter(|peer| peer.before_us);
        if before_us().any(|peer| peer.standing == Standing::Rising) {
            return;
        }
        let turns = i64::try_from(before_us().count()).unwrap_or(MOST_TURNS).min(MOST_TURNS);
        let turn = after + TURN * turns;
        if now >= turn {
            self.role = Role::Parent;
        } else {
            self.next = Some(turn);
        }
    }
}

impl Child {
    const fn of(parent: &Peer) -> Role {
        Role::Child(Self { of: parent.id, lost: None, until: None })
    }
}

/// The parent with the smallest identity.
fn first<'a>(peers: impl Iterator<Item = &'a Peer>) -> Option<&'a Peer> {
    peers.filter(|peer| peer.standing == Standing::Parent).min_by_key(|peer| peer.identity)
}

#[cfg(test)]
mod tests;
