//! What a request on the socket asks of the daemon. Asks nobody.

use super::clients::MOST_CLIENTS;
use super::protocol::Request;
use crate::command::{Command, ServiceOrder};
use crate::config::StepLimits;
use crate::time::Span;

/// Who has to be asked, and what.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Command(Command),
    Service(ServiceOrder),
    /// So many clients of each listener.
    Clients(usize),
}

impl Meaning {
    /// Or why it makes no sense, for people.
    pub(super) fn of(request: Request) -> Result<Self, String> {
        Ok(Self::Command(match request {
            Request::Clients { limit } if limit > MOST_CLIENTS => {
                return Err(format!("no more than {MOST_CLIENTS} clients are told at once"));
            }
            Request::Clients { limit } => return Ok(Self::Clients(limit)),
            Request::Reload {} => return Ok(Self::Service(ServiceOrder::Reload)),
            Request::LogFilter { filter } => return Ok(Self::Service(ServiceOrder::LogFilter(filter))),
            Request::ForceSync {} => Command::ForceSync,
            Request::AddSource { section } => Command::AddSource { section },
            Request::RemoveSource { name } => Command::RemoveSource { name },
            Request::Mark { name, mark, on } => Command::Mark { name, mark, on },
            Request::Online { name } => Command::Online { name, online: true },
            Request::Offline { name } => Command::Online { name, online: false },
            Request::Burst { name } => Command::Burst { name },
            Request::PanicThreshold { forward, backward } => {
                let (forward, backward) = (threshold(forward)?, threshold(backward)?);
                Command::PanicThreshold(StepLimits { forward, backward })
            }
        }))
    }
}

fn threshold(seconds: Option<f64>) -> Result<Option<Span>, String> {
    match seconds {
        None => Ok(None),
        Some(seconds) if seconds.is_finite() && seconds >= 0.0 => Ok(Some(Span::from_seconds(seconds))),
        Some(seconds) => Err(format!("{seconds} is no threshold; it is a number of seconds, not negative")),
    }
}
