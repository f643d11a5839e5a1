//! Messages whole and in pieces.

use super::*;
use crate::nts::record::{emit_critical, emit_optional};
use proptest::prelude::*;

fn message() -> Vec<u8> {
    let mut bytes = Vec::new();
    emit_critical(&mut bytes, RecordType::NextProtocol, &[0, 0]);
    emit_optional(&mut bytes, RecordType::Unknown(0x1234), b"anything");
    emit_critical(&mut bytes, RecordType::EndOfMessage, &[]);
    bytes
}

#[test]
fn a_message_is_whole_with_its_last_byte_and_not_before() {
    let bytes = message();
    for end in 0..bytes.len() {
        assert!(matches!(find(&bytes[..end], 4096), Ok(Progress::NeedMore)), "{end}");
    }
    let Ok(Progress::Done { value, length }) = find(&bytes, 4096) else { panic!() };
    assert_eq!(length, bytes.len());
    let kinds: Vec<_> =
        value.map(|record| (record.kind.number(), record.critical, record.body.len())).collect();
    assert_eq!(kinds, [(1, true, 2), (0x1234, false, 8)]);
}

#[test]
fn what_would_be_too_long_is_refused_when_it_is_announced() {
    let too_long = MalformedMessage::TooLong { longest: 100 };
    assert_eq!(find(&[0, 5, 0, 97], 100).err(), Some(too_long));
    assert!(matches!(find(&[0, 5, 0, 96], 100), Ok(Progress::NeedMore)));
    // No room is left for the End of Message.
    let mut full = vec![0, 5, 0, 94];
    full.extend([0; 94]);
    assert_eq!(find(&full, 100).err(), Some(too_long));
    let endless: Vec<u8> = [0, 5, 0, 0].repeat(25);
    assert_eq!(find(&endless, 100).err(), Some(too_long));
}

#[test]
fn a_message_of_very_many_records_is_none_though_it_is_short() {
    let of = |records: usize| [[0x40, 0, 0, 0].repeat(records), vec![0x80, 0, 0, 0]].concat();
    assert!(matches!(find(&of(MOST_RECORDS), 16_384), Ok(Progress::Done { .. })));
    assert_eq!(find(&of(MOST_RECORDS + 1), 16_384).err(), Some(MalformedMessage::TooManyRecords));
    assert!(matches!(find(&[0x40, 0, 0, 0].repeat(MOST_RECORDS), 16_384), Ok(Progress::NeedMore)));
}

#[test]
fn an_end_with_a_body_is_none() {
    assert_eq!(find(&[0x80, 0, 0, 1, 7], 100).err(), Some(MalformedMessage::EndWithBody));
}

proptest! {
    #[test]
    fn whatever_comes_the_records_lie_within_it(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(Progress::Done { value, length }) = find(&bytes, 200) {
            prop_assert!(length <= bytes.len() && length <= 200);
            let total: usize = value.map(|record| RECORD_HEADER_LEN + record.body.len()).sum();
            prop_assert_eq!(total + RECORD_HEADER_LEN, length);
        }
    }
}
