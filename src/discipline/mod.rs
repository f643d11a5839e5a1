//! Pure algorithms: filter, select, combine, steer. Never sees a packet.
//!
//! ```text
//! Measurement ─ timescale ─ filter (one per source) ─ select ─ combine ─ steer ─ Decision
//!                  ↑                                                        │
//!                  └───────────────────────── Applied ──────────────────────┘
//! ```
//! Filters live on the undisciplined timescale, so steering changes the map and never a filter.

mod belief;
mod combine;
mod filter;
mod fine;
mod hypothesis;
mod law;
mod leap;
mod limits;
mod line;
mod member;
mod noise;
mod normal;
mod orphan;
mod select;
mod selection;
mod skew;
mod status;
mod steer;
mod system;
mod timescale;
mod waits;
mod wander;

pub use orphan::Identity;
pub use system::{Advice, Decision, Drift, Estimate, Settings, State, SystemEstimate, Voucher};

use crate::measurement::{Measurement, Pending};
use crate::time::{Adjustment, Applied, Frequency, Leap, LeapTable, Mono, Now, Poll, Span};
use crate::verdict::{Marks, SourceId, Verdict};
use filter::Prior;
use line::Line;
use member::Member;
use orphan::Election;
use status::Status;
use std::collections::BTreeMap;
use steer::{Steering, Target};
use timescale::{LocalTime, Timescale};

/// After the first quorum, this long is waited for the other sources' votes before the clock is first touched.
const GRACE: Span = Span::from_secs(4);

/// A frequency from the drift file may have changed by this much since it was saved, s/s: another temperature.
const DRIFT_AGEING: f64 = 0.5e-6;

/// And over a sleep or a foreign step by this much, s/s.
const RESTART_AGEING: f64 = 1e-6;

/// A usual crystal's wander, s/s per √s.
const USUAL_WANDER: f64 = 0.7e-9;

/// `initial-wander` as everybody has it. 1.x measures it in units that no crystal reaches, so it is taken relative to this.
const DEFAULT_INITIAL_WANDER: f64 = 1e-8;

/// A frequency is worth saving once it is known this well, s/s.
const WORTH_SAVING: f64 = 1e-6;

/// All sources and the clock they steer.
#[derive(Debug, Clone)]
pub struct Discipline {
    settings: Settings,
    controls_clock: bool,
    scale: Timescale,
    prior: Prior,
    members: BTreeMap<SourceId, Member>,
    combination: Option<Combination>,
    /// When, and what was wrong.
    last_correction: Option<(Mono, Span)>,
    steering: Steering,
    status: Status,
    leap_table: Option<LeapTable>,
    election: Election,
    preset: Option<Frequency>,
    quorum_since: Option<Mono>,
    /// The clock is too wrong to judge certificates by: so many key exchange servers must agree.
    doubt: Option<usize>,
    /// Some source is marked `require`, whether it could be asked yet or not.
    required: bool,
    /// Selection has to be looked at again.
    fresh: bool,
    /// And there is a new measurement to correct the clock by.
    measured: bool,
}

/// What the survivors said together, the last time that there were any.
#[derive(Debug, Clone, Copy)]
struct Combination {
    at: LocalTime,
    when: Now,
    /// `line.offset` counts from here.
    base: Span,
    line: Line,
    wander: f64,
    /// For how long the oscillator has been watched, seconds.
    watched: f64,
    disagreement: f64,
    peer: SourceId,
    peer_stratum: u8,
    root_delay: f64,
    dispersion: f64,
    leap: Leap,
    agreeing: usize,
    /// Still true: the last selection had survivors.
    current: bool,
    /// The clock was corrected by it at least once.
    used: bool,
    /// It is the time of an isolated network's parent, and of no proper source.
    orphan: bool,
}

