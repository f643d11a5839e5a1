#![cfg(test)]
//! The real binaries against real peers: chronyd and ntpdig from the cache, and the misbehaving servers of
//! `examples/`. What needs network namespaces is ignored by a plain `cargo test` and run by `./test`, as root.
//!
//! Nothing here can set this machine's clock: every process is started without the capability (see `lab`).

mod activation;
mod bus;
mod client;
mod commands;
mod control;
mod dbus;
mod dbus_orders;
mod fleet;
mod hostile;
mod hostile_key_clients;
mod hostile_key_exchange;
mod interleaved;
mod isolated;
mod lab;
mod load;
mod network;
mod notified;
mod nts;
mod odd_requests;
mod peers;
mod process;
mod programs;
mod server;
mod serving;
mod startup;
mod units;
mod wait;
