//! Listening stream sockets. What connections to them carry is not known here.

use super::error::check;
use super::socket;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

/// A listener that never blocks, with room for as many connections that nobody has accepted yet as the machine allows
/// (`net.core.somaxconn`). An IPv6 wildcard also serves IPv4 unless `only_v6`.
///
/// Connections of a process before this one that still linger do not keep the address from being bound (`SO_REUSEADDR`); a second
/// listener on it is an error all the same.
pub fn listen(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let domain = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let descriptor = socket::open(domain, libc::SOCK_STREAM, 0)?;
    socket::set_option(&descriptor, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    if address.is_ipv6() {
        socket::set_option(&descriptor, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only_v6.into())?;
    }
    socket::bind(&descriptor, address)?;
    // SAFETY: listen takes no pointer, and the descriptor is open: it is ours.
    let result = unsafe { libc::listen(descriptor.as_raw_fd(), libc::c_int::MAX) };
    check("listen", result)?;
    Ok(descriptor.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_listener_does_not_block_and_no_other_has_its_address() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), false).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let address = listener.local_addr().unwrap();
        TcpStream::connect(address).unwrap();
        listener.accept().unwrap();
        assert_eq!(listen(address, false).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_wildcard_takes_ipv4_unless_it_is_told_not_to() {
        for only_v6 in [false, true] {
            let listener = listen("[::]:0".parse().unwrap(), only_v6).unwrap();
            let v4 = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
            assert_eq!(TcpStream::connect(v4).is_err(), only_v6);
        }
    }
}
