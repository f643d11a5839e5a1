//! Deliberately misbehaving servers for NTP and for key exchanges, for tests and the demo. Nothing in the daemon names them.
//!
//! They share no code with `server`, so that a client and a responder that are wrong in the same way do not agree here.

mod answer;
mod behaviour;
mod foreground;
pub mod key_exchange;
mod running;

pub use behaviour::Behaviour;
pub use foreground::run;
pub use running::{Clock, TestServer, host_clock};

use crate::packet::ReferenceId;
use crate::time::{Leap, Span};

/// What a test server says, and how well its packets travel.
#[derive(Debug, Clone)]
pub struct Options {
    /// What it does wrong.
    pub behaviour: Behaviour,
    /// Added to the time that it gives: positive is in the future, so that the client seems to be behind.
    pub offset: Span,
    /// The path to the server: requests seem to arrive this much later than they do.
    pub upward_delay: Span,
    /// The path from the server.
    pub downward_delay: Span,
    /// Each packet's own additional delay, each way: exponentially distributed with this mean.
    pub jitter: Span,
    /// The probability, 0 to 1, that a request is lost.
    pub loss: f64,
    /// For jitter and loss.
    pub seed: u64,
    /// As served.
    pub leap: Leap,
    /// As served.
    pub stratum: u8,
    /// As served.
    pub reference_id: ReferenceId,
    /// As served.
    pub root_delay: Span,
    /// As served.
    pub root_dispersion: Span,
}

impl Default for Options {
    /// An honest primary server next door.
    fn default() -> Self {
        Self {
            behaviour: Behaviour::Honest,
            offset: Span::ZERO,
            upward_delay: Span::ZERO,
            downward_delay: Span::ZERO,
            jitter: Span::ZERO,
            loss: 0.0,
            seed: 1,
            leap: Leap::NoWarning,
            stratum: 1,
            reference_id: ReferenceId::from_bytes(*b"TEST"),
            root_delay: Span::ZERO,
            root_dispersion: Span::from_micros(100),
        }
    }
}
