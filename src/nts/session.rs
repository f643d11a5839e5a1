//! What a client keeps of a key exchange: two keys and its cookies. Sends nothing.

use super::{Algorithm, SessionKeys};
use std::collections::VecDeque;

/// Ties a reply to its request (RFC 8915 §5.3): random, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UniqueIdentifier(pub [u8; 32]);

/// Keys and cookies for one server.
#[derive(Debug)]
pub struct Session {
    keys: SessionKeys,
    /// The oldest first; each is given away once.
    cookies: VecDeque<Vec<u8>>,
}

/// As many as a client keeps (RFC 8915 §5.7).
const COOKIES: usize = 8;
/// Of a cookie, bytes: a request with a longer one would be longer than the 1024 that ntpd-rs 1.x reads.
pub const LONGEST_COOKIE: usize = 896;

impl Session {
    /// With the cookies of a key exchange, at most eight of which are kept.
    pub fn new(keys: SessionKeys, cookies: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut this = Self { keys, cookies: VecDeque::new() };
        cookies.into_iter().for_each(|cookie| this.keep(cookie));
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

    /// Gives all cookies away, for the next run.
    pub fn into_parts(self) -> (SessionKeys, Vec<Vec<u8>>) {
        (self.keys, self.cookies.into())
    }

    fn keep(&mut self, cookie: Vec<u8>) {
        if self.cookies.len() < COOKIES && (1..=LONGEST_COOKIE).contains(&cookie.len()) {
            self.cookies.push_back(cookie);
        }
    }
}
