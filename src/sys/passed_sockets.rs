//! Sockets that the service manager opened for us: owning their descriptors, and what the kernel says they are.
//! What they are named and used for is `daemon::activation`'s.

use super::error::check;
use super::socket;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first descriptor that is passed (`sd_listen_fds(3)`); those below are standard input and outputs.
const FIRST: i32 = 3;

static TAKEN: AtomicBool = AtomicBool::new(false);

/// What a passed descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A UDP socket, bound here. Port 0 is none.
    Udp(SocketAddr),
    /// Any other socket on IP, stream sockets first of all, bound here.
    OtherIp(SocketAddr),
    /// A socket of another family: local ones (`AF_UNIX`), netlink.
    OtherFamily,
    /// No socket: a FIFO, a file.
    NoSocket,
}

/// Owns the `count` descriptors that were passed to this process; children do not inherit them.
///
/// To be called before this process opens anything of its own, so that no number in the range can be another owner's.
///
/// # Errors
/// The second time; or a descriptor is not open, and then none is owned.
pub fn take(count: u16) -> io::Result<Vec<OwnedFd>> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("passed sockets are taken once"));
    }
    let numbers = || FIRST..FIRST + i32::from(count);
    for number in numbers() {
        close_on_exec(number)
            .map_err(|error| io::Error::new(error.kind(), format!("descriptor {number}: {error}")))?;
    }
    // SAFETY: every number was open a moment ago; whoever started us opened it for us alone, nothing in this process did
    // (it is the first to open anything), and the flag above lets nobody come here twice.
    Ok(numbers().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect())
}

/// Fails if the descriptor is not open.
fn close_on_exec(number: i32) -> io::Result<()> {
    // SAFETY: fcntl with F_SETFD takes no pointer; a number that is not open is an error.
    let result = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    check("fcntl", result).map(drop)
}

/// What the kernel says of a descriptor.
///
/// # Errors
/// Of the kernel, for reasons of its own.
pub fn kind(descriptor: &OwnedFd) -> io::Result<Kind> {
    let descriptor = descriptor.as_fd();
    let option = |option| socket::get_option(&descriptor, libc::SOL_SOCKET, option);
    let domain = match option(libc::SO_DOMAIN) {
        Err(error) if super::errno(&error) == Some(libc::ENOTSOCK) => return Ok(Kind::NoSocket),
        domain => domain?,
    };
    if ![libc::AF_INET, libc::AF_INET6].contains(&domain) {
        return Ok(Kind::OtherFamily);
    }
    let address = socket::local_address(&descriptor)?;
    // A ping socket is a datagram socket too.
    let is_udp =
        option(libc::SO_TYPE)? == libc::SOCK_DGRAM && option(libc::SO_PROTOCOL)? == libc::IPPROTO_UDP;
    Ok(if is_udp { Kind::Udp(address) } else { Kind::OtherIp(address) })
}

/// Whether an IPv6 socket leaves IPv4 to others. It is fixed once the socket is bound.
///
/// # Errors
/// Of the kernel; for one, the socket is of IPv4.
pub fn is_only_v6(socket: &OwnedFd) -> io::Result<bool> {
    socket::get_option(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY).map(|value| value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn the_kernel_tells_datagrams_from_streams_from_local_sockets_from_files() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = udp.local_addr().unwrap();
        assert_eq!(kind(&udp.into()).unwrap(), Kind::Udp(address));
        let tcp = TcpListener::bind("[::1]:0").unwrap();
        let address = tcp.local_addr().unwrap();
        assert_eq!(kind(&tcp.into()).unwrap(), Kind::OtherIp(address));
        assert_eq!(kind(&UnixDatagram::unbound().unwrap().into()).unwrap(), Kind::OtherFamily);
        assert_eq!(kind(&tempfile::tempfile().unwrap().into()).unwrap(), Kind::NoSocket);
        let unbound = socket::open_datagram(address).unwrap();
        assert!(matches!(kind(&unbound).unwrap(), Kind::Udp(address) if address.port() == 0));
    }

    #[test]
    fn an_ipv6_wildcard_says_whether_it_serves_ipv4_too() {
        let both = UdpSocket::bind("[::]:0").unwrap();
        assert!(!is_only_v6(&both.into()).unwrap());
        let only = socket::open_datagram("[::]:0".parse().unwrap()).unwrap();
        socket::set_option(&only, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1).unwrap();
        assert!(is_only_v6(&only).unwrap());
        assert!(is_only_v6(&UdpSocket::bind("127.0.0.1:0").unwrap().into()).is_err());
    }

    // That passed descriptors are owned, and once only, is shown by a process of its own: tests/daemon.
}
