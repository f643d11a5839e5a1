//! How long is waited before a key exchange is tried again (RFC 8915 §4.2). Tries nothing.

use crate::time::{Mono, Span};
use rand_core::Rng;

/// Attempts that were of no use, and when the next one is allowed.
///
/// The RFC forbids to forget failures before keys were exchanged *and* used: a server that gives keys which then do not work would
/// otherwise be asked for more of them without end.
#[derive(Debug, Clone, Copy)]
pub(super) struct BackOff {
    attempts: u32,
    until: Mono,
}

impl BackOff {
    pub(super) const fn new(now: Mono) -> Self {
        Self { attempts: 0, until: now }
    }

    /// One more was of no use, or may turn out so.
    pub(super) fn lengthen(&mut self, now: Mono, random: &mut impl Rng) {
        self.attempts = self.attempts.saturating_add(1);
        let wait = wait_seconds(self.attempts);
        // Longer by up to a tenth: computers that lost their server together do not come back together.
        let jitter = wait * 0.1 * f64::from(random.next_u32()) / f64::from(u32::MAX);
        self.until = now + Span::from_seconds(wait + jitter);
    }

    /// Keys of an exchange were used with success.
    pub(super) const fn forget(&mut self) {
        self.attempts = 0;
    }

    /// Another network may have another answer: the next attempt may come at once, and what failed still counts.
    pub(super) fn hurry(&mut self, now: Mono) {
        self.until = self.until.min(now);
    }

    /// The same failures, without waiting for the first attempt.
    pub(super) const fn inherited(self, now: Mono) -> Self {
        Self { until: now, ..self }
    }

    pub(super) const fn until(&self) -> Mono {
        self.until
    }
}

/// As the RFC suggests, but no longer than an hour, where it has five days: a server that is back is found the same morning.
fn wait_seconds(attempts: u32) -> f64 {
    let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX).min(40);
    (SHORTEST * 1.5_f64.powi(exponent)).min(LONGEST)
}

/// Seconds.
const SHORTEST: f64 = 10.0;
const LONGEST: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn waits_grow_by_half_from_ten_seconds_to_an_hour() {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        let now = Mono::from_nanos(0);
        let mut back_off = BackOff::new(now);
        assert_eq!(back_off.until(), now);
        for (attempt, least) in [10.0, 15.0, 22.5, 33.75].into_iter().enumerate() {
            back_off.lengthen(now, &mut random);
            let wait = (back_off.until() - now).seconds();
            assert!((least..=least * 1.1).contains(&wait), "{attempt}: {wait}");
        }
        for _ in 0..100 {
            back_off.lengthen(now, &mut random);
        }
        let wait = (back_off.until() - now).seconds();
        assert!((3600.0..=3960.0).contains(&wait), "{wait}");
    }

    #[test]
    fn another_network_hurries_the_next_attempt_and_not_those_after_it() {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        let now = Mono::from_nanos(0);
        let mut back_off = BackOff::new(now);
        (0..10).for_each(|_| back_off.lengthen(now, &mut random));
        back_off.hurry(now);
        assert_eq!(back_off.until(), now);
        back_off.lengthen(now, &mut random);
        assert!((back_off.until() - now).seconds() > 300.0);
    }
}
