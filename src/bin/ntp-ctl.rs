//! ntp-ctl: see `ntpd_rs::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntpd_rs::cli::run(std::env::args_os())
}
