//! Who is asked: groups, their members, replacement. Not what their answers mean.

use super::bootstrap::key_host;
use super::group::{Group, Member};
use super::resolution::Answer;
use super::{Action, Notice, QueryId};
use crate::config::SourceConfig;
use crate::source::{Association, Settings};
use crate::time::{Mono, Span};
use crate::verdict::{Marks, SourceId};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// Every source there is.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) groups: Vec<Group>,
    next_source: u64,
    next_query: u64,
    /// Provisional keys can be exchanged for others that are not: the time is known.
    pub(super) confirms_keys: bool,
}

/// What changed among the members.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) added: Vec<Added>,
    pub(super) removed: Vec<SourceId>,
    /// Their certificates were judged by a right clock now.
    pub(super) confirmed: Vec<SourceId>,
}

/// A new association.
#[derive(Debug)]
pub(super) struct Added {
    pub(super) id: SourceId,
    pub(super) marks: Marks,
    /// With NTS: whose certificate vouched for it, by host name.
    pub(super) key_host: Option<String>,
    pub(super) provisional: bool,
}

impl Added {
    pub(super) fn to(group: &Group, id: SourceId, provisional: bool) -> Self {
        let key_host = group.keying().map(|keying| key_host(keying.with()));
        Self { id, marks: group.marks, key_host, provisional }
    }
}

impl Roster {
    pub(super) fn new(sources: &[SourceConfig], now: Mono) -> Self {
        let groups = sources.iter().map(|source| Group::new(source, now)).collect();
        Self { groups, next_source: 1, next_query: 1, confirms_keys: true }
    }

    /// Another configuration: sources that it leaves unchanged keep their history. The members that are gone.
    pub(super) fn reconfigure(
        &mut self,
        sources: &[SourceConfig],
        now: Mono,
        out: &mut Vec<Action>,
    ) -> Vec<SourceId> {
        let mut old = std::mem::take(&mut self.groups);
        for source in sources {
            let kept = old.iter().position(|group| group.is_for(source)).map(|index| old.remove(index));
            let mut group = kept.unwrap_or_else(|| Group::new(source, now));
            group.adopt(source);
            self.groups.push(group);
        }
        let gone: Vec<_> = old.iter().flat_map(|g| &g.members).map(|m| m.association.id()).collect();
        out.extend(gone.iter().map(|id| Action::Close(*id)));
        gone
    }

    /// Of every member.
    pub(super) fn marks(&self) -> Vec<(SourceId, Marks)> {
        let members = |group: &'_ Group| {
            let marks = group.marks;
            group.members.iter().map(move |member| (member.association.id(), marks)).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(members).collect()
    }

    /// Leaves sources alone, or asks them again at once. The members that are left alone from now on, and whether each was demobilized.
    pub(super) fn set_offline(
        &mut self,
        is_offline: impl Fn(&str) -> bool,
        now: Mono,
        out: &mut Vec<Action>,
    ) -> Vec<(SourceId, bool)> {
        let mut left = Vec::new();
        for group in &mut self.groups {
            let offline = is_offline(&group.name);
            if std::mem::replace(&mut group.offline, offline) == offline {
                continue;
            }
            for Member { association, .. } in &mut group.members {
                if offline {
                    association.suspend();
                    out.push(Action::Close(association.id()));
                    left.push((association.id(), association.is_demobilized()));
                } else {
                    association.restart(now);
                }
            }
            if !offline {
                group.hurry(now);
            }
        }
        left
    }

