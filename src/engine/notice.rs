//! What people are told, once per change worth reading. Logging it is the daemon's.

use crate::nts::Algorithm;
use crate::packet::KissCode;
use crate::time::{ClockTime, Date, Frequency, Leap, Span};
use crate::verdict::Verdict;
use std::fmt;
use std::net::SocketAddr;

/// One line of the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Fewer sources than must agree: the clock will not be set.
    TooFewSources {
        /// Configured, a pool counting as its `count`.
        configured: usize,
        /// `minimum-agreeing-sources`.
        needed: usize,
    },
    /// The clock follows its sources from now on.
    Synchronized {
        /// Whether it never did before.
        first: bool,
        /// What was to be corrected.
        offset: Span,
        /// One standard deviation.
        offset_uncertainty: Span,
    },
    /// It does not any more.
    SynchronizationLost,
    /// The system estimate, when it changed enough to be worth reading.
    Estimate {
        /// What is left to correct.
        offset: Span,
        /// One standard deviation.
        offset_uncertainty: Span,
        /// The oscillator's error against true time.
        frequency: Frequency,
        /// One standard deviation.
        frequency_uncertainty: Frequency,
    },
    /// The clock was stepped.
    Stepped(Span),
    /// An offset too large for a step now is being removed slowly.
    Slewing {
        /// What is removed.
        offset: Span,
        /// How long it takes.
        duration: Span,
    },
    /// The rate correction changed.
    FrequencyChanged {
        /// In force now.
        current: Frequency,
        /// What it will return to once the slew is over.
        desired: Frequency,
    },
    /// Somebody else set the clock.
    ForeignStep(Span),
    /// The machine slept.
    Slept(Span),
    /// Selection changed its mind about a source.
    VerdictChanged {
        /// As configured.
        name: String,
        /// Where it is asked.
        address: SocketAddr,
        /// Before.
        from: Verdict,
        /// Now.
        to: Verdict,
    },
    /// A name has no address (told once until it has one again).
    NotResolved {
        /// As configured.
        name: String,
        /// Why.
        reason: String,
    },
    /// A source has keys, for the first time or again after a failure.
    KeysExchanged {
        /// People were told that it had none.
        again: bool,
        /// As configured.
        name: String,
        /// Where it is asked with them.
        server: SocketAddr,
        /// What protects its packets.
        algorithm: Algorithm,
    },
    /// A source has no keys (told once until it has).
    KeysNotExchanged {
        /// As configured.
        name: String,
        /// Why.
        reason: String,
    },
    /// A server does not know the keys any more that it gave; others are exchanged.
    KeysRefused {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
    },
    /// The clock is so wrong that no certificate can be judged by it.
    ClockDoubted {
        /// What it shows.
        clock: ClockTime,
        /// So many independent sources with NTS must agree to set it; without, they may not.
        needed: Option<usize>,
        /// So many there are.
        configured: usize,
    },
    /// A source was dropped: its certificate was accepted without a clock to judge it by, and is not valid.
    CertificateNotValid {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Neither at this time, which it told or which has turned out to be true.
        time: ClockTime,
    },
    /// A source was dropped: with a right clock its key exchange fails.
    KeysNotConfirmed {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
    /// A source answers for the first time, or again.
    Reachable {
        /// People were told that it did not answer.
        again: bool,
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
    },
    /// A source has not answered eight polls.
    Unreachable {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
    },
    /// A source was given up, or replaced by another of its pool.
    Demobilized {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
        /// What it said.
        code: KissCode,
    },
    /// A server asked for fewer requests; the poll interval is longer now.
    RateLimited {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
        /// log2 seconds.
        poll: i8,
    },
    /// There is no source of time, and this clock is the isolated network's.
    OrphanParent {
        /// As served.
        stratum: u8,
    },
    /// There is no source of time, and the server that an isolated network has elected is followed.
    OrphanChild {
        /// As configured.
        name: String,
        /// Where.
        address: SocketAddr,
    },
    /// The leap announcement changed.
    LeapChanged(Leap),
    /// The table of leap seconds will end soon.
    LeapTableExpires {
        /// Its last moment.
        on: ClockTime,
        /// Whole days until then.
        days: i64,
    },
    /// The table of leap seconds has ended.
    LeapTableExpired {
        /// Its last moment.
        on: ClockTime,
    },
    /// Sources announce this, and the table of leap seconds does not have it.
    LeapDenied(Leap),
}

impl Notice {
    /// Whether it is a matter of course, for those only who look closely: what follows from it is told as well.
    pub const fn is_detail(&self) -> bool {
        matches!(
            self,
            Self::FrequencyChanged { .. }
                | Self::Reachable { again: false, .. }
                | Self::KeysExchanged { again: false, .. }
        )
    }

