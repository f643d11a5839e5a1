//! Events in, actions out: everything that a source of time and a clock need, told the time. Knows nothing of Linux.

mod amendments;
mod back_off;
mod bootstrap;
mod commands;
mod estimate_notice;
mod event;
mod group;
mod keying;
mod leap_notice;
mod notice;
mod report;
mod resolution;
mod roster;
mod secured;

pub use event::{Action, Event, QueryId};
pub use notice::Notice;

use crate::command::Command;
use crate::config::Config;
use crate::discipline::{self, Decision, Discipline, Drift, Identity, Voucher};
use crate::measurement::Measurement;
use crate::nts::SavedSession;
use crate::packet::ReferenceId;
use crate::source::{Advice, Context, Outcome, TimerOutcome};
use crate::time::{Adjustment, Applied, ClockTime, Frequency, Leap, Mono, Now, Span, Stamp};
use crate::verdict::{Discard, SourceId, Verdict};
use amendments::Amendments;
use bootstrap::Bootstrap;
use estimate_notice::EstimateNotice;
use leap_notice::LeapNotice;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use roster::{Changes, Roster};
use secured::Exchanged;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The core: sources, discipline and what has been told of them.
#[derive(Debug)]
pub struct Engine {
    /// In force: its sources are those of the file with the amendments.
    config: Config,
    amendments: Amendments,
    start: Start,
    random: ChaCha20Rng,
    roster: Roster,
    discipline: Discipline,
    bootstrap: Bootstrap,
    told: Told,
    /// From an earlier run; each is used once, by the source that it fits.
    sessions: Vec<SavedSession>,
}

/// What the engine cannot know by itself.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Both clocks at start.
    pub now: Now,
    /// The oscillator's correction kept from an earlier run.
    pub drift: Option<Drift>,
    /// The rate correction in force.
    pub kernel_frequency: Frequency,
    /// Whether adjustments may be asked for.
    pub controls_clock: bool,
    /// No true time is before it: finds the era for a clock that lost its date (RFC 5905 §6).
    pub build_time: ClockTime,
    /// The clock was before that and was moved there, in this run or in an earlier one since the machine started.
    pub was_moved: bool,
    /// How far in this run: the first correction's size is counted from where it was.
    pub moved: Span,
    /// log2 seconds: the time to read the clock once.
    pub precision: i8,
}

/// What people have been told, so that they are told once.
#[derive(Debug, Default)]
struct Told {
    verdicts: BTreeMap<SourceId, Verdict>,
    synchronized: bool,
    /// At any time in this run.
    was_synchronized: bool,
    leap: Option<Leap>,
    /// Of the system peer: kept when it is lost, for holdover (RFC 5905 §7.3).
    reference_id: ReferenceId,
    estimate: EstimateNotice,
    leap_table: LeapNotice,
    /// In an isolated network: nobody when we are the parent, else whom we follow.
    orphan: Option<Option<SourceId>>,
}

impl Engine {
    /// `seed` feeds every random choice: transmit timestamps and poll jitter.
    pub fn new(config: Config, seed: [u8; 32], start: Start) -> Self {
        let mut discipline = Discipline::new(
            settings(&config, start.moved),
            start.drift,
            start.kernel_frequency,
            start.controls_clock,
            start.now,
        );
        discipline.set_required(commands::requires(&config));
        let roster = Roster::new(&config.sources, start.now.mono);
        Self {
            bootstrap: Bootstrap::new(&config, start.build_time, start.was_moved),
            amendments: Amendments::new(config.sources.clone()),
            config,
            start,
            random: ChaCha20Rng::from_seed(seed),
            roster,
            discipline,
            told: Told::default(),
            sessions: Vec::new(),
        }
    }

    /// What is worth telling before anything has happened.
    pub fn opening_notices(&self) -> Vec<Notice> {
        let configured = self.roster.selectable();
        let needed = self.config.synchronization.minimum_agreeing_sources;
        let in_a_group = self.config.synchronization.is_in_a_group();
        let too_few = configured < needed && !in_a_group && !self.config.sources.is_empty();
        too_few.then_some(Notice::TooFewSources { configured, needed }).into_iter().collect()
    }

    /// Takes one event and says what to do about it, in order.
    pub fn handle(&mut self, now: Now, event: Event<'_>) -> Vec<Action> {
        let mut out = Vec::new();
        let news = self.take(now, event, &mut out);
        self.settle(now, news, &mut out);
        out
    }

