//! Tests of reference identifiers: addresses, text and kiss codes.

use super::*;

#[track_caller]
fn check_address(address: &str, bytes: [u8; 4]) {
    let address: IpAddr = address.parse().expect("it is an address");
    assert_eq!(ReferenceId::from_address(address).bytes(), bytes);
}

#[test]
fn an_ipv4_server_is_its_address() {
    check_address("192.0.2.7", [192, 0, 2, 7]);
}

#[test]
fn an_ipv6_server_is_four_bytes_of_the_md5_hash_of_its_address() {
    // Known answers computed with another implementation of MD5 (Python's hashlib).
    check_address("2001:db8::1", [0x39, 0xab, 0x9b, 0x37]);
    check_address("::1", [0xcf, 0x40, 0x4d, 0xc8]);
    check_address("fe80::1", [0x89, 0xe5, 0x30, 0x1f]);
}

#[test]
fn text_is_padded_with_zeros_and_read_back_without_them() {
    let gps = ReferenceId::from_ascii("GPS").expect("it is printable");
    assert_eq!(gps.bytes(), *b"GPS\0");
    assert_eq!(gps.ascii().as_deref(), Some("GPS"));
    assert_eq!(ReferenceId::NONE.ascii(), None);
}

#[test]
fn text_that_is_too_long_or_not_printable_is_no_reference_id() {
    for text in ["GPSDO", "µs", "a\n", "\0"] {
        assert_eq!(ReferenceId::from_ascii(text), None, "{text:?}");
    }
}

#[test]
fn an_address_that_happens_to_be_printable_is_shown_as_an_address_above_stratum_1() {
    let id = ReferenceId::from_bytes(*b"GPS1");
    assert_eq!((id.display(1), id.display(2)), ("GPS1".to_owned(), "71.80.83.49".to_owned()));
}

#[test]
fn kiss_codes_survive_the_wire() {
    for bytes in [*b"DENY", *b"RSTR", *b"RATE", *b"NTSN", *b"XFOO", [0; 4]] {
        let id = ReferenceId::from_bytes(bytes);
        assert_eq!(KissCode::from_reference_id(id).reference_id(), id);
    }
    assert_eq!(KissCode::from_reference_id(ReferenceId::from_bytes(*b"RATE")), KissCode::Rate);
}
