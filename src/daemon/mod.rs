//! Tokio: sockets, signals and files around the engine. Decides nothing about time.

mod activation;
mod alarm;
pub mod args;
mod catching_up;
pub(crate) mod certificate;
pub mod client_sockets;
pub mod clock;
mod clock_watcher;
pub mod jump_detector;
mod key_client;
mod key_server;
mod leap_file;
mod link_servers;
mod main_loop;
mod master_keys;
pub(crate) mod named_files;
pub mod one_shot;
mod process;
mod publisher;
mod random;
mod readiness;
mod resolver;
mod running;
mod secret_file;
mod server;
mod service_records;
mod smear_watch;
pub mod startup;
pub mod startup_error;
mod state_files;
mod synchronized_file;
mod telling;

pub use activation::PassedSockets;
pub use process::main;
pub use running::Daemon;
