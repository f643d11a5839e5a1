//! When one name is looked up, and what is known of it. The looking up is the daemon's.

use super::QueryId;
use crate::time::{Mono, Span};
use std::net::IpAddr;

/// The addresses of one host: a literal one is known at once, a name is looked up, again and again while that fails.
#[derive(Debug)]
pub(super) struct Resolution {
    host: String,
    state: State,
    addresses: Vec<IpAddr>,
    failures: u32,
    problem: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A literal address: nothing to look up, ever.
    Literal,
    /// Nothing is wanted before this.
    Idle(Mono),
    Pending(QueryId),
}

/// What an answer brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Addresses,
    /// The first failure in a row: worth telling.
    FirstFailure(String),
    FailureAgain,
}

impl Resolution {
    pub(super) fn new(host: String, now: Mono) -> Self {
        let literal = host.parse::<IpAddr>().ok();
        let state = if literal.is_some() { State::Literal } else { State::Idle(now) };
        Self { host, state, addresses: literal.into_iter().collect(), failures: 0, problem: None }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn is_literal(&self) -> bool {
        self.state == State::Literal
    }

    /// In the resolver's order.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Why there is no address, for people.
    pub(super) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// When the next look-up may be made, if one is wanted.
    pub(super) fn next_attempt(&self) -> Option<Mono> {
        match self.state {
            State::Idle(at) => Some(at),
            State::Literal | State::Pending(_) => None,
        }
    }

    pub(super) fn is_due(&self, now: Mono) -> bool {
        self.next_attempt().is_some_and(|at| at <= now)
    }

    pub(super) fn started(&mut self, query: QueryId) {
        self.state = State::Pending(query);
    }

    pub(super) fn is_pending(&self, query: QueryId) -> bool {
        self.state == State::Pending(query)
    }

    /// Takes the answer; [`Resolution::rest`] must follow.
    pub(super) fn answered(&mut self, result: Result<Vec<IpAddr>, String>) -> Answer {
        let reason = match result {
            Ok(addresses) if addresses.is_empty() => "it has no address".to_owned(),
            Ok(addresses) => {
                self.addresses = addresses;
                self.addresses.truncate(MAX_ADDRESSES);
                self.problem = None;
                return Answer::Addresses;
            }
            Err(reason) => reason,
        };
        let first = self.problem.is_none();
        self.problem = Some(reason.clone());
        if first { Answer::FirstFailure(reason) } else { Answer::FailureAgain }
    }

    /// Waits until the next look-up may be made: the longer, the more of them were of no use.
    pub(super) fn rest(&mut self, now: Mono, useful: bool) {
        self.failures = if useful { 0 } else { self.failures.saturating_add(1) };
        self.state = State::Idle(now + back_off(self.failures));
    }

    /// The network is another one now: try at once.
    pub(super) fn hurry(&mut self, now: Mono) {
        if matches!(self.state, State::Idle(_)) {
            self.failures = 0;
            self.state = State::Idle(now);
        }
    }
}

/// 2 s after the first failure, doubling. Shorter asks a resolver that is down more often; longer keeps a laptop
/// without time after its network came back unnoticed.
fn back_off(failures: u32) -> Span {
    Span::from_secs(1_i64 << failures.clamp(1, 7))
}

/// A hostile name server may send thousands.
const MAX_ADDRESSES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn failures_are_retried_after_doubling_waits_up_to_128_seconds() {
        let mut resolution = Resolution::new("time.example".into(), at(0));
        let mut now = at(0);
        let mut waits = Vec::new();
        for attempt in 0..9 {
            assert!(resolution.is_due(now));
            resolution.started(QueryId(attempt));
            resolution.answered(Err("no network".into()));
            resolution.rest(now, false);
            let next = resolution.next_attempt().unwrap();
            waits.push((next - now).seconds());
            now = next;
        }
        assert_eq!(waits, [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 128.0, 128.0]);
    }

    #[test]
    fn only_the_first_failure_in_a_row_is_told() {
        let mut resolution = Resolution::new("time.example".into(), at(0));
        assert_eq!(resolution.answered(Err("x".into())), Answer::FirstFailure("x".into()));
        assert_eq!(resolution.answered(Err("x".into())), Answer::FailureAgain);
        let found = Ok(vec![IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(resolution.answered(found), Answer::Addresses);
        assert_eq!(resolution.answered(Err("y".into())), Answer::FirstFailure("y".into()));
    }

    #[test]
    fn a_literal_address_is_never_looked_up() {
        let resolution = Resolution::new("2001:db8::1".into(), at(0));
        assert_eq!(resolution.addresses().len(), 1);
        assert_eq!(resolution.next_attempt(), None);
    }

    #[test]
    fn a_thousand_addresses_are_cut_to_a_bound() {
        let mut resolution = Resolution::new("time.example".into(), at(0));
        let many =
            (0..1000_u16).map(|n| IpAddr::from([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]])).collect();
        resolution.answered(Ok(many));
        assert_eq!(resolution.addresses().len(), MAX_ADDRESSES);
    }
}
