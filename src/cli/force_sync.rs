//! `ntp-ctl force-sync`: asks, then lets the daemon step the clock. Sets no clock itself.

use super::{Outcome, print, sockets, status};
use crate::control::{Reply, Request};
use crate::daemon::startup_error::StartupError;
use crate::observation;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

/// Steps the clock, after a yes on a terminal or with `-y`.
pub(super) fn run(config: Option<&Path>, yes: bool) -> Outcome {
    let config = sockets::configuration(config)?;
    if !yes {
        let (stdin, terminal) = (io::stdin(), io::stdin().is_terminal() && io::stdout().is_terminal());
        let clock = observation::read(&sockets::observation(&config)).ok();
        let clock = clock.map(|state| status::clock_against_sources(&state.system));
        confirm(terminal, clock.as_deref(), stdin.lock())?;
    }
    order(&sockets::control(&config))
}

fn confirm(terminal: bool, clock: Option<&str>, mut answers: impl BufRead) -> Outcome {
    if !terminal {
        return Err(StartupError::other(
            "the clock is not stepped unasked: there is no terminal to ask on; give -y if you are sure",
        ));
    }
    let now =
        clock.map(|clock| format!("The clock is {clock} by the present measurements.\n")).unwrap_or_default();
    print(&format!(
        "{now}The daemon will measure every source and step the clock to their time, whatever the size\n\
         of the step. Programs that run may be confused by it. Continue? [y/N] "
    ))?;
    let mut answer = String::new();
    let read = answers.read_line(&mut answer);
    read.map_err(|error| StartupError::other(format!("cannot read the answer: {error}")))?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(StartupError::other("nothing was done"))
}

fn order(socket: &Path) -> Outcome {
    match sockets::ask(socket, &Request::ForceSync {})? {
        Reply::Accepted => {
            print("The daemon measures every source now and then steps the clock; see `ntp-ctl status`.\n")
        }
        other => Err(sockets::not_done(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_goes_on() {
        assert!(confirm(true, Some("2.00 s behind, ± 1.00 ms"), &b"y\n"[..]).is_ok());
        assert!(confirm(true, None, &b"YES\n"[..]).is_ok());
        for no in [&b"\n"[..], b"n\n", b"yesterday\n", b""] {
            assert!(confirm(true, None, no).unwrap_err().message.contains("nothing was done"));
        }
    }

    #[test]
    fn without_a_terminal_nothing_is_done_even_if_a_yes_waits() {
        let error = confirm(false, None, &b"y\n"[..]).unwrap_err();
        assert!(error.message.contains("-y"), "{error}");
    }

    #[test]
    fn without_a_daemon_the_message_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let error = order(&directory.path().join("control")).unwrap_err();
        assert!(error.message.starts_with("no daemon"), "{error}");
        assert_eq!(error.exit_code.code(), 1);
    }
}
