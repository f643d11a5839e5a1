//! The engine as others see it: the snapshot, and notices of what changed in it. Decides nothing.

use super::group::{Finder, Group, Member};
use super::keying::Keying;
use super::{Action, Engine, Notice};
use crate::discipline::{State, SystemEstimate};
use crate::packet::ReferenceId;
use crate::snapshot::{Snapshot, Source, SourceEstimate, SourceNts, SyncState, System};
use crate::source::MAXIMUM_ROOT_DISTANCE;
use crate::time::{Leap, LeapTable, Now, Poll, Span};
use crate::verdict::{Discard, Verdict};

impl Engine {
    /// The whole state at `now`; listeners are the daemon's to add.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let estimate = self.discipline.system(now);
        let sources = self.roster.groups().iter().flat_map(|group| self.report_group(group, now)).collect();
        Snapshot {
            at: now.mono,
            clock: now.clock,
            started: self.start.now.mono,
            system: self.report_system(&estimate, now),
            sources,
            offered: self.amendments.offered(),
            servers: Vec::new(),
            key_exchange_servers: Vec::new(),
            master_keys: None,
        }
    }

    /// Tells what changed since it was last told.
    pub(super) fn tell(&mut self, now: Now, out: &mut Vec<Action>) {
        let system = self.discipline.system(now);
        let synchronized = matches!(system.state, State::Synchronized | State::Holdover);
        if synchronized != self.told.synchronized {
            self.told.synchronized = synchronized;
            let first = !std::mem::replace(&mut self.told.was_synchronized, true);
            let (offset, offset_uncertainty) = (system.offset, system.offset_uncertainty);
            out.push(Action::Notice(match synchronized {
                true => Notice::Synchronized { first, offset, offset_uncertainty },
                false => Notice::SynchronizationLost,
            }));
        }
        self.tell_orphan(&system, out);
        let followed = synchronized || matches!(system.state, State::OrphanParent | State::OrphanChild);
        if followed {
            if leap_is_news(self.told.leap, system.leap) {
                out.push(Action::Notice(Notice::LeapChanged(system.leap)));
                self.told.leap = Some(system.leap);
            }
            out.extend(self.told.estimate.next(&system).map(Action::Notice));
        }
        let denied = self.discipline.denied_leap(now);
        let news = self.told.leap_table.next(self.discipline.leap_table(), denied, now.clock);
        out.extend(news.into_iter().map(Action::Notice));
        if let Some(peer) = system.peer
            && let Some((_, member)) = self.roster.member_mut(peer)
        {
            self.told.reference_id = ReferenceId::from_address(member.association.address().ip());
        }
        self.tell_verdicts(out);
    }

    /// Of an isolated network: what we are in it, and whom we follow.
    fn tell_orphan(&mut self, system: &SystemEstimate, out: &mut Vec<Action>) {
        let part = match system.state {
            State::OrphanParent => Some(None),
            State::OrphanChild => Some(system.peer),
            _ => None,
        };
        if part == self.told.orphan {
            return;
        }
        self.told.orphan = part;
        let Some(part) = part else { return };
        let parent = part.and_then(|id| self.roster.member_mut(id));
        out.push(Action::Notice(match parent {
            None => Notice::OrphanParent { stratum: system.stratum },
            Some((name, member)) => {
                Notice::OrphanChild { name: name.to_owned(), address: member.association.address() }
            }
        }));
    }

    /// Only changes that touch use are told: a source becomes used, or a used one does not agree any more.
    fn tell_verdicts(&mut self, out: &mut Vec<Action>) {
        for (name, member) in self.roster.members_mut() {
            let id = member.association.id();
            let to = self.discipline.verdict(id);
            let from = self.told.verdicts.get(&id).copied().unwrap_or_default();
            if worth_telling(from, to) {
                self.told.verdicts.insert(id, to);
                let address = member.association.address();
                out.push(Action::Notice(Notice::VerdictChanged { name: name.to_owned(), address, from, to }));
            }
        }
    }

    fn report_system(&self, estimate: &SystemEstimate, now: Now) -> System {
        let synchronization = &self.config.synchronization;
        let has_time = !matches!(estimate.state, State::Waiting | State::NoQuorum);
        let reference_id = match estimate.state {
            State::OrphanParent => OWN_CLOCK,
            _ if has_time => self.told.reference_id,
            _ => synchronization.reference_id,
        };
        let leap_table = self.discipline.leap_table();
        System {
            state: self.sync_state(estimate.state),
            controls_clock: self.start.controls_clock,
            leap: estimate.leap,
            stratum: if has_time { estimate.stratum } else { synchronization.local_stratum },
            reference_id,
            system_peer: estimate.peer.filter(|_| has_time),
            reference_timestamp: estimate.last_update.map(|update| update.clock),
            last_correction: estimate.last_correction,
            root_delay: estimate.root_delay,
            root_dispersion: estimate.root_dispersion,
            dispersion_rate: estimate.dispersion_rate,
            precision: self.start.precision,
            offset: estimate.offset,
            offset_uncertainty: estimate.offset_uncertainty,
            slew_remaining: estimate.slew_remaining,
            frequency: estimate.frequency,
            frequency_uncertainty: estimate.frequency_uncertainty,
            poll: self.shortest_poll(),
            poll_limits: (self.config.source_defaults.min, self.config.source_defaults.max),
            root_distance_limit: MAXIMUM_ROOT_DISTANCE,
            steps: estimate.steps,
            accumulated_steps: estimate.accumulated_steps,
            accumulated_steps_threshold: synchronization.accumulated_step_panic,
            agreeing_sources: estimate.agreeing,
            minimum_agreeing_sources: synchronization.minimum_agreeing_sources,
            leap_table_expires: leap_table.map(LeapTable::expires),
            tai_offset: leap_table.and_then(|table| table.tai_offset(now.clock)),
        }
    }

    /// Whether the clock is right.
    pub(super) fn state(&self, now: Now) -> SyncState {
        self.sync_state(self.discipline.system(now).state)
    }

    fn sync_state(&self, state: State) -> SyncState {
        match state {
            State::Synchronized => SyncState::Synchronized,
            State::Holdover => SyncState::Holdover,
            State::OrphanParent => SyncState::OrphanParent,
            State::OrphanChild => SyncState::OrphanChild,
            _ if self.config.sources.is_empty() => SyncState::NoSources,
            _ if !self.config.synchronization.is_in_a_group()
                && self.roster.selectable() < self.config.synchronization.minimum_agreeing_sources =>
            {
                SyncState::TooFewSources
            }
            State::NoQuorum => SyncState::NoQuorum,
            State::Waiting => SyncState::Waiting,
        }
    }

    fn shortest_poll(&self) -> Poll {
        let members = self.roster.groups().iter().flat_map(|g| &g.members);
        let used = members.filter(|m| self.discipline.verdict(m.association.id()).is_used());
        used.map(|m| m.association.poll()).min().unwrap_or(Poll::new(4))
    }

    fn report_group(&self, group: &Group, now: Now) -> Vec<Source> {
        let members = group.members.iter().map(|member| self.report_member(group, member, now));
        let unfilled = group.members.is_empty().then(|| unfilled(group));
        members.chain(unfilled).collect()
    }

    /// Selection's word; but a server that answers and says why it is of no use is not called silent.
    fn verdict(&self, group: &Group, member: &Member) -> Verdict {
        let verdict = self.discipline.verdict(member.association.id());
        match member.association.refusal().and_then(Discard::verdict) {
            _ if group.offline => Verdict::Offline,
            Some(reason) if matches!(verdict, Verdict::Waiting | Verdict::Unreachable) => reason,
            _ => verdict,
        }
    }

    fn report_member(&self, group: &Group, member: &Member, now: Now) -> Source {
        let association = &member.association;
        let server = association.server();
        let counters = association.counters();
        let estimate =
            self.discipline.estimate(association.id(), association.poll(), now).map(|e| SourceEstimate {
                offset: e.offset,
                uncertainty: e.uncertainty,
                delay: e.delay,
                jitter: e.jitter,
                path: e.path,
            });
        Source {
            id: association.id(),
            name: group.name.clone(),
            origin: group.origin,
            marks: group.marks,
            address: Some(association.address()),
            verdict: self.verdict(group, member),
            reach: association.reach().bits(),
            unanswered_polls: association.unanswered_polls(),
            poll: association.poll(),
            stratum: server.map(|s| s.stratum),
            leap: server.map(|s| s.leap),
            reference_id: server.map(|s| s.reference_id),
            root_delay: server.map_or(Span::ZERO, |s| s.root_delay),
            root_dispersion: server.map_or(Span::ZERO, |s| s.root_dispersion),
            estimate,
            last_measurement: association.last_measurement(),
            measurement: member.measurement,
            requests: counters.requests(),
            replies: counters.replies(),
            interleaved: counters.interleaved(),
            discards: counters.discards().collect(),
            problem: problem(group, member),
            nts: report_keys(member),
        }
    }
}

