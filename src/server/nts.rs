//! NTS at a server (RFC 8915 §5.7): whether a request is what its sender wrote, and the fields of its reply. Who gets time is not decided here.
//!
//! Where the RFC leaves room:
//! - A request that wants NTS, by a cookie or an authenticator, has exactly one unique identifier, cookie and authenticator, as §5.7 says of
//!   clients. With fewer or more of them it is malformed and gets nothing: nobody's client sends such a thing, and a NAK would make the
//!   victim of a damaging middlebox exchange keys in vain.
//! - A unique identifier has 32 bytes or more, as §5.3 says: by a shorter one a client could not tell a replay.
//! - What follows the authenticator is protected by nothing and means nothing, be it a field or a MAC.
//! - A unique identifier without NTS is returned too (§5.3), by a server that knows NTS at all.

use super::reply::{REPLY_CAPACITY, ReplyBuffer};
use crate::nts::field::{
    Authenticator, FIELD_HEADER_LEN, Fields, Opened, is_placeholder, write_authenticator, write_field,
};
use crate::nts::field::{BadField, FieldType};
use crate::nts::{Cipher, KeySet, LONGEST_NONCE, SessionKeys, TAG_LEN};
use crate::packet::{Header, Packet};
use crate::verdict::Refusal;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt;

/// Master keys, and where nonces come from; of one worker.
pub(super) struct Nts {
    keys: KeySet,
    nonces: ChaCha20Rng,
    /// What a request has sealed, then what is to be sealed for its reply.
    text: Box<[u8; REPLY_CAPACITY]>,
}

/// A request's wishes beside time.
pub(super) struct Asked<'a> {
    /// To be returned.
    pub(super) unique_identifier: Option<&'a [u8]>,
    pub(super) protection: Protection,
}

/// Whether a request is what its sender wrote.
pub(super) enum Protection {
    /// It does not say.
    None,
    /// It is.
    Authentic(Grant),
    /// Its cookie does not open, or it was changed on its way.
    Broken,
}

/// What the reply to an authentic request is to hold.
pub(super) struct Grant {
    keys: SessionKeys,
    /// As many as were asked for.
    cookies: usize,
}

/// The shortest that counts (RFC 8915 §5.3).
const SHORTEST_IDENTIFIER: usize = 32;
/// A client keeps no more (RFC 8915 §5.7).
const MOST_COOKIES: usize = 8;

impl Asked<'_> {
    /// Of a request without NTS, or to a server without.
    pub(super) const NOTHING: Self = Self { unique_identifier: None, protection: Protection::None };

    /// Whether it wants NTS.
    pub(super) const fn is_nts(&self) -> bool {
        !matches!(self.protection, Protection::None)
    }

    pub(super) const fn is_authentic(&self) -> bool {
        matches!(self.protection, Protection::Authentic(_))
    }
}

impl Nts {
    pub(super) fn new(keys: KeySet, seed: [u8; 32]) -> Self {
        Self { keys, nonces: ChaCha20Rng::from_seed(seed), text: Box::new([0; REPLY_CAPACITY]) }
    }

    pub(super) fn set_keys(&mut self, keys: KeySet) {
        self.keys = keys;
    }

