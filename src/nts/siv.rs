//! AES-SIV-CMAC (RFC 5297), over the library's AES. Knows no algorithm by its number.
//!
//! The library's own SIV gives the same (a test compares them), but makes the counter mode's key schedule again for every message
//! and CMAC's subkeys for every header. Here they are made once, which halves what a server computes for a request.

use aes::cipher::consts::U16;
use aes::cipher::{
    Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, Key, KeyInit,
};

/// Of a tag, a block and a counter.
pub(super) const BLOCK_LEN: usize = 16;
/// As the standard reads it: the first byte is the most significant.
type Block = u128;
/// As it is sent.
type Tag = [u8; BLOCK_LEN];
type CipherBlock = Array<u8, U16>;

/// The half of a key that makes tags: its schedule, and what it makes of no message at all.
pub(super) struct Authentication<C> {
    cipher: C,
    start: Start,
}

/// Constants of CMAC and S2V for a key.
#[derive(Clone, Copy, Default)]
struct Start {
    /// K1, for a last block that is whole (RFC 4493 §2.3).
    whole: Block,
    /// K2, for one that is not.
    short: Block,
    /// What S2V begins with: CMAC of a block of zeros, doubled for the first header (RFC 5297 §2.4).
    s2v: Block,
}

impl<C: BlockCipherEncrypt<BlockSize = U16> + KeyInit> Authentication<C> {
    /// With the first half of a key.
    #[inline]
    pub(super) fn new(key: &Key<C>) -> Self {
        let mut this = Self { cipher: C::new(key), start: Start::default() };
        this.cipher.encrypt_with_backend(MakeStart(&mut this.start));
        this
    }

    /// The tag, then the text under `keystream` (§2.6). `None` if `to` has not exactly the room.
    #[inline]
    pub(super) fn seal<const HEADERS: usize>(
        &self,
        headers: [&[u8]; HEADERS],
        text: &[u8],
        to: &mut [u8],
        keystream: impl FnOnce(Tag, &mut [u8]),
    ) -> Option<()> {
        let (tag, sealed) = to.split_first_chunk_mut().filter(|(_, sealed)| sealed.len() == text.len())?;
        *tag = self.tag(headers, text);
        if !text.is_empty() {
            sealed.copy_from_slice(text);
            keystream(*tag, sealed);
        }
        Some(())
    }

    /// The text without its tag (§2.7). `None` if it is not authentic, or `to` has not exactly the room; then `to` may hold what
    /// nobody may use.
    #[inline]
    pub(super) fn open<const HEADERS: usize>(
        &self,
        headers: [&[u8]; HEADERS],
        sealed: &[u8],
        to: &mut [u8],
        keystream: impl FnOnce(Tag, &mut [u8]),
    ) -> Option<()> {
        let (tag, sealed) = sealed.split_first_chunk().filter(|(_, sealed)| sealed.len() == to.len())?;
        if !sealed.is_empty() {
            to.copy_from_slice(sealed);
            keystream(*tag, to);
        }
        // As numbers, so that the time tells nothing of the place where they differ.
        (u128::from_ne_bytes(self.tag(headers, to)) ^ u128::from_ne_bytes(*tag) == 0).then_some(())
    }

    /// S2V (§2.4).
    fn tag<const HEADERS: usize>(&self, headers: [&[u8]; HEADERS], text: &[u8]) -> Tag {
        const { assert!(HEADERS > 0, "without headers S2V begins otherwise") }
        let mut tag = 0;
        self.cipher.encrypt_with_backend(S2v { start: &self.start, headers, text, tag: &mut tag });
        tag.to_be_bytes()
    }
}

/// Encrypts and decrypts in place, in counter mode from the tag, without the two bits that make additions cheap for others (RFC 5297
/// §2.5). The cipher has the other half of the key.
pub(super) fn apply_keystream<C>(cipher: &C, tag: Tag, text: &mut [u8])
where
    C: BlockCipherEncrypt<BlockSize = U16>,
{
    const AT_ONCE: usize = 8;
    let mut counter = u128::from_be_bytes(tag) & !(1 << 63 | 1 << 31);
    for part in text.chunks_mut(AT_ONCE * BLOCK_LEN) {
        let mut stream = [CipherBlock::default(); AT_ONCE];
        let used = stream.get_mut(..part.len().div_ceil(BLOCK_LEN)).unwrap_or_default();
        for block in used.iter_mut() {
            *block = counter.to_be_bytes().into();
            counter = counter.wrapping_add(1);
        }
        cipher.encrypt_blocks(used);
        for (part, mask) in part.chunks_mut(BLOCK_LEN).zip(used) {
            for (byte, mask) in part.iter_mut().zip(mask.iter()) {
                *byte ^= mask;
            }
        }
    }
}

