//! Tokio: sockets, signals and files around the engine. Decides nothing about time.

pub mod args;
pub mod client_sockets;
pub mod clock;
pub mod jump_detector;
mod readiness;
pub mod startup;
pub mod startup_error;
