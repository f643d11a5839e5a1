//! A token bucket as one instant: when it will be full. Whose it is, and what a token buys, is not known here.
//!
//! From that instant on the bucket says nothing, exactly like one that is not there: none has to be filled, or cleaned up.

use crate::time::{Mono, Span};

/// How fast buckets fill, and how much they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Between two tokens.
    interval: Span,
    /// From empty to full.
    capacity: Span,
}

impl Pace {
    /// A token each `interval`, and at most `burst` of them at once; one at least.
    pub(super) fn new(interval: Span, burst: u32) -> Self {
        let interval = interval.max(Span::from_nanos(1));
        Self { interval, capacity: interval * i64::from(burst.max(1)) }
    }
}

/// Tokens that come back with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenBucket {
    full_at: Mono,
}

impl TokenBucket {
    /// One that was never used.
    pub(super) const FULL: Self = Self { full_at: Mono::from_nanos(i64::MIN) };

    /// How long until it is full; nothing once it is.
    ///
    /// Longer than from empty to full means that the monotonic clock went back, as it may when a machine's memory is restored:
    /// such a bucket is full, and one is full too early when the clock goes forward. Nobody is refused for either.
    pub(super) fn missing(self, pace: Pace, now: Mono) -> Span {
        let missing = self.full_at - now;
        if missing > pace.capacity { Span::ZERO } else { missing.max(Span::ZERO) }
    }

    /// Whether there is a token to take.
    pub(super) fn has_token(self, pace: Pace, now: Mono) -> bool {
        self.missing(pace, now) <= pace.capacity - pace.interval
    }

    /// Takes a token; if there is none, nothing.
    pub(super) fn take(&mut self, pace: Pace, now: Mono) -> bool {
        let has_token = self.has_token(pace, now);
        if has_token {
            self.full_at = now + self.missing(pace, now) + pace.interval;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE_OF_3: fn() -> Pace = || Pace::new(Span::from_secs(10), 3);

    fn at(seconds: i64) -> Mono {
        Mono::default() + Span::from_secs(seconds)
    }

    /// Takes at each of these seconds; whether there was a token.
    fn takes(bucket: &mut TokenBucket, seconds: &[i64]) -> Vec<bool> {
        seconds.iter().map(|s| bucket.take(PACE_OF_3(), at(*s))).collect()
    }

    #[test]
    fn a_rested_bucket_gives_a_burst_and_then_one_token_for_each_interval() {
        let mut bucket = TokenBucket::FULL;
        assert_eq!(takes(&mut bucket, &[100, 100, 100, 100]), [true, true, true, false]);
        assert_eq!(takes(&mut bucket, &[109, 110, 110, 119, 120]), [false, true, false, false, true]);
        assert_eq!(takes(&mut bucket, &[1000, 1000, 1000, 1000]), [true, true, true, false]);
    }

    #[test]
    fn a_refusal_costs_nothing() {
        let mut bucket = TokenBucket::FULL;
        takes(&mut bucket, &[0, 0, 0]);
        assert_eq!(takes(&mut bucket, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), [&[false; 9][..], &[true]].concat());
    }

    #[test]
    fn a_clock_that_goes_back_leaves_the_bucket_full_and_not_empty_for_ever() {
        let mut bucket = TokenBucket::FULL;
        takes(&mut bucket, &[1_000_000, 1_000_000, 1_000_000]);
        assert_eq!(takes(&mut bucket, &[0, 0, 0, 0, 10]), [true, true, true, false, true]);
    }

    #[test]
    fn a_clock_that_goes_forward_fills_it() {
        let mut bucket = TokenBucket::FULL;
        assert_eq!(takes(&mut bucket, &[0, 0, 0, 0]), [true, true, true, false]);
        assert_eq!(takes(&mut bucket, &[i64::MAX / 2_000_000_000]), [true]);
    }

    #[test]
    fn the_ends_of_the_clock_and_nonsense_in_the_configuration_saturate() {
        for (interval, burst) in [(Span::MAX, u32::MAX), (Span::from_nanos(i64::MIN), 0), (Span::ZERO, 1)] {
            for now in [i64::MIN, -1, 0, i64::MAX] {
                let mut bucket = TokenBucket::FULL;
                assert!(bucket.take(Pace::new(interval, burst), Mono::from_nanos(now)), "{interval:?} {now}");
            }
        }
    }
}