    /// Does what was asked from outside, or says why not; and what is to be done about it, in order.
    pub fn obey(&mut self, now: Now, command: Command) -> (Vec<Action>, Result<(), String>) {
        let mut out = Vec::new();
        let answer = self.carry_out_command(now, command, &mut out);
        self.settle(now, true, &mut out);
        (out, answer)
    }

    /// What follows from anything that happened.
    fn settle(&mut self, now: Now, news: bool, out: &mut Vec<Action>) {
        self.fill_roster(now.mono, out);
        let polled = self.poll_sources(now, out);
        self.roster.look_up(now.mono, out);
        self.exchange_keys(now, out);
        self.watch_reach(out);
        let due = self.discipline.next_wakeup().is_some_and(|at| at <= now.mono);
        self.discipline.set_doubt(self.bootstrap.needed(now));
        let decisions = self.discipline.update(now);
        self.end_bootstrap(now, out);
        let decided = !decisions.is_empty();
        self.carry_out(decisions, out);
        if news || polled || due || decided {
            self.tell(now, out);
            out.push(Action::Publish);
        }
    }

    /// When `Event::Timer` is wanted; `None` while there is nothing to wait for.
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.roster.next_wakeup().into_iter().chain(self.discipline.next_wakeup()).min()
    }

    /// What is worth keeping for the next run.
    pub fn drift(&self) -> Option<Drift> {
        self.discipline.drift()
    }

    /// Keys and cookies of an earlier run, to be used in place of key exchanges.
    pub fn restore_sessions(&mut self, sessions: Vec<SavedSession>) {
        self.sessions = sessions;
    }

    /// Keys and half of the cookies, for a run after a crash: they are not used in this one.
    pub fn reserve_sessions(&mut self) -> Vec<SavedSession> {
        self.roster.reserve_sessions()
    }

    /// Keys and cookies for the next run, taken out of every source: nothing can be asked with NTS afterwards.
    pub fn take_sessions(&mut self) -> Vec<SavedSession> {
        let unused = std::mem::take(&mut self.sessions);
        self.roster.take_sessions().into_iter().chain(unused).collect()
    }

    /// Takes the event; whether it may change what is published.
    fn take(&mut self, now: Now, event: Event<'_>, out: &mut Vec<Action>) -> bool {
        match event {
            Event::Timer => return false,
            Event::Datagram { source, from, local, bytes, stamp } => {
                return self.on_datagram(now, Datagram { source, from, local, bytes, stamp }, out);
            }
            Event::Sent { token, stamp } => {
                let pivot = self.pivot(now);
                let id = token.source();
                let Some((_, member)) = self.roster.member_mut(id) else { return false };
                member.send_problem = None;
                let context = Context { pivot, own_reference_ids: &[] };
                let outcome = member.association.on_sent(token, stamp, now, &context);
                return self.on_outcome(now, id, outcome, out);
            }
            Event::SendFailed { token, reason } => {
                if let Some((_, member)) = self.roster.member_mut(token.source()) {
                    member.send_problem = Some(reason);
                    member.association.on_send_failed(token, now);
                }
            }
            Event::Resolved { query, result } => self.roster.on_resolved(now.mono, query, result, out),
            Event::KeysExchanged { query, result } => {
                let remedy = self.bootstrap.remedy(now);
                let exchanged = Exchanged { query, result, remedy };
                let changes = self.roster.on_keys_exchanged(now.mono, exchanged, &mut self.random, out);
                self.change(changes);
            }
            Event::Applied(applied) => self.on_applied(now, &applied, out),
            Event::ClockStepped(by) => {
                self.start_afresh(now);
                out.push(Action::Notice(Notice::ForeignStep(by)));
            }
            Event::Slept(span) => {
                self.start_afresh(now);
                out.push(Action::Notice(Notice::Slept(span)));
            }
            Event::NetworkChanged => self.on_network_changed(now.mono),
            Event::Configured(config) => self.on_configured(now.mono, *config, out),
            Event::LeapTable(table) => {
                self.discipline.set_leap_table(table);
                self.told.leap_table.forget();
            }
        }
        true
    }

    fn on_datagram(&mut self, now: Now, datagram: Datagram<'_>, out: &mut Vec<Action>) -> bool {
        let pivot = self.pivot(now);
        let Some((_, member)) = self.roster.member_mut(datagram.source) else { return false };
        let own = datagram.local.map(|local| ReferenceId::from_address(local.to_canonical()));
        let context = Context { pivot, own_reference_ids: own.as_slice() };
        let outcome =
            member.association.on_datagram(now, datagram.from, datagram.bytes, datagram.stamp, &context);
        if let Some(local) = datagram.local {
            let identities = (identity(datagram.from.ip()), identity(local));
            self.discipline.introduce(datagram.source, identities.0, identities.1);
        }
        self.on_outcome(now, datagram.source, outcome, out)
    }

    /// Whether it is worth publishing: forged datagrams are not, or a flood of them would keep everybody busy. Their counts
    /// are published when the exchange ends.
    fn on_outcome(&mut self, now: Now, id: SourceId, outcome: Outcome, out: &mut Vec<Action>) -> bool {
        match outcome {
            Outcome::Held => return false,
            Outcome::Discarded(reason) => return self.on_discarded(id, reason, out),
            Outcome::Measurement(measurement) => self.on_measurement(now, id, &measurement, out),
            Outcome::Answered => self.on_answered(id, out),
            Outcome::RateLimited(poll) => {
                // The socket stays open: a kiss may be forged, and then the genuine reply is still to come.
                if let Some((name, member)) = self.roster.member_mut(id) {
                    let address = member.association.address();
                    out.push(Action::Notice(Notice::RateLimited {
                        name: name.to_owned(),
                        address,
                        poll: poll.log2(),
                    }));
                }
            }
            Outcome::Refused(code) => {
                out.push(Action::Close(id));
                self.discipline.set_reachable(id, false, true);
                if let Some((name, member)) = self.roster.member_mut(id) {
                    let address = member.association.address();
                    out.push(Action::Notice(Notice::Demobilized { name: name.to_owned(), address, code }));
                }
                self.roster.on_refused(id);
            }
        }
        true
    }

    fn on_discarded(&mut self, id: SourceId, reason: Discard, out: &mut Vec<Action>) -> bool {
        if reason == Discard::ClockStepped {
            out.push(Action::Close(id));
        }
        if let Some(verdict) = reason.verdict() {
            self.discipline.set_refused(id, verdict);
        }
        reason == Discard::ClockStepped || reason.verdict().is_some()
    }

    fn on_measurement(&mut self, now: Now, id: SourceId, measurement: &Measurement, out: &mut Vec<Action>) {
        if self.refute(now, id, measurement, out) {
            return;
        }
        let advice = self.discipline.measure(now, id, measurement);
        if let Some((_, member)) = self.roster.member_mut(id) {
            member.measurement = Some(*measurement);
            let advice = Advice { surprise: advice.surprise, poll: advice.poll };
            member.association.advise(advice, now.mono);
        }
        self.on_answered(id, out);
    }

    fn on_answered(&mut self, id: SourceId, out: &mut Vec<Action>) {
        out.push(Action::Close(id));
        self.roster.on_keys_used(id);
        self.discipline.set_reachable(id, true, false);
        let pending = self.roster.member_mut(id).and_then(|(_, member)| member.association.pending());
        if let Some(pending) = pending {
            self.discipline.hold(id, pending);
        }
    }

    fn on_applied(&mut self, now: Now, applied: &Applied, out: &mut Vec<Action>) {
        self.discipline.on_applied(applied);
        if let Adjustment::Step(by) = applied.adjustment {
            for (_, member) in self.roster.members_mut() {
                member.association.on_clock_stepped();
            }
            self.told.estimate.on_step();
            out.push(Action::Notice(Notice::Stepped(by)));
        }
        let steady = self.discipline.system(now).frequency;
        if let Adjustment::Frequency(current) = applied.adjustment
            && self.told.estimate.is_new_steer(current)
        {
            out.push(Action::Notice(Notice::FrequencyChanged { current, desired: steady }));
        }
    }

    /// Somebody else moved the clock, or time passed unseen: what was measured says nothing any more.
    fn start_afresh(&mut self, now: Now) {
        self.discipline.restart(now);
        self.restart_sources(now.mono);
    }

    fn restart_sources(&mut self, now: Mono) {
        for (_, member) in self.roster.members_mut() {
            member.association.restart(now);
        }
    }

    fn on_configured(&mut self, now: Mono, config: Config, out: &mut Vec<Action>) {
        self.amendments.configure(config.sources.clone());
        self.config = config;
        self.discipline.configure(settings(&self.config, self.start.moved));
        self.put_in_force(now, out);
        out.extend(self.opening_notices().into_iter().map(Action::Notice));
    }

    fn on_network_changed(&mut self, now: Mono) {
        self.roster.on_network_changed(now);
        for (_, member) in self.roster.members_mut() {
            member.association.on_network_changed();
            if member.association.unanswered_polls() > 0 || member.send_problem.is_some() {
                member.association.restart(now);
            }
        }
    }

    fn fill_roster(&mut self, now: Mono, out: &mut Vec<Action>) {
        if !self.sessions.is_empty() {
            let restored = self.roster.restore(std::mem::take(&mut self.sessions), now);
            self.change(restored);
        }
        let changes = self.roster.fill(now, out);
        self.change(changes);
    }

    fn change(&mut self, changes: Changes) {
        for id in changes.removed {
            self.discipline.remove(id);
            self.told.verdicts.remove(&id);
        }
        for added in changes.added {
            self.discipline.add(added.id, added.marks);
            if let Some(host) = added.key_host {
                self.discipline.vouch(added.id, Voucher { host, provisional: added.provisional });
            }
        }
        for id in changes.confirmed {
            self.discipline.confirm(id);
        }
    }

    /// Lets every association act whose time has come; whether any did.
    fn poll_sources(&mut self, now: Now, out: &mut Vec<Action>) -> bool {
        let mut acted = false;
        for (_, member) in self.roster.online_members_mut() {
            while member.association.next_wakeup().is_some_and(|at| at <= now.mono) {
                acted = true;
                match member.association.on_timer(now, &mut self.random) {
                    TimerOutcome::Send(request) => out.push(Action::Send(request)),
                    TimerOutcome::Expired => out.push(Action::Close(member.association.id())),
                    TimerOutcome::Nothing => break,
                }
            }
        }
        acted
    }

    fn watch_reach(&mut self, out: &mut Vec<Action>) {
        for (name, member) in self.roster.members_mut() {
            let reachable = match (member.association.reach().bits() != 0, member.is_lost()) {
                (true, _) => true,
                (false, true) => false,
                (false, false) => continue,
            };
            if member.told_reachable == Some(reachable) {
                continue;
            }
            let again = member.told_reachable.replace(reachable).is_some();
            let (name, address) = (name.to_owned(), member.association.address());
            if !reachable {
                self.discipline.set_reachable(
                    member.association.id(),
                    false,
                    member.association.is_demobilized(),
                );
            }
            out.push(Action::Notice(match reachable {
                true => Notice::Reachable { again, name, address },
                false => Notice::Unreachable { name, address },
            }));
        }
    }

    fn carry_out(&mut self, decisions: Vec<Decision>, out: &mut Vec<Action>) {
        for decision in decisions {
            out.push(match decision {
                Decision::Adjust(adjustment) => Action::Adjust(adjustment),
                Decision::Slewing { offset, duration } => {
                    Action::Notice(Notice::Slewing { offset, duration })
                }
                Decision::Panic(reason) => Action::Panic(reason),
            });
        }
    }

    /// For eras: the local clock, unless it is before this program was built.
    fn pivot(&self, now: Now) -> ClockTime {
        now.clock.max(self.start.build_time)
    }
}

/// A clock that was moved forward before the start has used up a part of what it may be moved forward, and may be moved back as far.
fn settings(config: &Config, moved: Span) -> discipline::Settings {
    let mut synchronization = config.synchronization.clone();
    let startup = &mut synchronization.startup_step_panic;
    startup.forward = startup.forward.map(|limit| (limit - moved).max(Span::ZERO));
    startup.backward = startup.backward.map(|limit| limit + moved);
    discipline::Settings { synchronization, algorithm: config.algorithm.clone() }
}

/// As every server of a group sees it.
fn identity(address: IpAddr) -> Identity {
    let address = address.to_canonical();
    let mapped = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let reference_id = u32::from_be_bytes(ReferenceId::from_address(address).bytes());
    Identity { reference_id, address: mapped.to_bits() }
}

/// A datagram with everything that is known of it.
struct Datagram<'a> {
    source: SourceId,
    from: SocketAddr,
    local: Option<IpAddr>,
    bytes: &'a [u8],
    stamp: Stamp,
}

#[cfg(test)]
mod tests;
