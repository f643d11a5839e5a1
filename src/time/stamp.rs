//! When a packet passed, and who says so.

use super::ClockTime;
use serde::{Deserialize, Serialize};

/// Who took a timestamp; better ones later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StampSource {
    /// This program, right before sending or after receiving.
    User,
    /// The kernel, in its network stack.
    Kernel,
    /// The network interface.
    Hardware,
}

/// One packet's timestamp by the local clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The local clock's reading.
    pub time: ClockTime,
    /// Who took it.
    pub source: StampSource,
}

impl StampSource {
    /// One standard deviation of the stamp's own error, seconds: scheduling for user stamps, the path between stack and wire for kernel stamps.
    pub const fn uncertainty_seconds(self) -> f64 {
        match self {
            Self::User => 20e-6,
            Self::Kernel => 2e-6,
            Self::Hardware => 50e-9,
        }
    }
}
