//! `[[server]]`. Binds nothing.

use super::clients;
use super::leap_smear;
use crate::config::ServerConfig;
use crate::config::address::{NTP_PORT, listen_address};
use crate::config::diagnostic::Report;
use crate::config::keys;
use crate::config::reader::{Item, Section};
use crate::config::resolve::Element;
use std::collections::BTreeSet;
use std::net::SocketAddr;

const MAXIMUM_THREADS: i64 = 1024;
/// Some 20 MB.
const MAXIMUM_LISTED_CLIENTS: i64 = 100_000;

/// Reads all listeners.
///
/// `serves_nts`: whether there are keys by which a request could be authentic.
pub(in crate::config) fn read_all(
    elements: Vec<Element<'_>>,
    serves_nts: bool,
    report: &Report,
) -> Vec<ServerConfig> {
    let mut taken = BTreeSet::new();
    let mut read = |element: Element<'_>| {
        let section = Section::open(element.table, element.start, &keys::SERVER, report);
        let server = read(&section, serves_nts)?;
        if !taken.insert(server.listen)
            && let Some(item) = section.get("listen")
        {
            item.refuse("is the address of another [[server]]", "remove one of the two");
        }
        let place = section.get("leap-smear").map_or(section.start, |item| item.key_start);
        Some((place, server))
    };
    let servers: Vec<_> = elements.into_iter().filter_map(&mut read).collect();
    leap_smear::warn_of_mixture(&servers, report);
    servers.into_iter().map(|(_, server)| server).collect()
}

fn read(section: &Section<'_>, serves_nts: bool) -> Option<ServerConfig> {
    let listen =
        section.require("listen", "`listen = \"[::]:123\"`").and_then(|item| listen(&item, NTP_PORT));
    let versions = section.get("accept-ntp-versions").map_or(Some(vec![3, 4]), |item| versions(&item));
    let (allowlist, denylist) = clients::filter_lists(section);
    let (require_nts, rate_limit) = (clients::require_nts(section, serves_nts), clients::rate_limit(section));
    let listed =
        section.get("client-statistics").map_or(Some(0), |item| item.integer(0..=MAXIMUM_LISTED_CLIENTS));
    Some(ServerConfig {
        versions: versions?,
        threads: threads(section)?,
        allowlist,
        denylist,
        require_nts,
        rate_limit,
        client_statistics: usize::try_from(listed?).ok()?,
        leap_smear: leap_smear::read(section),
        ..ServerConfig::new(listen?)
    })
}

/// An address to listen on; `port` if it names none.
pub(super) fn listen(item: &Item<'_>, port: u16) -> Option<SocketAddr> {
    let text = item.text(&format!("an IP address and a port in quotes, like \"[::]:{port}\""))?;
    listen_address(text, port).map_err(|wrong| item.report.error(item.start, wrong)).ok()
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
