//! Anything as a file of master keys, or as the state of derived ones: what is read is written the same, makes a set of keys, and says
//! where it is wrong within the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ntpd_rs::nts::{KeyFile, KeySet, RatchetState, SharedSecret};

/// `input`, or something close to a good file of it: its first bytes in the head, with the count that fits.
fn shaped(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let keys = u32::try_from(bytes.len().saturating_sub(20) / 64).unwrap();
    if let Some(place) = bytes.get_mut(12..20) {
        let primary = u32::from(place[0]) % keys.max(1);
        place[..4].copy_from_slice(&primary.to_be_bytes());
        place[4..].copy_from_slice(&keys.to_be_bytes());
    }
    bytes
}

fuzz_target!(|input: &[u8]| {
    for bytes in [input.to_vec(), shaped(input)] {
        match KeyFile::parse(&bytes) {
            Ok(file) => {
                assert_eq!(*file.emit(), bytes);
                let set = KeySet::new(file.keys.clone(), file.primary).unwrap();
                assert_eq!(set.keys().count(), file.keys.len());
                let trimmed = file.clone().trimmed(usize::from(bytes[0]));
                assert_eq!(trimmed.keys[trimmed.primary], file.keys[file.primary]);
                let rotated = file.rotated(file.keys[0].key.clone(), usize::from(bytes[1]), 7);
                assert_eq!(KeyFile::parse(&rotated.emit()), Ok(rotated.clone()));
                assert!(rotated.keys.len() <= usize::from(bytes[1]) + 1);
            }
            Err(error) => assert!(error.offset <= bytes.len() && !error.to_string().is_empty()),
        }
    }
    // A hash that fits is not found.
    assert!(RatchetState::parse(input).is_err());
    assert!(RatchetState::parse(&[b"NTS-RAT1", input].concat()).is_err());
    let secret = input.strip_suffix(b"\r").unwrap_or(input);
    assert_eq!(SharedSecret::new(&[input, b"\n"].concat()).is_ok(), secret.len() >= SharedSecret::SHORTEST);
});
