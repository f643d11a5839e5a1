//! When one configured source exchanges keys, and what is known of the exchanges. Keys and cookies are its associations'.

use super::QueryId;
use super::back_off::BackOff;
use crate::config::KeyExchange;
use crate::nts::{Algorithm, Origin, Validity};
use crate::time::{ClockTime, Mono, Span};
use crate::verdict::SourceId;
use rand_core::Rng;

/// The key exchanges of one group: one at a time, and never more than one in ten seconds for each server that it stands for.
#[derive(Debug)]
pub(super) struct Keying {
    with: KeyExchange,
    pending: Option<Pending>,
    /// Exchanges that failed: the whole group waits.
    failures: BackOff,
    failed: Option<Mono>,
    /// Exchanges that brought no server that could be asked: empty places wait.
    pub(super) vacancy: BackOff,
    /// When the exchanges of the last seconds are paid off, at one in ten seconds.
    paid: Mono,
    problem: Option<String>,
    told: Told,
}

/// An exchange that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    query: QueryId,
    /// The member that wants other keys; an empty place without.
    pub(super) member: Option<SourceId>,
    /// Certificates are judged by a time that is not known to be wrong.
    pub(super) confirms: bool,
}

/// What people know of the last exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Failure,
    Success,
}

/// What is known of the keys that a member has.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) since: Mono,
    /// How the server was found that they are for.
    pub(super) origin: Origin,
    /// An authentic reply came with them, in an earlier run perhaps.
    used: bool,
    /// Keys of algorithm 30 never worked with this server: others are wanted.
    avoids_gcm_siv: bool,
    /// Exchanges for this member that no authentic reply has followed.
    pub(super) attempts: BackOff,
    /// Of the certificates, where they are of this run.
    pub(super) certificate_expires: Option<ClockTime>,
    /// The certificates' validity, as long as it was not compared with a right clock.
    pub(super) provisional: Option<Validity>,
    /// Exchanges that failed to confirm it.
    refuted: u32,
    /// People were told that the server does not accept them.
    pub(super) told_refused: bool,
}

impl Keying {
    pub(super) const fn new(with: KeyExchange, now: Mono) -> Self {
        Self {
            with,
            pending: None,
            failures: BackOff::new(now),
            failed: None,
            vacancy: BackOff::new(now),
            paid: now,
            problem: None,
            told: Told::Nothing,
        }
    }

    pub(super) const fn with(&self) -> &KeyExchange {
        &self.with
    }

    /// Why there are no keys, for people.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// When the next exchange may begin, if one is wanted; a group of `wanted` servers may begin so many at once.
    pub(super) fn next_attempt(&self, wanted: usize) -> Option<Mono> {
        let credit = EXCHANGE_COST * i64::try_from(wanted.saturating_sub(1)).unwrap_or(i64::MAX);
        let affordable = self.paid + -credit;
        self.pending.is_none().then(|| self.failures.until().max(affordable))
    }

    pub(super) fn started(&mut self, now: Mono, pending: Pending) {
        self.pending = Some(pending);
        self.paid = self.paid.max(now) + EXCHANGE_COST;
    }

    /// The exchange that has ended, if it is one of ours.
    pub(super) fn ended(&mut self, query: QueryId) -> Option<Pending> {
        self.pending.take_if(|pending| pending.query == query)
    }

    /// Whether it is worth telling.
    pub(super) fn on_failure(&mut self, now: Mono, reason: String, random: &mut impl Rng) -> bool {
        self.failures.lengthen(now, random);
        self.failed = Some(now);
        self.problem = Some(reason);
        std::mem::replace(&mut self.told, Told::Failure) != Told::Failure
    }

    /// Keys for a server that can be asked; whether people were told that there are none.
    pub(super) fn on_success(&mut self) -> bool {
        self.problem = None;
        std::mem::replace(&mut self.told, Told::Success) == Told::Failure
    }

    /// Keys for servers none of which can be asked.
    pub(super) fn on_nothing_new(&mut self, problem: &str) {
        self.problem = Some(problem.to_owned());
    }

    /// An authentic reply came with keys of that age.
    pub(super) fn on_used(&mut self, keys_since: Mono) {
        if self.failed.is_none_or(|failed| failed < keys_since) {
            self.failures.forget();
        }
        self.vacancy.forget();
    }

    /// The network is another one now.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.failures.hurry(now);
        self.vacancy.hurry(now);
    }
}

impl Pending {
    pub(super) const fn new(query: QueryId, member: Option<SourceId>, confirms: bool) -> Self {
        Self { query, member, confirms }
    }
}

impl Keys {
    /// Of an earlier run, for which certificates were judged then.
    pub(super) const fn restored(now: Mono, origin: Origin) -> Self {
        Self {
            since: now,
            origin,
            used: true,
            avoids_gcm_siv: false,
            attempts: BackOff::new(now),
            certificate_expires: None,
            provisional: None,
            refuted: 0,
            told_refused: false,
        }
    }

    /// Of an exchange, after attempts that were of no use.
    pub(super) fn exchanged(
        now: Mono,
        origin: Origin,
        validity: Validity,
        is_provisional: bool,
        attempts: BackOff,
    ) -> Self {
        Self {
            used: false,
            certificate_expires: Some(validity.not_after),
            provisional: is_provisional.then_some(validity),
            attempts,
            ..Self::restored(now, origin)
        }
    }

    /// With what was learned of the server from keys before them.
    pub(super) fn after(self, before: Option<&Self>) -> Self {
        Self { avoids_gcm_siv: before.is_some_and(|before| before.avoids_gcm_siv), ..self }
    }

    /// The server opens no cookie of theirs, and others are to be exchanged.
    ///
    /// Keys of algorithm 30 that were never of use may be others than the server's: there are two ways to export them, and a server
    /// that does not say which is its (`CompliantExporter`) would be asked in vain for ever. Keys of another algorithm that are refused
    /// as well acquit it.
    pub(super) fn on_refused(&mut self, algorithm: Algorithm) {
        if !self.used {
            self.avoids_gcm_siv = algorithm == Algorithm::Aes128GcmSiv;
        }
    }

    /// What the next exchange offers.
    pub(super) fn wanted_algorithms(&self) -> Vec<Algorithm> {
        let is_wanted = |algorithm: &Algorithm| *algorithm != Algorithm::Aes128GcmSiv || !self.avoids_gcm_siv;
        Algorithm::ALL.into_iter().filter(is_wanted).collect()
    }

    /// An authentic reply came.
    pub(super) const fn on_used(&mut self) {
        self.used = true;
        self.attempts.forget();
    }

    /// When they are too old.
    pub(super) fn end(&self) -> Mono {
        self.since + LONGEST_USE
    }

    /// An exchange that was to confirm provisional keys failed; whether once too often. What fails may be the network.
    pub(super) const fn is_refuted_again(&mut self) -> bool {
        self.refuted = self.refuted.saturating_add(1);
        self.refuted >= REFUTED_BELIEVED
    }
}

/// On average, and whatever the network does.
const EXCHANGE_COST: Span = Span::from_secs(10);
/// Four weeks, as chrony does. The RFC has no limit; a server that was taken over should not be believed for ever.
const LONGEST_USE: Span = Span::from_secs(28 * 86_400);
const REFUTED_BELIEVED: u32 = 3;
