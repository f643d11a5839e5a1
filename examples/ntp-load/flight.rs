//! The requests of one socket that are on their way. Sends nothing.

use crate::random::Random;
use ntpd_rs::time::{Mono, Span};

/// A fixed number of slots. A cookie names its slot in the low 16 bits; the rest is random, so that a reply which comes
/// twice, or too late, or from nowhere, is none to a request on its way.
#[derive(Debug)]
pub(crate) struct Flight {
    slots: Vec<Slot>,
    /// Of slots that use the same one again, because their requests are ready made: a reply that comes twice may then count for the next
    /// request.
    fixed: Vec<u64>,
    free: Vec<u16>,
    random: Random,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// 0 while it is free.
    cookie: u64,
    sent: Mono,
}

impl Flight {
    pub(crate) fn new(capacity: u16) -> Self {
        let empty = Slot { cookie: 0, sent: Mono::from_nanos(0) };
        Self {
            slots: vec![empty; capacity.into()],
            fixed: Vec::new(),
            free: (0..capacity).rev().collect(),
            random: Random::new(),
        }
    }

    /// One whose slots keep their cookies, and those.
    pub(crate) fn with_fixed_cookies(capacity: u16) -> (Self, Vec<u64>) {
        let mut this = Self::new(capacity);
        this.fixed = (0..capacity).map(|index| this.cookie(index)).collect();
        let fixed = this.fixed.clone();
        (this, fixed)
    }

    /// The cookie of another request, unless as many as may be are on their way.
    pub(crate) fn begin(&mut self, sent: Mono) -> Option<u64> {
        let index = self.free.pop()?;
        let fixed = self.fixed.get(usize::from(index)).copied();
        let cookie = fixed.unwrap_or_else(|| self.cookie(index));
        if let Some(slot) = self.slots.get_mut(usize::from(index)) {
            *slot = Slot { cookie, sent };
        }
        Some(cookie)
    }

    /// Whether a request with this cookie was on its way; it no longer is.
    pub(crate) fn end(&mut self, cookie: u64) -> bool {
        let index = slot_of(cookie);
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return false };
        let known = cookie != 0 && slot.cookie == cookie;
        if known {
            slot.cookie = 0;
            self.free.push(index);
        }
        known
    }

    fn cookie(&mut self, index: u16) -> u64 {
        (self.random.next() | 1 << 16) & !0xFFFF | u64::from(index)
    }

    /// Gives up what was sent more than `timeout` ago, and says how many that were.
    pub(crate) fn give_up(&mut self, now: Mono, timeout: Span) -> u64 {
        let mut lost = 0;
        for (index, slot) in (0..).zip(&mut self.slots) {
            if slot.cookie != 0 && now - slot.sent > timeout {
                slot.cookie = 0;
                self.free.push(index);
                lost += 1;
            }
        }
        lost
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }
}

/// Which one a cookie names.
pub(crate) fn slot_of(cookie: u64) -> u16 {
    let [.., high, low] = cookie.to_be_bytes();
    u16::from_be_bytes([high, low])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn no_more_than_the_capacity_are_on_their_way() {
        let mut flight = Flight::new(2);
        let first = flight.begin(at(1)).unwrap();
        let second = flight.begin(at(1)).unwrap();
        assert_ne!(first, second);
        assert_eq!(flight.begin(at(1)), None);
        assert!(flight.end(first) && !flight.is_empty());
        assert!(!flight.end(first), "a second reply is none");
        assert!(flight.begin(at(1)).is_some_and(|third| third != first));
        assert!(flight.end(second));
    }

    #[test]
    fn a_slot_may_keep_its_cookie() {
        let (mut flight, cookies) = Flight::with_fixed_cookies(2);
        for _ in 0..3 {
            let both = [flight.begin(at(1)).unwrap(), flight.begin(at(1)).unwrap()];
            assert!(both.iter().all(|cookie| cookies.contains(cookie)) && both[0] != both[1]);
            assert!(both.into_iter().all(|cookie| flight.end(cookie) && !flight.end(cookie)));
        }
    }

    #[test]
    fn a_late_reply_is_none() {
        let mut flight = Flight::new(3);
        let (old, new) = (flight.begin(at(1)).unwrap(), flight.begin(at(9)).unwrap());
        assert_eq!(flight.give_up(at(10), Span::from_secs(5)), 1);
        assert!(!flight.end(old) && flight.end(new) && flight.is_empty());
        assert!(!flight.end(0) && !flight.end(u64::MAX));
    }
}
