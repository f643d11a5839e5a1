//! What the sections on NTS say.

use super::*;
use crate::config::diagnostic::Report;
use crate::config::texts::Texts;
use crate::config::{
    HostPort, KeyExchange, KeyExchangeServerConfig, KeyOrigin, KeysetConfig, NtsBootstrap, resolve,
};
use toml::de::DeTable;

fn read(text: &str) -> (Config, Vec<String>) {
    let (report, (top, syntax)) = (Report::default(), DeTable::parse_recoverable(text));
    assert!(syntax.is_empty(), "{text}: {syntax:?}");
    let config = resolve::resolve(top.get_ref(), &report);
    (
        config,
        report.into_diagnostics(&Texts::new("f", text.to_owned())).iter().map(ToString::to_string).collect(),
    )
}

#[track_caller]
fn taken(text: &str) -> Config {
    let (config, told) = read(text);
    assert!(told.is_empty(), "{text}\ngives {told:#?}");
    config
}

/// One diagnostic with a place, a text and a remedy.
#[track_caller]
fn told(text: &str, place: &str, message: &str) {
    let (_, told) = read(text);
    let [told] = told.as_slice() else { panic!("{text}\ngives {told:#?}") };
    assert!(told.starts_with(&format!("f:{place}: ")) && told.contains(message), "{told}");
    assert!(told.contains([';', '?']), "{told}\nhas no hint");
}

const LISTENER: &str = "[[server]]\nlisten = \"[::]:123\"\n[[nts-ke-server]]\nlisten = \"[::]\"\n\
                        certificate-chain-path = \"/c\"\nprivate-key-path = \"/k\"\n";
const SERVER: &str = "[[server]]\nlisten = \"[::]:123\"\n";

fn listener(text: &str) -> KeyExchangeServerConfig {
    taken(&format!("{LISTENER}{text}")).key_exchange_servers.remove(0)
}

#[test]
fn sources_with_nts_are_read_with_their_port() {
    let config = taken(
        "[[source]]\nmode = \"nts\"\naddress = \"a.example\"\n\
         [[source]]\nmode = \"nts-pool\"\naddress = \"b.example:1\"\ncount = 2\ncertificate-authority = \"/ca\"\n\
         enable-srv-resolution = true\nprefer = true\nfamily = \"ipv4\"\n",
    );
    let [one, pool] = config.sources.as_slice() else { panic!("{:?}", config.sources) };
    let key_exchange = |host: &str, port, certificate_authority, enable_srv_resolution| KeyExchange {
        address: HostPort { host: host.to_owned(), port },
        certificate_authority,
        enable_srv_resolution,
    };
    assert_eq!(one.kind, SourceKind::Nts(key_exchange("a.example", 4460, None, false)));
    let key_exchange = key_exchange("b.example", 1, Some("/ca".into()), true);
    assert_eq!(pool.kind, SourceKind::NtsPool { key_exchange, count: 2 });
    assert_eq!((pool.marks.prefer, pool.family), (true, Family::V4));
    assert_eq!(config.selectable_sources(), 3);
}

#[test]
fn wrong_values_of_sources_with_nts_are_refused() {
    let source = "[[source]]\nmode = \"nts\"\n";
    for (text, place, message) in [
        ("", "1:1", "`address` is missing"),
        ("address = \"a:0\"", "3:11", "port"),
        ("address = \"a\"\ncertificate-authority = 1", "4:25", "a path in quotes"),
        ("address = \"a\"\nenable-srv-resolution = 1", "4:25", "true or false"),
        (
            "address = \"192.0.2.1\"\nenable-srv-resolution = true",
            "4:25",
            "has no service records; write a name",
        ),
        ("address = \"[2001:db8::1]:1\"\nenable-srv-resolution = true", "4:25", "has no service records"),
        ("address = \"a\"\ncount = 2", "4:1", "unknown key `count`"),
    ] {
        told(&format!("{source}{text}"), place, message);
    }
}

