//! What people ask of the engine while it runs: done, or refused with the reason.

use super::Engine;
use crate::command::Command;
use crate::snapshot::SyncState;
use crate::time::Now;

impl Engine {
    /// Does it.
    ///
    /// # Errors
    /// Why not, for people.
    pub(super) fn carry_out_command(&mut self, now: Now, command: Command) -> Result<(), String> {
        match command {
            Command::ForceSync => self.force_sync(now),
            other => Err(format!("{other:?} is not supported yet")),
        }
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
            _ => None,
        }
    }
}
