//! ntpd-rs: a Network Time Protocol service for Linux.
//!
//! The map of the house. Lower floors never name higher ones; `tests/tidy` checks it.
//!
//! | floor | modules |
//! |---|---|
//! | 0 | [`time`]: units of time; reads no clock |
//! | 0' | [`sys`]: the kernel; all `unsafe`; knows only `time` |
//! | 1 | [`packet`], [`nts`], [`verdict`], [`measurement`], [`path_model`], [`command`], [`snapshot`], [`config`]: values |
//! | 2 | [`source`] (one association), [`server`] (the responder), [`discipline`] (algorithms without protocol) |
//! | 3 | [`engine`]: events in, actions out |
//! | 4 | [`logging`], [`metrics`], [`observation`], [`control`], [`dbus`], [`notify`], [`asking`], [`unix_socket`]: a [`snapshot::Snapshot`] out, a [`command::Command`] in |
//! | 5 | [`daemon`]: tokio; the one loop that owns the engine. [`cli`]: `ntp-ctl`. [`testserver`]: misbehaving servers, for tests and the demo |
//!
//! Invariants:
//! 1. The core (floors 0 to 3, without `sys`) is told the time: no clock, socket, lock, task, global or randomness in it.
//! 2. One loop owns the engine, and only that loop performs its actions.
//! 3. Everything outside reads a `Snapshot` and sends a `Command`.
//! 4. The kernel is reached through `sys` alone.

pub mod asking;
pub mod cli;
pub mod command;
pub mod config;
pub mod control;
pub mod daemon;
pub mod dbus;
pub mod discipline;
pub mod engine;
pub mod logging;
pub mod measurement;
pub mod metrics;
pub mod notify;
pub mod nts;
pub mod observation;
pub mod packet;
pub mod path_model;
pub mod server;
pub mod snapshot;
pub mod source;
#[allow(unsafe_code, reason = "the one door to the kernel")]
pub mod sys;
pub mod testserver;
pub mod time;
pub mod unix_socket;
pub mod verdict;
