//! One association with one server, told the time. Never sees an algorithm.

mod request;

pub use request::{Request, RequestToken};
