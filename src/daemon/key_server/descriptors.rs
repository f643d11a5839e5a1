//! How many connections may be open at once without the daemon running out of descriptors. Opens none.

use crate::config::KeyExchangeServerConfig;
use crate::sys::file_limit;

/// For everything else that the daemon has open: sources, workers, files, who observes it.
const OTHERS: usize = 512;

/// The connections that each listener may have, in their order: `concurrent-connections`, or fewer where not so many descriptors are
/// allowed, even once as many were asked for as may be. That is warned of.
pub(super) fn share(sections: &[KeyExchangeServerConfig]) -> Vec<usize> {
    let wanted: Vec<usize> = sections.iter().map(|section| section.concurrent_connections).collect();
    if wanted.is_empty() {
        return wanted;
    }
    let all = wanted.iter().copied().fold(0, usize::saturating_add);
    let needed = all.saturating_add(OTHERS);
    let limit = file_limit::raise(needed).unwrap_or_else(|error| {
        tracing::warn!("It is not known whether {needed} descriptors are allowed: {error}");
        LEAST_ALLOWED
    });
    let allowed = shares(&wanted, limit);
    let in_force: usize = allowed.iter().sum();
    if in_force < all {
        tracing::warn!(
            "Only {limit} descriptors are allowed, so no more than {in_force} connections exchange keys at once, and not {all}: raise \
             LimitNOFILE in the unit to {needed} or more, or write smaller numbers for concurrent-connections in [[nts-ke-server]]"
        );
    }
    allowed
}

/// What Linux allows a process that nobody has allowed more.
const LEAST_ALLOWED: usize = 1024;

/// Where there are fewer descriptors than wanted, each listener gets the same part of what it wants. The others keep half of them at least.
fn shares(wanted: &[usize], limit: usize) -> Vec<usize> {
    let all = wanted.iter().copied().fold(0, usize::saturating_add);
    let room = limit.saturating_sub(OTHERS).max(limit / 2);
    if all <= room {
        return wanted.to_vec();
    }
    wanted.iter().map(|wanted| (wanted.saturating_mul(room) / all.max(1)).max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &[usize], limit: usize, allowed: &[usize]) {
        assert_eq!(shares(wanted, limit), allowed);
    }

    #[test]
    fn listeners_share_the_descriptors_that_are_left_by_the_others() {
        check(&[512], 1024, &[512]);
        check(&[512], 1023, &[511]);
        check(&[512, 512], 1024, &[256, 256]);
        check(&[3000, 1000], 2512, &[1500, 500]);
        check(&[10_000], 100_000, &[10_000]);
    }

    #[test]
    fn with_very_few_descriptors_half_of_them_are_kept_and_every_listener_has_some() {
        check(&[512], 64, &[32]);
        check(&[512, 512], 256, &[64, 64]);
        check(&[1_000_000, 1], 64, &[31, 1]);
        check(&[usize::MAX, usize::MAX], 64, &[1, 1]);
    }
}
