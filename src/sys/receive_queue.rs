//! What the kernel counts of a socket's receive queue. Asked for by whoever looks, so that it costs nothing per packet.

use super::error::check;
use std::io;
use std::mem::size_of_val;
use std::os::fd::{AsFd, AsRawFd};

/// Up to `SK_MEMINFO_DROPS` of `linux/sock_diag.h`; a kernel that has more gives as many as fit.
const VALUES: usize = 9;

/// Datagrams for this socket that the kernel dropped since it was opened: its queue was full, or a filter refused them.
///
/// Begins again from 0 after 2³².
pub fn dropped(socket: &impl AsFd) -> io::Result<u32> {
    let mut values = [0_u32; VALUES];
    #[expect(clippy::cast_possible_truncation, reason = "it is 36")]
    let mut length = size_of_val(&values) as libc::socklen_t;
    let descriptor = socket.as_fd().as_raw_fd();
    let pointer = values.as_mut_ptr().cast();
    // SAFETY: the first pointer is to as many writable bytes as the second one says; both are ours during the call.
    let result =
        unsafe { libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_MEMINFO, pointer, &raw mut length) };
    check("getsockopt(SO_MEMINFO)", result)?;
    let [.., drops] = values;
    Ok(drops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn what_does_not_fit_into_the_queue_is_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        sender.send_to(&[0; 48], to).unwrap();
        assert_eq!(dropped(&receiver).unwrap(), 0);
        // More than any queue that a socket has unasked.
        let sent = 100_000;
        for _ in 1..sent {
            sender.send_to(&[0; 48], to).unwrap();
        }
        let dropped = dropped(&receiver).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let received = (0..).take_while(|_| receiver.recv_from(&mut [0; 48]).is_ok()).count();
        assert_eq!(usize::try_from(dropped).unwrap() + received, sent);
        assert!(dropped > 0);
    }

    #[test]
    fn an_error_names_the_call() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(dropped(&file).unwrap_err().to_string().contains("SO_MEMINFO"));
    }
}
