//! Numbers that need only differ. Not for secrets.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Another sequence in each process and moment.
    pub(crate) fn new() -> Self {
        let time = ntpd_rs::sys::clock::realtime().unix_nanos().cast_unsigned();
        Self(time ^ u64::from(std::process::id()).rotate_left(40))
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
