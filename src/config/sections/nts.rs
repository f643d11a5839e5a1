//! `[[nts-ke-server]]` and `[keyset]`. Opens none of the files that they name.

use super::servers;
use crate::config::address::{KEY_EXCHANGE_PORT, NTP_PORT, host_alone};
use crate::config::diagnostic::Report;
use crate::config::key_exchange::{CONCURRENT_CONNECTIONS, LONGLIVED_SHARE};
use crate::config::keys;
use crate::config::reader::{Item, Section};
use crate::config::resolve::Element;
use crate::config::{KeyExchangeServerConfig, KeyOrigin, KeysetConfig, ServerConfig};
use crate::time::Span;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

/// The longest key exchange, ms: an hour.
const LONGEST_EXCHANGE: i64 = 3_600_000;
const MOST_CONNECTIONS: i64 = 1_000_000;
const MOST_KEYS: i64 = 1000;
const LONGEST_ROTATION: i64 = u32::MAX as i64;
/// In bytes; a token must fit into a pool's request with the rest.
const LONGEST_TOKEN: usize = 1024;

/// A listener and its section, for what can be said once everything is read.
pub(in crate::config) type Listener<'a> = (Section<'a>, KeyExchangeServerConfig);

/// Reads every `[[nts-ke-server]]`.
pub(in crate::config) fn read_all<'a>(elements: Vec<Element<'a>>, report: &'a Report) -> Vec<Listener<'a>> {
    let mut taken = BTreeSet::new();
    let mut read = |element: Element<'a>| {
        let section = Section::open(element.table, element.start, &keys::NTS_KE_SERVER, report);
        let server = key_exchange_server(&section)?;
        if !taken.insert(server.listen)
            && let Some(item) = section.get("listen")
        {
            item.refuse("is the address of another [[nts-ke-server]]", "remove one of the two");
        }
        Some((section, server))
    };
    elements.into_iter().filter_map(&mut read).collect()
}

fn key_exchange_server(section: &Section<'_>) -> Option<KeyExchangeServerConfig> {
    let listen = section
        .require("listen", "`listen = \"[::]:4460\"`")
        .and_then(|item| servers::listen(&item, KEY_EXCHANGE_PORT));
    let path = |key, example| section.require(key, example).and_then(|item| item.path());
    let chain = path("certificate-chain-path", "the path of the PEM file with the certificate and its chain");
    let private_key = path("private-key-path", "the path of the PEM file with the certificate's key");
    let timeout = section.integer("key-exchange-timeout-ms", 1..=LONGEST_EXCHANGE);
    let connections = connections(section);
    let ntp_port = section.integer("ntp-port", 1..=i64::from(u16::MAX)).and_then(|p| u16::try_from(p).ok());
    let ntp_server = section.get("ntp-server").and_then(|item| ntp_server(&item));
    let versions = section.get("accept-ntp-versions").map_or(Some(vec![4]), |item| versions(&item));
    let pool_tokens = section.get("accepted-pool-authentication-tokens").map(|item| tokens(&item));
    let defaults = KeyExchangeServerConfig::new(listen?, chain?, private_key?);
    let (concurrent_connections, longlived_connections) = connections?;
    Some(KeyExchangeServerConfig {
        timeout: timeout.map_or(defaults.timeout, Span::from_millis),
        concurrent_connections,
        longlived_connections,
        ntp_server,
        ntp_port,
        versions: versions?,
        pool_tokens: pool_tokens.unwrap_or_default(),
        ..defaults
    })
}

/// `concurrent-connections` and `longlived-connections`, which are some of them.
fn connections(section: &Section<'_>) -> Option<(usize, usize)> {
    let number = |key, range| match section.get(key) {
        None => Some(None),
        Some(item) => item.integer(range).and_then(|n| usize::try_from(n).ok()).map(Some),
    };
    let concurrent = number("concurrent-connections", 1..=MOST_CONNECTIONS);
    let longlived = number("longlived-connections", 0..=MOST_CONNECTIONS);
    let concurrent = concurrent?.unwrap_or(CONCURRENT_CONNECTIONS);
    let longlived = longlived?.unwrap_or(concurrent / LONGLIVED_SHARE);
    if let Some(item) = section.get("longlived-connections") {
        check_longlived(&item, longlived, concurrent);
    }
    Some((concurrent, longlived))
}

/// Those that stay, stay for minutes.
fn check_longlived(item: &Item<'_>, longlived: usize, concurrent: usize) {
    if longlived > concurrent {
        item.refuse(
            &format!("is more than all connections, `concurrent-connections`, which are {concurrent}"),
            "write a number below that",
        );
    } else if longlived == concurrent {
        item.report.warning(
            item.start,
            format!(
                "`longlived-connections` is as many as all connections, `concurrent-connections`, so pools can keep everybody else out; \
                 write a number below {concurrent}"
            ),
        );
    }
}

/// As clients are to be told it: a name, or an address that is somewhere.
fn ntp_server(item: &Item<'_>) -> Option<String> {
    let text = item.text("a name or an IP address in quotes")?;
    let host = host_alone(text).map_err(|wrong| {
        let remedy = if wrong.contains("the host alone") { ", and the port as `ntp-port`" } else { "" };
        item.report.error(item.start, wrong + remedy);
    });
    let host = host.ok()?;
    if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified() || address.is_multicast()) {
        item.refuse(
            &format!("is \"{text}\", where no client can ask"),
            "write the server's own name or address, or remove the key",
        );
        return None;
    }
    Some(host.to_owned())
}