#[test]
fn a_listener_for_key_exchange_has_the_defaults_of_1_x() {
    let default = KeyExchangeServerConfig::new("[::]:4460".parse().unwrap(), "/c".into(), "/k".into());
    assert_eq!(listener(""), default);
    let numbers = (default.timeout, default.concurrent_connections, default.longlived_connections);
    assert_eq!(numbers, (Span::from_secs(1), 512, 51));
    assert_eq!((default.versions, default.ntp_port, default.ntp_server), (vec![4], None, None));
}

#[test]
fn a_listener_for_key_exchange_is_read() {
    let read = listener(
        "key-exchange-timeout-ms = 2500\nconcurrent-connections = 40\nntp-port = 1123\nntp-server = \"[2001:db8::1]\"\n\
         accept-ntp-versions = [4, 4]\naccepted-pool-authentication-tokens = [\"x\", \"y\"]\n",
    );
    assert_eq!(read.timeout, Span::from_millis(2500));
    assert_eq!((read.concurrent_connections, read.longlived_connections), (40, 4));
    assert_eq!((read.ntp_port, read.ntp_server.as_deref()), (Some(1123), Some("2001:db8::1")));
    assert_eq!((read.versions, read.pool_tokens), (vec![4], vec!["x".to_owned(), "y".to_owned()]));
    assert_eq!(listener("longlived-connections = 511").longlived_connections, 511);
    assert_eq!(listener("longlived-connections = 0").longlived_connections, 0);
}

#[test]
fn wrong_values_of_a_listener_are_told_of() {
    let long = format!("accepted-pool-authentication-tokens = [\"{}\"]", "t".repeat(1025));
    for (text, place, message) in [
        ("key-exchange-timeout-ms = 0", "7:27", "from 1 to 3600000"),
        ("concurrent-connections = 0", "7:26", "from 1"),
        ("longlived-connections = 513", "7:25", "more than all connections"),
        ("concurrent-connections = 5\nlonglived-connections = 6", "8:25", "which are 5"),
        ("longlived-connections = 512", "7:25", "warning: `longlived-connections` is as many as all"),
        ("concurrent-connections = \"5\"\nlonglived-connections = 600", "7:26", "a text in quotes"),
        ("ntp-port = 65536", "7:12", "from 1 to 65535"),
        ("ntp-server = \"a:123\"", "7:14", "the port as `ntp-port`"),
        ("ntp-server = \"0.0.0.0\"", "7:14", "where no client can ask"),
        ("ntp-server = \"ff02::1\"", "7:14", "where no client can ask"),
        ("ntp-server = \"\"", "7:14", "is empty"),
        ("accept-ntp-versions = []", "7:23", "nobody would get keys"),
        ("accept-ntp-versions = [3, 4]", "7:24", "NTS does not exist for"),
        ("accept-ntp-versions = [4, 5]", "7:27", "NTP version 5 is not supported yet"),
        ("accept-ntp-versions = [6]", "7:24", "from 3 to 5"),
        ("accepted-pool-authentication-tokens = [\"\"]", "7:40", "is empty"),
        ("accepted-pool-authentication-tokens = \"x\"", "7:39", "a list of tokens"),
        (&long, "7:40", "1025 bytes"),
    ] {
        told(&format!("{LISTENER}{text}"), place, message);
    }
    told(&LISTENER.replace("private-key-path = \"/k\"\n", ""), "3:1", "`private-key-path` is missing");
    told(&LISTENER.replace("\"[::]\"", "\"here\""), "4:10", "\"[::]:4460\"");
    let two = format!("{LISTENER}{}", LISTENER.trim_start_matches(SERVER));
    told(&two, "8:10", "the address of another [[nts-ke-server]]");
}

