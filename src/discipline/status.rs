//! How good the clock is, and telling the kernel. Corrects nothing.

use super::leap;
use super::line::Line;
use super::member::PHI;
use super::system::{Decision, State, SystemEstimate};
use super::timescale::LocalTime;
use super::{Combination, Discipline};
use crate::time::{Adjustment, ClockStatus, Frequency, Leap, Mono, Now, Span};
use crate::verdict::Verdict;

/// The kernel lets its own bound grow by 500 ppm; telling it the true one this often keeps it tight. More often only wakes the machine.
const REFRESH: Span = Span::from_secs(16);

/// A clock whose bound is larger does not claim to be synchronized: no client would follow it any more (RFC 5905 §11.1, MAXDIST of 1 s).
/// In holdover that is after about 18 hours.
const USELESS_BOUND: f64 = 1.0;

/// Standard deviations of the combination that the bound allows for.
const BOUND_SIGMAS: f64 = 1.75;

/// An oscillator that was first measured a moment ago may wander more than it has shown, s/s; after so many seconds it has shown a good
/// part of what it does. Less breaks the bound of an unusual one that starts, more makes the first minutes look worse than they are.
const NOVELTY: f64 = 5e-6;
const FAMILIAR: f64 = 900.0;

/// And so many of what the oscillator's wander alone does to it. More than of the noise: wander comes in bouts, and nothing else is left
/// to cover them, while half the round trip is seldom all asymmetry.
const WANDER_SIGMAS: f64 = 2.0;

/// What the kernel was told last.
#[derive(Debug, Clone)]
pub(super) struct Status {
    told: Option<(Mono, ClockStatus)>,
    /// Something is to be told as soon as the step before it is done.
    pending: Option<Mono>,
    tai_offset: Option<u16>,
    /// No leap second is announced before.
    withdrawn_until: Option<Mono>,
}

/// After a step Linux forgets when the leap second that it was told of comes (`ntp_clear`), and takes an announcement anew only at
/// a full second after one without it.
const WITHDRAWN: Span = Span::from_secs(2);

impl Status {
    pub(super) const fn new() -> Self {
        Self { told: None, pending: None, tai_offset: None, withdrawn_until: None }
    }

    pub(super) fn next_refresh(&self) -> Option<Mono> {
        let told = self.told.filter(|(_, told)| told.leap != Leap::Unsynchronized);
        let refresh = told.map(|(when, _)| when + REFRESH);
        self.pending.or_else(|| refresh.into_iter().chain(self.withdrawn_until).min())
    }

    /// What to tell now, if anything. Around a step nothing is: what is true before it is not after it.
    ///
    /// Nothing is told before the clock was right for the first time: the kernel gives up an old claim by itself.
    pub(super) fn refresh(&mut self, now: Mono, known: ClockStatus, stepping: bool) -> Option<Decision> {
        if stepping {
            self.pending = Some(now);
            if self.told.is_some_and(|(_, told)| is_leap_second(told.leap)) {
                self.withdrawn_until = Some(now + WITHDRAWN);
            }
            return None;
        }
        let pending = self.pending.take().is_some();
        self.withdrawn_until = self.withdrawn_until.filter(|until| now < *until);
        let withdrawn = self.withdrawn_until.is_some() && is_leap_second(known.leap);
        let leap = if withdrawn { Leap::NoWarning } else { known.leap };
        let status = ClockStatus { leap, ..known };
        let due = match self.told {
            None => status.leap != Leap::Unsynchronized,
            Some((_, told)) if told.leap == Leap::Unsynchronized => status.leap != told.leap,
            Some((when, told)) => {
                pending || told.leap != status.leap || now >= when + REFRESH || tighter(&status, &told)
            }
        };
        if due {
            self.told = Some((now, status));
        }
        due.then_some(Decision::Adjust(Adjustment::Status(status)))
    }

    /// The kernel counts announced leap seconds by itself, so it is told what is news to it and nothing else.
    pub(super) fn tell_tai_offset(&mut self, known: Option<u16>, stepping: bool) -> Option<Decision> {
        let news = known.filter(|_| !stepping).filter(|seconds| self.tai_offset != Some(*seconds))?;
        self.tai_offset = Some(news);
        Some(Decision::Adjust(Adjustment::TaiOffset(news)))
    }
}

