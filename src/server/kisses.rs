//! How many kisses a worker sends, to all clients together. Who deserves one is not decided here.

use super::token_bucket::{Pace, TokenBucket};
use crate::time::{Mono, Span};

/// In the long run, and at once.
///
/// A kiss is never longer than its request, so nothing is amplified; but the sender of a request can be forged, and then
/// its owner gets what he never asked for. A hundred are enough to tell a network full of clients in a minute, and
/// in bytes as little as one telephone call.
const PER_SECOND: u32 = 100;

/// Kisses that may still be sent for one reason.
#[derive(Debug)]
pub(super) struct Kisses {
    pace: Pace,
    left: TokenBucket,
}

impl Kisses {
    pub(super) fn new() -> Self {
        let pace = Pace::new(Span::from_secs(1) / i64::from(PER_SECOND), PER_SECOND);
        Self { pace, left: TokenBucket::FULL }
    }

    /// Whether there is one to spend.
    pub(super) fn is_left(&self, now: Mono) -> bool {
        self.left.has_token(self.pace, now)
    }

    /// Whether one more may be sent now; then it counts as sent.
    pub(super) fn spend(&mut self, now: Mono) -> bool {
        self.left.take(self.pace, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_a_hundred_kisses_at_once_and_a_hundred_a_second() {
        let mut kisses = Kisses::new();
        let mut sent_until = |seconds: i64| {
            let times = (0..seconds * 1000).map(|ms| Mono::default() + Span::from_millis(ms));
            times.filter(|now| kisses.spend(*now)).count()
        };
        assert_eq!(sent_until(10), 1099);
    }
}
