//! What the service manager is told (`sd_notify(3)`): ready, how well the clock is kept, still alive. Without one, nothing.

mod status;

use crate::observation::{MEASURED, State};
use crate::time::{Mono, Span};
use status::{Kind, StatusLine};
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The service manager, if there is one.
#[derive(Debug, Clone, Default)]
pub struct Manager {
    door: Option<Arc<Door>>,
    /// It wants a sign of life this often.
    watchdog: Option<Span>,
}

/// Where it listens. It may come back there after a restart, so nothing is connected.
#[derive(Debug)]
struct Door {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// For what it must hear; a manager that hangs must not keep the clock from being steered for longer.
const PATIENCE: Duration = Duration::from_secs(1);

impl Manager {
    /// The one that started this process (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).
    pub fn from_environment() -> Self {
        let Some(place) = env::var_os("NOTIFY_SOCKET") else { return Self::default() };
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<i64>().ok());
        let is_ours = number("WATCHDOG_PID").is_none_or(|process| process == i64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0).map(Span::from_micros);
        Self::at(&place, watchdog).unwrap_or_else(|error| {
            tracing::warn!("The service manager at {} cannot be told anything: {error}", place.display());
            Self::default()
        })
    }

    /// At a path, or at an abstract address, which begins with `@`.
    ///
    /// # Errors
    /// No such address is possible, or no socket.
    pub fn at(place: &OsStr, watchdog: Option<Span>) -> io::Result<Self> {
        let address = match place.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(place)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { door: Some(Arc::new(Door { socket, address })), watchdog })
    }

    /// The configuration is being read again; [`Self::ready`] ends it, whatever came of it.
    pub fn reloading(&self, now: Mono) {
        self.insist(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.nanos() / 1000));
    }

    /// Everything listens, and a configuration is in force.
    pub fn ready(&self) {
        self.insist("READY=1");
    }

    /// Waits a moment for room, if need be.
    fn insist(&self, text: &str) {
        let Some(door) = &self.door else { return };
        let sent = door.socket.set_nonblocking(false).and_then(|()| door.send(text));
        if let Err(error) = sent.and_then(|()| door.socket.set_nonblocking(true)) {
            tracing::warn!("The service manager cannot be told {text:?}: {error}");
        }
    }

    /// If there is room.
    fn mention(&self, text: &str) {
        if let Some(Err(error)) = self.door.as_ref().map(|door| door.send(text)) {
            tracing::debug!("The service manager cannot be told {text:?}: {error}");
        }
    }
}

impl Door {
    fn send(&self, text: &str) -> io::Result<()> {
        self.socket.send_to_addr(text.as_bytes(), &self.address).map(drop)
    }
}

/// What the main loop tells it. A loop that hangs says nothing, and that is the point of it.
#[derive(Debug, Default)]
pub struct Reporter {
    manager: Manager,
    status: StatusLine,
    /// Why this daemon does not steer the clock.
    uncontrolled: Option<String>,
    last_sign: Option<Mono>,
}

impl Reporter {
    /// To this one, with the reason why the clock is not steered, if it is not.
    pub fn new(manager: Manager, uncontrolled: Option<String>) -> Self {
        Self { manager, uncontrolled, ..Self::default() }
    }

    /// Something is new of the clock.
    pub fn look(&mut self, state: impl FnOnce() -> State) {
        if self.manager.door.is_some() {
            let state = state();
            let mut line = capitalized(&state.judge(None).line);
            if let Some(why) = &self.uncontrolled {
                line = format!("{}; the clock is not controlled: {why}", line.trim_end_matches(MEASURED));
            }
            self.status.change(Kind::of(&state), line);
        }
    }

    /// Everything listens, and a configuration is in force. From here on it waits for signs of life.
    pub fn ready(&mut self, now: Mono) {
        self.last_sign = Some(now);
        match self.status.due(now) {
            Some(line) => self.manager.insist(&format!("READY=1\nSTATUS={line}")),
            None => self.manager.ready(),
        }
    }

    /// To be called whenever the loop has woken up: what is due is told on the occasion.
    pub fn turn(&mut self, now: Mono) {
        if let Some(line) = self.status.due(now) {
            self.manager.mention(&format!("STATUS={line}"));
        }
        if self.sign_after(4).is_some_and(|due| now >= due) {
            self.last_sign = Some(now);
            self.manager.mention("WATCHDOG=1");
        }
    }

    /// When the loop has to wake up for a sign of life, if nothing else wakes it up before.
    pub fn next_sign(&self) -> Option<Mono> {
        self.sign_after(2)
    }

    /// The end, and why, if it is an error.
    pub fn stopping(&self, error: Option<&str>) {
        let why = error.map_or_else(|| "Stopping".to_owned(), |error| error.replace('\n', " "));
        self.manager.insist(&format!("STOPPING=1\nSTATUS={why}"));
    }

    /// This part of what the watchdog allows has gone by since the last one.
    fn sign_after(&self, part: i64) -> Option<Mono> {
        Some(self.last_sign? + self.manager.watchdog? / part)
    }
}

fn capitalized(line: &str) -> String {
    let mut letters = line.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests;
