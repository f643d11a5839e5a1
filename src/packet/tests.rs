//! Tests of taking packets apart: known answers, hostile lengths, round trips.

use super::*;
use crate::time::{Leap, NtpShort, NtpTimestamp};
use proptest::prelude::*;

/// A request with these bytes behind its header.
fn request_with(trailer: &[u8]) -> Vec<u8> {
    [&Header::default().emit(), trailer].concat()
}

/// An extension field of `length` bytes in all, saying that it has `said`.
fn field(field_type: u16, length: usize, said: u16) -> Vec<u8> {
    let mut bytes = [field_type.to_be_bytes(), said.to_be_bytes()].concat();
    bytes.resize(length, 0xAA);
    bytes
}

#[track_caller]
fn check_trailer(trailer: &[u8], field_types: &[u16], digest_len: Option<usize>) {
    let bytes = request_with(trailer);
    let packet = Packet::parse(&bytes).expect("it is well-formed");
    assert_eq!(packet.header, Header::default());
    assert_eq!(packet.extensions.map(|field| field.field_type).collect::<Vec<_>>(), field_types);
    assert_eq!(packet.mac.map(|mac| mac.digest.len()), digest_len);
}

#[track_caller]
fn check_refused(trailer: &[u8], error: ParseError) {
    assert_eq!(Packet::parse(&request_with(trailer)), Err(error));
}

#[test]
fn a_version_4_reply_of_a_primary_server_reads_as_the_rfc_lays_it_out() {
    let bytes = include_bytes!("../../tests/vectors/reply-v4-stratum-1.bin");
    let packet = Packet::parse(bytes).expect("it is well-formed");
    let expected = Header {
        leap: Leap::AddSecond,
        version: 4,
        mode: Mode::Server,
        stratum: 1,
        poll: 6,
        precision: -20,
        root_delay: NtpShort::from_bits(0x0000_0100),
        root_dispersion: NtpShort::from_bits(0x0001_8000),
        reference_id: ReferenceId::from_bytes(*b"GPS\0"),
        reference_timestamp: NtpTimestamp::from_bits(0xE93C_7A00_0000_0000),
        origin_timestamp: NtpTimestamp::from_bits(0x0123_4567_89AB_CDEF),
        receive_timestamp: NtpTimestamp::from_bits(0xE93C_7A10_8000_0000),
        transmit_timestamp: NtpTimestamp::from_bits(0xE93C_7A10_8000_1000),
    };
    assert_eq!(packet.header, expected);
    assert!(packet.extensions.is_empty());
    assert_eq!(packet.mac, None);
    assert_eq!(&expected.emit(), bytes);
}

#[test]
fn a_version_3_request_with_a_mac_reads_as_the_rfc_lays_it_out() {
    let bytes = include_bytes!("../../tests/vectors/request-v3-mac.bin");
    let packet = Packet::parse(bytes).expect("it is well-formed");
    assert_eq!((packet.header.version, packet.header.mode), (3, Mode::Client));
    assert_eq!(packet.header.leap, Leap::Unsynchronized);
    assert_eq!(packet.header.transmit_timestamp.bits(), 0xFEDC_BA98_7654_3210);
    let mac = packet.mac.expect("it has one");
    assert_eq!((mac.key_id, mac.is_crypto_nak()), (7, false));
    assert_eq!(mac.digest, (0x10..0x20).collect::<Vec<u8>>());
}

#[test]
fn a_version_4_request_with_two_extension_fields_gives_both() {
    let bytes = include_bytes!("../../tests/vectors/request-v4-extensions.bin");
    let packet = Packet::parse(bytes).expect("it is well-formed");
    let fields: Vec<_> = packet.extensions.collect();
    assert_eq!(fields.len(), 2);
    assert_eq!((fields[0].field_type, fields[0].value), (0x0104, (0..12).collect::<Vec<u8>>().as_slice()));
    assert_eq!((fields[1].field_type, fields[1].value.len()), (0x0304, 28));
    assert_eq!(packet.mac, None);
}

#[test]
fn every_mode_survives_its_bits() {
    for bits in 0..8 {
        assert_eq!(Mode::from_bits(bits).bits(), bits);
    }
}

