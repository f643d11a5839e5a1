//! ntp-daemon: see `ntpd_rs`.

fn main() {}
