//! ntp-metrics-exporter: see `ntpd_rs`.

fn main() {}
