//! Asks NTP servers once, or sends them any datagrams, and prints what comes back, whatever it is. Judges nothing.

use clap::Parser;
use ntpd_rs::packet::{Header, Mode};
use ntpd_rs::time::NtpTimestamp;
use serde::Serialize;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Send datagrams to NTP servers and print what comes back.
#[derive(Debug, Parser)]
struct Arguments {
    /// Whom to ask, one after the other
    #[arg(value_name = "ADDRESS:PORT", required = true)]
    servers: Vec<SocketAddr>,
    /// Address and port to ask from
    #[arg(long, value_name = "ADDRESS:PORT")]
    from: Option<SocketAddr>,
    /// Datagrams to send instead of a plain request: one on each line, in hexadecimal digits
    #[arg(long, value_name = "FILE")]
    datagrams: Option<PathBuf>,
    /// Send everything this often
    #[arg(long, default_value_t = 1, value_name = "TIMES")]
    repeat: u32,
    /// How long nothing may come before it is over; 0 waits for nothing
    #[arg(long, default_value_t = 500, value_name = "MILLISECONDS")]
    patience: u64,
}

/// One line of output for each server.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    sent: u64,
    /// Why the kernel did not send, or what an ICMP error said; the last.
    error: Option<String>,
    /// The sender and the bytes of each.
    replies: Vec<(SocketAddr, String)>,
}

/// Replies are read after so many requests, that none gets lost for want of room.
const CHUNK: usize = 32;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let datagrams = match &arguments.datagrams {
        None => vec![request()],
        Some(path) => {
            let text = std::fs::read_to_string(path)?;
            text.lines()
                .map(bytes)
                .collect::<Option<_>>()
                .ok_or_else(|| io::Error::other("no hexadecimal digits"))?
        }
    };
    for server in &arguments.servers {
        println!("{}", serde_json::json!(ask(*server, arguments, &datagrams)?));
    }
    Ok(())
}

fn request() -> Vec<u8> {
    let transmit_timestamp = NtpTimestamp::from_bits(0x0123_4567_89AB_CDEF);
    Header { version: 4, mode: Mode::Client, transmit_timestamp, ..Header::default() }.emit().to_vec()
}

/// The socket is not connected: it hears whoever answers.
fn ask(server: SocketAddr, arguments: &Arguments, datagrams: &[Vec<u8>]) -> io::Result<Outcome> {
    let any = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(arguments.from.unwrap_or(SocketAddr::new(any, 0)))?;
    let mut outcome = Outcome::default();
    for _ in 0..arguments.repeat {
        for chunk in datagrams.chunks(CHUNK) {
            for datagram in chunk {
                match socket.send_to(datagram, server) {
                    Ok(_) => outcome.sent += 1,
                    Err(error) => outcome.error = Some(error.to_string()),
                }
            }
            if arguments.patience > 0 {
                hear(&socket, Duration::from_millis(1), 0, &mut outcome);
            }
        }
    }
    if arguments.patience > 0 {
        let wanted = if arguments.datagrams.is_none() { u64::from(arguments.repeat) } else { 0 };
        hear(&socket, Duration::from_millis(arguments.patience), wanted, &mut outcome);
    }
    Ok(outcome)
}

/// Until nothing comes for a while, or `wanted` replies are there, unless that is 0.
fn hear(socket: &UdpSocket, patience: Duration, wanted: u64, outcome: &mut Outcome) {
    let mut buffer = [0; 4096];
    let enough = |outcome: &Outcome| wanted != 0 && outcome.replies.len() as u64 >= wanted;
    if let Err(error) = socket.set_read_timeout(Some(patience)) {
        outcome.error = Some(error.to_string());
        return;
    }
    while !enough(outcome) {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                outcome.replies.push((from, digits(buffer.get(..length).unwrap_or_default())))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => {
                outcome.error = Some(error.to_string());
                break;
            }
        }
    }
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let pairs = line.trim().as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
