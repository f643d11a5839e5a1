//! The roster's sources with NTS: whose turn it is to exchange keys, and who is asked with them. Whom to believe is not known here.

use super::back_off::BackOff;
use super::group::{Group, Member};
use super::keying::{Keying, Keys, Pending};
use super::roster::{Added, Changes, Roster};
use super::{Action, Notice, QueryId};
use crate::nts::{
    Algorithm, CertificateTime, Established, KeyRequest, NtpServer, SavedSession, Session, Validity,
};
use crate::source::{Association, Settings};
use crate::time::{ClockTime, Mono};
use crate::verdict::SourceId;
use rand_core::Rng;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// An exchange that somebody wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) at: Mono,
    /// For an empty place without.
    member: Option<SourceId>,
}

/// What an exchange brought, with what is needed to judge it.
pub(super) struct Exchanged {
    pub(super) query: QueryId,
    pub(super) result: Result<Box<Established>, String>,
    /// What to do about a clock that certificates cannot be judged by.
    pub(super) remedy: Option<String>,
}

/// Keys, and whom to ask with them.
struct Offer {
    server: SocketAddr,
    session: Session,
    keys: Keys,
}

impl Roster {
    /// The next exchange of the group, if one is wanted and none is under way.
    pub(super) fn next_exchange(&self, group: &Group) -> Option<Wish> {
        let keying = group.keying().filter(|_| !group.offline)?;
        let allowed = keying.next_attempt(group.wanted())?;
        let members = group.members.iter().filter_map(|member| self.wish_of(group, member));
        let vacancy = (group.missing() > 0).then(|| Wish { at: keying.vacancy.until(), member: None });
        let first = members.chain(vacancy).min_by_key(|wish| wish.at)?;
        Some(Wish { at: first.at.max(allowed), ..first })
    }

    /// When the member needs other keys: at once, without any that work; in the end, because of their age.
    fn wish_of(&self, group: &Group, member: &Member) -> Option<Wish> {
        let keys = member.keys.as_ref()?;
        let association = &member.association;
        let now = keys.attempts.until();
        let in_the_end = keys.end().max(now);
        let at = match association.is_demobilized() {
            true => group.is_pool.then_some(now)?,
            false if association.wants_keys() || member.is_lost() => now,
            false if keys.provisional.is_some() && self.confirms_keys => now,
            false => in_the_end,
        };
        Some(Wish { at, member: Some(association.id()) })
    }

    /// Starts key exchanges that are due and wanted.
    pub(super) fn exchange_keys(
        &mut self,
        now: Mono,
        certificate_time: CertificateTime,
        random: &mut impl Rng,
        out: &mut Vec<Action>,
    ) {
        for index in 0..self.groups.len() {
            let wish = self.groups.get(index).and_then(|group| self.next_exchange(group));
            let Some(wish) = wish.filter(|wish| wish.at <= now) else { continue };
            let query = self.new_query();
            let confirms = self.confirms_keys;
            let Some(group) = self.groups.get_mut(index) else { continue };
            let denied = denied(group, wish.member);
            tell_refused_keys(group, wish.member, out);
            let member = group.members.iter_mut().find(|m| Some(m.association.id()) == wish.member);
            let algorithms = member.map_or(Algorithm::ALL.to_vec(), |member| member.on_attempt(now, random));
            let Some(keying) = group.keying_mut() else { continue };
            keying.started(now, Pending::new(query, wish.member, confirms));
            let with = keying.with();
            let request = KeyRequest {
                host: with.address.host.clone(),
                port: with.address.port,
                certificate_authority: with.certificate_authority.clone(),
                enable_srv_resolution: with.enable_srv_resolution,
                algorithms,
                denied,
                certificate_time,
            };
            out.push(Action::ExchangeKeys { query, request });
        }
    }

    /// Gives the keys to whom they are for; what changed among the members.
    pub(super) fn on_keys_exchanged(
        &mut self,
        now: Mono,
        exchanged: Exchanged,
        random: &mut impl Rng,
        out: &mut Vec<Action>,
    ) -> Changes {
        let taken = self.taken();
        let new_source = self.new_source();
        let mut changes = Changes::default();
        let found = self.groups.iter_mut().find_map(|group| {
            let pending = group.keying_mut()?.ended(exchanged.query)?;
            Some((group, pending))
        });
        let Some((group, pending)) = found else { return changes };
        match exchanged.result {
            Err(reason) => {
                let reason = match exchanged.remedy {
                    Some(remedy) => format!("{reason}; {remedy}"),
                    None => reason,
                };
                changes.removed.extend(refute(group, pending, &reason, out));
                let is_news = group.keying_mut().is_some_and(|k| k.on_failure(now, reason.clone(), random));
                if is_news {
                    out.push(Action::Notice(Notice::KeysNotExchanged { name: group.name.clone(), reason }));
                }
            }
            Ok(established) => {
                settle(now, group, pending, (*established, new_source), &taken, &mut changes, out)
            }
        }
        if changes.added.is_empty()
            && group.missing() > 0
            && let Some(keying) = group.keying_mut()
        {
            keying.vacancy.lengthen(now, random);
        }
        changes
    }

