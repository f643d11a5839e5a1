//! The order in which a request is refused, and what its sender gets to know of it. The single rules are in files of their own.

use super::access::Access;
use super::client::Client;
use super::kisses::Kisses;
use super::rate_limit::RateLimiter;
use super::reply;
use crate::config::{FilterAction, ServerConfig};
use crate::packet::{Header, KissCode};
use crate::time::Mono;
use crate::verdict::Refusal;

/// What a listener's configuration says of its clients, and what one worker remembers of them to enforce it.
#[derive(Debug)]
pub(super) struct Guard {
    access: Access,
    require_nts: Option<FilterAction>,
    denials: Kisses,
    rate_limiter: Option<RateLimiter>,
    rate_kisses: Kisses,
    naks: Kisses,
}

/// A reply in place of time.
pub(super) struct Kiss {
    pub(super) header: Header,
    pub(super) reason: Refusal,
}

impl Guard {
    pub(super) fn new(config: &ServerConfig, workers: usize, key: [u8; 16]) -> Self {
        Self {
            access: Access::new(config.allowlist.as_ref(), config.denylist.as_ref()),
            require_nts: config.require_nts,
            denials: Kisses::new(),
            rate_limiter: config.rate_limit.map(|limit| RateLimiter::new(&limit, workers, key)),
            rate_kisses: Kisses::new(),
            naks: Kisses::new(),
        }
    }

    /// Whether the lists want the client told that it may not ask, before the request is looked at.
    ///
    /// # Errors
    /// If they want it ignored.
    pub(super) fn is_denied(&self, client: &Client) -> Result<bool, Refusal> {
        match self.access.decision(client.address) {
            Some(FilterAction::Ignore) => Err(Refusal::Ignored),
            decision => Ok(decision == Some(FilterAction::Deny)),
        }
    }

    /// Whether there is a kiss to spare for a client that may not ask.
    pub(super) fn may_deny(&self, now: Mono) -> bool {
        self.denials.is_left(now)
    }

    /// Tells a client that its request is not authentic, so that it exchanges keys anew, while there are kisses to spare.
    pub(super) fn nak(&mut self, header: &Header, now: Mono) -> Result<Kiss, Refusal> {
        let reason = Refusal::NotAuthentic;
        let may_tell = self.naks.spend(now);
        may_tell.then(|| Kiss { header: reply::kiss(header, KissCode::NtsNak), reason }).ok_or(reason)
    }

    /// Nothing for a request that is to be answered with time; `is_authentic` if it is known to be what its sender wrote.
    ///
    /// It must be known to be one that could be: whatever else comes costs its sender nothing and gets no kiss, for most
    /// probably the sender is forged.
    ///
    /// # Errors
    /// By name, where nothing is to be sent.
    pub(super) fn check(
        &mut self,
        is_denied: bool,
        is_authentic: bool,
        client: &Client,
        header: &Header,
        now: Mono,
    ) -> Result<Option<Kiss>, Refusal> {
        if is_denied {
            return self.deny(Refusal::Denied, header, now).map(Some);
        }
        match self.require_nts.filter(|_| !is_authentic) {
            Some(FilterAction::Ignore) => return Err(Refusal::NtsRequired),
            Some(FilterAction::Deny) => return self.deny(Refusal::NtsRequired, header, now).map(Some),
            None => {}
        }
        self.limit_rate(client, header, now)
    }

    /// Tells a client that it may not ask, while there are kisses to spare.
    fn deny(&mut self, reason: Refusal, header: &Header, now: Mono) -> Result<Kiss, Refusal> {
        let may_tell = self.denials.spend(now);
        may_tell.then(|| Kiss { header: reply::kiss(header, KissCode::Deny), reason }).ok_or(reason)
    }

    fn limit_rate(&mut self, client: &Client, header: &Header, now: Mono) -> Result<Option<Kiss>, Refusal> {
        let reason = Refusal::RateLimited;
        let Some(limiter) = &mut self.rate_limiter else { return Ok(None) };
        let Err(too_often) = limiter.admit(client, now) else { return Ok(None) };
        if !(too_often.kiss && self.rate_kisses.spend(now)) {
            return Err(reason);
        }
        let kiss = reply::kiss(header, KissCode::Rate);
        // Clients that look at this field do not ask more often than it says.
        let poll = kiss.poll.max(limiter.poll().log2());
        Ok(Some(Kiss { header: Header { poll, ..kiss }, reason }))
    }
}
