//! What the engine has to tell, as lines of the log: how important each is, and its fields for the journal. The words are the
//! engine's, and where lines go is `logging`'s.

use super::clock::Clock;
use super::startup_error::{Failure, StartupError};
use crate::engine::Notice;
use crate::time::{Frequency, Leap, Span};
use crate::verdict::{Verdict, kiss_text};
use std::borrow::Cow;
use tracing::Level;

/// Tells people. A step of our own is a warning where `warn-on-jump` says so.
pub(super) fn tell(notice: &Notice, warn_on_jump: bool, clock: &Clock) {
    let kind = Kind::of(notice, clock.is_controlled());
    let fields = Fields::of(notice);
    let moments = (kind == Some(Kind::FirstSync)).then(|| Moments::of(clock));
    if notice.is_warning() || warn_on_jump && matches!(notice, Notice::Stepped(_)) {
        write(Level::WARN, notice, kind, &fields, moments);
    } else if notice.is_detail() {
        write(Level::DEBUG, notice, kind, &fields, moments);
    } else {
        write(Level::INFO, notice, kind, &fields, moments);
    }
}

/// Tells why the daemon ends.
pub(super) fn tell_end(error: &StartupError) {
    let kind = (error.exit_code == Failure::Panic).then_some(Kind::Panic);
    tracing::error!(journal.message_id = kind.map(Kind::message_id), "{error}");
}

/// What programs may look for: a message id for each, which stays the same whatever the words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    FirstSync,
    Lost,
    Step,
    SourceSelected,
    SourceRejected,
    SourceUnreachable,
    LeapAnnounced,
    Panic,
    NtsFailure,
}

impl Kind {
    fn of(notice: &Notice, controls_clock: bool) -> Option<Self> {
        match notice {
            // systemd's own id says that the clock was set.
            Notice::Synchronized { first: true, .. } => controls_clock.then_some(Self::FirstSync),
            Notice::SynchronizationLost => Some(Self::Lost),
            Notice::Stepped(_) => Some(Self::Step),
            Notice::VerdictChanged { to, .. } if to.is_used() => Some(Self::SourceSelected),
            Notice::VerdictChanged { .. } | Notice::Demobilized { .. } => Some(Self::SourceRejected),
            Notice::Unreachable { .. } => Some(Self::SourceUnreachable),
            Notice::LeapChanged(Leap::AddSecond | Leap::DeleteSecond) => Some(Self::LeapAnnounced),
            Notice::KeysNotExchanged { .. }
            | Notice::KeysRefused { .. }
            | Notice::CertificateNotValid { .. }
            | Notice::KeysNotConfirmed { .. } => Some(Self::NtsFailure),
            _ => None,
        }
    }

    /// The first is systemd's (`SD_MESSAGE_TIME_SYNC`), explained in its own catalog; the others are in ours.
    const fn message_id(self) -> &'static str {
        match self {
            Self::FirstSync => "7c8a41f37b764941a0e1780b1be2f037",
            Self::Lost => "be481b9685fa4f6d87fe4d47ec31d3d8",
            Self::Step => "7f6c3ddab6b74b2da363b89cf36a65f0",
            Self::SourceSelected => "e4470ca665c44c23a249d62d925162c6",
            Self::SourceRejected => "ec40dcd3b9a240dda2ff6cd99d0eae4e",
            Self::SourceUnreachable => "0279b302c1d34182a88a883a5bb972dc",
            Self::LeapAnnounced => "ef1798016c384cc9b457541f259287c5",
            Self::Panic => "82460fe75ec44f03b008fea36dbc5c7b",
            Self::NtsFailure => "fd585d3198264f7094c4233ea08954d4",
        }
    }
}

