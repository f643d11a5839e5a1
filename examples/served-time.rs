//! How wrong the times are that a server serves: its receive and transmit timestamps against the kernel's stamps at this
//! end of a cable. That is true only where both ends have one clock and the cable takes no time: two network namespaces
//! of one machine, joined by a veth pair. Floods are made by other programs.

use clap::Parser;
use ntpd_rs::packet::{Header, Mode, Packet};
use ntpd_rs::sys::Stamping;
use ntpd_rs::sys::clock::{monotonic, realtime};
use ntpd_rs::sys::udp::UdpSocket;
use ntpd_rs::time::{ClockTime, NtpTimestamp, Span};
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Compare the times that a server serves with the kernel's stamps at this end of the cable.
///
/// Both ends must have one clock: network namespaces of one machine, joined by a veth pair.
#[derive(Debug, Parser)]
struct Arguments {
    /// Whom to ask
    #[arg(long, value_name = "ADDRESS:PORT")]
    server: SocketAddr,
    /// How many exchanges
    #[arg(long, default_value_t = 200, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Time from one request to the next
    #[arg(long, default_value_t = 20, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(..=60_000))]
    interval: u64,
}

/// What is printed, in microseconds: the served time minus the true one, so that below zero is too early.
#[derive(Debug, Serialize)]
struct Report {
    exchanges: usize,
    lost: usize,
    receive: Spread,
    transmit: Spread,
}

#[derive(Debug, Serialize)]
struct Spread {
    minimum: f64,
    lower_quartile: f64,
    median: f64,
    upper_quartile: f64,
    maximum: f64,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(report) => {
            println!("{}", serde_json::json!(report));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("served-time: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> io::Result<Report> {
    let socket = UdpSocket::connect(arguments.server, Stamping::ReceiveAndTransmit)?;
    if socket.stamping() != Stamping::ReceiveAndTransmit {
        return Err(io::Error::other("this kernel does not stamp packets"));
    }
    let (mut receive, mut transmit) = (Vec::new(), Vec::new());
    for packet in 0..arguments.count {
        if let Some(errors) = exchange(&socket, packet)? {
            receive.push(errors.0);
            transmit.push(errors.1);
        }
        sleep(Duration::from_millis(arguments.interval));
    }
    let exchanges = receive.len();
    let lost = usize::try_from(arguments.count).unwrap_or(usize::MAX) - exchanges;
    match (spread(receive), spread(transmit)) {
        (Some(receive), Some(transmit)) => Ok(Report { exchanges, lost, receive, transmit }),
        _ => Err(io::Error::other("nothing was answered, or nothing was stamped")),
    }
}

/// How wrong the served receive and transmit timestamps of one exchange are, unless it was lost.
fn exchange(socket: &UdpSocket, packet: u32) -> io::Result<Option<(Span, Span)>> {
    let start = realtime();
    // Random enough for a peer that shares our clock; and never twice.
    let nonce = NtpTimestamp::from_bits(start.unix_nanos().cast_unsigned());
    let request = Header { version: 4, mode: Mode::Client, transmit_timestamp: nonce, ..Header::default() };
    socket.send(&request.emit())?;
    let (mut sent, mut reply) = (None, None);
    let end = monotonic() + Span::from_secs(1);
    while monotonic() < end && (sent.is_none() || reply.is_none()) {
        match socket.transmit_stamp() {
            Ok(stamp) if stamp.packet == packet => sent = Some(stamp.time),
            Ok(_) => {}
            Err(error) => would_block(error)?,
        }
        match received(socket, nonce, start) {
            Ok(times) => reply = reply.or(times),
            Err(error) => would_block(error)?,
        }
        // The kernel took the stamps; when we look at them does not matter.
        sleep(Duration::from_micros(100));
    }
    Ok(sent.zip(reply).map(|(sent, reply)| (reply.receive - sent, reply.transmit - reply.arrived)))
}

/// A reply's served times, and when it arrived.
#[derive(Debug, Clone, Copy)]
struct Reply {
    receive: ClockTime,
    transmit: ClockTime,
    arrived: ClockTime,
}

/// None for anything but a stamped reply to this request.
fn received(socket: &UdpSocket, nonce: NtpTimestamp, near: ClockTime) -> io::Result<Option<Reply>> {
    let mut buffer = [0; 512];
    let datagram = socket.receive(&mut buffer)?;
    let header =
        Packet::parse(buffer.get(..datagram.length).unwrap_or_default()).ok().map(|packet| packet.header);
    let header = header.filter(|header| header.mode == Mode::Server && header.origin_timestamp == nonce);
    Ok(header.zip(datagram.stamp).map(|(header, arrived)| Reply {
        receive: header.receive_timestamp.near(near),
        transmit: header.transmit_timestamp.near(near),
        arrived,
    }))
}

/// Nothing there yet; and a server that is not there is one that does not answer.
fn would_block(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionRefused => Ok(()),
        _ => Err(error),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program that measures, and has nothing else to do meanwhile"
)]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

fn spread(mut errors: Vec<Span>) -> Option<Spread> {
    errors.sort_unstable();
    let at = |quarter: usize| Some(errors.get((errors.len().checked_sub(1)? * quarter) / 4)?.seconds() * 1e6);
    Some(Spread {
        minimum: at(0)?,
        lower_quartile: at(1)?,
        median: at(2)?,
        upper_quartile: at(3)?,
        maximum: at(4)?,
    })
}
