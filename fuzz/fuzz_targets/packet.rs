//! Any bytes as a packet: parsing never panics, accounts for every byte, and its header goes back to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::packet::{Header, Packet};

fuzz_target!(|bytes: &[u8]| {
    let Ok(packet) = Packet::parse(bytes) else { return };
    let fields: usize = packet.extensions.map(|field| field.value.len() + 4).sum();
    let mac = packet.mac.map_or(0, |mac| mac.digest.len() + 4);
    assert_eq!(Header::LEN + fields + mac, bytes.len());
    assert_eq!(&packet.header.emit(), &bytes[..Header::LEN]);
});