#[test]
fn the_keyset_says_where_keys_come_from() {
    let keyset = |text: &str| taken(&format!("{SERVER}[keyset]\n{text}")).keyset;
    let own = taken(&format!("{LISTENER}[keyset]\nkey-storage-path = \"/s\"\nstale-key-count = 0")).keyset;
    assert_eq!((own.stale_keys, own.origin), (0, KeyOrigin::Own { storage: Some("/s".into()) }));
    assert_eq!(taken(LISTENER).keyset, KeysetConfig::default());
    let default = KeysetConfig::default();
    assert_eq!((default.stale_keys, default.interval), (7, Span::from_secs(86_400)));
    assert_eq!(keyset("shared-keys-path = \"/f\"").origin, KeyOrigin::Shared { path: "/f".into() });
    let derived =
        keyset("shared-secret-path = \"/f\"\nkey-storage-path = \"/s\"\nkey-rotation-interval = 60");
    assert_eq!(derived.origin, KeyOrigin::Derived { secret: "/f".into(), state: "/s".into() });
    assert_eq!(derived.interval, Span::from_secs(60));
}

#[test]
fn what_contradicts_in_the_keyset_is_refused() {
    let shared = "shared-keys-path = \"/f\"\n";
    let secret = "shared-secret-path = \"/f\"\n";
    for (text, place, message) in [
        ("shared-keys-path = 1", "8:20", "a path in quotes"),
        ("stale-key-count = 1001", "8:19", "from 0 to 1000"),
        ("key-rotation-interval = 0", "8:25", "from 1 to"),
        (&format!("{shared}key-storage-path = \"/s\""), "9:20", "beside `shared-keys-path`"),
        (&format!("{shared}key-rotation-interval = 60"), "9:25", "beside `shared-keys-path`"),
        (&format!("{shared}stale-key-count = 2"), "9:19", "beside `shared-keys-path`"),
        (&format!("{shared}{secret}"), "9:22", "keep one of the two"),
        (secret, "8:22", "needs a `key-storage-path`"),
        (&format!("{secret}key-storage-path = \"/f\""), "8:22", "the same file"),
        (&format!("{secret}key-storage-path = \"\""), "9:20", "is empty"),
    ] {
        told(&format!("{LISTENER}[keyset]\n{text}"), place, message);
    }
}

#[test]
fn keys_that_nobody_uses_are_told_of() {
    told("[keyset]\nkey-storage-path = \"/s\"", "1:2", "warning: nobody gets cookies of these keys");
    told("[keyset]\nshared-keys-path = \"/s\"", "1:2", "warning: nobody asks for time here");
    let listener = LISTENER.trim_start_matches(SERVER);
    told(listener, "1:1", "warning: clients are sent to this machine for the time");
    told(&format!("{listener}ntp-server = \"b\""), "1:1", "warning: clients are sent to b with cookies");
    let stored = format!("{listener}ntp-server = \"b\"\n[keyset]\nkey-storage-path = \"/s\"");
    assert_eq!(taken(&stored).servers, []);
    told(&LISTENER.replace(":123", ":1123"), "3:1", "add `ntp-port = 1123`");
    assert_eq!(taken(&format!("{}ntp-port = 1123", LISTENER.replace(":123", ":1123"))).servers.len(), 1);
}

#[test]
fn a_server_that_requires_nts_answers_whoever_can_have_keys() {
    let require = format!("{SERVER}require-nts = true\n");
    told(&require, "3:15", "warning: nobody can have keys of this server");
    taken(&format!("{require}[keyset]\nshared-keys-path = \"/f\"\n"));
    taken(&format!("{require}{}", LISTENER.trim_start_matches(SERVER)));
}

#[test]
fn whether_nts_may_set_a_clock_that_is_wrong_is_one_of_three() {
    let read = |text: &str| taken(text).synchronization.nts_bootstrap;
    assert_eq!(read(""), NtsBootstrap::Auto);
    for (text, bootstrap) in
        [("true", NtsBootstrap::Yes), ("false", NtsBootstrap::No), ("\"auto\"", NtsBootstrap::Auto)]
    {
        assert_eq!(read(&format!("[synchronization]\nnts-bootstrap = {text}")), bootstrap);
    }
    told(
        "[synchronization]\nnts-bootstrap = \"maybe\"",
        "2:17",
        "something else than true, false or \"auto\"",
    );
}