#[test]
fn all_but_versions_1_to_4_are_refused_by_number() {
    for version in 0..8 {
        let bytes = Header { version, ..Header::default() }.emit();
        match Packet::parse(&bytes) {
            Ok(packet) => assert!((1..=4).contains(&version) && packet.header.version == version),
            Err(error) => assert_eq!(error, ParseError::Version(version)),
        }
    }
    assert!(Packet::parse(&Header { version: 0, ..Header::default() }.emit()).is_err());
    assert!(Packet::parse(&Header { version: 5, ..Header::default() }.emit()).is_err());
}

#[test]
fn every_length_below_a_header_is_too_short() {
    for length in 0..Header::LEN {
        assert_eq!(Packet::parse(&Header::default().emit()[..length]), Err(ParseError::TooShort));
    }
}

#[test]
fn md5_sha1_and_crypto_nak_macs_are_recognised() {
    check_trailer(&[0, 0, 0, 0], &[], Some(0));
    check_trailer(&[1; 20], &[], Some(16));
    check_trailer(&[1; 24], &[], Some(20));
    let nak = request_with(&[0; 4]);
    assert_eq!(Packet::parse(&nak).map(|packet| packet.mac), Ok(Some(Mac::CRYPTO_NAK)));
}

#[test]
fn other_lengths_up_to_24_bytes_are_no_mac() {
    for length in (1..=24).filter(|length| ![4, 20, 24].contains(length)) {
        check_refused(&vec![0; length], ParseError::MacLength);
    }
    check_refused(&[0, 0, 0, 9], ParseError::MacLength);
}

#[test]
fn a_last_field_of_28_bytes_needs_no_mac_and_a_shorter_one_does() {
    check_trailer(&field(5, 28, 28), &[5], None);
    // RFC 7822 §3: 24 bytes at the end are a MAC, whatever they look like.
    check_trailer(&field(5, 24, 24), &[], Some(20));
    check_refused(&field(5, 16, 16), ParseError::MacLength);
    check_trailer(&[field(5, 16, 16), vec![1; 20]].concat(), &[5], Some(16));
    check_trailer(&[field(5, 16, 16), vec![0; 24]].concat(), &[5], Some(20));
    check_trailer(&[field(5, 16, 16), field(6, 16, 16), vec![1; 20]].concat(), &[5, 6], Some(16));
}

#[test]
fn a_field_length_that_lies_is_refused() {
    for said in [0, 3, 4, 12, 15, 17, 30, 36, 0xFFFC, 0xFFFF] {
        check_refused(&field(0x0204, 32, said), ParseError::ExtensionLength);
    }
    check_trailer(&field(0x0204, 32, 32), &[0x0204], None);
}

#[test]
fn errors_say_what_is_wrong() {
    assert_eq!(ParseError::Version(7).to_string(), "NTP version 7 is not known");
    assert!(ParseError::MacLength.to_string().contains("MAC"));
}

/// Any header that has the versions 1 to 4.
fn any_header() -> impl Strategy<Value = Header> {
    any::<[u8; Header::LEN]>().prop_flat_map(|bytes| {
        (1_u8..=4).prop_map(move |version| {
            let mut bytes = bytes;
            bytes[0] = (bytes[0] & 0b1100_0111) | (version << 3);
            Packet::parse(&bytes).expect("any header is well-formed").header
        })
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(packet) = Packet::parse(&bytes) {
            let fields: usize = packet.extensions.map(|field| field.value.len() + 4).sum();
            let mac = packet.mac.map_or(0, |mac| mac.digest.len() + 4);
            prop_assert_eq!(Header::LEN + fields + mac, bytes.len());
        }
    }

    #[test]
    fn a_header_survives_the_wire(header in any_header()) {
        let bytes = header.emit();
        prop_assert_eq!(Packet::parse(&bytes), Ok(Packet { header, extensions: Extensions::default(), mac: None }));
    }

    #[test]
    fn well_formed_fields_are_all_found_and_garbage_behind_them_is_refused(
        header in any_header(),
        words in proptest::collection::vec(4_usize..40, 0..5),
        garbage in 1_usize..16,
    ) {
        let mut bytes = header.emit().to_vec();
        for (index, words) in (0_u16..).zip(&words) {
            bytes.extend(field(index, words * 4, (words * 4).try_into().expect("it is short")));
        }
        bytes.extend(field(99, 28, 28));
        let found = Packet::parse(&bytes).map(|packet| packet.extensions.count());
        prop_assert_eq!(found, Ok(words.len() + 1));
        bytes.extend(std::iter::repeat_n(0xFF, garbage));
        prop_assert!(Packet::parse(&bytes).is_err());
    }
}
