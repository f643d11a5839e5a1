//! One association with one server, told the time. Never sees an algorithm.
//!
//! | file | holds |
//! |---|---|
//! | `association` | the state machine and its events; in `judgement`, what a datagram is to it |
//! | `exchange` | the one outstanding request |
//! | `interleaved` | the exchange before it, which waits for its true T3 (RFC 9769) |
//! | `checks` | what a reply must pass, in the order of RFC 5905 |
//! | `arithmetic` | T1 to T4, delay, root distance |
//! | `polling` | when to ask |
//! | `protection` | which replies are authentic, and when other keys are needed (NTS) |
//! | `reach` | which of the last eight polls were answered |

mod arithmetic;
mod association;
mod checks;
mod counters;
mod exchange;
mod interleaved;
mod outcome;
mod polling;
mod protection;
mod reach;
mod request;

pub use association::{Association, Settings};
pub use checks::MAXIMUM_ROOT_DISTANCE;
pub use counters::Counters;
pub use outcome::{Advice, Context, Outcome, TimerOutcome};
pub use reach::Reach;
pub use request::{Request, RequestToken};

#[cfg(test)]
mod tests;
