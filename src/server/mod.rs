//! The responder: a request's bytes to a reply's. Not its sockets and threads.

mod client;
mod reply;
mod responder;
mod variables;

pub use reply::{REPLY_CAPACITY, ReplyBuffer};
pub use responder::{Answer, Request, Responder, StampToken};
pub use variables::SystemVariables;