fn versions(item: &Item<'_>) -> Option<Vec<u8>> {
    let list = item.list("a list like [4]")?;
    if list.is_empty() {
        item.refuse("is empty, so nobody would get keys", "write [4]");
        return None;
    }
    let mut versions = BTreeSet::new();
    for element in list {
        match element.integer(3..=5)? {
            3 => element.refuse("has 3, which NTS does not exist for", "write [4]"),
            5 => element.not_supported_yet("NTP version 5", "write [4]"),
            version => versions.extend(u8::try_from(version)),
        }
    }
    Some(versions.into_iter().collect())
}

fn tokens(item: &Item<'_>) -> Vec<String> {
    let token = |element: &Item<'_>| {
        let text = element.text("tokens in quotes")?;
        if text.len() > LONGEST_TOKEN {
            element.refuse(
                &format!("has a token of {} bytes", text.len()),
                &format!("write one of at most {LONGEST_TOKEN}"),
            );
        }
        Some(text.to_owned())
    };
    item.list("a list of tokens in quotes").unwrap_or_default().iter().filter_map(token).collect()
}

/// Reads `[keyset]`.
pub(in crate::config) fn keyset(section: &Section<'_>) -> KeysetConfig {
    let defaults = KeysetConfig::default();
    let stale = section.integer("stale-key-count", 0..=MOST_KEYS).and_then(|n| usize::try_from(n).ok());
    let interval = section.integer("key-rotation-interval", 1..=LONGEST_ROTATION);
    KeysetConfig {
        stale_keys: stale.unwrap_or(defaults.stale_keys),
        interval: interval.map_or(defaults.interval, Span::from_secs),
        origin: origin(section),
    }
}

/// Keys come from one place.
fn origin(section: &Section<'_>) -> KeyOrigin {
    let storage = section.path("key-storage-path");
    let (keys, secret) = (section.path("shared-keys-path"), section.path("shared-secret-path"));
    match (keys, secret) {
        (None, None) => KeyOrigin::Own { storage },
        (Some(path), None) => {
            for (key, why) in [
                ("key-storage-path", "whoever makes the keys stores them"),
                ("key-rotation-interval", "whoever makes the keys rotates them"),
                ("stale-key-count", "every key of the file is accepted"),
            ] {
                if let Some(item) = section.get(key) {
                    item.refuse("stands beside `shared-keys-path`", &format!("remove it: {why}"));
                }
            }
            KeyOrigin::Shared { path }
        }
        (None, Some(secret)) => derived(section, secret, storage),
        (Some(path), Some(_)) => {
            if let Some(item) = section.get("shared-secret-path") {
                item.refuse("stands beside `shared-keys-path`", "keep one of the two");
            }
            KeyOrigin::Shared { path }
        }
    }
}

fn derived(section: &Section<'_>, secret: PathBuf, storage: Option<PathBuf>) -> KeyOrigin {
    let item = section.get("shared-secret-path");
    match (&storage, item) {
        (None, Some(item)) if section.get("key-storage-path").is_none() => item.refuse(
            "needs a `key-storage-path` beside it",
            "add one: there the oldest key that is still accepted is kept, so that older ones can be forgotten",
        ),
        (Some(state), Some(item)) if *state == secret => item.refuse(
            "is the same file as `key-storage-path`",
            "write two: the secret is read and the other is written",
        ),
        _ => {}
    }
    KeyOrigin::Derived { secret, state: storage.unwrap_or_default() }
}

/// Tells of parts without which the others are of no use to clients.
pub(in crate::config) fn warn_of_gaps(
    listeners: &[Listener<'_>],
    keyset: &KeysetConfig,
    servers: &[ServerConfig],
) {
    let keys_stay_here = keyset.origin == KeyOrigin::Own { storage: None };
    for (section, listener) in listeners {
        let port = listener.ntp_port.unwrap_or(NTP_PORT);
        let gap = match (&listener.ntp_server, servers) {
            (None, []) => {
                "clients are sent to this machine for the time, and it has no [[server]]; add one, or name \
                           another machine with `ntp-server`"
                    .to_owned()
            }
            (Some(other), []) if keys_stay_here => format!(
                "clients are sent to {other} with cookies that no other machine can open; give both the same keys: \
                 `shared-secret-path`, or `key-storage-path` here and `shared-keys-path` there, in [keyset]"
            ),
            // A redirection may lead there, so only what nobody has written is doubted.
            (None, [first, ..])
                if listener.ntp_port.is_none() && servers.iter().all(|s| s.listen.port() != port) =>
            {
                let listens = first.listen.port();
                format!(
                    "clients are sent to UDP port {port} of this machine, where no [[server]] listens; add \
                     `ntp-port = {listens}`"
                )
            }
            _ => continue,
        };
        section.report.warning(section.start, gap);
    }
}

/// Tells of a `[keyset]` that nobody uses, where there is no `[[nts-ke-server]]`.
pub(in crate::config) fn warn_of_unused_keys(
    section: Option<Section<'_>>,
    keyset: &KeysetConfig,
    servers: &[ServerConfig],
) {
    let Some(section) = section else { return };
    let gap = match (&keyset.origin, servers) {
        (KeyOrigin::Own { .. }, _) => {
            "nobody gets cookies of these keys, for there is no [[nts-ke-server]], so they are not made; add one, or name \
             keys that another machine gives out with `shared-keys-path` or `shared-secret-path`"
        }
        (_, []) => "nobody asks for time here, for there is no [[server]]; add one, or remove [keyset]",
        _ => return,
    };
    section.report.warning(section.start, gap);
}