    /// Whether it deserves a warning rather than information.
    pub const fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::TooFewSources { .. }
                | Self::SynchronizationLost
                | Self::Slewing { .. }
                | Self::ForeignStep(_)
                | Self::NotResolved { .. }
                | Self::KeysNotExchanged { .. }
                | Self::ClockDoubted { .. }
                | Self::CertificateNotValid { .. }
                | Self::KeysNotConfirmed { .. }
                | Self::Unreachable { .. }
                | Self::Demobilized { .. }
                | Self::LeapTableExpired { .. }
                | Self::LeapDenied(_)
                | Self::OrphanParent { .. }
                | Self::OrphanChild { .. }
        )
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewSources { configured, needed } => write!(
                f,
                "Only {configured} source(s) configured and {needed} must agree (minimum-agreeing-sources): the clock will not be set. \
                 Add sources, or lower minimum-agreeing-sources in [synchronization]"
            ),
            Self::Synchronized { offset, offset_uncertainty, .. } => write!(
                f,
                "Synchronized; the offset was {:.3}±{:.3} ms",
                offset.seconds() * 1e3,
                offset_uncertainty.seconds() * 1e3
            ),
            Self::SynchronizationLost => write!(f, "Synchronization lost: no usable sources are left"),
            Self::Estimate { offset, offset_uncertainty, frequency, frequency_uncertainty } => write!(
                f,
                "Offset: {:.3}±{:.3} ms, frequency: {:.3}±{:.3} ppm",
                offset.seconds() * 1e3,
                offset_uncertainty.seconds() * 1e3,
                frequency.ppm(),
                frequency_uncertainty.ppm()
            ),
            Self::Stepped(by) => write!(f, "Stepped the clock by {:+.6} s", by.seconds()),
            Self::Slewing { offset, duration } => write!(
                f,
                "The clock is off by {:+.6} s and may not be stepped now: slewing for {:.0} s",
                offset.seconds(),
                duration.seconds()
            ),
            Self::FrequencyChanged { current, desired } => write!(
                f,
                "Changed frequency, current steer {:.3} ppm, desired {:.3} ppm",
                current.ppm(),
                desired.ppm()
            ),
            Self::ForeignStep(by) => {
                write!(f, "Something else set the clock by {:+.6} s: measuring afresh", by.seconds())
            }
            Self::Slept(span) => write!(f, "The machine slept for {:.0} s: measuring afresh", span.seconds()),
            Self::VerdictChanged { name, address, from, to } => {
                write!(f, "Source {name} ({address}) is now {to} (was {from})")
            }
            Self::NotResolved { name, reason } => write!(f, "Cannot resolve {name}: {reason}; trying again"),
            Self::Reachable { name, address, .. } => write!(f, "Source {name} ({address}) answers"),
            Self::Unreachable { name, address } => write!(f, "Source {name} ({address}) does not answer"),
            Self::Demobilized { .. } | Self::RateLimited { .. } => self.of_kisses(f),
            Self::OrphanParent { .. } | Self::OrphanChild { .. } => self.of_orphans(f),
            Self::KeysExchanged { .. }
            | Self::KeysNotExchanged { .. }
            | Self::KeysRefused { .. }
            | Self::ClockDoubted { .. }
            | Self::CertificateNotValid { .. }
            | Self::KeysNotConfirmed { .. } => self.of_keys(f),
            Self::LeapChanged(_)
            | Self::LeapTableExpires { .. }
            | Self::LeapTableExpired { .. }
            | Self::LeapDenied(_) => self.of_leap_seconds(f),
        }
    }
}

impl Notice {
    fn of_kisses(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Demobilized { name, address, code } => {
                write!(f, "Source {name} ({address}) refuses service ({})", crate::verdict::kiss_text(*code))
            }
            Self::RateLimited { name, address, poll } => {
                write!(
                    f,
                    "Source {name} ({address}) asks for fewer requests: polling every {} s",
                    1_u64 << poll
                )
            }
            _ => Ok(()),
        }
    }

    fn of_orphans(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OrphanParent { stratum } => write!(
                f,
                "No source of time (orphan-stratum): this clock is the isolated network's, at stratum {stratum}"
            ),
            Self::OrphanChild { name, address } => {
                write!(f, "No source of time (orphan-stratum): following {name} ({address})")
            }
            _ => Ok(()),
        }
    }

    fn of_keys(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysExchanged { name, server, algorithm, .. } => {
                write!(f, "Keys exchanged with {name}: asking {server} with {algorithm}")
            }
            Self::KeysNotExchanged { name, reason } => {
                write!(f, "Cannot exchange keys with {name}: {reason}; trying again")
            }
            Self::KeysRefused { name, address } => {
                write!(f, "Source {name} ({address}) does not know our keys any more: exchanging new ones")
            }
            Self::ClockDoubted { clock, needed, configured } => {
                let date = Date::of(*clock);
                write!(
                    f,
                    "The clock shows {date}, and is known to be wrong: certificates are not judged by it. "
                )?;
                match needed {
                    Some(needed) => write!(
                        f,
                        "It is set once {needed} of {configured} independent sources with NTS agree on a time at which their certificates are valid"
                    ),
                    None => write!(
                        f,
                        "Sources with NTS cannot set it (nts-bootstrap): set it by hand, or configure three with different key exchange servers"
                    ),
                }
            }
            Self::CertificateNotValid { name, address, time } => write!(
                f,
                "Source {name} ({address}) is dropped: its certificate is not valid on {}, the time that it tells or that is true",
                Date::of(*time)
            ),
            Self::KeysNotConfirmed { name, address, reason } => write!(
                f,
                "Source {name} ({address}) is dropped: with a right clock its keys cannot be exchanged again: {reason}"
            ),
            _ => Ok(()),
        }
    }

    fn of_leap_seconds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeapChanged(Leap::AddSecond) => write!(f, "A leap second is announced: one will be added"),
            Self::LeapChanged(Leap::DeleteSecond) => {
                write!(f, "A leap second is announced: one will be left out")
            }
            Self::LeapTableExpires { on, days } => {
                write!(f, "The table of leap seconds expires on {}, in {days} day(s)", Date::of(*on))
            }
            Self::LeapTableExpired { on } => write!(
                f,
                "The table of leap seconds expired on {}: the sources announce leap seconds now. Update tzdata, or whatever brings \
                 the file of leap-seconds-file",
                Date::of(*on)
            ),
            Self::LeapDenied(_) => write!(
                f,
                "Sources announce a leap second for today that leap-seconds-file does not have: it is not believed"
            ),
            _ => write!(f, "No leap second is announced any more"),
        }
    }
}
