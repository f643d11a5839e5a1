//! A clock that is known to be wrong, and what sources with NTS may do for it: agree first, be verified after. Sets nothing.
//!
//! A certificate can only be judged by a clock that is right. While the clock is before every possible true time, the certificates of
//! an attacker who has the key of an expired one look as good as any. So none of them is believed alone: a majority of all
//! independent key exchange servers has to agree on a time at which all of their certificates are valid.

use super::{Action, Engine, Notice};
use crate::config::{Config, KeyExchange, NtsBootstrap, SourceConfig, SourceKind};
use crate::discipline::State;
use crate::measurement::Measurement;
use crate::nts::CertificateTime;
use crate::time::{ClockTime, Date, Now, Span};
use crate::verdict::SourceId;
use std::collections::BTreeSet;

/// Whether the clock can be trusted with certificates, and what is done if it cannot.
#[derive(Debug)]
pub(super) struct Bootstrap {
    mode: NtsBootstrap,
    /// Key exchange servers with names of their own.
    hosts: usize,
    minimum_agreeing: usize,
    /// Sources without NTS are enough to set the clock.
    others_suffice: bool,
    /// No true time is before it.
    build_time: ClockTime,
    /// The clock was before it and was moved there, which says nothing of what time it is.
    moved: bool,
    /// The clock was synchronized once: it is never bootstrapped again in this run.
    over: bool,
    told: bool,
}

impl Bootstrap {
    pub(super) fn new(config: &Config, build_time: ClockTime, moved: bool) -> Self {
        Self {
            mode: config.synchronization.nts_bootstrap,
            hosts: independent(&config.sources),
            minimum_agreeing: config.synchronization.minimum_agreeing_sources,
            others_suffice: without_nts(config) >= config.synchronization.minimum_agreeing_sources,
            build_time,
            moved,
            over: false,
            told: false,
        }
    }

    /// Another configuration: what has happened has happened.
    pub(super) fn configure(&mut self, config: &Config) {
        *self = Self { over: self.over, told: self.told, ..Self::new(config, self.build_time, self.moved) };
    }

    /// Nothing is to be judged by this clock.
    pub(super) fn is_doubtful(&self, now: Now) -> bool {
        // By one that was moved, and has not been set since, the machine was started before a time that was over by then.
        let began = if self.moved { now.clock - Span::from_nanos(now.mono.nanos()) } else { now.clock };
        self.hosts > 0 && !self.over && began < self.build_time
    }

    /// Of the independent key exchange servers so many must agree, while the clock is doubtful and they may set it.
    pub(super) fn needed(&self, now: Now) -> Option<usize> {
        let enough = match self.mode {
            NtsBootstrap::Auto => self.hosts >= LEAST_FOR_AUTO,
            NtsBootstrap::Yes => self.hosts >= 2,
            NtsBootstrap::No => false,
        };
        let majority = self.hosts / 2 + 1;
        let needed = self.minimum_agreeing.min(self.hosts).max(majority).max(2);
        (enough && self.is_doubtful(now)).then_some(needed)
    }

    /// By which time certificates are judged; `measured` is the true time as far as it is known.
    pub(super) fn certificate_time(&self, now: Now, measured: Option<ClockTime>) -> CertificateTime {
        match (measured, self.needed(now)) {
            (Some(time), _) => CertificateTime::Clock(time),
            (None, Some(_)) => CertificateTime::Unknown { not_before: self.build_time },
            (None, None) => CertificateTime::Clock(now.clock),
        }
    }

    /// Whether that can be true.
    pub(super) fn is_possible(&self, time: ClockTime) -> bool {
        time >= self.build_time
    }

    /// The clock follows its sources.
    pub(super) const fn on_synchronized(&mut self) -> bool {
        !std::mem::replace(&mut self.over, true)
    }

    /// What people should know of a doubtful clock, once: how many must agree, of how many.
    pub(super) fn news(&mut self, now: Now) -> Option<(Option<usize>, usize)> {
        let needed = self.needed(now);
        if !self.is_doubtful(now) || needed.is_none() && self.others_suffice {
            return None;
        }
        (!std::mem::replace(&mut self.told, true)).then_some((needed, self.hosts))
    }

