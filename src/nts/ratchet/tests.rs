//! Ratchets that agree, that go forward only, and states as they are and are not. No disk.

use super::*;
use proptest::prelude::*;

const DAY: u64 = 86_400;
const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";

fn ratchet(interval: u64) -> Ratchet {
    Ratchet::new(&SharedSecret::new(SECRET).unwrap(), interval).unwrap()
}

fn at(epoch: u64) -> Ratchet {
    let mut ratchet = ratchet(DAY);
    ratchet.advance(epoch).unwrap();
    ratchet
}

fn key_of(epoch: u64) -> MasterKey {
    let [key] = <[MasterKey; 1]>::try_from(at(epoch).keys(epoch).unwrap()).unwrap();
    key
}

/// 2026-01-01.
const FIRST_DAY: u64 = 20_454;

#[test]
fn two_servers_that_never_speak_have_the_same_keys_whenever_they_began() {
    let (early, late) = (at(FIRST_DAY + 3), at(FIRST_DAY + 40));
    let (early, late) = (early.keys(FIRST_DAY + 50).unwrap(), late.keys(FIRST_DAY + 50).unwrap());
    assert_eq!((early.len(), late.len()), (48, 11));
    assert_eq!(early[37..], late[..]);
    assert_eq!(late[0].id, 20_494, "the identifier is the epoch");
    let ids: std::collections::BTreeSet<_> = early.iter().map(|key| key.key.bytes()).collect();
    assert_eq!(ids.len(), 48, "no two keys are the same");
}

#[test]
fn what_is_derived_never_changes_between_versions() {
    // Computed from the definition with another HMAC (Python's): servers of different versions must agree.
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        hex(key_of(FIRST_DAY).key.bytes()),
        "b4b51d65aeb3b2402b3f6e87c69f8363b1f0f1fe419136d42dcd463d10aaf382\
         84cd344dd3f777065cbcc2926191c7451c74a29a3bfc32fc6475a9afb677ff4a"
    );
    assert_eq!(
        hex(key_of(FIRST_DAY + 365).key.bytes()),
        "3d3314960950c590061185c8ceba5d03aec6799508e41a5e36457c36fcbf4d0e\
         8eb49456984b6278d13720cc8970c1e7137a1902ec6249204476dbccb082df1a"
    );
    assert_eq!(hex(&SharedSecret::new(SECRET).unwrap().fingerprint().0), "c9d0a89f0693d2a053a3c342e8bca61d");
}

#[test]
fn another_secret_or_interval_gives_other_keys() {
    let other = SharedSecret::new(b"a secret of thirty-two bytes, OK").unwrap();
    let keys = |ratchet: Ratchet| ratchet.keys(ratchet.epoch() + 1).unwrap();
    assert_ne!(keys(ratchet(DAY)), keys(Ratchet::new(&other, DAY).unwrap()));
    // The anchor's day and its 24 hours do not begin with the same numbers, but 86 400 and 86 401 s do.
    let (day, longer) = (ratchet(DAY), ratchet(DAY + 1));
    assert_ne!(day.value, longer.value);
}

#[test]
fn it_never_turns_back_and_has_no_keys_of_before() {
    let mut ratchet = at(FIRST_DAY + 10);
    let before = ratchet.clone();
    ratchet.advance(FIRST_DAY).unwrap();
    assert_eq!(ratchet, before);
    assert_eq!(ratchet.keys(FIRST_DAY + 9).unwrap(), []);
    assert_eq!(ratchet.keys(FIRST_DAY + 11).unwrap().len(), 2);
}

#[test]
fn epochs_begin_at_multiples_of_the_interval() {
    let at = |seconds| epoch_at(ClockTime::from_unix_secs(seconds), DAY);
    assert_eq!(at(1_767_225_599), Some(FIRST_DAY - 1));
    assert_eq!(at(1_767_225_600), Some(FIRST_DAY));
    assert_eq!(at(-1), Some(0));
    assert_eq!(epoch_at(ClockTime::from_unix_secs(1), 0), None);
    assert_eq!(ratchet(DAY).epoch(), FIRST_DAY);
}

#[test]
fn a_secret_has_32_bytes_without_the_end_of_its_line() {
    let fingerprint = |file: &[u8]| SharedSecret::new(file).map(|secret| secret.fingerprint());
    let good = fingerprint(SECRET);
    assert!(good.is_ok());
    assert_eq!(fingerprint(&[SECRET, b"\n"].concat()), good);
    assert_eq!(fingerprint(&[SECRET, b"\r\n"].concat()), good);
    assert_ne!(fingerprint(&[SECRET, b"\n\n"].concat()), good, "one line's end only");
    assert_eq!(fingerprint(&[7; 31]), Err(31));
    assert_eq!(fingerprint(&[&[7; 31], &b"\n"[..]].concat()), Err(31));
    assert_eq!(fingerprint(b""), Err(0));
}

fn state() -> RatchetState {
    let fingerprint = SharedSecret::new(SECRET).unwrap().fingerprint();
    RatchetState { oldest: at(FIRST_DAY + 2), sealing: FIRST_DAY + 9, fingerprint }
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let bytes = state().emit();
    assert_eq!(bytes.len(), RatchetState::LEN);
    assert_eq!(RatchetState::parse(&bytes), Ok(state()));
}

#[test]
fn a_state_with_any_bit_changed_or_another_length_is_refused() {
    let good = state().emit();
    for bit in 0..good.len() * 8 {
        let mut bytes = good.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 64 { RatchetStateError::NoState } else { RatchetStateError::Damaged };
        assert_eq!(RatchetState::parse(&bytes), Err(expected), "bit {bit}");
    }
    for length in 8..good.len() {
        let error = RatchetState::parse(&good[..length]).unwrap_err();
        assert_eq!(error, RatchetStateError::Length(length));
        let text = format!("at byte {length}: the file ends; it has 128 bytes when it is whole");
        assert_eq!(error.to_string(), text);
    }
    let error = RatchetState::parse(&[&good[..], b"\n"].concat()).unwrap_err();
    assert_eq!(error.to_string(), "at byte 128: 1 bytes more than there should be");
    assert_eq!(RatchetState::parse(b""), Err(RatchetStateError::NoState));
}

#[test]
fn a_state_whose_numbers_make_no_sense_is_refused_although_its_hash_is_right() {
    let with =
        |oldest: Ratchet, sealing| RatchetState::parse(&RatchetState { oldest, sealing, ..state() }.emit());
    assert_eq!(with(at(FIRST_DAY + 2), FIRST_DAY + 1), Err(RatchetStateError::Epochs));
    assert_eq!(with(at(FIRST_DAY), u64::MAX), Err(RatchetStateError::Epochs));
    let zero = Ratchet { interval: 0, ..at(FIRST_DAY) };
    assert_eq!(with(zero, FIRST_DAY), Err(RatchetStateError::Epochs));
}

proptest! {
    #[test]
    fn no_bytes_make_a_state_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = RatchetState::parse(&[&b"NTS-RAT1"[..], &bytes].concat());
        prop_assert!(RatchetState::parse(&bytes).is_err());
    }
}
