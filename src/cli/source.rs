//! `ntp-ctl source`: what the daemon asks, listed and changed while it runs. Writes no configuration.

mod list;
mod section;

use super::args::SourceCommand;
use super::{Outcome, sockets};
use crate::control::Request;
use std::path::Path;

/// Does what the command says.
pub(super) fn run(config: Option<&Path>, command: &SourceCommand) -> Outcome {
    if let Some((mark, marked)) = command.mark() {
        let request = Request::Mark { name: marked.name.clone(), mark, on: !marked.off };
        return sockets::order(config, &request, &format!("Done, {UNTIL_READ}; {TO_LAST}"));
    }
    match command {
        SourceCommand::Add(new) => {
            let request = Request::AddSource { section: section::of(new)? };
            let done = format!("{} is asked now, until it is removed or the daemon ends.", new.address);
            sockets::order(config, &request, &done)
        }
        SourceCommand::Remove { name } => {
            let request = Request::RemoveSource { name: name.clone() };
            sockets::order(config, &request, &format!("{name} is asked no more, {UNTIL_READ}."))
        }
        _ => list::run(config),
    }
}

const UNTIL_READ: &str = "until the configuration is read again";
const TO_LAST: &str = "write it into the configuration to make it last.";
