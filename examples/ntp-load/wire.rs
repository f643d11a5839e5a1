//! Requests as bytes, and what a reply is worth. Remembers nothing.

/// A header without extension fields.
pub(crate) const LENGTH: usize = 48;

/// A request that carries `cookie` where the reply will have its origin timestamp.
pub(crate) fn request(version: u8, cookie: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (front, transmit) = bytes.split_at_mut(LENGTH - 8);
    if let Some(first) = front.first_mut() {
        *first = (version & 7) << 3 | CLIENT;
    }
    transmit.copy_from_slice(&cookie.to_be_bytes());
    bytes
}

const CLIENT: u8 = 3;
const SERVER: u8 = 4;
const UNSYNCHRONIZED: u8 = 3;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Time, to the request with this cookie.
    Time(u64),
    /// An answer without time: the server is not synchronized, or sends a kiss.
    NoTime(u64),
    /// No reply to a request of this version.
    Nonsense,
}

/// Judges a reply to a request of `version`.
///
/// In interleaved mode a reply's origin timestamp would be another one; these requests never ask for that.
pub(crate) fn judge(bytes: &[u8], version: u8) -> Judgement {
    let Some(((first, stratum), cookie, received, sent)) = fields(bytes) else { return Judgement::Nonsense };
    if first & 7 != SERVER || first >> 3 & 7 != version {
        return Judgement::Nonsense;
    }
    if first >> 6 == UNSYNCHRONIZED || stratum == 0 {
        return Judgement::NoTime(cookie);
    }
    // Timestamps in the right order, modulo the era.
    if received == 0 || sent.wrapping_sub(received).cast_signed() < 0 {
        return Judgement::Nonsense;
    }
    Judgement::Time(cookie)
}

/// The first two bytes, then the origin, receive and transmit timestamps.
fn fields(bytes: &[u8]) -> Option<((u8, u8), u64, u64, u64)> {
    if bytes.len() != LENGTH {
        return None;
    }
    let timestamp = |at: usize| bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes);
    Some(((*bytes.first()?, *bytes.get(1)?), timestamp(24)?, timestamp(32)?, timestamp(40)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(first: u8, stratum: u8, received: u64, sent: u64) -> Vec<u8> {
        let mut bytes = vec![first, stratum];
        bytes.resize(24, 0);
        for field in [7, received, sent] {
            bytes.extend(field.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn a_request_is_a_client_packet_with_the_cookie_at_its_end() {
        let bytes = request(4, 0x0102_0304_0506_0708);
        assert_eq!(bytes[0], 0x23);
        assert_eq!(bytes[40..], [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_reply_is_judged_by_mode_version_time_and_length() {
        assert_eq!(judge(&reply(0x24, 1, 5, 6), 4), Judgement::Time(7));
        assert_eq!(judge(&reply(0x24, 1, 5, 6), 3), Judgement::Nonsense);
        assert_eq!(judge(&reply(0x23, 1, 5, 6), 4), Judgement::Nonsense);
        assert_eq!(judge(&reply(0xE4, 1, 5, 6), 4), Judgement::NoTime(7));
        assert_eq!(judge(&reply(0x24, 0, 5, 6), 4), Judgement::NoTime(7));
        assert_eq!(judge(&reply(0x24, 1, 6, 5), 4), Judgement::Nonsense);
        assert_eq!(judge(&reply(0x24, 1, u64::MAX, 1), 4), Judgement::Time(7), "the next era");
        assert_eq!(judge(&reply(0x24, 1, 5, 6)[..47], 4), Judgement::Nonsense);
    }
}
