//! Which clients a `[[server]]` answers, and how often. Enforces nothing.

use crate::config::keys;
use crate::config::reader::{Item, Section};
use crate::config::{FilterAction, FilterList, Network, RateLimit};
use crate::time::Span;
use std::collections::BTreeSet;
use toml::de::DeValue;

/// More than a gigabyte would be a mistake, and could not be had on most machines.
const MOST_CACHED: i64 = 1 << 26;
const LARGEST_BURST: i64 = 10_000;

/// Both lists: who is answered, and who is not.
pub(super) fn filter_lists(section: &Section<'_>) -> (Option<FilterList>, Option<FilterList>) {
    let allow = filter_list(section, "allowlist");
    let deny = filter_list(section, "denylist");
    if let (Some(allow), Some(item)) = (&allow, section.get("allowlist"))
        && allow.networks.is_empty()
    {
        section
            .report
            .warning(item.key_start, "`allowlist` has no network in its filter, so nobody is answered");
    }
    if let (Some(allow), Some(deny), Some(item)) = (&allow, &deny, section.get("allowlist"))
        && let Some((inner, outer)) = allowed_inside_denied(allow, deny)
    {
        let told = format!(
            "`allowlist` has {inner}, which is inside {outer} of `denylist`: it is answered, for the smaller network \
             decides; ntpd-rs 1.x would refuse it"
        );
        section.report.warning(item.key_start, told);
    }
    (allow, deny)
}

/// The first allowed network that is part of a denied one, and that.
fn allowed_inside_denied(allow: &FilterList, deny: &FilterList) -> Option<(Network, Network)> {
    let denied: BTreeSet<_> = deny.networks.iter().collect();
    allow.networks.iter().find_map(|inner| {
        let larger = (0..inner.bits).rev().map(|bits| Network::around(inner.address, bits));
        let outer = larger.into_iter().find(|larger| denied.contains(larger))?;
        // Of equal ones the denied one decides.
        (!denied.contains(inner)).then_some((*inner, outer))
    })
}

fn filter_list(section: &Section<'_>, key: &'static str) -> Option<FilterList> {
    let list = section.get(key)?.section(&keys::FILTER_LIST)?;
    let action = list.require("action", "`action = \"ignore\"`").and_then(|item| action(&item));
    let filter = list.require("filter", "`filter = [\"192.0.2.0/24\"]`")?;
    let elements = filter.list("a list of networks like [\"192.0.2.0/24\"]")?;
    let mut networks = Vec::new();
    let mut inexact = None;
    for element in elements {
        let Some(text) = element.text("networks like \"192.0.2.0/24\"") else { continue };
        match text.parse::<Network>() {
            Ok(network) => {
                let said =
                    text.split('/').next().and_then(|address| address.parse::<std::net::IpAddr>().ok());
                if inexact.is_none() && said.is_some_and(|said| said.to_canonical() != network.address) {
                    inexact = Some((element.start, text, network));
                }
                networks.push(network);
            }
            Err(hint) => element.refuse(&format!("contains \"{text}\""), &hint),
        }
    }
    if let Some((start, text, network)) = inexact {
        section.report.warning(start, format!("`{key}` has \"{text}\", which is taken for {network}"));
    }
    Some(FilterList { networks, action: action? })
}

fn action(item: &Item<'_>) -> Option<FilterAction> {
    item.choice(&[("deny", FilterAction::Deny), ("ignore", FilterAction::Ignore)])
}

/// Without any key of NTS nobody is answered, which is what was asked for, and is told.
pub(super) fn require_nts(section: &Section<'_>, serves_nts: bool) -> Option<FilterAction> {
    let item = section.get("require-nts")?;
    let required = match item.value {
        DeValue::Boolean(false) => return None,
        // As 1.x has it.
        DeValue::Boolean(true) => FilterAction::Ignore,
        DeValue::String(word) if word == "ignore" => FilterAction::Ignore,
        DeValue::String(word) if word == "deny" => FilterAction::Deny,
        _ => {
            item.refuse("is something else than true, false, \"ignore\" or \"deny\"", "write one of these");
            return None;
        }
    };
    if !serves_nts {
        let told = "nobody can have keys of this server, so this server answers nobody; have [[nts-ke-server]] give them out, name \
                    those that another one gives out in [keyset], or write `require-nts = false`";
        section.report.warning(item.start, told);
    }
    Some(required)
}

/// In effect only when size and cutoff are above 0, as in 1.x.
pub(super) fn rate_limit(section: &Section<'_>) -> Option<RateLimit> {
    let above_zero = |key, largest| {
        let item = section.get(key)?;
        item.integer(0..=largest).filter(|value| *value > 0).map(|value| (item, value))
    };
    let size = above_zero("rate-limiting-cache-size", MOST_CACHED);
    let cutoff = above_zero("rate-limiting-cutoff-ms", i64::from(u32::MAX));
    let burst =
        section.get("rate-limiting-burst").and_then(|item| Some((item, item.integer(1..=LARGEST_BURST)?)));
    if let (Some((_, size)), Some((_, cutoff))) = (size, cutoff) {
        return Some(RateLimit {
            cache_size: usize::try_from(size).ok()?,
            cutoff: Span::from_millis(cutoff),
            burst: burst.map_or(Some(1), |(_, burst)| u32::try_from(burst).ok())?,
        });
    }
    if let Some((only, _)) = size.or(cutoff).or(burst) {
        section.report.warning(
            only.key_start,
            "rate limiting stays off: it needs both `rate-limiting-cache-size` and `rate-limiting-cutoff-ms` above 0",
        );
    }
    None
}
