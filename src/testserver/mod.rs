//! Deliberately misbehaving NTP servers for tests and the demo. Nothing in the daemon names them.
