//! One configured source: its name, and the associations that stand for it. Not the measuring.

use super::resolution::Resolution;
use crate::config::{Family, PollLimits, SourceConfig, SourceKind};
use crate::source::Association;
use crate::time::{Mono, Span};
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// A `server` (one member) or a `pool` (several), as configured.
#[derive(Debug)]
pub(super) struct Group {
    /// As configured, to find it again in another configuration.
    config: SourceConfig,
    pub(super) name: String,
    pub(super) resolution: Resolution,
    pub(super) members: Vec<Member>,
    pub(super) poll: PollLimits,
    pub(super) prefer: bool,
    pub(super) noselect: bool,
    pub(super) interleaved: bool,
    port: u16,
    wanted: usize,
    is_pool: bool,
    family: Family,
    ignore: Vec<IpAddr>,
    /// Whether more addresses would help now; settled by the last `Roster::fill`.
    pub(super) wants_addresses: bool,
    /// Replacements in a row that did not help, and when the next one is allowed.
    replacements: u32,
    replace_after: Mono,
    /// Addresses that refused service; bounded, the oldest unknown is no loss.
    refused: BTreeSet<IpAddr>,
    /// Addresses that were given up, the longest ago first: asked again only where there is no other.
    given_up: VecDeque<IpAddr>,
}

/// One association and what people have been told of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) association: Association,
    pub(super) told_reachable: Option<bool>,
    pub(super) send_problem: Option<String>,
}

impl Member {
    /// Eight polls without a usable reply (RFC 5905 §9.2).
    pub(super) fn is_lost(&self) -> bool {
        self.association.reach().bits() == 0 && self.association.unanswered_polls() >= LOST_AFTER
    }
}

impl Group {
    pub(super) fn new(config: &SourceConfig, now: Mono) -> Self {
        let (address, wanted, ignore, is_pool) = match &config.kind {
            SourceKind::Server { address } => (address, 1, Vec::new(), false),
            SourceKind::Pool { address, count, ignore } => (address, *count, ignore.clone(), true),
            SourceKind::Nts(with) => (&with.address, 1, Vec::new(), false),
            SourceKind::NtsPool { key_exchange, count } => (&key_exchange.address, *count, Vec::new(), true),
        };
        let resolution = Resolution::new(address.host.clone(), now);
        Self {
            config: config.clone(),
            name: display_name(&address.host, address.port),
            wants_addresses: !resolution.is_literal(),
            resolution,
            replacements: 0,
            replace_after: now,
            members: Vec::new(),
            poll: config.poll,
            prefer: config.prefer,
            noselect: config.noselect,
            interleaved: config.interleaved,
            port: address.port,
            wanted,
            is_pool,
            family: config.family,
            ignore,
            refused: BTreeSet::new(),
            given_up: VecDeque::new(),
        }
    }

    /// Whether it stands for exactly this.
    pub(super) fn is_for(&self, config: &SourceConfig) -> bool {
        self.config == *config
    }

    /// How many servers it stands for.
    pub(super) const fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.members.len())
    }

    /// A member that another address would serve better: lost, or of a pool and refused.
    ///
    /// Where nobody answers, because our own network drops it all, each replacement waits longer than the one before: its
    /// first requests are a burst. One that answers proves that it is not our network.
    pub(super) fn replaceable(&mut self, now: Mono) -> Option<usize> {
        if self.members.last().is_some_and(|newest| newest.association.reach().is_reachable()) {
            self.replacements = 0;
            self.replace_after = now;
        }
        if now < self.replace_after {
            return None;
        }
        let refused = self.members.iter().position(|m| self.is_pool && m.association.is_demobilized());
        refused.or_else(|| self.members.iter().position(|m| m.is_lost() && !self.resolution.is_literal()))
    }

    /// Takes the member out and gives its association.
    pub(super) fn remove_for_replacement(&mut self, index: usize, now: Mono) -> Association {
        let wait = FIRST_REPLACEMENT_WAIT << self.replacements.min(REPLACEMENT_DOUBLINGS);
        self.replace_after = now + Span::from_secs(wait);
        self.replacements = self.replacements.saturating_add(1);
        let association = self.members.remove(index).association;
        let ip = association.address().ip().to_canonical();
        self.given_up.retain(|other| *other != ip);
        self.given_up.push_back(ip);
        if self.given_up.len() > MAX_GIVEN_UP {
            self.given_up.pop_front();
        }
        association
    }

    pub(super) fn refuse(&mut self, address: IpAddr) {
        if self.refused.len() < MAX_REFUSED {
            self.refused.insert(address);
        }
    }

    /// The next address that nobody asks yet and that may be asked: one that was never given up, or the one longest ago.
    pub(super) fn candidate(&self, taken: &BTreeSet<SocketAddr>) -> Option<SocketAddr> {
        self.resolution
            .addresses()
            .iter()
            .map(|ip| ip.to_canonical())
            .filter(|ip| self.admits(*ip))
            .map(|ip| SocketAddr::new(ip, self.port))
            .filter(|address| !taken.contains(address))
            .min_by_key(|address| {
                self.given_up.iter().position(|ip| *ip == address.ip()).map_or(0, |age| age + 1)
            })
    }

    fn admits(&self, ip: IpAddr) -> bool {
        let family = match self.family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        family && !self.ignore.contains(&ip) && !self.refused.contains(&ip)
    }
}

/// As a person would write it: the port only where it is not 123.
fn display_name(host: &str, port: u16) -> String {
    match (port, host.contains(':')) {
        (123, _) => host.to_owned(),
        (_, true) => format!("[{host}]:{port}"),
        (_, false) => format!("{host}:{port}"),
    }
}

const LOST_AFTER: u32 = 8;
/// Seconds, about what a new member needs to be lost in its turn; doubled up to 17 minutes, the longest usual poll interval.
const FIRST_REPLACEMENT_WAIT: i64 = 32;
const REPLACEMENT_DOUBLINGS: u32 = 5;
const MAX_REFUSED: usize = 256;
const MAX_GIVEN_UP: usize = 64;