    /// Why certificates are judged by a wrong clock, if they are, and what to do.
    pub(super) fn remedy(&self, now: Now) -> Option<String> {
        if !self.is_doubtful(now) || self.needed(now).is_some() {
            return None;
        }
        let date = Date::of(now.clock);
        let why = match self.mode {
            NtsBootstrap::No => "nts-bootstrap forbids to set it by sources with NTS alone",
            NtsBootstrap::Yes => "a single source with NTS may not set it",
            NtsBootstrap::Auto => {
                "fewer than three independent sources with NTS may not set it (nts-bootstrap)"
            }
        };
        let other = match (self.mode, self.hosts) {
            (NtsBootstrap::No, 2..) => "set nts-bootstrap",
            (NtsBootstrap::Auto, 2) => "add a third one, or set nts-bootstrap = true",
            _ => "configure three sources with different key exchange servers",
        };
        Some(format!(
            "the clock shows {date}, so certificates cannot be judged by it, and {why}; set it by hand, or {other}"
        ))
    }
}

impl Engine {
    pub(super) fn exchange_keys(&mut self, now: Now, out: &mut Vec<Action>) {
        if let Some((needed, configured)) = self.bootstrap.news(now) {
            out.push(Action::Notice(Notice::ClockDoubted { clock: now.clock, needed, configured }));
        }
        self.roster.confirms_keys = !self.bootstrap.is_doubtful(now);
        let certificate_time = self.bootstrap.certificate_time(now, self.measured_time(now));
        self.roster.exchange_keys(now.mono, certificate_time, &mut self.random, out);
    }

    /// The true time, once it is known: the clock may be allowed to follow slowly only, or not at all.
    fn measured_time(&self, now: Now) -> Option<ClockTime> {
        let system = self.discipline.system(now);
        matches!(system.state, State::Synchronized | State::Holdover).then(|| now.clock + system.offset)
    }

    /// With the first time that is known, the certificates that helped to find it are judged.
    pub(super) fn end_bootstrap(&mut self, now: Now, out: &mut Vec<Action>) {
        let Some(time) = self.measured_time(now) else { return };
        if !self.bootstrap.on_synchronized() {
            return;
        }
        self.roster.confirms_keys = true;
        self.discipline.trust_the_agreeing();
        for (id, validity) in self.roster.provisional() {
            if !validity.contains(time) {
                self.drop_invalid(now, id, time, out);
            }
        }
    }

    /// Whether the measurement is at a time at which its server's own certificates are not valid: then it and the source are dropped.
    pub(super) fn refute(
        &mut self,
        now: Now,
        id: SourceId,
        measurement: &Measurement,
        out: &mut Vec<Action>,
    ) -> bool {
        let provisional = self.roster.provisional().into_iter().find(|(member, _)| *member == id);
        let Some((_, validity)) = provisional else { return false };
        let time = measurement.destination_timestamp + measurement.offset();
        let error = (measurement.delay() / 2).abs();
        let (earliest, latest) = (time - error, time + error);
        let is_valid = validity.contains(earliest) && validity.contains(latest);
        if is_valid && self.bootstrap.is_possible(earliest) {
            return false;
        }
        self.drop_invalid(now, id, time, out);
        true
    }

    fn drop_invalid(&mut self, now: Now, id: SourceId, time: ClockTime, out: &mut Vec<Action>) {
        if self.roster.drop_invalid((id, time), now.mono, &mut self.random, out) {
            self.discipline.remove(id);
            self.told.verdicts.remove(&id);
        }
    }
}

/// The name that a certificate has to be for, in the one way of writing it.
pub(super) fn key_host(with: &KeyExchange) -> String {
    with.address.host.trim_end_matches('.').to_ascii_lowercase()
}

/// Different key exchange servers among the sources that may be used; all of a pool are one.
fn independent(sources: &[SourceConfig]) -> usize {
    let selectable = sources.iter().filter(|source| !source.marks.noselect);
    let hosts = selectable.filter_map(|source| match &source.kind {
        SourceKind::Nts(with) | SourceKind::NtsPool { key_exchange: with, .. } => Some(key_host(with)),
        SourceKind::Server { .. } | SourceKind::Pool { .. } => None,
    });
    hosts.collect::<BTreeSet<_>>().len()
}

/// Sources that need no key exchange; a pool counts as its `count`.
fn without_nts(config: &Config) -> usize {
    let is_plain =
        |source: &&SourceConfig| matches!(source.kind, SourceKind::Server { .. } | SourceKind::Pool { .. });
    let sources = config.sources.iter().filter(is_plain).cloned().collect();
    Config { sources, ..Config::default() }.selectable_sources()
}

/// Of one or two sources, somebody who configured them this way should say that they are trusted so far.
const LEAST_FOR_AUTO: usize = 3;
