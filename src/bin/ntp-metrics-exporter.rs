//! ntp-metrics-exporter: see `ntpd_rs::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntpd_rs::cli::run_metrics_exporter(std::env::args_os())
}
