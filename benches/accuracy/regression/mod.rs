//! A client of the classical kind, to be compared with: weighted linear regression over the last samples, made after what chrony's
//! documentation says that it does. Written for the bench; shares nothing with the client under test.
//!
//! | file | what |
//! |---|---|
//! | `fit` | a line through samples, and a test of whether they are on one |
//! | `register` | one source: its samples and what they say |
//! | `choice` | which sources are right, and what they say together |
//! | `clock` | the computer's clock, told to run faster or slower |
//! | `client` | from a sample to an adjustment |
//! | `network` | the way to the servers and back, with the same noise as the client under test has |

mod choice;
mod client;
mod clock;
mod fit;
mod network;
mod register;

use crate::simulator::figures::{Figures, PollMode};
use crate::simulator::scenario::Scenario;
use network::Network;

/// The figures of one run.
pub(crate) fn run(scenario: &Scenario, mode: PollMode, seed: u64) -> Figures {
    let network = finished(scenario, mode, seed);
    Figures::of_recorder(network.recorder(), scenario, network.packets as f64, network.steps())
}

/// The error of its clock in each second of one run, seconds.
pub(crate) fn errors(scenario: &Scenario, mode: PollMode, seed: u64) -> Vec<f64> {
    finished(scenario, mode, seed).recorder().errors(1..usize::MAX).to_vec()
}

fn finished(scenario: &Scenario, mode: PollMode, seed: u64) -> Network {
    let mut network = Network::new(scenario, mode.limits_in(scenario), seed);
    network.run(scenario);
    network
}
