//! ntp-ctl: see `ntpd_rs`.

fn main() {}
