//! ntp-daemon: see `ntpd_rs::daemon`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ntpd_rs::daemon::main(std::env::args_os())
}