/// What servers say that are their own reference: the address that ntpd gives to the clock of the computer itself.
const OWN_CLOCK: ReferenceId = ReferenceId::from_bytes([127, 127, 1, 1]);

/// Why it cannot be asked, or has not the keys that it should have.
fn problem(group: &Group, member: &Member) -> Option<String> {
    if group.offline {
        return Some(OFFLINE.to_owned());
    }
    let keying = group.keying().and_then(Keying::problem).map(ToOwned::to_owned);
    let wants_keys = member.association.wants_keys() || member.is_lost();
    member.send_problem.clone().or_else(|| keying.filter(|_| wants_keys))
}

fn report_keys(member: &Member) -> Option<SourceNts> {
    let (session, keys) = (member.association.session()?, member.keys.as_ref()?);
    Some(SourceNts {
        algorithm: session.algorithm().name(),
        cookies: session.cookies_left(),
        keys_since: keys.since,
        certificate_expires: keys.certificate_expires,
        provisional: keys.provisional.is_some(),
    })
}

const OFFLINE: &str = "offline by command; `ntp-ctl online` has it asked again";
const DUPLICATE: &str = "another source asks its address already";

/// A configured source that nobody could be asked for yet.
fn unfilled(group: &Group) -> Source {
    let problem = match &group.finder {
        Finder::Keys(keying) => keying.problem(),
        Finder::Name(resolution) => {
            let duplicate = || (!resolution.addresses().is_empty()).then_some(DUPLICATE);
            resolution.problem().or_else(duplicate)
        }
    };
    let problem = if group.offline { Some(OFFLINE) } else { problem }.map(ToOwned::to_owned);
    Source {
        id: crate::verdict::SourceId(0),
        name: group.name.clone(),
        origin: group.origin,
        marks: group.marks,
        address: None,
        verdict: if group.offline { Verdict::Offline } else { Verdict::Waiting },
        reach: 0,
        unanswered_polls: 0,
        poll: group.poll.initial,
        stratum: None,
        leap: None,
        reference_id: None,
        root_delay: Span::ZERO,
        root_dispersion: Span::ZERO,
        estimate: None,
        last_measurement: None,
        measurement: None,
        requests: 0,
        replies: 0,
        interleaved: 0,
        discards: Vec::new(),
        problem,
        nts: None,
    }
}