impl Discipline {
    /// `kernel_frequency` is in force at `now`; `drift`, if known from earlier, is put in its place at the first `update`.
    pub fn new(
        settings: Settings,
        drift: Option<Drift>,
        kernel_frequency: Frequency,
        controls_clock: bool,
        now: Now,
    ) -> Self {
        let prior = prior(&settings, drift, kernel_frequency);
        let steering = Steering::new(&settings.synchronization, &settings.algorithm, kernel_frequency);
        Self {
            controls_clock,
            scale: Timescale::new(now, kernel_frequency),
            prior,
            members: BTreeMap::new(),
            combination: None,
            last_correction: None,
            steering,
            status: Status::new(),
            leap_table: None,
            election: Election::new(&settings.synchronization),
            preset: drift.map(|drift| drift.frequency),
            quorum_since: None,
            doubt: None,
            required: false,
            // A group may be one server, of whom no source brings news.
            fresh: settings.synchronization.is_in_a_group(),
            measured: false,
            settings,
        }
    }

    /// Other settings, from the next correction on; nothing measured is forgotten.
    pub fn configure(&mut self, settings: Settings) {
        self.steering.configure(&settings.synchronization, &settings.algorithm);
        self.election.configure(&settings.synchronization);
        self.settings = settings;
        self.fresh = true;
    }

    /// From now on this table says which days end with a leap second, as long as it has not expired; without one the sources do.
    pub fn set_leap_table(&mut self, table: Option<LeapTable>) {
        self.leap_table = table;
    }

    /// The table in force, valid or expired.
    pub const fn leap_table(&self) -> Option<&LeapTable> {
        self.leap_table.as_ref()
    }

    /// What the sources announce of today and the table denies.
    pub fn denied_leap(&self, now: Now) -> Option<Leap> {
        let last = self.combination.as_ref().filter(|last| last.used && !last.orphan)?;
        let announced = status::announced_by_sources(last, now);
        let said = leap::by_table(self.leap_table.as_ref(), now.clock)?;
        (announced != Leap::NoWarning && announced != said).then_some(announced)
    }

    /// A source is mobilized; it knows what the others found out about the oscillator.
    pub fn add(&mut self, id: SourceId, marks: Marks) {
        let prior = self.learned_prior(0.0);
        self.members.insert(id, Member::new(marks, prior));
        self.fresh = true;
    }

    /// What selection may do with a source is something else now; what was measured stays true.
    pub fn set_marks(&mut self, id: SourceId, marks: Marks) {
        if let Some(member) = self.members.get_mut(&id) {
            self.fresh |= member.marks != marks;
            member.marks = marks;
        }
    }

    /// No time without a source that is marked `require`.
    pub fn set_required(&mut self, required: bool) {
        self.fresh |= self.required != required;
        self.required = required;
    }

    /// A source has NTS.
    pub fn vouch(&mut self, id: SourceId, voucher: Voucher) {
        if let Some(member) = self.members.get_mut(&id) {
            member.voucher = Some(voucher);
            self.fresh = true;
        }
    }

    /// A source's certificate was judged by a right clock.
    pub fn confirm(&mut self, id: SourceId) {
        let voucher = self.members.get_mut(&id).and_then(|member| member.voucher.as_mut());
        if let Some(voucher) = voucher.filter(|voucher| voucher.provisional) {
            voucher.provisional = false;
            self.fresh = true;
        }
    }

    /// What agreed on the time is believed until its certificate is judged by it.
    pub fn trust_the_agreeing(&mut self) {
        for member in self
            .members
            .values_mut()
            .filter(|member| member.verdict.is_used() || member.verdict == Verdict::Outlier)
        {
            if let Some(voucher) = &mut member.voucher {
                voucher.provisional = false;
            }
        }
    }

    /// As long as the clock is too wrong to judge certificates by, so many different key exchange servers must agree where some are
    /// provisional; without a number, provisional sources count for nothing.
    pub fn set_doubt(&mut self, needed: Option<usize>) {
        self.fresh |= self.doubt != needed;
        self.doubt = needed;
    }

    /// A source is gone.
    pub fn remove(&mut self, id: SourceId) {
        self.members.remove(&id);
        self.fresh = true;
    }

    /// What orders this source and us in an election, known once it answered: its address, and ours towards it.
    pub fn introduce(&mut self, id: SourceId, its: Identity, ours: Identity) {
        if let Some(member) = self.members.get_mut(&id) {
            member.identities = Some((its, ours));
        }
    }

    /// `reachable`: its reach register is not empty. `demobilized`: it told us to stop.
    pub fn set_reachable(&mut self, id: SourceId, reachable: bool, demobilized: bool) {
        if let Some(member) = self.members.get_mut(&id) {
            self.fresh |= member.reachable != Some(reachable) || member.demobilized != demobilized;
            member.reachable = Some(reachable);
            member.demobilized = demobilized;
        }
    }

