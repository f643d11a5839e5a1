//! The responder: a request's bytes to a reply's. Not its sockets.

mod respond;
mod variables;

pub use respond::{Reply, respond};
pub use variables::SystemVariables;