/// Between "used" and "the system peer" a source may change often, and nobody needs to know.
fn worth_telling(from: Verdict, to: Verdict) -> bool {
    let quiet = [
        Verdict::Waiting,
        Verdict::NotSelectable,
        Verdict::NoQuorum,
        Verdict::NoRequired,
        Verdict::Unreachable,
        Verdict::Outlier,
        Verdict::Orphan,
    ];
    from != to && !(from.is_used() && to.is_used()) && !quiet.contains(&to)
}

/// A leap second that is announced, or is not any more. That there was no time for a while is told by other notices.
fn leap_is_news(told: Option<Leap>, leap: Leap) -> bool {
    match leap {
        Leap::AddSecond | Leap::DeleteSecond => told != Some(leap),
        Leap::NoWarning => told.is_some_and(|told| told != leap),
        Leap::Unsynchronized => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leap_second_that_is_announced_or_is_not_any_more_is_news() {
        let mut told = None;
        for (leap, news) in [
            (Leap::Unsynchronized, false),
            (Leap::NoWarning, false),
            (Leap::AddSecond, true),
            (Leap::Unsynchronized, false),
            (Leap::AddSecond, false),
            (Leap::NoWarning, true),
            (Leap::NoWarning, false),
            (Leap::DeleteSecond, true),
        ] {
            assert_eq!(leap_is_news(told, leap), news, "{leap:?} after {told:?}");
            if news {
                told = Some(leap);
            }
        }
    }
}
