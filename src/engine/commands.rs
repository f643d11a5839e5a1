//! What people ask of the engine while it runs: done, or refused with the reason.

use super::amendments::{Amendments, named};
use super::{Action, Engine, settings};
use crate::command::Command;
use crate::config::{Config, PollLimits, StepLimits, parse_source};
use crate::snapshot::SyncState;
use crate::time::{Mono, Now};

impl Engine {
    /// Does it.
    ///
    /// # Errors
    /// Why not, for people: then nothing is changed.
    pub(super) fn carry_out_command(
        &mut self,
        now: Now,
        command: Command,
        out: &mut Vec<Action>,
    ) -> Result<(), String> {
        match command {
            Command::ForceSync => self.force_sync(now),
            Command::Burst { name } => self.burst(now.mono, name.as_deref()),
            Command::PanicThreshold(limits) => {
                self.set_panic_threshold(limits);
                Ok(())
            }
            Command::AddSource { section } => {
                let source = parse_source(&section, self.config.source_defaults)?;
                self.amend(now.mono, out, |sources, poll| sources.add(source, poll))
            }
            Command::RemoveSource { name } => {
                self.amend(now.mono, out, |sources, poll| sources.remove(&name, poll))
            }
            Command::Mark { name, mark, on } => {
                self.amend(now.mono, out, |sources, poll| sources.mark(&name, mark, on, poll))
            }
            Command::Offer { origin, servers } => {
                self.amend(now.mono, out, |sources, _| sources.offer(origin, servers))
            }
            Command::Online { name, online } => {
                self.amend(now.mono, out, |sources, poll| sources.set_online(name.as_deref(), online, poll))
            }
        }
    }

    fn amend(
        &mut self,
        now: Mono,
        out: &mut Vec<Action>,
        change: impl FnOnce(&mut Amendments, PollLimits) -> Result<(), String>,
    ) -> Result<(), String> {
        let were_enough = self.opening_notices().is_empty();
        change(&mut self.amendments, self.config.source_defaults)?;
        self.put_in_force(now, out);
        if were_enough {
            out.extend(self.opening_notices().into_iter().map(Action::Notice));
        }
        Ok(())
    }

    /// The sources of the configuration, with what was changed of them: those that are asked as before keep their history.
    pub(super) fn put_in_force(&mut self, now: Mono, out: &mut Vec<Action>) {
        self.config.sources = self.amendments.in_force(self.config.source_defaults);
        for id in self.roster.reconfigure(&self.config.sources, now, out) {
            self.discipline.remove(id);
            self.told.verdicts.remove(&id);
        }
        let amendments = &self.amendments;
        for (id, demobilized) in self.roster.set_offline(|name| amendments.is_offline(name), now, out) {
            self.discipline.set_reachable(id, false, demobilized);
        }
        self.discipline.set_required(requires(&self.config));
        for (id, marks) in self.roster.marks() {
            self.discipline.set_marks(id, marks);
        }
        self.bootstrap.configure(&self.config);
    }

    fn burst(&mut self, now: Mono, name: Option<&str>) -> Result<(), String> {
        if let Some(name) = name {
            named(&self.config.sources, name)?;
        }
        self.roster.burst(name, now)
    }

    fn set_panic_threshold(&mut self, limits: StepLimits) {
        self.config.synchronization.single_step_panic = limits;
        self.discipline.configure(settings(&self.config, self.start.moved));
    }

    fn force_sync(&mut self, now: Now) -> Result<(), String> {
        self.why_not_sync(now).map_or(Ok(()), Err)?;
        // Forced by what is measured from now on, not by what was believed before.
        self.start_afresh(now);
        self.discipline.force_step();
        Ok(())
    }

    fn why_not_sync(&self, now: Now) -> Option<String> {
        if !self.start.controls_clock {
            return Some("this daemon does not control the clock (`clock-control` in [clock])".to_owned());
        }
        match self.state(now) {
            SyncState::NoSources => Some("no sources are configured".to_owned()),
            SyncState::TooFewSources => Some(format!(
                "fewer sources are configured than must agree: add sources, or lower `minimum-agreeing-sources` = {}",
                self.config.synchronization.minimum_agreeing_sources
            )),
            SyncState::OrphanParent => {
                Some("this clock is the isolated network's own (`orphan-stratum`)".to_owned())
            }
            _ if self.roster.groups().iter().all(|group| group.offline) => {
                Some("all sources are offline; run `ntp-ctl online` first".to_owned())
            }
            _ => None,
        }
    }
}

/// Whether some source must agree, if it can be asked yet or not.
pub(super) fn requires(config: &Config) -> bool {
    config.sources.iter().any(|source| source.marks.require)
}
