//! The least that a time server on a socket can do, as a limit for benchmarks: kernel stamps, the address that was asked,
//! batches and one reading of the clock for each reply. It says stratum 1, checks nothing and counts nothing: no server.

use ntpd_rs::sys::Stamping;
use ntpd_rs::sys::batch::Batch;
use ntpd_rs::sys::clock::realtime;
use ntpd_rs::sys::udp::UdpSocket;
use ntpd_rs::time::NtpTimestamp;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::ExitCode;

const LENGTH: usize = 48;
/// Leap 0, version 4, mode 4; stratum 1, poll 6, precision −20.
const FIRST_BYTES: [u8; 4] = [0x24, 1, 6, 0xEC];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((listen, batch)) = parse(&arguments) else {
        eprintln!("bare-echo ADDRESS:PORT [BATCH]");
        return ExitCode::from(2);
    };
    match serve(listen, batch) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare-echo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(SocketAddr, usize)> {
    match arguments {
        [listen] => Some((listen.parse().ok()?, 32)),
        [listen, batch] => Some((listen.parse().ok()?, batch.parse().ok()?)),
        _ => None,
    }
}

fn serve(listen: SocketAddr, batch: usize) -> io::Result<()> {
    let socket = UdpSocket::listen(listen, true, Stamping::Receive)?;
    // The same socket once more, to sleep on.
    let sleeper = std::net::UdpSocket::from(socket.as_fd().try_clone_to_owned()?);
    sleeper.set_nonblocking(false)?;
    let mut batch = Batch::new(batch);
    loop {
        match batch.receive(&socket) {
            Ok(count) => (0..count).for_each(|slot| answer(&mut batch, slot)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleeper.peek_from(&mut [0]).map(drop)?
            }
            Err(error) => return Err(error),
        }
        // What cannot be sent is the load generator's loss, and it counts it.
        batch.send(&socket, |_, _| {});
    }
}

fn answer(batch: &mut Batch, slot: usize) {
    let Some(datagram) = batch.datagram(slot) else { return };
    let Some(request) = datagram.bytes().first_chunk::<LENGTH>() else { return };
    let received = NtpTimestamp::from_clock(datagram.stamp().unwrap_or_default());
    let mut reply = [0; LENGTH];
    let transmit = NtpTimestamp::from_clock(realtime());
    let (_, origin) = request.split_at(LENGTH - 8);
    put(&mut reply, 0, &FIRST_BYTES);
    put(&mut reply, 24, origin);
    put(&mut reply, 32, &received.bits().to_be_bytes());
    put(&mut reply, 40, &transmit.bits().to_be_bytes());
    batch.reply(slot, &reply, false);
}

fn put(reply: &mut [u8; LENGTH], at: usize, bytes: &[u8]) {
    for (to, from) in reply.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}
