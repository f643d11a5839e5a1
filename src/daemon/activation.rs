//! Sockets that the service manager passed (`LISTEN_FDS`, see `sd_listen_fds(3)`): read from the environment, checked,
//! and shared out to the `[[server]]` sections. Binds nothing; what is answered on them is `server`'s.

use super::startup_error::StartupError;
use crate::config::ServerConfig;
use crate::sys::passed_sockets::{self, Kind};
use std::env::{self, VarError};
use std::net::{Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// Sockets to serve time on have this name (`FileDescriptorName=`); those of other names are other modules'.
const TIME: &str = "ntp";

/// Everything that was passed and is not taken yet. Those that nobody takes are closed with it, as our copies: the
/// service manager keeps its own. None of them is ever shut down, for that would reach the service manager's too.
#[derive(Debug, Default)]
pub struct PassedSockets {
    sockets: Vec<(String, OwnedFd)>,
}

/// A UDP socket that is bound.
#[derive(Debug)]
pub(super) struct TimeSocket {
    pub(super) descriptor: OwnedFd,
    pub(super) address: SocketAddr,
}

impl PassedSockets {
    /// To be called before this process opens anything.
    ///
    /// # Errors
    /// The environment is not as `sd_listen_fds(3)` has it, or announces what is not there.
    pub fn take() -> Result<Self, StartupError> {
        let read = |name| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(wrong(&format!("{name} is no text"))),
        };
        let names =
            names(read("LISTEN_PID")?, read("LISTEN_FDS")?, read("LISTEN_FDNAMES")?, std::process::id())?;
        let Ok(count) = u16::try_from(names.len()) else {
            return Err(wrong("LISTEN_FDS is too large"));
        };
        if count == 0 {
            return Ok(Self::default());
        }
        let owned = passed_sockets::take(count)
            .map_err(|error| wrong(&format!("LISTEN_FDS is {count}, but {error}")))?;
        Ok(Self { sockets: names.into_iter().zip(owned).collect() })
    }

    /// The sockets to serve time on.
    ///
    /// # Errors
    /// The first that cannot be used, and the mistake in its unit.
    pub(super) fn time_sockets(&mut self) -> Result<Vec<TimeSocket>, StartupError> {
        let (time, others) =
            std::mem::take(&mut self.sockets).into_iter().partition(|(name, _)| name == TIME);
        self.sockets = others;
        let time: Vec<(String, OwnedFd)> = time;
        time.into_iter().map(|(_, descriptor)| checked(descriptor)).collect()
    }

    /// Says which nobody took, once all that are known are taken.
    pub(super) fn close_others(self) {
        if let Some(names) = self.left() {
            tracing::warn!(
                "Sockets were passed that have no use here, by their names {names}; FileDescriptorName={TIME} in a .socket unit makes it one to serve time on"
            );
        }
    }

    /// The names of those that nobody took.
    fn left(&self) -> Option<String> {
        let names: Vec<_> = self.sockets.iter().map(|(name, _)| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// The name of each passed descriptor, in their order; none if they are for another process.
fn names(
    process: Option<String>,
    count: Option<String>,
    names: Option<String>,
    own: u32,
) -> Result<Vec<String>, StartupError> {
    let (Some(process), Some(count)) = (process, count) else { return Ok(Vec::new()) };
    let number = |name: &str, text: &str| {
        text.parse::<u32>().map_err(|_| wrong(&format!("{name} is `{text}`, no number")))
    };
    // What a parent was given and left in the environment is not ours.
    if number("LISTEN_PID", &process)? != own {
        return Ok(Vec::new());
    }
    let count = number("LISTEN_FDS", &count)?;
    let count = usize::from(u16::try_from(count).map_err(|_| wrong("LISTEN_FDS is too large"))?);
    let Some(names) = names else { return Ok(vec![String::new(); count]) };
    let names: Vec<String> = names.split(':').map(str::to_owned).collect();
    if count == 0 || names.len() == count {
        Ok(names.into_iter().take(count).collect())
    } else {
        Err(wrong(&format!("LISTEN_FDS is {count}, and LISTEN_FDNAMES has {} names", names.len())))
    }
}

fn wrong(what: &str) -> StartupError {
    let remedy =
        "these variables are the service manager's to set; start the daemon without them to bind its own";
    StartupError::configuration(format!("sockets that were passed cannot be taken: {what}; {remedy}"))
}

fn checked(descriptor: OwnedFd) -> Result<TimeSocket, StartupError> {
    let refused = |what: &str, remedy: &str| {
        let text = format!("the service manager passed {what} as `{TIME}`: {remedy} in the .socket unit");
        Err(StartupError::configuration(text))
    };
    let datagram = "write ListenDatagram=, with an address and a port, such as [::]:123,";
    match passed_sockets::kind(&descriptor) {
        Ok(Kind::Udp(address)) if address.port() != 0 => Ok(TimeSocket { descriptor, address }),
        Ok(Kind::Udp(_)) => refused("a socket that is bound to no port", datagram),
        Ok(Kind::OtherIp(address)) => refused(
            &format!("a socket at {address} that is not of UDP"),
            "write ListenDatagram= instead of ListenStream=",
        ),
        Ok(Kind::OtherFamily) => refused("a socket that is not of IP", datagram),
        Ok(Kind::NoSocket) => refused("something that is no socket", datagram),
        Err(error) => refused("a socket that tells nothing of itself", &format!("{error}; {datagram}")),
    }
}

/// A section and its sockets; without any, it binds its own.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) config: ServerConfig,
    pub(super) sockets: Vec<TimeSocket>,
}

/// Shares the sockets out: to the first section that listens where they are bound; those of an address that no section
/// names become a section with everything at its default.
pub(super) fn share_out(servers: &[ServerConfig], sockets: Vec<TimeSocket>) -> Vec<Section> {
    let configured = servers.iter().map(|config| Section { config: config.clone(), sockets: Vec::new() });
    let mut sections: Vec<Section> = configured.collect();
    for socket in sockets {
        match sections.iter_mut().find(|section| is_at(&socket, section.config.listen)) {
            Some(section) => section.sockets.push(socket),
            None => {
                sections.push(Section { config: ServerConfig::new(socket.address), sockets: vec![socket] })
            }
        }
    }
    sections
}

/// Where IPv4 is served by a wildcard of IPv6.
pub(super) fn ports_taken_from_v4(sockets: &[TimeSocket]) -> Vec<u16> {
    let is_wildcard = |socket: &&TimeSocket| socket.address.ip() == Ipv6Addr::UNSPECIFIED;
    let takes_v4 =
        |socket: &&TimeSocket| passed_sockets::is_only_v6(&socket.descriptor).is_ok_and(|only| !only);
    sockets.iter().filter(is_wildcard).filter(takes_v4).map(|socket| socket.address.port()).collect()
}

/// A configured address has no interface; a socket at a link-local address has.
fn is_at(socket: &TimeSocket, listen: SocketAddr) -> bool {
    let address = socket.address;
    let interface_fits = match (address, listen) {
        (SocketAddr::V6(address), SocketAddr::V6(listen)) => {
            [0, address.scope_id()].contains(&listen.scope_id())
        }
        _ => true,
    };
    (address.ip(), address.port()) == (listen.ip(), listen.port()) && interface_fits
}

#[cfg(test)]
mod tests;
