//! Tokio: sockets, signals and files around the engine. Decides nothing about time.
