//! Poll exponents. When to poll is `source::polling`'s.

use super::Span;
use serde::{Deserialize, Serialize};

/// A poll interval as log2 seconds (RFC 5905 §7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Poll(i8);

impl Poll {
    /// The longest exponent that RFC 5905 knows (MAXPOLL), about 36 hours.
    pub const MAX: Self = Self(17);
    /// One second.
    pub const MIN: Self = Self(0);

    /// From log2 seconds; limited to [`Poll::MIN`] ..= [`Poll::MAX`].
    pub const fn new(log2_seconds: i8) -> Self {
        if log2_seconds < Self::MIN.0 {
            Self::MIN
        } else if log2_seconds > Self::MAX.0 {
            Self::MAX
        } else {
            Self(log2_seconds)
        }
    }

    /// In log2 seconds.
    pub const fn log2(self) -> i8 {
        self.0
    }

    /// The interval itself.
    pub fn interval(self) -> Span {
        Span::from_secs(1_i64 << self.0)
    }

    /// Twice as long.
    #[must_use]
    pub const fn longer(self) -> Self {
        Self::new(self.0.saturating_add(1))
    }

    /// Half as long.
    #[must_use]
    pub const fn shorter(self) -> Self {
        Self::new(self.0.saturating_sub(1))
    }
}
