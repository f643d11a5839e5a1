//! What a client keeps of a key exchange: two keys and its cookies; how it protects requests and opens replies (RFC 8915 §5.7). Sends nothing.

use super::field::{Authenticator, FIELD_HEADER_LEN, FieldType, Fields, Opened};
use super::field::{padded, write_authenticator, write_field};
use super::{Algorithm, Cipher, LONGEST_NONCE, SessionKeys, TAG_LEN};
use crate::packet::{Header, Packet};
use rand_core::Rng;
use std::collections::VecDeque;
use std::fmt;
use zeroize::Zeroizing;

/// Ties a reply to its request (RFC 8915 §5.3): random, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueIdentifier(pub [u8; 32]);

/// Keys and cookies for one server.
pub struct Session {
    keys: SessionKeys,
    /// The oldest first; each is given away once.
    cookies: VecDeque<Zeroizing<Vec<u8>>>,
    /// The one in the last request: no secret any more, unless that did not leave.
    spent: Zeroizing<Vec<u8>>,
}

/// A request, ready to be sent.
#[derive(Debug)]
pub struct Protected {
    /// The whole datagram.
    pub bytes: Vec<u8>,
    /// What its reply must return.
    pub unique_identifier: UniqueIdentifier,
}

/// A reply that the server did not send, or that was changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAuthentic;

/// As many as a client keeps (RFC 8915 §5.7).
const COOKIES: usize = 8;
/// Of a request, bytes: ntpd-rs 1 reads no more.
const LONGEST_DATAGRAM: usize = 1024;
/// Of the value of an extension field (RFC 7822 §3: 16 bytes with its header).
const SHORTEST_VALUE: usize = 12;
const IDENTIFIER_FIELD_LEN: usize = FIELD_HEADER_LEN + 32;
/// Of the longest request without its cookie and placeholders.
const REST_LEN: usize = Header::LEN + IDENTIFIER_FIELD_LEN + Authenticator::field_len(LONGEST_NONCE, TAG_LEN);
/// Of a cookie, bytes: a request with a longer one would be longer than the 1024 that ntpd-rs 1.x reads.
pub const LONGEST_COOKIE: usize = LONGEST_DATAGRAM - REST_LEN - FIELD_HEADER_LEN;

impl Session {
    /// With the cookies of a key exchange, at most eight of which are kept.
    pub fn new(keys: SessionKeys, cookies: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut this = Self { keys, cookies: VecDeque::new(), spent: Zeroizing::default() };
        this.keep(cookies);
        this
    }

    /// What packets are protected with.
    pub const fn algorithm(&self) -> Algorithm {
        self.keys.algorithm()
    }

    /// To be kept across restarts.
    pub const fn keys(&self) -> &SessionKeys {
        &self.keys
    }

    /// How many are left.
    pub fn cookies_left(&self) -> usize {
        self.cookies.len()
    }

    /// Half of the cookies, for a run that starts without a word from this one: here they are never used.
    pub fn reserve(&mut self) -> Option<Self> {
        let cookies = self.cookies.split_off(self.cookies.len().div_ceil(2));
        (!cookies.is_empty()).then(|| Self { keys: self.keys.clone(), cookies, spent: Zeroizing::default() })
    }

    /// Gives all cookies away, for the next run.
    pub fn into_parts(self) -> (SessionKeys, Vec<Zeroizing<Vec<u8>>>) {
        (self.keys, self.cookies.into())
    }

    /// A request with this header. It spends a cookie, and asks for as many as are missing then, if they fit. `None` without a cookie.
    pub fn protect(&mut self, header: &Header, random: &mut impl Rng) -> Option<Protected> {
        let cookie = self.cookies.pop_front()?;
        let nonce_len = self.algorithm().nonce_len();
        let field_len = FIELD_HEADER_LEN + value_len(&cookie);
        let bare = Header::LEN + IDENTIFIER_FIELD_LEN + Authenticator::field_len(nonce_len, TAG_LEN);
        let fitting = LONGEST_DATAGRAM.saturating_sub(bare) / field_len;
        let missing = COOKIES.saturating_sub(self.cookies.len());
        let mut request = Writer(vec![0; bare + missing.min(fitting) * field_len], Header::LEN);
        let mut identifier = [0; 32];
        random.fill_bytes(&mut identifier);
        request.0.get_mut(..Header::LEN)?.copy_from_slice(&header.emit());
        request.field(FieldType::UniqueIdentifier, &identifier)?;
        request.field(FieldType::Cookie, &cookie)?;
        for _ in 1..missing.min(fitting) {
            // The length counts, the contents mean nothing: zeros tell nothing.
            request.blank(FieldType::CookiePlaceholder, value_len(&cookie))?;
        }
        let Writer(mut bytes, at) = request;
        let mut nonce = [0; LONGEST_NONCE];
        let nonce = nonce.get_mut(..nonce_len)?;
        random.fill_bytes(nonce);
        let (associated, rest) = bytes.split_at_mut_checked(at)?;
        let sealed = write_authenticator(rest, nonce, TAG_LEN)?;
        Cipher::new(&self.keys.c2s)?.seal(nonce, associated, &[], sealed)?;
        self.spent = cookie;
        Some(Protected { bytes, unique_identifier: UniqueIdentifier(identifier) })
    }

