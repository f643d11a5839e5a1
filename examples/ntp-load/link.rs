//! One socket with its source addresses, and sending and receiving through it in batches. Decides nothing about when.

use crate::options::Options;
use ntpd_rs::sys::PacketInfo;
use ntpd_rs::sys::batch::{Batch, Outgoing};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A socket of the generator.
#[derive(Debug)]
pub(crate) struct Link {
    socket: UdpSocket,
    /// Where to, on a socket that is not connected.
    server: Option<SocketAddr>,
    sources: Sources,
}

/// Addresses taken in turn: `first`, and every `step`th of the `count` from there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources {
    pub(crate) first: Ipv4Addr,
    pub(crate) count: u32,
    pub(crate) step: u32,
    pub(crate) next: u32,
}

impl Sources {
    fn take(&mut self) -> Option<PacketInfo> {
        if self.count == 0 {
            return None;
        }
        let local = Ipv4Addr::from_bits(self.first.to_bits().wrapping_add(self.next));
        self.next = (self.next + self.step) % self.count;
        Some(PacketInfo { local: IpAddr::V4(local), interface: 0 })
    }
}

impl Link {
    /// The sockets of the load: with no more addresses than sockets each has one, otherwise they share them out.
    pub(crate) fn open_all(options: &Options) -> io::Result<Vec<Self>> {
        let (first, count, step) =
            (options.first_address, options.addresses, u32::from(options.sockets).max(1));
        (0..step)
            .map(|index| match count {
                0 => Self::connected(options.server, None),
                few if few <= step => {
                    let own = Sources { first, count, step: 1, next: index % count }.take();
                    Self::connected(options.server, own.map(|info| info.local))
                }
                _ => Self::with_sources(options.server, Sources { first, count, step, next: index }),
            })
            .collect()
    }

    fn connected(server: SocketAddr, source: Option<IpAddr>) -> io::Result<Self> {
        let socket = bind(source.unwrap_or_else(|| unspecified(server)))?;
        socket.connect(server)?;
        let none = Sources { first: Ipv4Addr::UNSPECIFIED, count: 0, step: 1, next: 0 };
        Ok(Self { socket, server: None, sources: none })
    }

    /// A socket that sends from all of them. Replies come back to it, for it is bound to no address.
    pub(crate) fn with_sources(server: SocketAddr, sources: Sources) -> io::Result<Self> {
        let socket = bind(unspecified(server))?;
        Ok(Self { socket, server: Some(server), sources })
    }

    /// Queues a datagram.
    pub(crate) fn push(&mut self, batch: &mut Batch, bytes: &[u8]) {
        let outgoing = Outgoing { bytes, to: self.server, from: self.sources.take(), stamped: false };
        // The batch is emptied before it is full, and no request is too long for it.
        let _ = batch.push(&outgoing);
    }

    /// Sends what is queued, and says how many did not leave and why the last did not.
    pub(crate) fn send(&self, batch: &mut Batch) -> (u64, Option<io::ErrorKind>) {
        let (mut failed, mut reason) = (0, None);
        batch.send(&self.socket, |_, error| {
            failed += 1;
            reason = Some(error.kind());
        });
        (failed, reason)
    }

    /// Takes what is there, at most a batch of it; an error of ICMP counts as nothing.
    pub(crate) fn receive(&self, batch: &mut Batch) -> io::Result<usize> {
        match batch.receive(&self.socket) {
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused) =>
            {
                Ok(0)
            }
            result => result,
        }
    }
}

fn bind(source: IpAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((source, 0)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot send from {source}: {error} (addresses have to be local)"),
        )
    })?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn unspecified(server: SocketAddr) -> IpAddr {
    if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_shared_out_and_come_round() {
        let mut sources = Sources { first: Ipv4Addr::new(127, 1, 0, 255), count: 6, step: 2, next: 1 };
        let mut take = || sources.take().map(|info| info.local.to_string());
        let expected = ["127.1.1.0", "127.1.1.2", "127.1.1.4", "127.1.1.0"];
        assert_eq!([(); 4].map(|()| take().unwrap()), expected);
    }
}