const fn is_leap_second(leap: Leap) -> bool {
    matches!(leap, Leap::AddSecond | Leap::DeleteSecond)
}

/// A new measurement made it better: worth telling at once.
fn tighter(new: &ClockStatus, told: &ClockStatus) -> bool {
    new.maximum_error * 10 < told.maximum_error * 9 || new.estimated_error * 10 < told.estimated_error * 9
}

/// The system variables at `now`.
pub(super) fn system(discipline: &Discipline, now: Now) -> SystemEstimate {
    let steering = &discipline.steering;
    let nothing = SystemEstimate {
        state: if discipline.is_without_quorum() { State::NoQuorum } else { State::Waiting },
        leap: Leap::Unsynchronized,
        stratum: 16,
        peer: None,
        root_delay: Span::ZERO,
        root_dispersion: Span::ZERO,
        dispersion_rate: PHI,
        offset: Span::ZERO,
        offset_uncertainty: Span::ZERO,
        frequency: discipline.frequency(),
        wanted_frequency: Frequency::from_ratio(discipline.prior.frequency),
        frequency_uncertainty: Frequency::from_ratio(discipline.prior.variance.sqrt()),
        slew_remaining: steering.slew_end().map(|end| (end - now.mono).max(Span::ZERO)),
        steps: steering.limits().steps(),
        accumulated_steps: steering.limits().accumulated(),
        agreeing: 0,
        estimated_error: Span::from_secs(16),
        maximum_error: Span::from_secs(16),
        last_update: None,
        last_correction: discipline.last_correction,
    };
    let known = match &discipline.combination {
        Some(combination) if combination.used => combined(discipline, combination, now, nothing),
        _ => nothing,
    };
    match discipline.election.parent_stratum() {
        Some(stratum) => parent(discipline, stratum, now, known),
        None => known,
    }
}

/// Our own clock is the time of an isolated network by definition, and right at every moment: clients need no bound to truth, and
/// would leave us if it grew. Only the errors, which are the kernel's, stay what is known of true time.
fn parent(discipline: &Discipline, stratum: u8, now: Now, known: SystemEstimate) -> SystemEstimate {
    let by_table = || leap::by_table(discipline.leap_table.as_ref(), now.clock).unwrap_or(Leap::NoWarning);
    SystemEstimate {
        state: State::OrphanParent,
        leap: if known.leap == Leap::Unsynchronized { by_table() } else { known.leap },
        stratum,
        peer: None,
        root_delay: Span::ZERO,
        root_dispersion: Span::ZERO,
        dispersion_rate: 0.0,
        offset: Span::ZERO,
        offset_uncertainty: Span::ZERO,
        agreeing: 0,
        last_update: None,
        ..known
    }
}

/// What to tell the kernel: it will say so until it is told again, so the errors are those of the end of that time.
pub(super) fn for_kernel(discipline: &Discipline, now: Now) -> ClockStatus {
    let then = Now { clock: now.clock + REFRESH, mono: now.mono + REFRESH };
    let [now, then] = [now, then].map(|at| known_to_kernel(&system(discipline, at)));
    ClockStatus { estimated_error: now.estimated_error.max(then.estimated_error), ..now }
}

/// What is true of the clock for programs on this machine. A parent's is as good as its last proper source left it; a leap second that
/// it announces is inserted all the same, for its children do.
fn known_to_kernel(system: &SystemEstimate) -> ClockStatus {
    let unknown = system.state == State::OrphanParent && system.maximum_error.seconds() >= USELESS_BOUND;
    let limit = Span::from_secs(16);
    ClockStatus {
        leap: if unknown && !is_leap_second(system.leap) { Leap::Unsynchronized } else { system.leap },
        estimated_error: if unknown { limit } else { system.estimated_error },
        maximum_error: if unknown { limit } else { system.maximum_error },
    }
}

