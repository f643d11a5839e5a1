//! The names that the daemon is found by on the bus: asked for, waited for where another service has them. Serves nothing.

use super::fault::Fault;
use super::polkit::{BUS, ask, user_of};
use super::{ntpd_rs1, timesync1};
use std::fmt;
use std::time::Duration;
use zbus::Connection;

const NAMES: [&str; 2] = [timesync1::NAME, ntpd_rs1::NAME];
const PATIENCE: Duration = Duration::from_secs(25);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    /// The user that the daemon is on the bus.
    pub(super) user: Option<u32>,
    holdings: Vec<(&'static str, Holding)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holding {
    Ours,
    /// Another service has it; it is ours when that one gives it up.
    Queued,
    Refused(String),
}

/// Asks for both.
pub(super) async fn take(connection: Connection) -> Standing {
    let mut holdings = Vec::new();
    for name in NAMES {
        holdings.push((name, request(&connection, name).await));
    }
    let user = match connection.unique_name() {
        Some(own) => user_of(&connection, own).await.ok(),
        None => None,
    };
    Standing { user, holdings }
}

async fn request(connection: &Connection, name: &str) -> Holding {
    let target = (BUS, "/org/freedesktop/DBus", BUS, "RequestName");
    let reply = ask(connection, target, PATIENCE, &(name, NO_FLAGS)).await;
    match reply.map(|body| body.deserialize::<u32>()) {
        Ok(Ok(PRIMARY_OWNER | ALREADY_OWNER)) => Holding::Ours,
        Ok(Ok(IN_QUEUE)) => Holding::Queued,
        Ok(Ok(other)) => Holding::Refused(format!("the bus answers {other}")),
        Ok(Err(error)) => Holding::Refused(error.to_string()),
        Err(Fault { words, .. }) => Holding::Refused(words),
    }
}

/// Nobody may take it from us, and we wait for it.
const NO_FLAGS: u32 = 0;
// Replies to RequestName (D-Bus specification, "Message Bus Messages").
const PRIMARY_OWNER: u32 = 1;
const IN_QUEUE: u32 = 2;
const ALREADY_OWNER: u32 = 4;

impl Standing {
    /// Whether it may be otherwise after another try: the bus reads its policies again when packages bring some.
    pub(super) fn is_refused(&self) -> bool {
        self.holdings.iter().any(|(_, holding)| matches!(holding, Holding::Refused(_)))
    }

    /// A name that was waited for has come, or one has gone: what there is to say of it.
    pub(super) fn on_owner_change(&mut self, name: &str, is_ours: bool) -> Option<String> {
        let (name, holding) = self.holdings.iter_mut().find(|(known, _)| *known == name)?;
        let now = if is_ours { Holding::Ours } else { Holding::Queued };
        (*holding != now).then(|| {
            *holding = now;
            match is_ours {
                true => format!("On the system bus as {name} now"),
                false => format!("The system bus has given the name {name} to another service"),
            }
        })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.holdings.iter().filter(|(_, holding)| *holding == Holding::Ours);
        let ours: Vec<&str> = ours.map(|(name, _)| *name).collect();
        match ours.as_slice() {
            [] => f.write_str("On the system bus without a name")?,
            names => write!(f, "On the system bus as {}", names.join(" and "))?,
        }
        for (name, holding) in &self.holdings {
            match holding {
                Holding::Ours => {}
                Holding::Queued => write!(f, "; {name} belongs to another service, and is waited for")?,
                Holding::Refused(why) => write!(
                    f,
                    "; {name} is refused ({why}): the bus needs a policy that lets the daemon's user own it"
                )?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(first: Holding, second: Holding) -> Standing {
        Standing { user: None, holdings: vec![(NAMES[0], first), (NAMES[1], second)] }
    }

    #[test]
    fn what_was_refused_and_what_is_waited_for_is_said() {
        let both = standing(Holding::Ours, Holding::Ours);
        assert_eq!(both.to_string(), "On the system bus as org.freedesktop.timesync1 and org.ntpd_rs1");
        assert!(!both.is_refused());
        let none = standing(Holding::Queued, Holding::Refused("not allowed".to_owned()));
        assert!(none.is_refused());
        let text = none.to_string();
        for part in ["without a name", "is waited for", "org.ntpd_rs1 is refused (not allowed)", "policy"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_name_that_comes_or_goes_is_told_once() {
        let mut standing = standing(Holding::Queued, Holding::Ours);
        assert!(standing.on_owner_change(NAMES[0], true).unwrap().ends_with("timesync1 now"));
        assert_eq!(standing.on_owner_change(NAMES[0], true), None);
        assert_eq!(standing.on_owner_change(NAMES[1], true), None);
        assert!(standing.on_owner_change(NAMES[1], false).unwrap().contains("another service"));
        assert_eq!(standing.on_owner_change(":1.5", true), None);
    }
}
