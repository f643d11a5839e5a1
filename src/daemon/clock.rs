//! The clock that the daemon disciplines: the kernel's, a virtual one, or none. Decides nothing about time.

mod virtual_clock;

pub use virtual_clock::VirtualClock;

use super::startup_error::StartupError;
use crate::config::ClockControl;
use crate::sys::clock::Readings;
use crate::sys::{adjtime, clock, is_not_permitted};
use crate::time::{Adjustment, Applied, ClockTime, Frequency, Now, Span};
use std::io;
use virtual_clock::Map;

/// Whose time is told to the engine, and what its adjustments are done to.
#[derive(Debug)]
pub enum Clock {
    /// `CLOCK_REALTIME`, steered.
    Kernel,
    /// An affine map of `CLOCK_REALTIME`: steered, and nobody else notices. For the demonstration.
    Virtual(VirtualClock),
    /// `CLOCK_REALTIME`, measured only.
    None,
}

/// What `Clock::open` gives.
#[derive(Debug)]
pub struct Opened {
    /// The clock.
    pub clock: Clock,
    /// Its rate correction as found.
    pub frequency: Frequency,
    /// Why the clock is not steered although it might have been.
    pub refusal: Option<String>,
}

impl Opened {
    /// Why the clock is not steered, if it is not.
    pub(super) fn uncontrolled(&self) -> Option<String> {
        let asked_for = || "clock-control is off".to_owned();
        (!self.clock.is_controlled()).then(|| self.refusal.clone().unwrap_or_else(asked_for))
    }
}

impl Clock {
    /// The clock that `control` asks for. Where it is ours, what an earlier daemon left behind is ended.
    ///
    /// # Errors
    /// Exit code 77 without the right to set the clock, 70 if the kernel refuses for another reason.
    pub fn open(control: ClockControl) -> Result<Opened, StartupError> {
        Self::open_with(control, adjtime::probe, adjtime::take_over)
    }

    fn open_with(
        control: ClockControl,
        probe: impl FnOnce() -> io::Result<()>,
        take_over: impl FnOnce() -> io::Result<Frequency>,
    ) -> Result<Opened, StartupError> {
        let found = || adjtime::read().map_or(Frequency::ZERO, |state| state.frequency + state.tick);
        let unsteered = |refusal| Opened { clock: Self::None, frequency: found(), refusal };
        if control == ClockControl::No {
            return Ok(unsteered(None));
        }
        match probe() {
            Ok(()) => {}
            Err(error) if control == ClockControl::Auto => {
                return Ok(unsteered(Some(error.to_string())));
            }
            Err(error) if is_not_permitted(&error) => return Err(not_permitted(&error)),
            Err(error) => return Err(cannot_control(&error)),
        }
        let frequency = take_over().map_err(|error| cannot_control(&error))?;
        Ok(Opened { clock: Self::Kernel, frequency, refusal: None })
    }

    /// Whether adjustments do anything.
    pub const fn is_controlled(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Both clocks. A virtual clock's monotonic one runs at its rate too, as the kernel's does, and has no steps.
    pub fn now(&self) -> Now {
        match self {
            Self::Kernel | Self::None => clock::now(),
            Self::Virtual(clock) => clock.now(),
        }
    }

    /// The clocks for a [`super::jump_detector::JumpDetector`]; a virtual clock moves with whatever moves the host's.
    pub fn readings(&self) -> Readings {
        let host = clock::readings();
        match self {
            Self::Kernel | Self::None => host,
            Self::Virtual(clock) => clock.readings_at(host),
        }
    }

    /// This clock's reading at the moment of a kernel stamp (`CLOCK_REALTIME`).
    pub fn to_local(&self, stamp: ClockTime) -> ClockTime {
        match self {
            Self::Kernel | Self::None => stamp,
            Self::Virtual(clock) => clock.to_local(stamp),
        }
    }

    /// Does it, and says what was really done and when.
    ///
    /// # Errors
    /// The kernel's refusal; `Unsupported` if the clock is only measured.
    pub fn apply(&mut self, adjustment: &Adjustment) -> io::Result<Applied> {
        match self {
            Self::Kernel => apply_to_kernel(adjustment),
            Self::Virtual(clock) => Ok(clock.apply(adjustment)),
            Self::None => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "the clock is not controlled (clock-control)"))
            }
        }
    }

    /// The rate correction in force, whoever set it.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn frequency(&self) -> io::Result<Frequency> {
        match self {
            Self::Kernel | Self::None => adjtime::read().map(|state| state.frequency),
            Self::Virtual(clock) => Ok(clock.frequency()),
        }
    }

    /// To read the clock elsewhere, such as in a server's task.
    pub fn reader(&self) -> ClockReader {
        ClockReader(match self {
            Self::Kernel | Self::None => None,
            Self::Virtual(clock) => Some(clock.subscribe()),
        })
    }
}

fn not_permitted(error: &io::Error) -> StartupError {
    StartupError::not_permitted(format!(
        "Not permitted to set the clock ({error}). Run as root or with CAP_SYS_TIME; or, to measure and serve without setting it, \
         start with --no-clock-control or write clock-control = \"auto\" (or false) in [clock]"
    ))
}

fn cannot_control(error: &io::Error) -> StartupError {
    StartupError::clock(format!("Cannot control the clock: {error}"))
}

fn apply_to_kernel(adjustment: &Adjustment) -> io::Result<Applied> {
    let adjustment = match adjustment {
        Adjustment::Step(by) => adjtime::step(*by).map(|()| Adjustment::Step(*by))?,
        Adjustment::Frequency(frequency) => adjtime::set_frequency(*frequency).map(Adjustment::Frequency)?,
        Adjustment::Status(status) => adjtime::set_status(status).map(|()| Adjustment::Status(*status))?,
        Adjustment::TaiOffset(seconds) => {
            adjtime::set_tai_offset(*seconds).map(|()| Adjustment::TaiOffset(*seconds))?
        }
    };
    let now = clock::now();
    Ok(Applied { adjustment, mono: now.mono, clock: now.clock })
}

/// Reads a [`Clock`] that the main loop owns. Cheap to clone, never waits.
#[derive(Debug, Clone)]
pub struct ClockReader(Option<tokio::sync::watch::Receiver<Map>>);

impl ClockReader {
    /// The clock now.
    pub fn now(&self) -> ClockTime {
        self.to_local(clock::realtime())
    }

    /// Both clocks, as [`Clock::now`] reads them.
    pub fn now_both(&self) -> Now {
        self.now_at(clock::now())
    }

    /// Both clocks when the host's two say this.
    pub fn now_at(&self, host: Now) -> Now {
        self.0.as_ref().map_or(host, |map| map.borrow().now_at(host))
    }

    /// The clock's reading at the moment of a kernel stamp (`CLOCK_REALTIME`).
    pub fn to_local(&self, stamp: ClockTime) -> ClockTime {
        self.0.as_ref().map_or(stamp, |map| map.borrow().to_local(stamp))
    }

    /// How far the clock is ahead of the host's; zero unless it is virtual.
    pub fn ahead_of_host(&self) -> Span {
        let host = clock::realtime();
        self.to_local(host) - host
    }
}

#[cfg(test)]
mod tests;
