//! What is never answered, however much of it comes: it leaves no packet, no line in the log, and a count.

use super::{ask, counters, listening_at, start_server, wait_for_time};
use crate::lab::{Host, Lab};
use ntpd_rs::verdict::Refusal;
use std::fs;

/// A generator of our own (splitmix64): the same noise in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// Anything of any length that is not a request: mode 3 with a version that is answered.
    fn garbage(&mut self) -> Vec<u8> {
        let length = usize::try_from(self.next() % 1400).unwrap();
        let mut bytes = self.bytes(length);
        if length < 200 {
            // Half a request.
            return [vec![0x23], self.bytes(length % 47)].concat();
        }
        if let Some(first) = bytes.first_mut().filter(|first| **first & 0b111 == 3) {
            *first &= !0b11_1000;
        }
        bytes
    }

    /// A packet of another mode than a client's, in each version: also a server's (4), its kisses, control (6), private (7).
    fn other_modes(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for mode in [0, 1, 2, 4, 5, 6, 7] {
            for version in 0..8 {
                let mut packet = self.bytes(48);
                packet[0] = version << 3 | mode;
                packets.push(packet);
            }
        }
        for kiss in [b"RATE", b"DENY", b"RSTR", b"NTSN"] {
            let mut packet = vec![0; 48];
            packet[0] = 0b11_100_100;
            packet[12..16].copy_from_slice(kiss);
            packets.push(packet);
        }
        // What amplifies elsewhere: a readvar of mode 6, and a monlist of mode 7.
        packets.push([vec![0x16, 0x02], vec![0; 10]].concat());
        packets.push([vec![0x17, 0x00, 0x03, 0x2a], vec![0; 188]].concat());
        packets
    }
}

/// A counter of the UDP of both families on the server's host, where only the daemon is.
fn counted(lab: &Lab, name: &str) -> u64 {
    let v4 = lab.output(Host::Client, "cat", &["/proc/net/snmp"]);
    let mut rows = v4.lines().filter(|line| line.starts_with("Udp:"));
    let names: Vec<&str> = rows.next().unwrap().split_whitespace().collect();
    let column = names.iter().position(|column| *column == name).unwrap();
    let v4: u64 = rows.next().unwrap().split_whitespace().nth(column).unwrap().parse().unwrap();
    let v6 = lab.output(Host::Client, "cat", &["/proc/net/snmp6"]);
    let v6 = v6.lines().find(|line| line.starts_with(&format!("Udp6{name} "))).unwrap();
    v4 + v6.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

#[test]
#[ignore = "needs root: ./test runs it"]
fn noise_responses_kisses_and_every_other_mode_are_counted_and_never_answered_nor_logged() {
    let lab = Lab::new();
    let daemon = start_server(&lab, &listening_at(&["[::]:123"]));
    let mut noise = Noise(3);
    let mut packets: Vec<Vec<u8>> = (0..4000).map(|_| noise.garbage()).collect();
    for _ in 0..20 {
        packets.extend(noise.other_modes());
    }
    let lines =
        packets.iter().map(|packet| packet.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let file = lab.folder().join("noise");
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    let file = file.to_str().unwrap();
    let log = daemon.process.output();
    let mut sent = 0;
    // From the port of a server too: two that answer each other would never end.
    for way in [
        ["10.77.0.100:123", "--from", "10.77.0.1:0"],
        ["10.77.0.100:123", "--from", "10.77.0.2:123"],
        ["[fd77::100]:123", "--from", "[fd77::1]:123"],
    ] {
        let outcome = ask(&lab, &[way.as_slice(), &["--datagrams", file]].concat()).remove(0);
        assert_eq!(outcome.replies, [], "{way:?}");
        sent += outcome.sent;
    }
    assert_eq!(sent, 3 * packets.len() as u64);
    assert_eq!(counted(&lab, "OutDatagrams"), 0, "something was answered");
    let server = counters(&daemon);
    let received = sent - counted(&lab, "RcvbufErrors");
    assert!(received > sent / 2, "most of it was lost on the way: {received} of {sent}");
    assert_eq!((server.stats.received_packets, server.stats.accepted_packets), (received, 0), "{server:?}");
    assert_eq!(server.refused.values().sum::<u64>(), received, "{server:?}");
    for reason in [Refusal::Malformed, Refusal::WrongMode, Refusal::WrongVersion] {
        assert!(server.refused.get(&reason).is_some_and(|count| *count > 500), "{server:?}");
    }
    assert_eq!(daemon.process.output(), log, "it is logged");
    wait_for_time(&lab, &daemon, "10.77.0.100:123");
}