    /// The last request did not leave: nobody has seen its cookie.
    pub fn on_send_failed(&mut self) {
        let cookie = std::mem::take(&mut self.spent);
        if is_cookie(&cookie) && self.cookies.len() < COOKIES {
            self.cookies.push_front(cookie);
        }
    }

    /// The cookies in a reply to the request with this identifier, in their order; `bytes` are those that `packet` was parsed from. Nothing is kept yet.
    ///
    /// # Errors
    /// [`NotAuthentic`] unless every field that counts is sound and protected.
    pub fn open(
        &self,
        bytes: &[u8],
        packet: &Packet<'_>,
        identifier: &UniqueIdentifier,
    ) -> Result<Vec<Vec<u8>>, NotAuthentic> {
        let fields = Fields::find(bytes, packet).map_err(|_| NotAuthentic)?;
        let authenticator = fields.authenticator.filter(|_| identifier.is_in(&fields)).ok_or(NotAuthentic)?;
        let Authenticator { associated, nonce, sealed, .. } = authenticator;
        let mut text = Zeroizing::new(vec![0; sealed.len().saturating_sub(TAG_LEN)]);
        Cipher::new(&self.keys.s2c)
            .and_then(|mut cipher| cipher.open(nonce, associated, sealed, &mut text))
            .ok_or(NotAuthentic)?;
        let mut cookies = Vec::new();
        for field in Opened::new(&text) {
            let field = field.map_err(|_| NotAuthentic)?;
            if field.field_type == FieldType::Cookie.id() && cookies.len() < COOKIES {
                cookies.push(field.value.to_vec());
            }
        }
        Ok(cookies)
    }

    /// Keeps those that are new and that there is room for. One that comes twice would tell the network who asks (RFC 8915 §9.1).
    pub fn keep(&mut self, cookies: impl IntoIterator<Item = Vec<u8>>) {
        for cookie in cookies.into_iter().map(Zeroizing::new) {
            if self.cookies.len() >= COOKIES {
                break;
            }
            if is_cookie(&cookie) && cookie != self.spent && !self.cookies.contains(&cookie) {
                self.cookies.push_back(cookie);
            }
        }
    }
}

impl UniqueIdentifier {
    /// Whether the packet returns it.
    pub fn is_in(&self, fields: &Fields<'_>) -> bool {
        fields.unique_identifier == Some(self.0.as_slice())
    }
}

impl fmt::Debug for Session {
    /// Cookies are secrets too: whoever has one can be taken for us.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {} cookies)", self.algorithm(), self.cookies.len())
    }
}

fn is_cookie(bytes: &[u8]) -> bool {
    (1..=LONGEST_COOKIE).contains(&bytes.len())
}

/// On the wire, bytes.
fn value_len(cookie: &[u8]) -> usize {
    padded(cookie.len()).max(SHORTEST_VALUE)
}

/// A packet, and where its next field begins.
struct Writer(Vec<u8>, usize);

impl Writer {
    fn blank(&mut self, kind: FieldType, length: usize) -> Option<&mut [u8]> {
        let value = write_field(self.0.get_mut(self.1..)?, kind, length)?;
        self.1 += FIELD_HEADER_LEN + value.len();
        Some(value)
    }

    fn field(&mut self, kind: FieldType, bytes: &[u8]) -> Option<()> {
        let value = self.blank(kind, padded(bytes.len()).max(SHORTEST_VALUE))?;
        value.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(())
    }
}

#[cfg(test)]
mod tests;