    /// Measures several times now, where that is not too much for a server: once a minute.
    ///
    /// # Errors
    /// Why it does so nowhere.
    pub(super) fn burst(&mut self, name: Option<&str>, now: Mono) -> Result<(), String> {
        let wanted = self.groups.iter_mut().filter(|group| name.is_none_or(|name| group.name == name));
        let done: Vec<Result<(), String>> = wanted.map(|group| group.burst(now)).collect();
        if done.iter().any(Result::is_ok) {
            return Ok(());
        }
        let mut reasons: Vec<String> = done.into_iter().filter_map(Result::err).collect();
        reasons.truncate(MOST_REASONS);
        Err(if reasons.is_empty() { "there are no sources".to_owned() } else { reasons.join("; ") })
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Servers configured that may be used, a pool counting as its `count`.
    pub(super) fn selectable(&self) -> usize {
        self.groups.iter().filter(|g| !g.marks.noselect).map(Group::wanted).sum()
    }

    pub(super) fn members_mut(&mut self) -> impl Iterator<Item = (&str, &mut Member)> {
        self.groups.iter_mut().flat_map(Group::named_members)
    }

    /// Those that may be asked.
    pub(super) fn online_members_mut(&mut self) -> impl Iterator<Item = (&str, &mut Member)> {
        self.groups.iter_mut().filter(|group| !group.offline).flat_map(Group::named_members)
    }

    pub(super) fn member_mut(&mut self, id: SourceId) -> Option<(&str, &mut Member)> {
        self.members_mut().find(|(_, member)| member.association.id() == id)
    }

    pub(super) fn next_wakeup(&self) -> Option<Mono> {
        let online = || self.groups.iter().filter(|group| !group.offline);
        let members = online().flat_map(|g| &g.members).filter_map(|m| m.association.next_wakeup());
        let wanting = online().filter(|g| g.wants_addresses);
        let lookups = wanting.filter_map(|g| g.resolution()?.next_attempt());
        let exchanges = online().filter_map(|g| Some(self.next_exchange(g)?.at));
        members.chain(lookups).chain(exchanges).min()
    }

    /// Starts look-ups that are due and wanted.
    pub(super) fn look_up(&mut self, now: Mono, out: &mut Vec<Action>) {
        for group in self.groups.iter_mut().filter(|group| !group.offline) {
            let wants_addresses = group.wants_addresses;
            let resolution = group.resolution_mut().filter(|r| wants_addresses && r.is_due(now));
            let Some(resolution) = resolution else { continue };
            let query = QueryId(self.next_query);
            self.next_query += 1;
            resolution.started(query);
            out.push(Action::Resolve { query, host: resolution.host().to_owned() });
        }
    }

    pub(super) fn on_resolved(
        &mut self,
        now: Mono,
        query: QueryId,
        result: Result<Vec<IpAddr>, String>,
        out: &mut Vec<Action>,
    ) {
        let taken = self.taken();
        let mut waiting = self.groups.iter_mut();
        let Some(group) = waiting.find(|g| g.resolution().is_some_and(|r| r.is_pending(query))) else {
            return;
        };
        let Some(answer) = group.resolution_mut().map(|r| r.answered(result)) else { return };
        let useful = group.candidate(&taken).is_some();
        if let Some(resolution) = group.resolution_mut() {
            resolution.rest(now, useful);
        }
        if let Answer::FirstFailure(reason) = answer {
            out.push(Action::Notice(Notice::NotResolved { name: group.name.clone(), reason }));
        }
    }

    /// Fills empty places and replaces members, as far as addresses are known.
    pub(super) fn fill(&mut self, now: Mono, out: &mut Vec<Action>) -> Changes {
        let mut changes = Changes::default();
        let mut taken = self.taken();
        for group in self.groups.iter_mut().filter(|group| group.resolution().is_some() && !group.offline) {
            loop {
                let replaced = group.replaceable(now);
                group.wants_addresses = false;
                if group.missing() == 0 && replaced.is_none() {
                    break;
                }
                let Some(address) = group.candidate(&taken) else {
                    group.wants_addresses = group.resolution().is_some_and(|r| !r.is_literal());
                    break;
                };
                if group.missing() == 0
                    && let Some(index) = replaced
                {
                    let old = group.remove_for_replacement(index, now);
                    taken.remove(&old.address());
                    out.push(Action::Close(old.id()));
                    changes.removed.push(old.id());
                }
                taken.insert(address);
                let id = SourceId(self.next_source);
                self.next_source += 1;
                // Requests that leave together would wait for one another, so each has a moment of its own.
                let start = now + STAGGER * i64::try_from(changes.added.len()).unwrap_or(0);
                let settings =
                    Settings { interleaved: group.interleaved, ..Settings::new(address, group.poll) };
                group.members.push(Member::new(Association::new(id, settings, start), None));
                changes.added.push(Added::to(group, id, false));
            }
        }
        changes
    }

    /// The group of a refused member will not ask that address again.
    pub(super) fn on_refused(&mut self, id: SourceId) {
        for group in &mut self.groups {
            if let Some(member) = group.members.iter().find(|m| m.association.id() == id) {
                let ip = member.association.address().ip();
                group.refuse(ip);
            }
        }
    }

    pub(super) fn on_network_changed(&mut self, now: Mono) {
        for group in &mut self.groups {
            group.hurry(now);
        }
    }

    pub(super) const fn new_source(&mut self) -> SourceId {
        let id = SourceId(self.next_source);
        self.next_source += 1;
        id
    }

    pub(super) const fn new_query(&mut self) -> QueryId {
        let query = QueryId(self.next_query);
        self.next_query += 1;
        query
    }

    /// Addresses that are asked, by whichever group: the same name four times over means four servers.
    pub(super) fn taken(&self) -> BTreeSet<SocketAddr> {
        self.groups.iter().flat_map(|g| &g.members).map(|m| m.association.address()).collect()
    }
}

const STAGGER: Span = Span::from_millis(20);
/// In an answer.
const MOST_REASONS: usize = 4;