/// Computes [`Start`], within what the library has chosen for the processor at hand.
struct MakeStart<'a>(&'a mut Start);

impl BlockSizeUser for MakeStart<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for MakeStart<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let whole = double(Chain::new(backend).encrypt(0));
        let s2v = double(Chain::new(backend).encrypt(whole));
        *self.0 = Start { whole, short: double(whole), s2v };
    }
}

/// Computes S2V.
struct S2v<'a, const HEADERS: usize> {
    start: &'a Start,
    headers: [&'a [u8]; HEADERS],
    text: &'a [u8],
    tag: &'a mut Block,
}

impl<const HEADERS: usize> BlockSizeUser for S2v<'_, HEADERS> {
    type BlockSize = U16;
}

impl<const HEADERS: usize> BlockCipherEncClosure for S2v<'_, HEADERS> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { start, headers, text, tag } = self;
        let mut headers = headers.iter().map(|header| Chain::new(backend).cmac(header, start));
        let first = start.s2v ^ headers.next().unwrap_or_default();
        let sum = headers.fold(first, |sum, header| double(sum) ^ header);
        *tag = Chain::new(backend).finish(text, sum, start);
    }
}

/// Cipher block chaining.
struct Chain<'a, B> {
    backend: &'a B,
    state: CipherBlock,
}

impl<'a, B: BlockCipherEncBackend<BlockSize = U16>> Chain<'a, B> {
    #[inline(always)]
    fn new(backend: &'a B) -> Self {
        Self { backend, state: CipherBlock::default() }
    }

    /// Takes all of them.
    #[inline(always)]
    fn take(&mut self, blocks: &[[u8; BLOCK_LEN]]) {
        for block in blocks {
            for (state, byte) in self.state.iter_mut().zip(block) {
                *state ^= byte;
            }
            self.backend.encrypt_block((&mut self.state).into());
        }
    }

    /// Takes one more.
    #[inline(always)]
    fn encrypt(&mut self, block: Block) -> Block {
        self.take(&[block.to_be_bytes()]);
        Block::from_be_bytes(self.state.into())
    }

    /// RFC 4493 §2.4.
    #[inline(always)]
    fn cmac(&mut self, message: &[u8], start: &Start) -> Block {
        let (blocks, rest) = message.as_chunks();
        match blocks.split_last() {
            Some((last, before)) if rest.is_empty() => {
                self.take(before);
                self.encrypt(Block::from_be_bytes(*last) ^ start.whole)
            }
            _ => {
                self.take(blocks);
                self.encrypt(padded(rest) ^ start.short)
            }
        }
    }

    /// CMAC of the text with `sum` added to its end (`xorend`), or to its padding if it is shorter than a block (RFC 5297 §2.4).
    #[inline(always)]
    fn finish(&mut self, text: &[u8], sum: Block, start: &Start) -> Block {
        let (blocks, rest) = text.as_chunks();
        let Some((last, before)) = blocks.split_last() else {
            return self.encrypt(double(sum) ^ padded(rest) ^ start.whole);
        };
        let last = Block::from_be_bytes(*last);
        self.take(before);
        if rest.is_empty() {
            return self.encrypt(last ^ sum ^ start.whole);
        }
        // The end lies in two blocks.
        let bits = rest.len() * 8;
        self.encrypt(last ^ (sum >> bits));
        self.encrypt(padded(rest) ^ (sum << (128 - bits)) ^ start.short)
    }
}

/// Multiplication by x in GF(2^128) (RFC 5297 §2.3), without a branch on what is secret.
#[inline(always)]
const fn double(block: Block) -> Block {
    (block << 1) ^ ((block >> 127) * 0x87)
}

/// A one bit, then zeros (RFC 5297 §2.1). The part is shorter than a block.
#[inline(always)]
fn padded(part: &[u8]) -> Block {
    // Extension fields end at multiples of four bytes.
    let (words, rest) = part.as_chunks();
    let mut block = words.iter().fold(0, |block, word| block << 32 | Block::from(u32::from_be_bytes(*word)));
    block = rest.iter().chain(&[0x80]).fold(block, |block, byte| block << 8 | Block::from(*byte));
    block << (120 - 8 * part.len())
}

#[cfg(test)]
mod tests;