fn combined(
    discipline: &Discipline,
    last: &Combination,
    now: Now,
    nothing: SystemEstimate,
) -> SystemEstimate {
    let (offset, line) = discipline.remaining(last, now);
    let left = offset.abs().seconds();
    let noise = (line.offset_variance + last.disagreement).sqrt();
    let dispersion = left + last.dispersion_after(&line, (now.mono - last.when.mono).seconds());
    let maximum = last.root_delay / 2.0 + dispersion;
    let (state, synchronized) = match (last.current, maximum < USELESS_BOUND) {
        (true, good) => (State::Synchronized, good),
        (false, true) => (State::Holdover, true),
        (false, false) => (nothing.state, false),
    };
    let state = if last.orphan && synchronized { State::OrphanChild } else { state };
    SystemEstimate {
        state,
        leap: if synchronized { announced(discipline, last, now) } else { Leap::Unsynchronized },
        stratum: if synchronized { last.peer_stratum.saturating_add(1) } else { 16 },
        peer: Some(last.peer),
        root_delay: Span::from_seconds(last.root_delay),
        root_dispersion: Span::from_seconds(dispersion),
        dispersion_rate: last.dispersion_rate(&line),
        offset,
        offset_uncertainty: Span::from_seconds(noise),
        wanted_frequency: Frequency::from_ratio(line.frequency),
        frequency_uncertainty: Frequency::from_ratio(line.frequency_sigma()),
        agreeing: last.agreeing,
        estimated_error: Span::from_seconds((noise * noise + left * left).sqrt()),
        maximum_error: Span::from_seconds(maximum),
        last_update: Some(last.when),
        ..nothing
    }
}

/// The table is a better witness than the sources: they may have the announcement from one that errs, or too late.
///
/// Of an isolated network the parent decides: one server that inserts a second alone would be a second apart from the others.
fn announced(discipline: &Discipline, last: &Combination, now: Now) -> Leap {
    if last.orphan {
        return announced_by_sources(last, now);
    }
    leap::by_table(discipline.leap_table.as_ref(), now.clock)
        .unwrap_or_else(|| announced_by_sources(last, now))
}

/// An announcement counts on a day that can end so; one that nobody renews ends with its day: the leap second is past.
pub(super) fn announced_by_sources(last: &Combination, now: Now) -> Leap {
    let day = |time: Now| time.clock.unix_secs().div_euclid(86_400);
    let renewed = last.current || day(now) == day(last.when);
    if renewed && leap::is_possible(now.clock) { last.leap } else { Leap::NoWarning }
}

impl Combination {
    /// How fast the bound grows, s/s: four standard deviations of the frequency while measured; an unwatched oscillator's tolerance
    /// without.
    fn dispersion_rate(&self, line: &Line) -> f64 {
        if self.current { (self.surprising_rate() + 4.0 * line.frequency_sigma()).min(PHI) } else { PHI }
    }

    /// What an oscillator may still do that it has not shown yet, s/s.
    fn surprising_rate(&self) -> f64 {
        NOVELTY * (-self.watched / FAMILIAR).exp()
    }

    /// Dispersion to the primary source `age` seconds after the last selection, seconds. The line is of that moment: how much worse
    /// known it is since, its own variance says, but for the tails of what wanders.
    fn dispersion_after(&self, line: &Line, age: f64) -> f64 {
        let age = age.max(0.0);
        let noise =
            BOUND_SIGMAS * line.offset_sigma() + WANDER_SIGMAS * self.wander * (age.powi(3) / 3.0).sqrt();
        let unexplained = if self.current { self.surprising_rate() } else { PHI };
        self.dispersion + noise + unexplained * age
    }

    /// Where the truth is by this, and how far from it at most, seconds.
    pub(super) fn claim(&self, time: LocalTime) -> (Line, f64) {
        let line = self.predict(time);
        let distance = self.root_delay / 2.0 + self.dispersion_after(&line, time.since(self.at));
        (line, distance)
    }
}

impl Discipline {
    /// Sources agree or might, and are too few.
    fn is_without_quorum(&self) -> bool {
        let is_without = |verdict| matches!(verdict, Verdict::NoQuorum | Verdict::NoRequired);
        self.members.values().any(|member| is_without(member.verdict))
    }

    /// In force, without slews.
    fn frequency(&self) -> Frequency {
        if self.controls_clock { self.steering.frequency() } else { self.scale.frequency() }
    }
}
