//! The simulator and what is tried with it: the harness itself, the client's behaviour, and its golden figures.
#![cfg(test)]

#[allow(dead_code, reason = "the accuracy bench uses the other half")]
mod simulator;

mod golden;
mod group;
mod scenarios;
mod validation;
