//! Key files as they are, and as they are not. Whole files only; no disk.

use super::*;
use proptest::prelude::*;

fn key(id: u32, fill: u8) -> MasterKey {
    MasterKey { id, key: Key::new(Algorithm::AesSivCmac512, &[fill; 64]).unwrap() }
}

fn example() -> KeyFile {
    KeyFile { made: 1_800_000_000, keys: vec![key(u32::MAX, 1), key(0, 2), key(1, 3)], primary: 2 }
}

#[test]
fn a_file_has_the_layout_of_ntpd_rs_1() {
    // Field by field, as its manual has it.
    let mut expected = Vec::new();
    expected.extend(1_800_000_000_u64.to_be_bytes());
    expected.extend([0xFF, 0xFF, 0xFF, 0xFF]);
    expected.extend([0, 0, 0, 2]);
    expected.extend([0, 0, 0, 3]);
    for fill in 1..=3 {
        expected.extend([fill; 64]);
    }
    assert_eq!(*example().emit(), expected);
    assert_eq!(KeyFile::parse(&expected), Ok(example()), "identifiers go round");
}

#[track_caller]
fn check(bytes: &[u8], offset: usize, problem: KeyFileProblem, text: &str) {
    let error = KeyFile::parse(bytes).unwrap_err();
    assert_eq!(error, KeyFileError { offset, problem });
    assert_eq!(error.to_string(), format!("at byte {offset}: {text}"));
}

#[test]
fn every_inconsistency_has_its_name_and_its_place() {
    let good = example().emit();
    let with = |at: usize, bytes: &[u8]| {
        let mut other = good.to_vec();
        other[at..at + bytes.len()].copy_from_slice(bytes);
        other
    };
    for length in 0..20 {
        let text = "the file ends before its first key (20 bytes come before that)";
        check(&good[..length], length, KeyFileProblem::NoHead, text);
    }
    for length in 20..good.len() {
        let key = 1 + (length - 20) / 64;
        let problem = KeyFileProblem::CutOff { key, count: 3 };
        check(&good[..length], length, problem, &format!("the file ends within key {key} of 3"));
    }
    check(&with(16, &[0; 4]), 16, KeyFileProblem::NoKeys, "the file says that it holds no key");
    let text = "the file says that it holds 1025 keys; 1024 are the most";
    check(&with(16, &[0, 0, 4, 1]), 16, KeyFileProblem::TooManyKeys(1025), text);
    assert!(KeyFile::parse(&with(16, &[0xFF; 4])).is_err());
    for primary in [3, u32::MAX] {
        let text = format!("the key that seals is said to be number {primary}, counted from 0, of 3");
        check(&with(12, &primary.to_be_bytes()), 12, KeyFileProblem::Primary { primary, count: 3 }, &text);
    }
    check(&with(84, &[0; 64]), 84, KeyFileProblem::ZeroKey(2), "key 2 is all zeros");
    for more in [1, 64, 100] {
        let text = format!("{more} bytes more than the keys take");
        check(&[&good[..], &vec![7; more]].concat(), 212, KeyFileProblem::TooLong(more), &text);
    }
}

#[test]
fn the_longest_file_is_read() {
    let keys = (0..1024).map(|id| key(id, 9)).collect();
    let file = KeyFile { made: 0, keys, primary: 0 };
    let bytes = file.emit();
    assert_eq!(bytes.len(), KeyFile::LONGEST);
    assert_eq!(KeyFile::parse(&bytes), Ok(file));
}

#[test]
fn a_rotation_adds_a_key_that_seals_and_forgets_the_oldest() {
    let new = Key::new(Algorithm::AesSivCmac512, &[4; 64]).unwrap();
    let ids = |file: &KeyFile| file.keys.iter().map(|key| key.id).collect::<Vec<_>>();
    let rotated = example().rotated(new.clone(), 2, 5);
    assert_eq!((ids(&rotated), rotated.primary, rotated.made), (vec![0, 1, 2], 2, 5));
    assert_eq!(rotated.keys[2].key, new);
    assert_eq!(ids(&example().rotated(new.clone(), 0, 5)), [2]);
    assert_eq!(ids(&example().rotated(new.clone(), 9, 5)), [u32::MAX, 0, 1, 2]);
    let once = KeyFile::of_one(key(7, 1), 0);
    assert_eq!(ids(&once.rotated(new, 7, 5)), [7, 8]);
}

#[test]
fn trimming_leaves_the_key_that_seals_and_those_that_may_come_before_it() {
    let trimmed = |primary, stale| KeyFile { primary, ..example() }.trimmed(stale);
    let shape = |file: &KeyFile| (file.keys[0].id, file.keys.len(), file.primary);
    assert_eq!(shape(&trimmed(2, 7)), (u32::MAX, 3, 2));
    assert_eq!(shape(&trimmed(2, 1)), (0, 2, 1));
    assert_eq!(shape(&trimmed(1, 0)), (0, 2, 0));
}

proptest! {
    #[test]
    fn what_can_be_read_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..400), count in 0_u8..6) {
        let mut bytes = bytes;
        if let Some(place) = bytes.get_mut(12..20) {
            place.copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, count]);
            bytes.truncate(20 + 64 * usize::from(count));
        }
        if let Ok(file) = KeyFile::parse(&bytes) {
            prop_assert_eq!(&*file.emit(), &bytes);
        }
    }
}
