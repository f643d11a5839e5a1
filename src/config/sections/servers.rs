//! `[[server]]`. Binds nothing.

use crate::config::diagnostic::Report;
use crate::config::keys;
use crate::config::reader::{Item, Section};
use crate::config::resolve::Element;
use crate::config::{ServerConfig, parse_listen};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use toml::de::DeValue;

const MAXIMUM_THREADS: i64 = 1024;
/// Some 20 MB.
const MAXIMUM_LISTED_CLIENTS: i64 = 100_000;

/// Reads all listeners.
pub(in crate::config) fn read_all(elements: Vec<Element<'_>>, report: &Report) -> Vec<ServerConfig> {
    let mut taken = BTreeSet::new();
    let mut read = |element: Element<'_>| {
        let section = Section::open(element.table, element.start, &keys::SERVER, report);
        let server = read(&section)?;
        if !taken.insert(server.listen)
            && let Some(item) = section.get("listen")
        {
            item.refuse("is the address of another [[server]]", "remove one of the two");
        }
        Some(server)
    };
    elements.into_iter().filter_map(&mut read).collect()
}

fn read(section: &Section<'_>) -> Option<ServerConfig> {
    let listen = section.require("listen", "`listen = \"[::]:123\"`").and_then(|item| listen(&item));
    let versions = section.get("accept-ntp-versions").map_or(Some(vec![3, 4]), |item| versions(&item));
    rate_limit(section);
    filter_list(section, "allowlist");
    filter_list(section, "denylist");
    require_nts(section);
    let listed =
        section.get("client-statistics").map_or(Some(0), |item| item.integer(0..=MAXIMUM_LISTED_CLIENTS));
    Some(ServerConfig {
        versions: versions?,
        threads: threads(section)?,
        client_statistics: usize::try_from(listed?).ok()?,
        ..ServerConfig::new(listen?)
    })
}

/// An address to listen on.
pub(super) fn listen(item: &Item<'_>) -> Option<SocketAddr> {
    let text = item.text("an IP address and a port in quotes, like \"[::]:123\"")?;
    parse_listen(text).map_err(|wrong| item.report.error(item.start, wrong)).ok()
}

/// None inside for one for each core.
fn threads(section: &Section<'_>) -> Option<Option<usize>> {
    let Some(item) = section.get("threads") else { return Some(None) };
    let number = item.integer(1..=MAXIMUM_THREADS)?;
    Some(usize::try_from(number).ok())
}

fn versions(item: &Item<'_>) -> Option<Vec<u8>> {
    let list = item.list("a list like [3, 4]")?;
    if list.is_empty() {
        item.refuse("is empty, so nothing would be answered", "write [3, 4]");
        return None;
    }
    let mut versions = BTreeSet::new();
    for element in list {
        match element.integer(3..=5)? {
            5 => element.not_supported_yet("NTP version 5", "write [3, 4]"),
            version => versions.extend(u8::try_from(version)),
        }
    }
    Some(versions.into_iter().collect())
}

/// In effect only when both keys are above 0, as in 1.x.
fn rate_limit(section: &Section<'_>) {
    let above_zero = |key| {
        let item = section.get(key)?;
        item.integer(0..=i64::from(u32::MAX)).filter(|value| *value > 0).map(|_| item)
    };
    match (above_zero("rate-limiting-cache-size"), above_zero("rate-limiting-cutoff-ms")) {
        (Some(size), Some(_)) => size.not_supported_yet("rate limiting", "write 0, or remove both keys"),
        (Some(only), None) | (None, Some(only)) => section.report.warning(
            only.key_start,
            "rate limiting stays off: it needs both `rate-limiting-cache-size` and `rate-limiting-cutoff-ms` above 0",
        ),
        (None, None) => {}
    }
}

/// Checked in any case; accepted if it filters nothing.
fn filter_list(section: &Section<'_>, key: &'static str) {
    let Some(item) = section.get(key) else { return };
    let Some(list) = item.section(&keys::FILTER_LIST) else { return };
    let action = list
        .require("action", "`action = \"ignore\"`")
        .and_then(|a| a.choice(&[("deny", ()), ("ignore", ())]));
    let Some(filter) = list.require("filter", "`filter = [\"192.0.2.0/24\"]`") else { return };
    let Some(subnets) = filter.list("a list of networks like [\"192.0.2.0/24\"]") else { return };
    let subnets: Vec<_> = subnets.iter().map(subnet).collect();
    let Some(subnets) = subnets.into_iter().collect::<Option<Vec<_>>>() else { return };
    let everyone = ["0.0.0.0/0", "::/0"].iter().all(|all| subnets.contains(all));
    let filters = if key == "allowlist" { !everyone } else { !subnets.is_empty() };
    if filters && action.is_some() {
        section.report.error(
            item.key_start,
            format!("`{key}` is not supported yet; remove it, and use a firewall to restrict who is served"),
        );
    }
}

/// A network in CIDR notation.
fn subnet<'a>(item: &Item<'a>) -> Option<&'a str> {
    let text = item.text("networks like \"192.0.2.0/24\"")?;
    let good = text.split_once('/').is_some_and(|(address, bits)| {
        let longest = match address.parse() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= longest)
    });
    if !good {
        item.refuse(
            &format!("contains \"{text}\""),
            "write networks like \"192.0.2.0/24\" or \"2001:db8::/32\"",
        );
    }
    good.then_some(text)
}

fn require_nts(section: &Section<'_>) {
    let Some(item) = section.get("require-nts") else { return };
    let hint = "write false, or remove the key";
    match item.value {
        DeValue::Boolean(false) => {}
        DeValue::Boolean(true) => item.not_supported_yet("NTS", hint),
        DeValue::String(word) if matches!(word.as_ref(), "ignore" | "deny") => {
            item.not_supported_yet("NTS", hint)
        }
        _ => item.refuse("is something else than true, false, \"ignore\" or \"deny\"", "write one of these"),
    }
}