    /// Uses the keys of an earlier run in place of first exchanges; those that nobody has a use for are forgotten.
    pub(super) fn restore(&mut self, sessions: Vec<SavedSession>, now: Mono) -> Changes {
        let mut changes = Changes::default();
        for SavedSession { host, port, server: NtpServer { address: server, origin }, session } in sessions {
            let taken = self.taken();
            let id = self.new_source();
            let fits = |group: &&mut Group| {
                let address = group.keying().map(|keying| &keying.with().address);
                let same = address.is_some_and(|address| address.host == host && address.port == port);
                same && group.missing() > 0 && group.admits(server.ip()) && !taken.contains(&server)
            };
            if let Some(group) = self.groups.iter_mut().find(fits).filter(|_| session.cookies_left() > 0) {
                add(
                    group,
                    Offer { server, session, keys: Keys::restored(now, origin) },
                    id,
                    now,
                    &mut changes,
                );
            }
        }
        changes
    }

    /// Takes the keys out of every member.
    pub(super) fn take_sessions(&mut self) -> Vec<SavedSession> {
        self.sessions_by(Association::take_session)
    }

    /// Puts cookies of every member by.
    pub(super) fn reserve_sessions(&mut self) -> Vec<SavedSession> {
        self.sessions_by(Association::reserve_session)
    }

    /// Keys whose certificates were never judged by a right clock are no use to a later run.
    fn sessions_by(&mut self, get: fn(&mut Association) -> Option<Session>) -> Vec<SavedSession> {
        let mut sessions = Vec::new();
        for group in &mut self.groups {
            let Some(with) = group.keying().map(|keying| keying.with().address.clone()) else { continue };
            for member in &mut group.members {
                let verified = member.keys.as_ref().is_some_and(|keys| keys.provisional.is_none());
                let server = member.server();
                let session = get(&mut member.association);
                if let Some(session) = session.filter(|session| verified && session.cookies_left() > 0) {
                    let (host, port) = (with.host.clone(), with.port);
                    sessions.push(SavedSession { host, port, server, session });
                }
            }
        }
        sessions
    }

    /// An authentic reply came.
    pub(super) fn on_keys_used(&mut self, id: SourceId) {
        let holds = |group: &&mut Group| group.members.iter().any(|m| m.association.id() == id);
        let Some(group) = self.groups.iter_mut().find(holds) else { return };
        let member = group.members.iter_mut().find(|m| m.association.id() == id);
        let Some(keys) = member.and_then(|member| member.keys.as_mut()) else { return };
        keys.on_used();
        let since = keys.since;
        if let Some(keying) = group.keying_mut() {
            keying.on_used(since);
        }
    }

    /// The validity of certificates that were not compared with a right clock yet.
    pub(super) fn provisional(&self) -> Vec<(SourceId, Validity)> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        members.filter_map(|m| Some((m.association.id(), m.keys.as_ref()?.provisional?))).collect()
    }

    /// Drops a member whose certificates are not valid at the time that is told; whether there was one.
    pub(super) fn drop_invalid(
        &mut self,
        (id, time): (SourceId, ClockTime),
        now: Mono,
        random: &mut impl Rng,
        out: &mut Vec<Action>,
    ) -> bool {
        for group in &mut self.groups {
            let Some(member) = remove(group, id, out) else { continue };
            let (name, address) = (group.name.clone(), member.association.address());
            if let Some(keying) = group.keying_mut() {
                keying.on_nothing_new("its certificate is not valid at the time that it tells");
                keying.vacancy.lengthen(now, random);
            }
            out.push(Action::Notice(Notice::CertificateNotValid { name, address, time }));
            return true;
        }
        false
    }
}

impl Member {
    /// Other keys for it are about to be exchanged: what is offered.
    fn on_attempt(&mut self, now: Mono, random: &mut impl Rng) -> Vec<Algorithm> {
        let Some(keys) = &mut self.keys else { return Algorithm::ALL.to_vec() };
        keys.attempts.lengthen(now, random);
        if let Some(session) = self.association.session().filter(|_| self.association.refuses_keys()) {
            keys.on_refused(session.algorithm());
        }
        keys.wanted_algorithms()
    }
}

/// Servers of a pool that are not wanted: those that are asked, and the one that is to be replaced because it is of no use.
fn denied(group: &Group, wanting: Option<SourceId>) -> Vec<NtpServer> {
    let is_useful = |member: &&Member| {
        let association = &member.association;
        Some(association.id()) == wanting && !member.is_lost() && !association.is_demobilized()
    };
    let unwanted = group.members.iter().filter(|member| group.is_pool && !is_useful(member));
    unwanted.map(Member::server).collect()
}