    /// It answered, and what it says of itself makes it unusable until its next measurement.
    pub fn set_refused(&mut self, id: SourceId, verdict: Verdict) {
        if let Some(member) = self.members.get_mut(&id) {
            self.fresh |= member.refused != Some(verdict);
            member.refused = Some(verdict);
        }
    }

    /// The measurement of this exchange will come later; its stamps mean what the clock showed until now.
    pub fn hold(&mut self, id: SourceId, pending: Pending) {
        if let Some(member) = self.members.get_mut(&id) {
            member.hold(&self.scale, pending);
        }
    }

    /// One finished exchange. Without such a source it is nothing.
    pub fn measure(&mut self, _now: Now, id: SourceId, measurement: &Measurement) -> Advice {
        let Some(member) = self.members.get_mut(&id) else {
            return Advice { surprise: false, poll: crate::time::Poll::new(6) };
        };
        self.fresh = true;
        self.measured = true;
        member.measure(&self.scale, measurement)
    }

    /// Selects, combines and steers; to be called after every measurement, timer and change of reachability.
    ///
    /// A [`Decision::Panic`] comes alone: nothing else is to be applied.
    pub fn update(&mut self, now: Now) -> Vec<Decision> {
        let mut decisions = self.preset();
        if std::mem::take(&mut self.fresh) || self.election.next().is_some_and(|at| now.mono >= at) {
            self.select(now);
        }
        let measured = std::mem::take(&mut self.measured);
        if measured || self.is_grace_over(now) {
            decisions.extend(self.steer(now));
        }
        if let Some(panic) = decisions.iter().find(|decision| matches!(decision, Decision::Panic(_))) {
            return vec![panic.clone()];
        }
        if self.controls_clock {
            decisions.extend(self.steering.on_timer(now.mono, self.scale.frequency()));
            let step =
                decisions.iter().any(|decision| matches!(decision, Decision::Adjust(Adjustment::Step(_))));
            let known = status::for_kernel(self, now);
            let system = self.system(now);
            decisions.extend(self.status.refresh(now.mono, known, step));
            decisions.extend(self.status.tell_tai_offset(self.tai_offset(&system, now), step));
        }
        decisions
    }

    /// When `update` has something to do without a measurement.
    pub fn next_wakeup(&self) -> Option<Mono> {
        let waiting = self.combination.is_some_and(|combination| combination.current && !combination.used);
        let grace = self.quorum_since.filter(|_| waiting).map(|since| since + GRACE);
        let status = if self.controls_clock { self.status.next_refresh() } else { None };
        [self.steering.slew_end(), grace, status, self.election.next()].into_iter().flatten().min()
    }

    /// What the kernel really did.
    pub fn on_applied(&mut self, applied: &Applied) {
        self.scale.on_applied(applied);
    }

    /// Somebody else moved the clock, or the machine slept: offsets are forgotten, the frequency is kept and trusted less, and
    /// the next correction may be a step again.
    pub fn restart(&mut self, now: Now) {
        let prior = self.learned_prior(RESTART_AGEING);
        self.scale.restart(now);
        self.prior = prior;
        for member in self.members.values_mut() {
            member.restart(prior);
        }
        self.combination = None;
        self.quorum_since = None;
        self.steering.restart(now.mono);
        self.fresh = true;
        self.measured = false;
    }

    /// The next good estimate is applied in one step, whatever its size (panic thresholds excepted).
    pub fn force_step(&mut self) {
        self.steering.force_step();
    }

    /// What selection says of a source; `Waiting` for one that is not known.
    pub fn verdict(&self, id: SourceId) -> Verdict {
        self.members.get(&id).map_or(Verdict::Waiting, |member| member.verdict)
    }

    /// The filter's view of a source that is asked at this interval, once it was measured.
    pub fn estimate(&self, id: SourceId, poll: Poll, now: Now) -> Option<Estimate> {
        let filter = &self.members.get(&id)?.filter;
        let (base, line) = filter.predict(self.scale.present(now))?;
        Some(Estimate {
            offset: base + Span::from_seconds(line.offset) - self.scale.steered(now),
            uncertainty: Span::from_seconds(line.offset_sigma()),
            delay: Span::from_seconds(filter.delay()),
            jitter: Span::from_seconds(filter.jitter()),
            path: filter.path(poll.interval().seconds()),
        })
    }

