//! Which target is tried first (RFC 2782, "Usage rules"). Contacts none.

use super::{TARGETS, Target};
use rand_core::Rng;

/// One service record whose target could be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) target: Target,
}

/// By priority, the smallest first; among equals at random, by weight. Each target once.
///
/// Only as many as could matter are drawn: a message has room for thousands, and each costs a pass over those of its priority.
pub(super) fn ordered(mut servers: Vec<Server>, random: &mut impl Rng) -> Vec<Target> {
    // Those without weight first, as the RFC draws them: then their chance is small, and not none.
    servers.sort_by_key(|server| (server.priority, server.weight));
    let mut targets: Vec<Target> = Vec::new();
    for _ in 0..DRAWN {
        let Some(first) = servers.first() else { break };
        let priority = first.priority;
        let equals = servers.iter().take_while(|server| server.priority == priority);
        let total: u64 = equals.clone().map(|server| u64::from(server.weight)).sum();
        // The remainder's bias is one in 2⁴⁰.
        let drawn = random.next_u64() % (total + 1);
        let mut sum = 0;
        let reaches = |server: &Server| {
            sum += u64::from(server.weight);
            sum >= drawn
        };
        let index = equals.map(reaches).position(|reached| reached).unwrap_or(0);
        let target = servers.remove(index).target;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

/// More than are tried: some may be in use already, and come last.
const DRAWN: usize = 32 * TARGETS;
