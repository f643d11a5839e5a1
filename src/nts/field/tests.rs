//! Tests of the fields: what is written is found, and what lies is not believed.

use super::*;

fn request() -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..48].copy_from_slice(&Header::default().emit());
    let mut at = 48;
    for (kind, length, fill) in [
        (FieldType::UniqueIdentifier, 32, 1),
        (FieldType::Cookie, 102, 2),
        (FieldType::CookiePlaceholder, 102, 0),
        (FieldType::CookiePlaceholder, 50, 0),
    ] {
        write_field(&mut bytes[at..], kind, length).unwrap()[..length].fill(fill);
        at += FIELD_HEADER_LEN + padded(length);
    }
    write_authenticator(&mut bytes[at..], &[3; 15], 18).unwrap().fill(4);
    bytes.truncate(at + Authenticator::field_len(15, 18));
    bytes
}

#[test]
fn what_is_written_is_found_again_with_its_padding_told_apart() {
    let bytes = request();
    let fields = Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap();
    assert_eq!(fields.unique_identifier, Some(&[1; 32][..]));
    assert_eq!(fields.cookie.map(|cookie| (cookie.len(), &cookie[..102])), Some((104, &[2; 102][..])));
    assert_eq!((fields.cookies, fields.placeholders), (1, 1));
    let authenticator = fields.authenticator.unwrap();
    assert_eq!((authenticator.nonce, authenticator.sealed), (&[3; 15][..], &[4; 18][..]));
    assert_eq!(authenticator.associated, &bytes[..bytes.len() - Authenticator::field_len(15, 18)]);
}

#[test]
fn lengths_that_lie_are_refused_or_never_go_past_the_packet() {
    let good = request();
    for at in 48..good.len() {
        for byte in [0, 1, 0x7F, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Ok(packet) = Packet::parse(&bytes)
                && let Ok(Fields { authenticator: Some(found), .. }) = Fields::find(&bytes, &packet)
            {
                assert!(found.associated.len() + found.nonce.len() + found.sealed.len() < bytes.len());
            }
        }
    }
}

#[test]
fn a_field_that_cannot_exist_is_not_written() {
    assert!(write_field(&mut [0; 64], FieldType::Cookie, 11).is_some());
    assert!(write_field(&mut [0; 64], FieldType::Cookie, 8).is_none());
    assert!(write_field(&mut [0; 64], FieldType::Cookie, 61).is_none());
    assert!(write_field(&mut vec![0; 80_000], FieldType::Cookie, 70_000).is_none());
}

/// A packet of these fields; the authenticator's value says nothing.
fn packet_of(fields: &[(FieldType, usize)]) -> Vec<u8> {
    let mut bytes = Header::default().emit().to_vec();
    for (kind, length) in fields {
        let mut field = vec![0; FIELD_HEADER_LEN + length];
        write_field(&mut field, *kind, *length).unwrap();
        bytes.extend(field);
    }
    bytes
}

#[test]
fn placeholders_count_wherever_they_stand_before_the_authenticator_if_they_have_the_first_cookies_length() {
    let (cookie, other) = (100, 96);
    let bytes = packet_of(&[
        (FieldType::CookiePlaceholder, cookie),
        (FieldType::CookiePlaceholder, other),
        (FieldType::Cookie, cookie),
        (FieldType::CookiePlaceholder, cookie),
        (FieldType::Cookie, other),
        (FieldType::UniqueIdentifier, 32),
        (FieldType::UniqueIdentifier, 36),
        (FieldType::Authenticator, 40),
        (FieldType::CookiePlaceholder, cookie),
        (FieldType::UniqueIdentifier, 32),
    ]);
    let fields = Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap();
    assert_eq!((fields.placeholders, fields.cookies, fields.unique_identifiers), (2, 2, 2));
    assert_eq!(fields.unique_identifier.map(<[u8]>::len), Some(32));
}

#[test]
fn without_a_cookie_there_are_no_placeholders_and_a_hundred_are_a_hundred() {
    let mut fields = vec![(FieldType::CookiePlaceholder, 12); 100];
    let bytes = packet_of(&[&fields[..], &[(FieldType::UniqueIdentifier, 32)]].concat());
    assert_eq!(Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap().placeholders, 0);
    fields.extend([(FieldType::Cookie, 12), (FieldType::UniqueIdentifier, 32)]);
    let bytes = packet_of(&fields);
    assert_eq!(Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap().placeholders, 100);
}

#[test]
fn the_room_for_a_nonce_is_that_of_the_nonce_and_of_what_follows_the_sealed_text() {
    for (nonce_len, more, room) in [(16, 0, 16), (15, 0, 16), (0, 16, 16), (4, 8, 12)] {
        let mut bytes = packet_of(&[]);
        let mut field = vec![0; Authenticator::field_len(nonce_len, 16) + more];
        write_field(&mut field, FieldType::Authenticator, Authenticator::field_len(nonce_len, 16) + more - 4);
        field[5] = nonce_len.try_into().unwrap();
        field[7] = 16;
        bytes.extend(field);
        let found = Fields::find(&bytes, &Packet::parse(&bytes).unwrap()).unwrap().authenticator.unwrap();
        assert_eq!((found.nonce_room, found.sealed.len()), (room, 16));
    }
}

fn lengths(text: &[u8]) -> Vec<Result<usize, BadField>> {
    Opened::new(text).map(|field| field.map(|field| field.value.len())).collect()
}

#[test]
fn what_was_sealed_is_read_to_its_end_or_to_its_first_lie() {
    let text = &packet_of(&[(FieldType::Cookie, 12), (FieldType::CookiePlaceholder, 32)])[Header::LEN..];
    assert_eq!(lengths(text), [Ok(12), Ok(32)]);
    assert_eq!(lengths(&[]), []);
    for end in (1..text.len()).filter(|end| *end != 16) {
        let expected = if end < 16 { vec![Err(BadField)] } else { vec![Ok(12), Err(BadField)] };
        assert_eq!(lengths(&text[..end]), expected);
    }
    for length in [0, 1, 3, 4, 12, 15, 17, 18, 53, 0xFFFC, 0xFFFF_u16] {
        let mut bad = text.to_vec();
        bad[2..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(lengths(&bad), [Err(BadField)]);
    }
}
