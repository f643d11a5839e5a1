//! Stories of a listener on a real network: which address answers, what it survives, what it never answers, how true its
//! times are. Here: the server and those who ask. What other people's clients make of it is `server`'s subject.

mod addresses;
mod clients;
mod noise;
mod outages;
mod precision;
mod sections;
mod who_asks;

use crate::lab::{Host, Lab};
use crate::programs::{Daemon, example};
use crate::wait::{poll, seconds};
use ntpd_rs::observation::Server;
use ntpd_rs::packet::{Header, Packet};
use serde::Deserialize;
use std::fs;
use std::net::SocketAddr;

/// On the client's host, with this machine's time as its own reference.
#[track_caller]
fn start_server(lab: &Lab, sections: &str) -> Daemon {
    let daemon = Daemon::start(lab, &format!("{sections}\n[synchronization]\nlocal-stratum = 1\n"), &[]);
    daemon.wait_until("answering status", seconds(5), |_| true);
    daemon
}

/// A `[[server]]` at each of these addresses, with nothing else said.
fn listening_at(addresses: &[&str]) -> String {
    addresses.iter().map(|address| format!("[[server]]\nlisten = \"{address}\"\n")).collect()
}

/// What one server answered.
#[derive(Debug, Deserialize)]
struct Outcome {
    sent: u64,
    error: Option<String>,
    replies: Vec<(SocketAddr, String)>,
}

/// What `ask` on the servers' host hears, when it is given these arguments.
#[track_caller]
fn ask(lab: &Lab, arguments: &[&str]) -> Vec<Outcome> {
    let output = lab.output(Host::Servers, example("ask").to_str().unwrap(), arguments);
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The header of the one reply to a plain request, if it came, and came from where it was asked.
#[track_caller]
fn header(address: &str, outcome: &Outcome) -> Option<Header> {
    let (from, digits) = outcome.replies.first()?;
    assert_eq!(outcome.replies.len(), 1, "{address}: {outcome:?}");
    assert_eq!(from.to_string(), address, "a reply from another address than was asked");
    let bytes: Vec<u8> =
        (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect();
    Some(Packet::parse(&bytes).unwrap().header)
}

/// Waits until time is served at this address, from this very address.
#[track_caller]
fn wait_for_time(lab: &Lab, daemon: &Daemon, address: &str) {
    let served = poll(seconds(5), || {
        let outcome = ask(lab, &[address, "--patience", "200"]).remove(0);
        header(address, &outcome).filter(|header| header.stratum == 1)
    });
    assert!(served.is_some(), "{address} serves no time:\n{}", daemon.process.output());
}

/// What the only listener counts.
#[track_caller]
fn counters(daemon: &Daemon) -> Server {
    let mut servers = daemon.status().unwrap().0.servers;
    assert_eq!(servers.len(), 1);
    servers.remove(0)
}

/// Asserts that the daemon has nothing to do: a loop that spins on an error would use the whole second.
#[track_caller]
fn check_idle(daemon: &Daemon) {
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.process.id())).unwrap();
        // User and system time (proc_pid_stat(5)), after the name in parentheses.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    assert!(poll(seconds(1), || None::<()>).is_none());
    let used = ticks() - before;
    assert!(used <= 5, "{used} hundredths of a second of CPU time in an idle second");
}
