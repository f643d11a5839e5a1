//! The whole daemon steering a virtual clock after four servers on loopback: no root, no network, no configuration.
//!
//! The host's clock is never touched; the servers give its time, so it is the truth that the virtual clock is measured against.

mod cast;
mod daemon;
mod lines;
mod log;
mod scene;
mod terminal;
mod text;

use cast::Cast;
use clap::Parser;
use log::Log;
use scene::Scene;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

/// Watch ntpd-rs set a virtual clock that begins 0.4 s off and 40 ppm fast. Never touches the clock of this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long to run
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Print lines even when standard output is a terminal
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("The demo cannot run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<bool> {
    let cast = Cast::start()?;
    let lines_only = arguments.plain || !io::stdout().is_terminal();
    let log = Log::default();
    if !lines_only {
        log.capture();
    }
    let running = daemon::start(cast.addresses())?;
    let (snapshots, clock) = (running.snapshots.clone(), running.clock.clone());
    let mut scene = Scene::new(snapshots, clock, arguments.seconds.into(), cast);
    if lines_only {
        lines::show(&mut scene, |time| running.ends_within(time));
    } else {
        terminal::show(&mut scene, &log, || running.ends_within(Duration::ZERO))?;
    }
    running.stop()?;
    Ok(lines::summarize(&scene))
}
