//! Who may ask: the allowlist and the denylist of a listener, ready for one look-up for each request. Not how often.
//!
//! The network that has most of its bits in common with the client decides, whichever list it stands in; of two equal ones the
//! denylist's. 1.x asks the denylist first: the same, but for an allowed network inside a denied one, which is answered here.

use crate::config::{FilterAction, FilterList};
use std::net::IpAddr;

/// What becomes of a client; without, it is answered.
type Decision = Option<FilterAction>;

/// The decision for every address.
#[derive(Debug)]
pub(super) struct Access {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Access {
    pub(super) fn new(allow: Option<&FilterList>, deny: Option<&FilterList>) -> Self {
        // Without an allowlist, whoever is on no list is answered.
        let others = allow.map(|list| list.action);
        let allowed = allow.into_iter().flat_map(|list| &list.networks).map(|network| (network, None));
        let denied = deny.into_iter().flat_map(|list| list.networks.iter().map(|n| (n, Some(list.action))));
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        // The denied ones come later and so win over equal ones: they are sorted without changing places.
        for (network, decision) in allowed.chain(denied) {
            let bits = u32::from(network.bits);
            match network.address {
                IpAddr::V4(address) => v4.push(Rule {
                    first: address.to_bits().into(),
                    last: (address.to_bits() | u32::MAX.checked_shr(bits).unwrap_or(0)).into(),
                    decision,
                }),
                IpAddr::V6(address) => v6.push(Rule {
                    first: address.to_bits(),
                    last: address.to_bits() | u128::MAX.checked_shr(bits).unwrap_or(0),
                    decision,
                }),
            }
        }
        Self { v4: Ranges::new(v4, others), v6: Ranges::new(v6, others) }
    }

    /// What becomes of a client. One that came as IPv4 mapped into IPv6 is to be given as what it is.
    pub(super) fn decision(&self, client: IpAddr) -> Decision {
        match client {
            IpAddr::V4(address) => self.v4.decision(address.to_bits()),
            IpAddr::V6(address) => self.v6.decision(address.to_bits()),
        }
    }
}

/// A network with its decision.
#[derive(Debug, Clone, Copy)]
struct Rule {
    first: u128,
    last: u128,
    decision: Decision,
}

/// All addresses of a family, cut where the decision changes: arrays, so that a look-up touches few cache lines.
#[derive(Debug, PartialEq, Eq)]
struct Ranges<T> {
    /// Where ranges begin, ascending.
    starts: Box<[T]>,
    /// Of each range; as long as `starts`.
    decisions: Box<[Decision]>,
    /// Before the first.
    others: Decision,
}

impl<T: Copy + Ord + TryFrom<u128>> Ranges<T> {
    fn new(mut rules: Vec<Rule>, others: Decision) -> Self {
        // Outer networks before those inside them: networks never overlap in another way.
        rules.sort_by_key(|rule| (rule.first, std::cmp::Reverse(rule.last)));
        let mut cuts = Cuts { others, open: Vec::new(), made: Vec::new() };
        for rule in rules {
            cuts.close_before(Some(rule.first));
            cuts.cut(rule.first, rule.decision);
            cuts.open.push(rule);
        }
        cuts.close_before(None);
        let mut before = others;
        cuts.made.retain(|(_, decision)| std::mem::replace(&mut before, *decision) != *decision);
        // Nothing begins after the last address of the family.
        let (starts, decisions) = cuts
            .made
            .into_iter()
            .filter_map(|(start, decision)| Some((T::try_from(start).ok()?, decision)))
            .unzip::<_, _, Vec<_>, Vec<_>>();
        Self { starts: starts.into(), decisions: decisions.into(), others }
    }

    fn decision(&self, address: T) -> Decision {
        let begun = self.starts.partition_point(|start| *start <= address);
        let found = begun.checked_sub(1).and_then(|at| self.decisions.get(at));
        found.copied().unwrap_or(self.others)
    }
}

/// A walk over the networks in the order of their addresses.
struct Cuts {
    others: Decision,
    /// The networks that the walk is inside of, the innermost last.
    open: Vec<Rule>,
    made: Vec<(u128, Decision)>,
}

impl Cuts {
    /// From `start` on.
    fn cut(&mut self, start: u128, decision: Decision) {
        match self.made.last_mut() {
            Some((at, made)) if *at == start => *made = decision,
            _ => self.made.push((start, decision)),
        }
    }

    /// Leaves the networks that end before `next`, or all.
    fn close_before(&mut self, next: Option<u128>) {
        while let Some(inner) = self.open.pop_if(|inner| next.is_none_or(|next| inner.last < next)) {
            let outer = self.open.last().map_or(self.others, |outer| outer.decision);
            if let Some(after) = inner.last.checked_add(1) {
                self.cut(after, outer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
