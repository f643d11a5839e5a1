//! One file per section of `ntp.toml`: its defaults and ranges. How values are read is `reader`'s.

mod clients;
pub(super) mod clock;
mod leap_smear;
pub(super) mod nts;
pub(super) mod observability;
pub(super) mod servers;
pub(super) mod sources;
pub(super) mod synchronization;

#[cfg(test)]
mod tests;
