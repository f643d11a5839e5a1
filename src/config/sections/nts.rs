//! `[[nts-ke-server]]` and `[keyset]`: checked like the rest, and refused until there is NTS. Keeps nothing.

use super::servers;
use crate::config::reader::Section;

/// The longest key exchange, ms.
const LONGEST_EXCHANGE: i64 = 3_600_000;
const MOST_CONNECTIONS: i64 = 1_000_000;
const MOST_KEYS: i64 = 1000;
const LONGEST_ROTATION: i64 = u32::MAX as i64;

/// Checks `[[nts-ke-server]]`.
pub(in crate::config) fn key_exchange_server(section: &Section<'_>) {
    if let Some(item) = section.require("listen", "`listen = \"[::]:4460\"`") {
        servers::listen(&item);
    }
    for (key, example) in [
        ("certificate-chain-path", "the path of the certificate chain"),
        ("private-key-path", "the path of the private key"),
    ] {
        section.require(key, example).and_then(|item| item.path());
    }
    section.integer("key-exchange-timeout-ms", 1..=LONGEST_EXCHANGE);
    section.integer("concurrent-connections", 1..=MOST_CONNECTIONS);
    section.integer("longlived-connections", 0..=MOST_CONNECTIONS);
    section.integer("ntp-port", 1..=i64::from(u16::MAX));
    section.get("ntp-server").and_then(|item| item.text("a name or an address in quotes"));
    if let Some(item) = section.get("accept-ntp-versions") {
        for version in item.list("a list like [4]").unwrap_or_default() {
            version.integer(4..=5);
        }
    }
    if let Some(item) = section.get("accepted-pool-authentication-tokens") {
        for token in item.list("a list of tokens in quotes").unwrap_or_default() {
            token.text("tokens in quotes");
        }
    }
    section
        .report
        .error(section.start, "[[nts-ke-server]] is not supported yet; remove it, and serve plain NTP");
}

/// Checks `[keyset]`.
pub(in crate::config) fn keyset(section: &Section<'_>) {
    section.integer("stale-key-count", 0..=MOST_KEYS);
    section.integer("key-rotation-interval", 1..=LONGEST_ROTATION);
    section.path("key-storage-path");
    section
        .report
        .error(section.start, "[keyset] is not supported yet; remove it: there are no NTS keys to keep");
}
