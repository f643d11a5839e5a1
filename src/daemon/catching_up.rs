//! Before anything is measured: a clock that is before the last good time is moved forward to it. Measures nothing.
//!
//! A machine whose clock has no battery starts in some year of the past. No later time was before the last good one, so that is nearer to
//! the truth, and files, logs and timers do not go back. It is no time to judge certificates by: that the clock was moved is remembered.

use super::clock::Clock;
use super::startup_error::StartupError;
use super::state_files::{LastGood, LastGoodFile};
use crate::config::Synchronization;
use crate::time::{Adjustment, ClockTime, Date, Span};

/// What the clock starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    /// No true time is before it.
    pub(super) not_before: ClockTime,
    /// The clock was moved there, now or earlier since the machine started.
    pub(super) was_moved: bool,
    /// How far now.
    pub(super) moved: Span,
}

/// Moves the clock if it is ours, and as far as the limit of the first correction allows: that begins where the clock was.
///
/// # Errors
/// Exit code 70: the kernel refuses.
pub(super) fn catch_up(
    clock: &mut Clock,
    file: Option<&LastGoodFile>,
    built: ClockTime,
    limits: &Synchronization,
) -> Result<Beginning, StartupError> {
    let without = LastGood { time: built, was_moved_to: false };
    let LastGood { time, was_moved_to } = file.map_or(without, |file| file.load(built));
    let stays = Beginning { not_before: time, was_moved: was_moved_to, moved: Span::ZERO };
    let found = clock.now().clock;
    let behind = time - found;
    if behind <= Span::ZERO || !clock.is_controlled() {
        return Ok(stays);
    }
    let (was, is) = (Date::of(found), Date::of(time));
    if let Some(limit) = limits.startup_step_panic.forward.filter(|limit| behind > *limit) {
        let limit = limit.seconds();
        tracing::warn!(
            "The clock shows {was}, before the last good time ({is}); it stays there, for startup-step-panic-threshold allows {limit} s forward"
        );
        return Ok(stays);
    }
    clock.apply(&Adjustment::Step(behind)).map_err(|error| {
        StartupError::clock(format!("Cannot move the clock forward to the last good time: {error}"))
    })?;
    let by = behind.seconds();
    let text =
        format!("The clock showed {was}, before the last good time: stepped it by {by:+.6} s, to {is}");
    if limits.warn_on_jump {
        tracing::warn!("{text}");
    } else {
        tracing::info!("{text}");
    }
    if let Some(Err(error)) = file.map(|file| file.save_moved(time)) {
        tracing::warn!("{error}");
    }
    Ok(Beginning { not_before: time, was_moved: true, moved: behind })
}

#[cfg(test)]
mod tests;
