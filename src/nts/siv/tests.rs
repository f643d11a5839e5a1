//! Known answers and comparisons of the SIV mode. What packets make of it is not tested here.

use super::*;
use aes::{Aes128Enc, Aes256Enc};
use aes_siv::siv::{Aes128Siv, Aes256Siv};
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn seal<C, const HEADERS: usize>(key: &[u8], headers: [&[u8]; HEADERS], text: &[u8]) -> Vec<u8>
where
    C: BlockCipherEncrypt<BlockSize = U16> + KeyInit,
{
    let (first, second) = key.split_at(key.len() / 2);
    let siv = Authentication::<C>::new(first.try_into().unwrap());
    let counter = C::new_from_slice(second).unwrap();
    let mut sealed = vec![0; BLOCK_LEN + text.len()];
    siv.seal(headers, text, &mut sealed, |tag, text| apply_keystream(&counter, tag, text)).unwrap();
    let mut opened = vec![0; text.len()];
    let open = siv.open(headers, &sealed, &mut opened, |tag, text| apply_keystream(&counter, tag, text));
    assert_eq!((open, opened.as_slice()), (Some(()), text));
    sealed
}

#[test]
fn the_standards_examples_come_out() {
    let lines = include_str!("../../../tests/vectors/aes-siv-cmac.txt").lines();
    let mut count = 0;
    for line in lines.filter(|line| !line.starts_with('#')) {
        let words: Vec<Vec<u8>> = line.split(' ').map(bytes).collect();
        let [key, text, result, headers @ ..] = words.as_slice() else { panic!("{line}") };
        let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
        let sealed = match (key.len(), headers.as_slice()) {
            (32, [one]) => seal::<Aes128Enc, 1>(key, [one], text),
            (32, [one, two, nonce]) => seal::<Aes128Enc, 3>(key, [one, two, nonce], text),
            (64, [one]) => seal::<Aes256Enc, 1>(key, [one], text),
            (64, [one, two, nonce]) => seal::<Aes256Enc, 3>(key, [one, two, nonce], text),
            _ => panic!("{line}"),
        };
        assert_eq!(&sealed, result, "{line}");
        count += 1;
    }
    assert_eq!(count, 4);
}

proptest! {
    #[test]
    fn the_librarys_own_mode_gives_the_same(
        key in proptest::array::uniform32(any::<u8>()),
        associated in proptest::collection::vec(any::<u8>(), 0..100),
        nonce in proptest::collection::vec(any::<u8>(), 0..40),
        text in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let headers = [associated.as_slice(), nonce.as_slice()];
        let mut theirs = text.clone();
        let tag = Aes128Siv::new(&key.into()).encrypt_inout_detached(headers, theirs.as_mut_slice().into());
        let theirs = [tag.unwrap().as_slice(), &theirs].concat();
        prop_assert_eq!(seal::<Aes128Enc, 2>(&key, headers, &text), theirs);

        let long = [key, key.map(|byte| !byte)].concat();
        let mut theirs = text.clone();
        let mut siv = Aes256Siv::new_from_slice(&long).unwrap();
        let tag = siv.encrypt_inout_detached(headers, theirs.as_mut_slice().into());
        let theirs = [tag.unwrap().as_slice(), &theirs].concat();
        prop_assert_eq!(seal::<Aes256Enc, 2>(&long, headers, &text), theirs);
    }
}

#[test]
fn a_counter_that_is_almost_full_goes_on() {
    // Both bits that are cleared, and ones below them: the carry goes into the first of them.
    let mut text = [0; 40];
    let cipher = Aes128Enc::new(&[7; 16].into());
    apply_keystream(&cipher, [0xFF; 16], &mut text);
    let counter: u128 = !(1 << 63 | 1 << 31);
    for (part, block) in text.chunks(BLOCK_LEN).zip(0..) {
        let mut expected = (counter + block).to_be_bytes().into();
        cipher.encrypt_block(&mut expected);
        assert_eq!(part, &expected[..part.len()]);
    }
}
