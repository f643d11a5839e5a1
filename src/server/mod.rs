//! The responder: a request's bytes to a reply's. Not its sockets and threads.

mod access;
mod client;
mod client_table;
mod departure;
mod guard;
mod interleave;
mod kisses;
mod leap_second;
mod nts;
#[cfg(test)]
pub(crate) mod nts_client;
mod rate_limit;
mod reply;
mod responder;
mod smear;
mod token_bucket;
mod variables;

pub use departure::{Before, Departure, Forecast};
pub use leap_second::LeapSecond;
pub use reply::{REPLY_CAPACITY, ReplyBuffer};
pub use responder::{Answer, Refused, Request, Responder, StampToken};
pub use variables::SystemVariables;
