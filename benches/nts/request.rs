//! One NTS request as a server meets it, and the parts of its cryptography. Takes no time.

use ntpd_rs::nts::{Algorithm, Cipher, Key, KeySet, LONGEST_NONCE, MasterKey, SessionKeys, TAG_LEN};
use std::hint::black_box;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Whole,
    OpenCookie,
    OpenRequest,
    SealCookie,
    SealReply,
}

impl Part {
    pub(crate) const ALL: [Self; 5] =
        [Self::Whole, Self::OpenCookie, Self::OpenRequest, Self::SealCookie, Self::SealReply];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "the whole request",
            Self::OpenCookie => "  open the cookie",
            Self::OpenRequest => "  verify the request",
            Self::SealCookie => "  seal a cookie",
            Self::SealReply => "  seal the reply",
        }
    }
}

/// Header and unique identifier, before the cookie.
const HEAD_LEN: usize = 48 + 36;
const FIELD_HEADER_LEN: usize = 4;

/// A server with a request that it met.
pub(crate) struct Server {
    keys: KeySet,
    session: SessionKeys,
    nonce: Vec<u8>,
    cookie: Vec<u8>,
    /// What the authenticator covers.
    associated: Vec<u8>,
    sealed: Vec<u8>,
}

impl Server {
    pub(crate) fn new(algorithm: Algorithm) -> Option<Self> {
        let masters = (0..8).map(|id: u8| {
            Some(MasterKey { id: id.into(), key: Key::new(Algorithm::AesSivCmac512, &[id; 64])? })
        });
        let mut keys = KeySet::new(masters.collect::<Option<_>>()?, 7)?;
        let length = algorithm.key_len();
        let session = SessionKeys::new(algorithm, &vec![1; length], &vec![2; length])?;
        let mut cookie = vec![0; KeySet::cookie_len(algorithm)];
        keys.seal(&session, [3; 16], &mut cookie)?;
        let associated = vec![4; HEAD_LEN + FIELD_HEADER_LEN + cookie.len()];
        let nonce = vec![5; algorithm.nonce_len()];
        let mut sealed = vec![0; TAG_LEN];
        Cipher::new(&session.c2s)?.seal(&nonce, &associated, &[], &mut sealed)?;
        Some(Self { keys, session, nonce, cookie, associated, sealed })
    }

    pub(crate) fn work(&mut self, part: Part) -> Option<usize> {
        let mut cookie = [0; FIELD_HEADER_LEN + KeySet::LONGEST_COOKIE];
        let mut length = FIELD_HEADER_LEN + self.cookie.len();
        match part {
            Part::Whole => {
                let session = self.keys.open(black_box(&self.cookie))?;
                self.open_request(&session)?;
                let fresh = cookie.get_mut(FIELD_HEADER_LEN..)?;
                length = FIELD_HEADER_LEN + self.keys.seal(&session, [6; 16], fresh)?;
                self.seal_reply(&session, cookie.get(..length)?)
            }
            Part::OpenCookie => self.keys.open(black_box(&self.cookie)).map(|_| length),
            Part::OpenRequest => self.open_request(&self.session),
            Part::SealCookie => self.keys.seal(black_box(&self.session), [6; 16], &mut cookie),
            Part::SealReply => self.seal_reply(&self.session, cookie.get(..length)?),
        }
    }

    fn open_request(&self, session: &SessionKeys) -> Option<usize> {
        let mut cipher = Cipher::new(black_box(&session.c2s))?;
        cipher.open(&self.nonce, black_box(&self.associated), &self.sealed, &mut [])
    }

    fn seal_reply(&self, session: &SessionKeys, text: &[u8]) -> Option<usize> {
        let mut sealed = [0; FIELD_HEADER_LEN + KeySet::LONGEST_COOKIE + LONGEST_NONCE + TAG_LEN];
        let head = self.associated.get(..HEAD_LEN)?;
        let length =
            Cipher::new(black_box(&session.s2c))?.seal(&self.nonce, black_box(head), text, &mut sealed);
        black_box(&sealed);
        length
    }
}