    /// Looks at the fields of a request; `bytes` are those that `packet` was parsed from.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]: nothing is to be sent.
    pub(super) fn check<'a>(&mut self, bytes: &'a [u8], packet: &Packet<'a>) -> Result<Asked<'a>, Refusal> {
        if packet.extensions.is_empty() {
            return Ok(Asked::NOTHING);
        }
        let fields = Fields::find(bytes, packet).map_err(|BadField| Refusal::Malformed)?;
        let unique_identifier = fields
            .unique_identifier
            .filter(|bytes| bytes.len() >= SHORTEST_IDENTIFIER && fields.unique_identifiers == 1);
        if !fields.is_any() {
            return Ok(Asked { unique_identifier, protection: Protection::None });
        }
        let (Some(_), Some(cookie), Some(authenticator), 1) =
            (unique_identifier, fields.cookie, fields.authenticator, fields.cookies)
        else {
            return Err(Refusal::Malformed);
        };
        let Some(keys) = self.keys.open(cookie) else {
            return Ok(Asked { unique_identifier, protection: Protection::Broken });
        };
        // A server must discard a request that leaves no room for the nonce of its reply (RFC 8915 §5.6).
        if authenticator.nonce_room < keys.algorithm().nonce_len() {
            return Err(Refusal::Malformed);
        }
        let Authenticator { associated, nonce, sealed, .. } = authenticator;
        let opened = Cipher::new(&keys.c2s)
            .and_then(|mut cipher| cipher.open(nonce, associated, sealed, self.text.as_mut_slice()));
        let Some(text) = opened.and_then(|length| self.text.get(..length)) else {
            return Ok(Asked { unique_identifier, protection: Protection::Broken });
        };
        let placeholders = fields.placeholders + sealed_placeholders(text, cookie.len())?;
        let cookies = (1 + placeholders).min(MOST_COOKIES);
        Ok(Asked { unique_identifier, protection: Protection::Authentic(Grant { keys, cookies }) })
    }

    /// Puts an authenticator behind the first `length` bytes of a reply, with as many fresh cookies as were asked for and fit: the reply
    /// is not to have more than `limit` bytes. How many it has; `None` if not even an authenticator without cookies fits.
    pub(super) fn seal(
        &mut self,
        grant: &Grant,
        length: usize,
        limit: usize,
        to: &mut ReplyBuffer,
    ) -> Option<usize> {
        let algorithm = grant.keys.algorithm();
        let mut nonces = [[0; LONGEST_NONCE]; 1 + MOST_COOKIES];
        let cookie_field = FIELD_HEADER_LEN + KeySet::cookie_len(algorithm);
        let empty = length + Authenticator::field_len(algorithm.nonce_len(), TAG_LEN);
        let room = limit.min(REPLY_CAPACITY).checked_sub(empty)?;
        let cookies = grant.cookies.min(room / cookie_field);
        self.nonces.fill_bytes(nonces.get_mut(..=cookies)?.as_flattened_mut());
        let (nonce, cookie_nonces) = nonces.split_first()?;
        let text = self.text.get_mut(..cookies * cookie_field)?;
        for (field, nonce) in text.chunks_exact_mut(cookie_field).zip(cookie_nonces) {
            let value = write_field(field, FieldType::Cookie, cookie_field - FIELD_HEADER_LEN)?;
            self.keys.seal(&grant.keys, *nonce, value)?;
        }
        let nonce = nonce.get(..algorithm.nonce_len())?;
        let (associated, rest) = to.split_at_mut_checked(length)?;
        let sealed = write_authenticator(rest, nonce, text.len() + TAG_LEN)?;
        Cipher::new(&grant.keys.s2c)?.seal(nonce, associated, text, sealed)?;
        Some(empty + text.len())
    }
}

/// Placeholders may be sealed as well (RFC 8915 §5.7).
fn sealed_placeholders(text: &[u8], cookie_len: usize) -> Result<usize, Refusal> {
    Opened::new(text).try_fold(0, |count, field| {
        let field = field.map_err(|BadField| Refusal::Malformed)?;
        Ok(count + usize::from(is_placeholder(&field, cookie_len)))
    })
}

/// Puts the identifier behind a reply's header; how many bytes the reply has.
pub(super) fn write_identifier(identifier: &[u8], to: &mut ReplyBuffer) -> Option<usize> {
    let value = write_field(to.get_mut(Header::LEN..)?, FieldType::UniqueIdentifier, identifier.len())?;
    value.copy_from_slice(identifier);
    Some(Header::LEN + FIELD_HEADER_LEN + identifier.len())
}

impl fmt::Debug for Nts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nts").field("keys", &self.keys).finish_non_exhaustive()
    }
}
