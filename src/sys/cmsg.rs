//! Control messages of `recvmsg` and `sendmsg` as bytes. What is inside them is `timestamping`'s and `packet_info`'s.

use std::mem::{offset_of, size_of};

/// Room for every message that our options ask for, and more; aligned as the kernel wants it.
#[repr(C, align(8))]
pub(super) struct ControlBuffer {
    bytes: [u8; CAPACITY],
    length: usize,
}

const CAPACITY: usize = 256;
const HEADER: usize = size_of::<libc::cmsghdr>();
const WORD: usize = size_of::<usize>();

const _: () = {
    assert!(offset_of!(ControlBuffer, bytes) == 0);
    assert!(offset_of!(libc::cmsghdr, cmsg_len) == 0);
    assert!(offset_of!(libc::cmsghdr, cmsg_level) == WORD);
    assert!(offset_of!(libc::cmsghdr, cmsg_type) == WORD + 4);
    assert!(HEADER == WORD + 8);
};

/// One control message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ControlMessage<'a> {
    pub(super) level: libc::c_int,
    pub(super) kind: libc::c_int,
    pub(super) data: &'a [u8],
}

impl ControlBuffer {
    pub(super) const fn empty() -> Self {
        Self { bytes: [0; CAPACITY], length: 0 }
    }

    /// One message to send.
    #[cfg(test)]
    pub(super) fn of(level: libc::c_int, kind: libc::c_int, data: &[u8]) -> Self {
        let mut buffer = Self::empty();
        buffer.push(level, kind, data);
        buffer
    }

    /// One more message to send. Ours are few and short: what does not fit is left out.
    pub(super) fn push(&mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
        let end = self.length + aligned(HEADER + data.len());
        let Some(room) = self.bytes.get_mut(self.length..end) else { return };
        let Some((length, rest)) = room.split_first_chunk_mut::<WORD>() else { return };
        let Some((level_field, rest)) = rest.split_first_chunk_mut::<4>() else { return };
        let Some((kind_field, rest)) = rest.split_first_chunk_mut::<4>() else { return };
        let Some(data_field) = rest.get_mut(..data.len()) else { return };
        *length = (HEADER + data.len()).to_ne_bytes();
        *level_field = level.to_ne_bytes();
        *kind_field = kind.to_ne_bytes();
        data_field.copy_from_slice(data);
        self.length = end;
    }

    /// Without messages again.
    pub(super) const fn clear(&mut self) {
        self.length = 0;
    }

    /// What the kernel wrote, up to the first message that lies about its length.
    pub(super) fn messages(&self) -> Messages<'_> {
        Messages { rest: self.bytes.get(..self.length).unwrap_or_default() }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        std::ptr::from_mut(self).cast()
    }

    /// Bytes in use.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Bytes that the kernel may write.
    pub(super) const fn capacity() -> usize {
        CAPACITY
    }

    /// As the kernel reported it.
    pub(super) fn set_length(&mut self, length: usize) {
        self.length = length.min(CAPACITY);
    }
}

/// The messages in a buffer.
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    #[cfg(test)]
    pub(super) const fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = ControlMessage<'a>;

    fn next(&mut self) -> Option<ControlMessage<'a>> {
        let (length, after) = self.rest.split_first_chunk::<WORD>()?;
        let (level, after) = after.split_first_chunk::<4>()?;
        let (kind, _) = after.split_first_chunk::<4>()?;
        let length = usize::from_ne_bytes(*length);
        let data = self.rest.get(HEADER..length)?;
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some(ControlMessage {
            level: libc::c_int::from_ne_bytes(*level),
            kind: libc::c_int::from_ne_bytes(*kind),
            data,
        })
    }
}

const fn aligned(length: usize) -> usize {
    length.div_ceil(WORD) * WORD
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let buffer = ControlBuffer::of(1, 29, b"abcde");
        let expected = ControlMessage { level: 1, kind: 29, data: b"abcde" };
        assert_eq!(buffer.messages().collect::<Vec<_>>(), [expected]);
        assert_eq!(buffer.length() % WORD, 0);
    }

    #[test]
    fn a_lying_length_ends_the_list() {
        let mut bytes = ControlBuffer::of(1, 2, b"data").bytes;
        for lie in [0_usize, 1, HEADER - 1, CAPACITY + 1, usize::MAX, usize::MAX - 3] {
            bytes[..WORD].copy_from_slice(&lie.to_ne_bytes());
            assert_eq!(Messages::of(&bytes).next(), None, "{lie}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_and_stay_inside(bytes in prop::collection::vec(any::<u8>(), 0..CAPACITY)) {
            let total: usize = Messages::of(&bytes).map(|message| HEADER + message.data.len()).sum();
            prop_assert!(total <= bytes.len());
        }

        #[test]
        fn likely_lengths_end_and_stay_inside(parts in prop::collection::vec((0_usize..40, any::<u64>()), 0..12)) {
            let bytes: Vec<u8> =
                parts.iter().flat_map(|(length, fill)| [length.to_ne_bytes(), fill.to_ne_bytes()]).flatten().collect();
            let total: usize = Messages::of(&bytes).map(|message| HEADER + message.data.len()).sum();
            prop_assert!(total <= bytes.len());
        }
    }
}
