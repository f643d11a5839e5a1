//! Servers that networks give out (DHCP), as networkd and NetworkManager leave them in files: watched, read with limits, and offered
//! to the engine. Whether they are wanted is the configuration's to say, and who is believed the engine's.

use super::readiness;
use crate::asking::Door;
use crate::command::Command;
use crate::config::HostPort;
use crate::sys::directory_watch::DirectoryWatch;
use crate::verdict::SourceOrigin;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::Interest;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// One file for each interface, with the servers of that network in a line `NTP=`.
#[derive(Debug)]
pub(super) struct LinkServers {
    directories: Vec<PathBuf>,
    wanted: watch::Receiver<bool>,
    commands: Door<Command>,
    /// What the engine has.
    offered: Vec<HostPort>,
}

/// systemd-networkd writes into the first, our dispatcher script of NetworkManager into the second.
const DIRECTORIES: [&str; 2] = ["/run/systemd/netif/links", "/run/ntpd-rs-links"];
/// A network that comes up changes its file several times.
const QUIET: Duration = Duration::from_secs(1);
/// Files that are looked at in each directory.
const MOST_LINKS: usize = 64;
/// A hundred times what networkd writes.
const LONGEST_FILE: u64 = 64 << 10;
/// Who gives an address out is not to outvote everybody else by many of them.
const MOST_OF_A_LINK: usize = 4;
const MOST: usize = 8;

impl LinkServers {
    /// Of this machine, whenever they are `wanted`.
    pub(super) fn new(wanted: watch::Receiver<bool>, commands: Door<Command>) -> Self {
        Self::in_directories(DIRECTORIES.map(PathBuf::from).into(), wanted, commands)
    }

    fn in_directories(
        directories: Vec<PathBuf>,
        wanted: watch::Receiver<bool>,
        commands: Door<Command>,
    ) -> Self {
        Self { directories, wanted, commands, offered: Vec::new() }
    }

    /// Until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        loop {
            let wanted = *self.wanted.borrow_and_update();
            // Watched before it is read, so that no change is missed.
            let watch = if wanted { self.watch() } else { None };
            let servers = if watch.is_some() { servers_in(&self.directories) } else { Vec::new() };
            self.offer(servers).await;
            tokio::select! {
                changed = self.wanted.changed() => if changed.is_err() { return },
                () = happened(watch) => sleep(QUIET).await,
            }
        }
    }

    fn watch(&self) -> Option<DirectoryWatch> {
        let opened = DirectoryWatch::new(&self.directories);
        opened.inspect_err(|error| tracing::warn!("No servers of networks (use-link-servers): {error}")).ok()
    }

    async fn offer(&mut self, servers: Vec<HostPort>) {
        if servers == self.offered {
            return;
        }
        let names: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let offer = Command::Offer { origin: SourceOrigin::Link, servers: servers.clone() };
        match self.commands.ask(offer).await {
            Ok(()) if servers.is_empty() => tracing::info!("No network gives out servers any more"),
            Ok(()) => tracing::info!("Servers that networks give out: {}", names.join(", ")),
            Err(reason) => tracing::warn!("Servers that networks give out are not taken: {reason}"),
        }
        self.offered = servers;
    }
}

/// Something did; without a watch nothing ever does.
async fn happened(watch: Option<DirectoryWatch>) {
    let registered = watch.and_then(|watch| readiness::watch(watch, Interest::READABLE).ok());
    if let Some(mut watch) = registered {
        while let Ok(mut ready) = watch.readable_mut().await {
            if ready.try_io(|watch| watch.get_mut().changed()).is_ok() {
                return;
            }
        }
    }
    std::future::pending().await
}

/// Of all interfaces, each once, in the order of the files' names.
fn servers_in(directories: &[PathBuf]) -> Vec<HostPort> {
    let mut found = Vec::new();
    for file in directories.iter().flat_map(|directory| links(directory)) {
        let text = read(&file).unwrap_or_else(|error| {
            tracing::debug!("{}: {error}", file.display());
            String::new()
        });
        for server in servers_of(&text).into_iter().take(MOST_OF_A_LINK) {
            if found.len() < MOST && !found.contains(&server) {
                found.push(server);
            }
        }
    }
    found
}

/// A directory that is not there has none. Names with a dot first are files that are being written.
fn links(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().take(MOST_LINKS);
    let names = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let mut paths: Vec<PathBuf> = names.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Neither through a link, nor waiting for whoever holds the other end of a pipe.
fn read(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no file"));
    }
    let mut text = String::new();
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok(text)
}

/// What is no server is left out: a network may say anything.
fn servers_of(text: &str) -> Vec<HostPort> {
    let lists = text.lines().filter_map(|line| line.strip_prefix("NTP="));
    let words = lists.flat_map(str::split_ascii_whitespace);
    words.filter_map(|word| word.parse().ok()).filter(is_elsewhere).collect()
}

/// Neither this machine nor all at once. Where a name leads to is seen later.
fn is_elsewhere(server: &HostPort) -> bool {
    let usable = |ip: IpAddr| !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast();
    server.host.parse().map_or(true, usable)
}

#[cfg(test)]
mod tests;
