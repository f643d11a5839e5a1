//! Replies of a test server that knows NTS (RFC 8915 §5.7), and those that somebody on the path sends in its name. Has no socket.

use super::{KeyExchangeOptions, Tampering};
use crate::nts::field::{
    Authenticator, FIELD_HEADER_LEN, FieldType, Fields, write_authenticator, write_field,
};
use crate::nts::{Cipher, KeySet, SessionKeys, TAG_LEN};
use crate::packet::{Header, KissCode, Packet};
use crate::time::{Leap, NtpTimestamp};

/// Makes replies of plain ones.
#[derive(Debug)]
pub(super) struct Packets {
    master_keys: KeySet,
    tampering: Tampering,
    /// Requests that are still answered like that.
    faulty: Option<u64>,
    withhold: bool,
    /// The last genuine one.
    before: Option<Vec<u8>>,
}

/// As many as a client keeps.
const COOKIES: usize = 8;
/// Of an authenticator field: type and length, then the lengths of nonce and sealed text.
const AUTHENTICATOR_HEADER_LEN: usize = 8;

impl Packets {
    pub(super) fn new(options: &KeyExchangeOptions, master_keys: KeySet) -> Self {
        let KeyExchangeOptions { tampering, faulty_packets: faulty, withhold, .. } = *options;
        Self { master_keys, tampering, faulty, withhold, before: None }
    }

    /// What arrives at the client, in this order; `plain` is the reply without NTS. Nothing where the request has none.
    pub(super) fn replies(&mut self, request: &[u8], plain: &Header) -> Option<Vec<Vec<u8>>> {
        let packet = Packet::parse(request).ok()?;
        let fields = Fields::find(request, &packet).ok()?;
        let identifier = fields.unique_identifier?;
        let Some(genuine) = self.genuine(&fields, identifier, plain) else {
            return Some(vec![nak(identifier, plain)?]);
        };
        let is_faulty = self.faulty != Some(0) && self.tampering != Tampering::None;
        self.faulty = self.faulty.map(|left| left.saturating_sub(1));
        let before = self.before.replace(genuine.clone());
        if !is_faulty {
            return Some(vec![genuine]);
        }
        let forged = match self.tampering {
            Tampering::None => None,
            Tampering::Nak => nak(identifier, plain),
            Tampering::Truncated => truncated(&genuine),
            Tampering::Cut => {
                genuine.len().checked_sub(20).and_then(|end| genuine.get(..end)).map(<[u8]>::to_vec)
            }
            Tampering::Replayed => before.map(|before| with_fields_of(plain, &before)),
            Tampering::Changed => {
                let transmit_timestamp = NtpTimestamp::from_bits(plain.transmit_timestamp.bits() + (1 << 32));
                Some(with_fields_of(&Header { transmit_timestamp, ..*plain }, &genuine))
            }
            Tampering::Bare => Some(plain.emit().to_vec()),
        };
        let genuine = Some(genuine).filter(|_| !self.withhold);
        Some(forged.into_iter().chain(genuine).collect())
    }

    /// `None` where the cookie does not open or the request was changed.
    fn genuine(&mut self, fields: &Fields<'_>, identifier: &[u8], plain: &Header) -> Option<Vec<u8>> {
        let keys = self.master_keys.open(fields.cookie?)?;
        let Authenticator { associated, nonce, sealed, .. } = fields.authenticator?;
        let mut text = vec![0; sealed.len().checked_sub(TAG_LEN)?];
        Cipher::new(&keys.c2s)?.open(nonce, associated, sealed, &mut text)?;
        let text = self.cookies(&keys, (1 + fields.placeholders).min(COOKIES))?;
        let mut reply = with_identifier(identifier, plain)?;
        let mut nonce = vec![0; keys.algorithm().nonce_len()];
        getrandom::fill(&mut nonce).ok()?;
        let at = reply.len();
        reply.resize(at + Authenticator::field_len(nonce.len(), text.len() + TAG_LEN), 0);
        let (associated, rest) = reply.split_at_mut_checked(at)?;
        let place = write_authenticator(rest, &nonce, text.len() + TAG_LEN)?;
        Cipher::new(&keys.s2c)?.seal(&nonce, associated, &text, place)?;
        Some(reply)
    }

    fn cookies(&mut self, keys: &SessionKeys, count: usize) -> Option<Vec<u8>> {
        let length = KeySet::cookie_len(keys.algorithm());
        let mut text = vec![0; count * (FIELD_HEADER_LEN + length)];
        for field in text.chunks_exact_mut(FIELD_HEADER_LEN + length) {
            let mut nonce = [0; 16];
            getrandom::fill(&mut nonce).ok()?;
            self.master_keys.seal(keys, nonce, write_field(field, FieldType::Cookie, length)?)?;
        }
        Some(text)
    }
}

/// RFC 8915 §5.7.
fn nak(identifier: &[u8], plain: &Header) -> Option<Vec<u8>> {
    let reference_id = KissCode::NtsNak.reference_id();
    with_identifier(identifier, &Header { leap: Leap::Unsynchronized, stratum: 0, reference_id, ..*plain })
}

fn with_identifier(identifier: &[u8], header: &Header) -> Option<Vec<u8>> {
    let mut reply = header.emit().to_vec();
    reply.resize(Header::LEN + FIELD_HEADER_LEN + identifier.len(), 0);
    let value = write_field(reply.get_mut(Header::LEN..)?, FieldType::UniqueIdentifier, identifier.len())?;
    value.copy_from_slice(identifier);
    Some(reply)
}

fn with_fields_of(header: &Header, other: &[u8]) -> Vec<u8> {
    [&header.emit(), other.get(Header::LEN..).unwrap_or_default()].concat()
}

/// The last four bytes of the sealed text are gone, and every length says so.
fn truncated(genuine: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = genuine.get(..genuine.len().checked_sub(4)?)?.to_vec();
    let identifier_len = bytes.get(Header::LEN + 2..Header::LEN + FIELD_HEADER_LEN)?;
    let at = Header::LEN + usize::from(u16::from_be_bytes(identifier_len.try_into().ok()?));
    let lengths = bytes.get_mut(at..at + AUTHENTICATOR_HEADER_LEN)?;
    // Of the field, and of the sealed text.
    for place in [2, 6] {
        let place = lengths.get_mut(place..place + 2)?;
        let shorter = u16::from_be_bytes((&*place).try_into().ok()?).checked_sub(4)?;
        place.copy_from_slice(&shorter.to_be_bytes());
    }
    Some(bytes)
}