/// The server knows the keys no more: worth telling once, as others are exchanged.
fn tell_refused_keys(group: &mut Group, wanting: Option<SourceId>, out: &mut Vec<Action>) {
    let name = group.name.clone();
    let Some(member) = group.members.iter_mut().find(|m| Some(m.association.id()) == wanting) else { return };
    let association = &member.association;
    let has_cookies = association.session().is_some_and(|session| session.cookies_left() > 0);
    if let Some(keys) = member.keys.as_mut()
        && association.wants_keys()
        && has_cookies
        && !std::mem::replace(&mut keys.told_refused, true)
    {
        out.push(Action::Notice(Notice::KeysRefused { name, address: association.address() }));
    }
}

/// An exchange failed that was to confirm a member's provisional keys: the member, if it is dropped.
fn refute(group: &mut Group, pending: Pending, reason: &str, out: &mut Vec<Action>) -> Option<SourceId> {
    let id = pending.member.filter(|_| pending.confirms)?;
    let member = group.members.iter_mut().find(|m| m.association.id() == id)?;
    let keys = member.keys.as_mut().filter(|keys| keys.provisional.is_some())?;
    if !keys.is_refuted_again() {
        return None;
    }
    let (name, address) = (group.name.clone(), member.association.address());
    remove(group, id, out)?;
    out.push(Action::Notice(Notice::KeysNotConfirmed { name, address, reason: reason.to_owned() }));
    Some(id)
}

/// Keys for the member that wanted them, if its server is among those that they are for; otherwise for the first one that can be asked.
fn settle(
    now: Mono,
    group: &mut Group,
    pending: Pending,
    (established, new_source): (Established, SourceId),
    taken: &BTreeSet<SocketAddr>,
    changes: &mut Changes,
    out: &mut Vec<Action>,
) {
    let Established { session, servers, origin, validity, certificate_time } = established;
    let servers: Vec<SocketAddr> = servers.into_iter().map(canonical).take(MAX_SERVERS).collect();
    let algorithm = session.algorithm();
    let is_provisional = matches!(certificate_time, CertificateTime::Unknown { .. });
    let vacancy = group.keying().map_or(BackOff::new(now), |keying| keying.vacancy).inherited(now);
    let place = group.members.iter_mut().find(|member| Some(member.association.id()) == pending.member);
    let attempts = place.as_ref().and_then(|member| Some(member.keys.as_ref()?.attempts)).unwrap_or(vacancy);
    let before = place.as_ref().and_then(|member| member.keys.as_ref());
    let keys = Keys::exchanged(now, origin, validity, is_provisional, attempts).after(before);
    let stays = |member: &&mut Member| {
        !member.association.is_demobilized() && servers.contains(&member.association.address())
    };
    let replaced = place.as_ref().map(|member| member.association.id());
    let server = if let Some(member) = place.filter(stays) {
        member.association.set_session(session);
        member.keys = Some(keys);
        if member.association.unanswered_polls() > 0 {
            member.association.restart(now);
        }
        if !is_provisional {
            changes.confirmed.push(member.association.id());
        }
        member.association.address()
    } else {
        let may_be_asked = |server: &&SocketAddr| group.admits(server.ip());
        let found = servers.iter().filter(may_be_asked).find(|server| !taken.contains(server)).copied();
        let is_duplicate = servers.iter().any(|server| group.admits(server.ip()));
        let Some(server) = found.filter(|_| replaced.is_some() || group.missing() > 0) else {
            if let Some(keying) = group.keying_mut() {
                keying.on_nothing_new(if is_duplicate { DUPLICATE } else { NOT_ADMITTED });
            }
            return;
        };
        if let Some(id) = replaced {
            remove(group, id, out);
            changes.removed.push(id);
        }
        add(group, Offer { server, session, keys }, new_source, now, changes);
        server
    };
    let again = group.keying_mut().is_some_and(Keying::on_success);
    if again || !changes.added.is_empty() {
        let name = group.name.clone();
        out.push(Action::Notice(Notice::KeysExchanged { again, name, server, algorithm }));
    }
}

/// A new member, asked at once.
fn add(group: &mut Group, offer: Offer, id: SourceId, now: Mono, changes: &mut Changes) {
    let Offer { server, session, keys } = offer;
    let settings = Settings { interleaved: group.interleaved, ..Settings::new(server, group.poll) };
    changes.added.push(Added::to(group, id, keys.provisional.is_some()));
    let association = Association::secured(id, settings, session, now);
    group.members.push(Member::new(association, Some(keys)));
}

fn remove(group: &mut Group, id: SourceId, out: &mut Vec<Action>) -> Option<Member> {
    let index = group.members.iter().position(|member| member.association.id() == id)?;
    out.push(Action::Close(id));
    Some(group.members.remove(index))
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// A hostile key exchange server may have a name with thousands of addresses.
const MAX_SERVERS: usize = 64;
const DUPLICATE: &str = "another source asks its address already";
const NOT_ADMITTED: &str =
    "none of its servers may be asked: not of the configured address family, or it has refused service";
