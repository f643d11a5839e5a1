//! The loop of one listener: who connects gets a place or none, and files that have changed are read again.

use super::connection::{Connection, Service, reset};
use super::credentials::Credentials;
use crate::snapshot::KeyExchangeEnd;
use crate::sys;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep_until};

/// One listener at work.
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) credentials: Credentials,
    pub(super) service: Rc<Service>,
    /// Told when files are to be read again.
    pub(super) files: watch::Receiver<()>,
}

/// Looking costs two system calls.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Without a descriptor or memory the next attempt fails too: soon enough for a client, and no work for us.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two complaints about the same.
const QUIET: Duration = Duration::from_secs(3600);

/// What accepting has run into.
#[derive(Default)]
struct Trouble {
    until: Option<Instant>,
    told: Option<Instant>,
}

impl Listener {
    /// For ever; dropped, every connection is closed.
    pub(super) async fn run(mut self) {
        let mut connections = JoinSet::new();
        let mut trouble = Trouble::default();
        let mut check = interval(CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let most = self.service.places.borrow().limit();
        loop {
            tokio::select! {
                // Who was sent away has its descriptor until it has noticed.
                accepted = accept(&self.socket, trouble.until), if connections.len() <= most => match accepted {
                    Ok((stream, peer)) => {
                        trouble.until = None;
                        self.admit(stream, peer, &mut connections);
                    }
                    Err(error) => trouble.note(&error, self.address),
                },
                Some(_) = connections.join_next() => {}
                () = told(&mut self.files) => self.credentials.look(true, sys::clock::realtime()),
                _ = check.tick() => self.credentials.look(false, sys::clock::realtime()),
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, connections: &mut JoinSet<()>) {
        match Connection::admit(&self.service, Instant::now()) {
            Some(connection) => {
                connections.spawn_local(connection.serve(self.credentials.tls(), stream, peer));
            }
            None => {
                reset(&stream);
                tracing::debug!("Key exchange with {peer}: {}", KeyExchangeEnd::Shed);
                self.service.counters.count(KeyExchangeEnd::Shed);
            }
        }
    }
}

impl Trouble {
    fn note(&mut self, error: &io::Error, address: SocketAddr) {
        if sys::tcp::is_of_one_connection(error) {
            tracing::debug!("{address}: a connection was gone before it was accepted: {error}");
            return;
        }
        let now = Instant::now();
        self.until = Some(now + PAUSE);
        if self.told.is_none_or(|told| now - told > QUIET) {
            self.told = Some(now);
            let remedy = if sys::file_limit::is_reached(error) {
                "; raise LimitNOFILE in the unit, or write a smaller number for concurrent-connections in [[nts-ke-server]]"
            } else {
                ""
            };
            tracing::warn!("{address}: key exchanges have to wait: {error}{remedy}");
        }
    }
}

async fn accept(socket: &TcpListener, not_before: Option<Instant>) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(time) = not_before {
        sleep_until(time).await;
    }
    socket.accept().await
}

async fn told(files: &mut watch::Receiver<()>) {
    if files.changed().await.is_err() {
        // Everything ends.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepting_pauses_where_the_next_attempt_would_fail_too_and_only_there() {
        let mut trouble = Trouble::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 4460));
        // ECONNABORTED, EPROTO.
        for gone in [103, 71] {
            trouble.note(&io::Error::from_raw_os_error(gone), address);
            assert!(trouble.until.is_none());
        }
        // EMFILE, ENFILE, ENOMEM, EINVAL, EPERM.
        for full in [24, 23, 12, 22, 1] {
            trouble.until = None;
            trouble.note(&io::Error::from_raw_os_error(full), address);
            assert!(trouble.until.is_some());
        }
    }
}