    /// The clock and how good it is.
    pub fn system(&self, now: Now) -> SystemEstimate {
        status::system(self, now)
    }

    /// The oscillator, once it is known well enough to be worth saving.
    pub fn drift(&self) -> Option<Drift> {
        let line = self.combination.filter(|combination| combination.used)?.line;
        (line.frequency_sigma() < WORTH_SAVING).then(|| Drift {
            frequency: Frequency::from_ratio(line.frequency),
            uncertainty: Frequency::from_ratio(line.frequency_sigma()),
        })
    }

    /// What is left to correct, by the last combination carried on to `now`.
    fn remaining(&self, combination: &Combination, now: Now) -> (Span, Line) {
        let line = combination.predict(self.scale.present(now));
        (combination.base + Span::from_seconds(line.offset) - self.scale.steered(now), line)
    }

    /// By the table, once the time is known that it is asked for.
    fn tai_offset(&self, system: &SystemEstimate, now: Now) -> Option<u16> {
        let table = self.leap_table.as_ref().filter(|_| system.leap != Leap::Unsynchronized);
        table.and_then(|table| table.tai_offset(now.clock))
    }

    fn preset(&mut self) -> Vec<Decision> {
        let preset = self.preset.take().filter(|_| self.controls_clock);
        let in_force = self.scale.frequency();
        preset.and_then(|frequency| self.steering.preset(frequency, in_force)).into_iter().collect()
    }

    fn is_grace_over(&self, now: Now) -> bool {
        let unused = self.combination.is_some_and(|combination| combination.current && !combination.used);
        unused && self.quorum_since.is_some_and(|since| now.mono >= since + GRACE)
    }

    fn steer(&mut self, now: Now) -> Vec<Decision> {
        let Some(combination) = self.combination.filter(|combination| combination.current) else {
            return Vec::new();
        };
        if !combination.used && !self.is_grace_over(now) && self.members.values().any(Member::may_still_vote)
        {
            return Vec::new();
        }
        let (offset, line) = self.remaining(&combination, now);
        if let Some(combination) = &mut self.combination {
            combination.used = true;
        }
        if !self.controls_clock {
            return Vec::new();
        }
        let target = Target {
            offset,
            offset_uncertainty: line.offset_sigma(),
            frequency: Frequency::from_ratio(line.frequency),
        };
        let decisions = self.steering.correct(now.mono, target, self.scale.frequency());
        if decisions.iter().any(|decision| matches!(decision, Decision::Adjust(_))) {
            self.last_correction = Some((now.mono, offset));
        }
        decisions
    }

    /// What a filter that starts now may assume of the oscillator.
    fn learned_prior(&self, ageing: f64) -> Prior {
        match &self.combination {
            Some(combination) => Prior {
                frequency: combination.line.frequency,
                variance: (combination.line.frequency_variance + ageing * ageing).min(self.prior.ignorance),
                ..self.prior
            },
            None => Prior {
                variance: (self.prior.variance + ageing * ageing).min(self.prior.ignorance),
                ..self.prior
            },
        }
    }
}

impl Combination {
    fn predict(&self, time: LocalTime) -> Line {
        self.line.predict(time.since(self.at), self.wander)
    }
}

fn prior(settings: &Settings, drift: Option<Drift>, in_force: Frequency) -> Prior {
    let ignorance = settings.algorithm.initial_frequency_uncertainty.powi(2);
    let wander = USUAL_WANDER * (settings.algorithm.initial_wander / DEFAULT_INITIAL_WANDER).sqrt();
    match drift {
        Some(drift) => Prior {
            frequency: drift.frequency.ratio(),
            variance: (drift.uncertainty.ratio().powi(2) + DRIFT_AGEING * DRIFT_AGEING).min(ignorance),
            ignorance,
            wander,
        },
        None => Prior { frequency: in_force.ratio(), variance: ignorance, ignorance, wander },
    }
}

#[cfg(test)]
mod tests;