/// What a line says in words, for programs.
#[derive(Debug, Default, PartialEq)]
struct Fields<'a> {
    source: Option<&'a str>,
    address: Option<String>,
    offset: Option<Span>,
    uncertainty: Option<Span>,
    frequency: Option<Frequency>,
    verdict: Option<Verdict>,
    previous: Option<Verdict>,
    leap: Option<&'static str>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    fn of(notice: &'a Notice) -> Self {
        let offset = |offset: &Span| Self { offset: Some(*offset), ..Self::default() };
        match notice {
            Notice::Synchronized { offset, offset_uncertainty, .. } => {
                Self { offset: Some(*offset), uncertainty: Some(*offset_uncertainty), ..Self::default() }
            }
            Notice::Estimate { offset, offset_uncertainty, frequency, .. } => Self {
                offset: Some(*offset),
                uncertainty: Some(*offset_uncertainty),
                frequency: Some(*frequency),
                ..Self::default()
            },
            Notice::Stepped(by) | Notice::ForeignStep(by) => offset(by),
            Notice::Slewing { offset: by, .. } => offset(by),
            Notice::FrequencyChanged { current, .. } => Self { frequency: Some(*current), ..Self::default() },
            Notice::LeapChanged(leap) | Notice::LeapDenied(leap) => {
                Self { leap: Some(leap_name(*leap)), ..Self::default() }
            }
            _ => Self::of_source(notice),
        }
    }

    fn of_source(notice: &'a Notice) -> Self {
        let named = |name: &'a str| Self { source: Some(name), ..Self::default() };
        let at = |name, address: &dyn ToString| Self { address: Some(address.to_string()), ..named(name) };
        match notice {
            Notice::VerdictChanged { name, address, from, to } => {
                Self { verdict: Some(*to), previous: Some(*from), ..at(name, address) }
            }
            Notice::Reachable { name, address, .. }
            | Notice::Unreachable { name, address }
            | Notice::RateLimited { name, address, .. }
            | Notice::KeysRefused { name, address }
            | Notice::CertificateNotValid { name, address, .. }
            | Notice::OrphanChild { name, address }
            | Notice::KeysExchanged { name, server: address, .. } => at(name, address),
            Notice::Demobilized { name, address, code } => {
                Self { reason: Some(kiss_text(*code).into()), ..at(name, address) }
            }
            Notice::KeysNotConfirmed { name, address, reason } => {
                Self { reason: Some(reason.into()), ..at(name, address) }
            }
            Notice::NotResolved { name, reason } | Notice::KeysNotExchanged { name, reason } => {
                Self { reason: Some(reason.into()), ..named(name) }
            }
            _ => Self::default(),
        }
    }
}

/// The clocks when the time was right for the first time, as systemd's programs look for them.
#[derive(Debug, Clone, Copy)]
struct Moments {
    monotonic: i64,
    real: i64,
    boot: i64,
}

impl Moments {
    fn of(clock: &Clock) -> Self {
        let now = clock.readings();
        Self {
            monotonic: now.mono.nanos() / NANOS,
            real: now.clock.unix_nanos() / NANOS,
            boot: now.boot.nanos() / NANOS,
        }
    }
}

/// In a microsecond.
const NANOS: i64 = 1000;

const fn micros(span: Span) -> i64 {
    span.nanos() / NANOS
}

const fn leap_name(leap: Leap) -> &'static str {
    match leap {
        Leap::NoWarning => "none",
        Leap::AddSecond => "add-second",
        Leap::DeleteSecond => "delete-second",
        Leap::Unsynchronized => "unsynchronized",
    }
}

/// Every line has the same fields; those without a value are not written.
macro_rules! line {
    ($level:expr, $notice:expr, $kind:expr, $fields:expr, $moments:expr) => {
        tracing::event!(
            $level,
            journal.message_id = $kind.map(Kind::message_id),
            journal.monotonic_usec = $moments.map(|at| at.monotonic),
            journal.realtime_usec = $moments.map(|at| at.real),
            journal.boottime_usec = $moments.map(|at| at.boot),
            ntpd_rs.source = $fields.source,
            ntpd_rs.address = $fields.address.as_deref(),
            ntpd_rs.offset_usec = $fields.offset.map(micros),
            ntpd_rs.uncertainty_usec = $fields.uncertainty.map(micros),
            ntpd_rs.frequency_ppm = $fields.frequency.map(Frequency::ppm),
            ntpd_rs.verdict = $fields.verdict.map(Verdict::name),
            ntpd_rs.previous_verdict = $fields.previous.map(Verdict::name),
            ntpd_rs.leap = $fields.leap,
            ntpd_rs.reason = $fields.reason.as_deref(),
            "{}",
            $notice
        )
    };
}

/// The level of a line is fixed where it is written.
fn write(level: Level, notice: &Notice, kind: Option<Kind>, fields: &Fields<'_>, moments: Option<Moments>) {
    match level {
        Level::WARN => line!(Level::WARN, notice, kind, fields, moments),
        Level::DEBUG => line!(Level::DEBUG, notice, kind, fields, moments),
        _ => line!(Level::INFO, notice, kind, fields, moments),
    }
}

#[cfg(test)]
mod tests;
