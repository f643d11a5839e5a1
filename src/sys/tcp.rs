//! Listening stream sockets. What connections to them carry is not known here.

use super::error::{check, errno};
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

/// Whether accepting failed because of the connection in question, which is gone: the next one may be fine (accept(2), "Error handling").
/// EPERM is not of these: it comes of rules that refuse before a connection is taken, so the same one would be refused again at once.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        errno(error),
        Some(
            libc::ECONNABORTED
                | libc::ECONNRESET
                | libc::EINTR
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::ENONET
                | libc::ENETDOWN
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ETIMEDOUT
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn trouble_of_the_network_is_of_one_connection_and_trouble_of_the_machine_is_not() {
        for gone in [
            libc::ECONNABORTED,
            libc::EPROTO,
            libc::ENOPROTOOPT,
            libc::EHOSTDOWN,
            libc::ENONET,
            libc::EOPNOTSUPP,
            libc::ENETUNREACH,
        ] {
            assert!(is_of_one_connection(&io::Error::from_raw_os_error(gone)), "{gone}");
        }
        for machine in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS, libc::EINVAL, libc::EPERM] {
            assert!(!is_of_one_connection(&io::Error::from_raw_os_error(machine)), "{machine}");
        }
    }

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
