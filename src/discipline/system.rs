//! What the discipline is given and what it gives: plain values of the façade. Computes nothing.

use crate::config;
use crate::path_model::PathModel;
use crate::time::{Adjustment, Frequency, Leap, Mono, Now, Poll, Span};
use crate::verdict::SourceId;

/// The configuration's part that concerns the discipline.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[synchronization]`.
    pub synchronization: config::Synchronization,
    /// `[synchronization.algorithm]`.
    pub algorithm: config::Algorithm,
}

/// What is known of the oscillator, to be kept across restarts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The rate correction that cancels the oscillator's error, as in the kernel.
    pub frequency: Frequency,
    /// One standard deviation.
    pub uncertainty: Frequency,
}

/// Who vouches for a source with NTS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// The name that the key exchange server's certificate is for.
    pub host: String,
    /// That certificate was not judged by a right clock yet.
    pub provisional: bool,
}

/// What a measurement means for the source's polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// It lies outside its bound: measure again soon, in a burst, to see which of the two is wrong.
    pub surprise: bool,
    /// The interval that the predicted error asks for, before the source's limits.
    pub poll: Poll,
}

/// Something to do or to tell, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Do this to the clock and report what was done.
    Adjust(Adjustment),
    /// A large offset may not be stepped: it is slewed, and takes this long.
    Slewing {
        /// What is removed; positive when the clock was behind.
        offset: Span,
        /// How long it takes.
        duration: Span,
    },
    /// A panic threshold is exceeded: nothing was applied and the daemon has to end.
    Panic(String),
}

/// Whether the clock follows its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No usable measurement yet, or none any more and the bound has become useless.
    Waiting,
    /// Measurements exist, and too few sources agree.
    NoQuorum,
    /// The clock follows its sources.
    Synchronized,
    /// Its sources are lost, or disagree; the clock runs on and its bound grows.
    Holdover,
    /// There is no proper source, and our own clock is the time of an isolated network.
    OrphanParent,
    /// There is no proper source, and the clock follows the elected server of an isolated network.
    OrphanChild,
}

/// The filter's view of one source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Positive when the local clock is behind this source.
    pub offset: Span,
    /// One standard deviation of `offset`.
    pub uncertainty: Span,
    /// Round trip without waiting.
    pub delay: Span,
    /// One standard deviation of single measurements.
    pub jitter: Span,
    /// What the filter has learned.
    pub path: PathModel,
}

/// The clock and how good it is (RFC 5905 §11.1), at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SystemEstimate {
    /// Whether the clock follows its sources.
    pub state: State,
    /// `Unsynchronized` until the clock is right, and again once its bound is useless.
    pub leap: Leap,
    /// The peer's plus one; 16 while `leap` is `Unsynchronized`.
    pub stratum: u8,
    /// The source that stratum and reference id come from; the last one in holdover.
    pub peer: Option<SourceId>,
    /// Round trip to the primary source.
    pub root_delay: Span,
    /// Dispersion to the primary source.
    pub root_dispersion: Span,
    /// How fast `root_dispersion` grows without a new measurement, seconds per second.
    pub dispersion_rate: f64,
    /// What is left to correct; positive when the clock is behind.
    pub offset: Span,
    /// One standard deviation of `offset`.
    pub offset_uncertainty: Span,
    /// The rate correction in force, without slews.
    pub frequency: Frequency,
    /// The rate correction that would cancel the oscillator's error as estimated; equals `frequency`, nearly, when steering.
    pub wanted_frequency: Frequency,
    /// One standard deviation of `wanted_frequency`.
    pub frequency_uncertainty: Frequency,
    /// How long the slew in progress will still take.
    pub slew_remaining: Option<Span>,
    /// Steps since start.
    pub steps: u32,
    /// Sum of their magnitudes, without the first correction's.
    pub accumulated_steps: Span,
    /// Sources that agree now.
    pub agreeing: usize,
    /// One standard deviation of the clock's error.
    pub estimated_error: Span,
    /// Half the root delay plus the root dispersion.
    pub maximum_error: Span,
    /// When the clock was last compared with its sources.
    pub last_update: Option<Now>,
    /// When the clock was last steered, and what was wrong with it then, not all of which is corrected at once.
    pub last_correction: Option<(Mono, Span)>,
}
