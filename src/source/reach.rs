//! The reachability register. What follows from being unreachable is decided elsewhere.

/// Eight polls, the latest in the lowest bit; a set bit is an answered poll (RFC 5905 §9.2).
///
/// The RFC shifts when the request is sent; here a poll enters the register once its fate is known, so
/// that a request on its way does not look like a lost one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach(u8);

impl Reach {
    /// The register.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether one of the last eight polls was answered.
    pub const fn is_reachable(self) -> bool {
        self.0 != 0
    }

    /// A poll has ended.
    #[must_use]
    pub(super) const fn after(self, answered: bool) -> Self {
        Self((self.0 << 1) | answered as u8)
    }
}
