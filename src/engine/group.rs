//! One configured source: its name, and the associations that stand for it. Not the measuring.

use super::keying::{Keying, Keys};
use super::resolution::Resolution;
use crate::config::{Family, PollLimits, SourceConfig, SourceKind};
use crate::measurement::Measurement;
use crate::nts::{NtpServer, Origin};
use crate::source::Association;
use crate::time::{Mono, Span};
use crate::verdict::{Marks, SourceOrigin};
use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// A `server` (one member) or a `pool` (several), with NTS or without, as configured.
#[derive(Debug)]
pub(super) struct Group {
    /// As configured, to find it again in another configuration.
    config: SourceConfig,
    pub(super) name: String,
    pub(super) finder: Finder,
    pub(super) members: Vec<Member>,
    pub(super) poll: PollLimits,
    pub(super) marks: Marks,
    pub(super) origin: SourceOrigin,
    /// By command it is left alone: nothing is sent, looked up or exchanged.
    pub(super) offline: bool,
    /// By command.
    pub(super) last_burst: Option<Mono>,
    pub(super) interleaved: bool,
    port: u16,
    wanted: usize,
    pub(super) is_pool: bool,
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

/// How servers are found.
#[derive(Debug)]
pub(super) enum Finder {
    /// A name is looked up.
    Name(Resolution),
    /// Keys are exchanged, and with them come servers; nobody is ever asked without keys.
    Keys(Keying),
}

/// One association and what people have been told of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) association: Association,
    pub(super) told_reachable: Option<bool>,
    pub(super) send_problem: Option<String>,
    /// With NTS.
    pub(super) keys: Option<Keys>,
    /// The last that was taken.
    pub(super) measurement: Option<Measurement>,
}

impl Member {
    pub(super) const fn new(association: Association, keys: Option<Keys>) -> Self {
        Self { association, told_reachable: None, send_problem: None, keys, measurement: None }
    }

    /// Whom it asks.
    pub(super) fn server(&self) -> NtpServer {
        let origin = self.keys.as_ref().map_or_else(Origin::default, |keys| keys.origin.clone());
        NtpServer { address: self.association.address(), origin }
    }

    /// Eight polls without a usable reply (RFC 5905 §9.2).
    pub(super) fn is_lost(&self) -> bool {
        self.association.reach().bits() == 0 && self.association.unanswered_polls() >= LOST_AFTER
    }
}

impl Group {
    pub(super) fn new(config: &SourceConfig, now: Mono) -> Self {
        let (address, ignore, is_pool) = match &config.kind {
            SourceKind::Server { address } => (address, Vec::new(), false),
            SourceKind::Pool { address, ignore, .. } => (address, ignore.clone(), true),
            SourceKind::Nts(with) => (&with.address, Vec::new(), false),
            SourceKind::NtsPool { key_exchange, .. } => (&key_exchange.address, Vec::new(), true),
        };
        let finder = match &config.kind {
            SourceKind::Nts(with) | SourceKind::NtsPool { key_exchange: with, .. } => {
                Finder::Keys(Keying::new(with.clone(), now))
            }
            _ => Finder::Name(Resolution::new(address.host.clone(), now)),
        };
        Self {
            config: config.clone(),
            name: config.name(),
            wants_addresses: matches!(&finder, Finder::Name(resolution) if !resolution.is_literal()),
            finder,
            replacements: 0,
            replace_after: now,
            members: Vec::new(),
            poll: config.poll,
            marks: config.marks,
            origin: config.origin,
            offline: false,
            last_burst: None,
            interleaved: config.interleaved,
            port: address.port,
            wanted: config.wanted(),
            is_pool,
            family: config.family,
            ignore,
            refused: BTreeSet::new(),
            given_up: VecDeque::new(),
        }
    }

    /// Whether what is known of it is true of this one too.
    pub(super) fn is_for(&self, config: &SourceConfig) -> bool {
        self.config.is_asked_like(config)
    }

    /// It stands for this one now.
    pub(super) fn adopt(&mut self, config: &SourceConfig) {
        (self.marks, self.origin) = (config.marks, config.origin);
    }

    pub(super) fn named_members(&mut self) -> impl Iterator<Item = (&str, &mut Member)> {
        let name = self.name.as_str();
        self.members.iter_mut().map(move |member| (name, member))
    }

    /// The network is another one now: what failed is tried again soon.
    pub(super) fn hurry(&mut self, now: Mono) {
        match &mut self.finder {
            Finder::Name(resolution) => resolution.hurry(now),
            Finder::Keys(keying) => keying.hurry(now),
        }
    }

    /// Measures several times now, by command: once a minute, and as far as each server allows it.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn burst(&mut self, now: Mono) -> Result<(), String> {
        let name = &self.name;
        if self.offline {
            return Err(format!("`{name}` is offline"));
        }
        if let Some(last) = self.last_burst.filter(|last| now - *last < BURST_EVERY) {
            let wait = (last + BURST_EVERY - now).seconds().ceil();
            return Err(format!("`{name}` had a burst just now; wait {wait} s"));
        }
        let done: Vec<_> = self.members.iter_mut().map(|member| member.association.burst(now)).collect();
        if done.iter().any(Result::is_ok) {
            self.last_burst = Some(now);
            return Ok(());
        }
        let reason =
            done.into_iter().find_map(Result::err).unwrap_or("has no server yet that could be asked");
        Err(format!("`{name}` {reason}"))
    }

    /// How many servers it stands for.
    pub(super) const fn wanted(&self) -> usize {
        self.wanted
    }

    pub(super) fn missing(&self) -> usize {
        self.wanted.saturating_sub(self.members.len())
    }

    pub(super) const fn resolution(&self) -> Option<&Resolution> {
        match &self.finder {
            Finder::Name(resolution) => Some(resolution),
            Finder::Keys(_) => None,
        }
    }

    pub(super) const fn resolution_mut(&mut self) -> Option<&mut Resolution> {
        match &mut self.finder {
            Finder::Name(resolution) => Some(resolution),
            Finder::Keys(_) => None,
        }
    }

    pub(super) const fn keying(&self) -> Option<&Keying> {
        match &self.finder {
            Finder::Name(_) => None,
            Finder::Keys(keying) => Some(keying),
        }
    }

    pub(super) const fn keying_mut(&mut self) -> Option<&mut Keying> {
        match &mut self.finder {
            Finder::Name(_) => None,
            Finder::Keys(keying) => Some(keying),
        }
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
        let may_find_others = self.resolution().is_some_and(|resolution| !resolution.is_literal());
        refused.or_else(|| self.members.iter().position(|m| m.is_lost() && may_find_others))
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
        self.resolution()?
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

    pub(super) fn admits(&self, ip: IpAddr) -> bool {
        let family = match self.family {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        };
        family && !self.ignore.contains(&ip) && !self.refused.contains(&ip)
    }
}

const LOST_AFTER: u32 = 8;
/// Seconds, about what a new member needs to be lost in its turn; doubled up to 17 minutes, the longest usual poll interval.
const FIRST_REPLACEMENT_WAIT: i64 = 32;
const REPLACEMENT_DOUBLINGS: u32 = 5;
/// By command, or people could flood servers.
const BURST_EVERY: Span = Span::from_secs(60);
const MAX_REFUSED: usize = 256;
const MAX_GIVEN_UP: usize = 64;
