//! The daemon, the clock and what was done to it.

use super::{Metric, Value, counter, flag, gauge, number, one};
use crate::observation::LeapIndicator;
use crate::snapshot::SyncState;
use crate::time::Poll;

pub(super) const METRICS: &[Metric] = &[
    gauge(
        "ntp_uptime_seconds",
        &["version", "build_commit", "build_commit_date"],
        "Time since the daemon started",
        |s| {
            let (program, uptime) = (&s.program, Value::Number(s.program.uptime_seconds));
            let labels = [&program.version, &program.build_commit, &program.build_commit_date];
            vec![(labels.map(Clone::clone).into(), uptime)]
        },
    ),
    gauge("ntp_system_synchronized", &[], "Whether the clock follows its sources", |s| {
        one(flag(s.system.state == SyncState::Synchronized))
    }),
    gauge("ntp_system_state", &["state"], "Whether the clock is right, and if not, why", |s| {
        vec![(vec![s.system.state.name().to_owned()], Value::Number(1.0))]
    }),
    gauge("ntp_system_controls_clock", &[], "Whether the daemon steers the clock", |s| {
        one(flag(s.system.controls_clock))
    }),
    gauge("ntp_system_stratum", &[], "Stratum of our clock", |s| one(f64::from(s.system.stratum))),
    gauge(
        "ntp_system_leap_indicator",
        &[],
        "0 none, 1 leap second inserted, 2 deleted, 4 not synchronized",
        |s| one(leap(s.system.leap_indicator)),
    ),
    gauge(
        "ntp_system_maximum_error_seconds",
        &[],
        "The most that the clock can be wrong: half the root delay and the root dispersion",
        |s| one(s.system.maximum_error),
    ),
    gauge("ntp_system_root_delay_seconds", &[], "Round trip to the primary source", |s| {
        one(s.system.root_delay)
    }),
    gauge("ntp_system_root_dispersion_seconds", &[], "Dispersion to the primary source", |s| {
        one(s.system.root_dispersion)
    }),
    gauge(
        "ntp_system_offset_seconds",
        &[],
        "What is left to correct, positive when the clock is behind",
        |s| one(s.system.offset),
    ),
    gauge("ntp_system_offset_uncertainty_seconds", &[], "One standard deviation of the offset", |s| {
        one(s.system.offset_uncertainty)
    }),
    gauge(
        "ntp_system_jitter_seconds",
        &[],
        "One standard deviation of what the sources in use say at any moment",
        |s| one(s.system.jitter),
    ),
    gauge("ntp_system_frequency_ppm", &[], "Correction of the oscillator", |s| one(s.system.frequency_ppm)),
    gauge("ntp_system_frequency_uncertainty_ppm", &[], "One standard deviation of the frequency", |s| {
        one(s.system.frequency_uncertainty_ppm)
    }),
    gauge(
        "ntp_system_last_correction_seconds",
        &[],
        "What was wrong with the clock when it was last steered, positive when it was behind",
        |s| one(s.system.last_correction),
    ),
    gauge("ntp_system_last_correction_age_seconds", &[], "Time since the clock was last steered", |s| {
        one(s.system.last_correction_age)
    }),
    gauge("ntp_system_slew_remaining_seconds", &[], "How long the slew in progress will still take", |s| {
        one(s.system.slew_remaining)
    }),
    counter("ntp_system_steps", &[], "Steps made since start", |s| {
        vec![(Vec::new(), Value::Count(u64::from(s.system.steps)))]
    }),
    gauge(
        "ntp_system_accumulated_steps_seconds",
        &[],
        "Sum of the magnitudes of all steps but the first",
        |s| one(s.system.accumulated_steps),
    ),
    gauge(
        "ntp_system_accumulated_steps_threshold_seconds",
        &[],
        "The sum at which the daemon gives up, or -1",
        |s| one(s.system.accumulated_steps_threshold.unwrap_or(-1.0)),
    ),
    gauge("ntp_system_poll_interval_seconds", &[], "Shortest time between polls of used sources", |s| {
        one(interval(s.system.poll_interval))
    }),
    gauge("ntp_system_precision_seconds", &[], "Time to read the clock once", |s| one(s.system.precision)),
    gauge("ntp_system_agreeing_sources", &[], "Sources that agree", |s| {
        one(number(s.system.agreeing_sources))
    }),
    gauge("ntp_system_minimum_agreeing_sources", &[], "Sources that must agree", |s| {
        one(number(s.system.minimum_agreeing_sources))
    }),
    gauge("ntp_system_tai_offset_seconds", &[], "TAI - UTC by the table of leap seconds", |s| {
        one(s.system.tai_offset.map(f64::from))
    }),
    gauge(
        "ntp_system_leap_table_remaining_seconds",
        &[],
        "How long the table of leap seconds is still good, negative once it has expired",
        |s| one(s.system.leap_table_remaining),
    ),
];

/// The numbers are those of 1.x, which are not those of the wire.
pub(super) const fn leap(leap: LeapIndicator) -> f64 {
    match leap {
        LeapIndicator::NoWarning => 0.0,
        LeapIndicator::Leap61 => 1.0,
        LeapIndicator::Leap59 => 2.0,
        LeapIndicator::Unknown => 3.0,
        LeapIndicator::Unsynchronized => 4.0,
    }
}

pub(super) fn interval(log2: i8) -> f64 {
    Poll::new(log2).interval().seconds()
}
